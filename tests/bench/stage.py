"""The product in many processes, for measuring: PostgreSQL, Redis, web workers, a socket server, task workers.

The databases keep their durable settings: a measured commit is one that survives a power cut.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from config.local_servers import LocalPostgres, LocalRedis, free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


class Stage:
    """Processes of one installation. Start what the scenario needs; `close` ends everything that was started."""

    def __init__(self, folder: Path, postgres: LocalPostgres, redis: LocalRedis, **environment: str) -> None:
        self.folder, self.postgres, self.redis = folder, postgres, redis
        self.environment = os.environ | {
            "DATABASE_URL": postgres.url(),
            "REDIS_URL": redis.url(),
            "FLIGHTDECK_VAR": str(folder / "var"),
            "FLIGHTDECK_STATIC_COLLECTED": "1",
            "FLIGHTDECK_UNDO_SECONDS": "0",
            "FLIGHTDECK_SECRET_KEY": "only-for-measuring-" + "x" * 40,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONWARNINGS": "ignore",
            **environment,
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def manage(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def adopt(self) -> None:
        """Let this process use the stage's database through the product's own models and services."""
        os.environ.update(self.environment)
        import django

        django.setup()

    def web(self, *, workers: int = 2, threads: int = 4, application: str = "config.wsgi:application") -> int:
        """gunicorn with threads; returns its port."""
        port = free_port()
        self.start(
            *(sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}"),
            *("--workers", str(workers), "--worker-class", "gthread", "--threads", str(threads)),
            *("--keep-alive", "30", "--log-level", "warning"),
        )
        return port

    def sockets(self, application: str = "config.asgi:sockets") -> int:
        """uvicorn for websockets, with the options of the process file; returns its port."""
        port = free_port()
        self.start(
            *(sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port)),
            *("--lifespan", "off", "--no-access-log", "--log-level", "warning", "--ws-max-size", "65536"),
        )
        return port

    def workers(self, count: int = 1, threads: int = 8) -> None:
        """Celery task workers, and beat, which keeps the sweep going."""
        for number in range(count):
            self.start(
                *(sys.executable, "-m", "celery", "-A", "config", "worker", "-P", "threads"),
                *("-c", str(threads), "-l", "warning", "-n", f"bench{number}@%h"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            )
        schedule = str(self.folder / "beat")
        self.start(sys.executable, "-m", "celery", "-A", "config", "beat", "-l", "warning", "-s", schedule)

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        with open(self.folder / "product.log", "ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment | environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def stop_product(self) -> None:
        """Everything but the databases."""
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        until = time.monotonic() + 15
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.1, until - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError, OSError):
                if condition():
                    return
            time.sleep(0.02)
        log = self.folder / "product.log"
        words = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        raise RuntimeError(f"waited {seconds:g} s for {what}\n{words}")

    def wait_for_http(self, port: int, path: str = "/health/live") -> None:
        self.wait(lambda: _get(port, path) == 200, f"port {port} to answer")


def _get(port: int, path: str) -> int:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False).status_code


@contextmanager
def stage(
    *, kept: Path | None = None, settings: dict[str, str] | None = None, **environment: str
) -> Iterator[Stage]:
    """PostgreSQL (in `kept` if given, else gone afterwards) and Redis, with the schema migrated."""
    folder = Path(tempfile.mkdtemp(prefix="flightdeck-bench-"))
    folder.chmod(0o755)
    postgres = LocalPostgres(kept or folder / "postgres", settings=settings)
    redis = LocalRedis(folder / "redis")
    built = Stage(folder, postgres, redis, **environment)
    try:
        postgres.start()
        redis.start()
        postgres.make_database()
        built.manage("migrate", "--verbosity", "0")
        built.manage("collectstatic", "--noinput", "--verbosity", "0")
        yield built
    finally:
        built.stop_product()
        postgres.stop()
        redis.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
