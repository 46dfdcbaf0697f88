"""The whole set on this machine: PostgreSQL, Redis, web, sockets, two workers and beat, from the process file.

Servers named by DATABASE_URL and REDIS_URL are used; where none is named, installed ones are started on loopback with
their data under `var/servers`, else those that come as wheels. Ctrl-C ends everything in order.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.local_servers import LocalPostgres, LocalRedis, NoServer
from config.process_set import KeepsDying, ProcessSet, read_process_file

READY_SECONDS = 120.0


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = []  # the database of these settings is not the one that is going to be used

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=2, help="worker processes")
        parser.add_argument("--demo", action="store_true", help="with the demo's people, sellers and brief")

    def handle(self, *args: Any, **options: Any) -> None:
        self.started = time.monotonic()
        self.speaking = threading.Lock()
        self.host, self.port = options["host"], options["port"]
        for port in (self.port, self.port + 1):
            refuse_taken_port(self.host, port, "make up")
        for sent in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs deaf to Ctrl-C
            signal.signal(sent, _interrupt)
        self.environment = self._environment()
        self.servers: list[LocalPostgres | LocalRedis] = []
        self.sellers: list[subprocess.Popen[bytes]] = []
        self.set: ProcessSet | None = None
        try:
            self._run(options)
        except KeyboardInterrupt:
            self._say("up", "ending: web first, workers finish, servers last (Ctrl-C again kills)")
        except (KeepsDying, NoServer, TimeoutError, subprocess.CalledProcessError) as error:
            raise CommandError(str(error)) from error
        finally:
            self._end()
        self._say("up", "Stopped. Everything is kept; start again with the same command.")

    def _run(self, options: dict[str, Any]) -> None:
        self._start_servers()
        self._say("up", "preparing the database and the static files")
        self._manage("migrate", "--verbosity", "0")
        self._manage("collectstatic", "--noinput", "--verbosity", "0")
        if options["demo"]:
            self._prepare_demo()
        self._start_set(options["workers"])
        self._show_doors(demo=options["demo"])
        assert self.set
        while True:  # until Ctrl-C
            self.set.look()
            self._look_after_servers()
            time.sleep(0.2)

    def _environment(self) -> dict[str, str]:
        """What every process of the set gets. Whatever the operator has set stays."""
        metrics = Path(settings.VAR_DIR) / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)
        defaults = {
            "FLIGHTDECK_VAR": str(settings.VAR_DIR),
            "FLIGHTDECK_STATIC_COLLECTED": "1",
            "FLIGHTDECK_SOCKETS_URL": f":{self.port + 1}",
            "FLIGHTDECK_LOG_FORMAT": "line",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "PYTHONUNBUFFERED": "1",
        }
        ours = {
            "HOST": self.host,
            "PORT": str(self.port),
            "SOCKETS_PORT": str(self.port + 1),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        return defaults | os.environ | ours

    def _start_servers(self) -> None:
        folder = Path(settings.VAR_DIR) / "servers"
        if not self.environment.get("DATABASE_URL"):
            postgres = LocalPostgres(folder / "postgres", ends_with_us=True)
            self._say("postgres", f"starting on port {postgres.port}, data under {_short(postgres.data)}")
            self._serve(postgres)
            postgres.make_database()
            self.environment["DATABASE_URL"] = postgres.url()
        if not self.environment.get("REDIS_URL"):
            redis = LocalRedis(folder / "redis", ends_with_us=True)
            self._say("redis", f"starting on port {redis.port}")
            self._serve(redis)
            self.environment["REDIS_URL"] = redis.url()
        self._note_environment(folder)

    def _serve(self, server: LocalPostgres | LocalRedis) -> None:
        self.servers.append(server)
        server.start()

    def _look_after_servers(self) -> None:
        """A server that fell over comes back on the same port; the processes wait for it."""
        for server in self.servers:
            if not server.lives():
                self._say("up", f"{type(server).__name__} has ended; it is started again")
                server.start()

    def _note_environment(self, folder: Path) -> None:
        """So that `make manage ARGS=...` reaches the same servers."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / "environment"
        kept.touch(mode=0o600)
        names = ("DATABASE_URL", "REDIS_URL", "FLIGHTDECK_VAR")
        kept.write_text("".join(f"{name}={self.environment[name]}\n" for name in names))

    def _manage(self, *arguments: str) -> None:
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=settings.BASE_DIR, env=self.environment, check=True)  # noqa: S603

    def _prepare_demo(self) -> None:
        from config import demo

        self._say("up", "starting two simulated sellers")
        allowed = [*settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS, *demo.origins(self.port)]
        self.environment["FLIGHTDECK_ALLOWED_PRIVATE_SELLERS"] = ",".join(allowed)
        self.environment["FLIGHTDECK_DEMO"] = "1"
        self.sellers = demo.start_sellers(self.port)
        demo.wait_for_sellers(self.port)
        self._manage("demo", "--port", str(self.port), "--only", "seed")

    def _start_set(self, workers: int) -> None:
        patience = settings.FLIGHTDECK_STOP_SECONDS + 10
        self.set = ProcessSet(
            read_process_file(settings.BASE_DIR / "Procfile"),
            {"worker": workers},
            folder=settings.BASE_DIR,
            environment=self.environment,
            stages=[(("web", "sockets"), 30.0), (("beat",), 10.0), (("worker",), patience)],
            say=self._say,
        )
        self.set.start("web")  # five imports at once would keep people waiting for all of them
        self._wait(lambda: _answers(f"{self.url}/health/live"), "the web processes to answer")
        self.set.start()
        self._wait(lambda: _answers(f"{self.url}/health/ready"), "a worker to be ready")
        self._wait(lambda: _answers(f"{self.sockets_url}/health/live"), "the sockets to be served")

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def sockets_url(self) -> str:
        return f"http://{self.host}:{self.port + 1}"

    def _show_doors(self, *, demo: bool) -> None:
        if demo:
            self._manage("demo", "--port", str(self.port), "--only", "tour")
            return
        doors = [
            f"Flightdeck is ready: {self.url}/",
            'The first person, for operations:   make manage ARGS="createsuperuser"',
            f"More people, clients and sellers:   {self.url}/admin/",
            "Stop with Ctrl-C.",
        ]
        for line in doors:
            self._say("up", line)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        assert self.set
        until = time.monotonic() + READY_SECONDS
        while not condition():
            self.set.look()
            if time.monotonic() > until:
                raise TimeoutError(f"waited {READY_SECONDS:.0f} s for {what}")
            time.sleep(0.1)

    def _end(self) -> None:
        try:
            if self.set is not None:
                self.set.stop()
        except KeyboardInterrupt:
            assert self.set
            self.set.kill()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the data of the servers is worth two more seconds
            for seller in self.sellers:
                seller.terminate()
            for server in reversed(self.servers):
                server.stop()

    def _say(self, who: str, what: str) -> None:
        with self.speaking:
            self.stdout.write(f"{time.monotonic() - self.started:6.1f} {who:>9} | {what}")
            self.stdout.flush()


def refuse_taken_port(host: str, port: int, target: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"Port {port} is in use. Choose another: {target} PORT=8010") from error


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _short(path: Path) -> str:
    return os.path.relpath(path, settings.BASE_DIR)
