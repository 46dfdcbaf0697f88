"""Forks the product's processes from one that has everything imported, and forks a dead one again at once.

A fresh `celery worker` takes three seconds of a core to import; a thousand kills would measure nothing else. After the
fork each child runs the product's own entry point: Celery's worker, Celery's beat, gunicorn with its workers.

    python -m tests.faults.nursery NAME=ROLE ...        stdin: hold | go | quit        stdout: started/ended NAME PID
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path

FOLDER = Path(os.environ["FAULTS_DIR"])


def main(asked: list[str]) -> None:
    import django

    django.setup()
    from tests.faults import points

    points.die_with_parent()
    _import_everything()
    Nursery(dict(one.split("=") for one in asked)).run()


def _import_everything() -> None:
    from django.conf import settings

    for module in (
        "celery.bin.worker",
        "celery.apps.worker",
        "celery.apps.beat",
        "celery.concurrency.thread",
        "celery.worker.consumer",
        "gunicorn.app.base",
        "gunicorn.workers.gthread",
        "kombu.transport.redis",
        "channels_redis.pubsub",
        "highspy",
        "httpx",
        "psycopg_pool",
        "rest_framework.views",
        "config.wsgi",
        "flows.tasks",
        "accounts.tasks",
        "bookings.flow",
        settings.ROOT_URLCONF,
    ):
        import_module(module)


class Nursery:
    def __init__(self, roles: dict[str, str]) -> None:
        self.roles = roles
        self.alive: dict[int, str] = {}
        self.holding = False

    def run(self) -> None:
        while True:
            self._reap()
            if not self.holding:
                for name in self.roles.keys() - set(self.alive.values()):
                    self._bear(name)
            if not self._obey(0.005):
                return

    def _bear(self, name: str) -> None:
        pid = os.fork()
        if pid == 0:
            _live(name, self.roles[name])
        self.alive[pid] = name
        _say("started", name, pid)

    def _reap(self) -> None:
        while self.alive:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _say("ended", self.alive.pop(pid), pid)

    def _obey(self, seconds: float) -> bool:
        if not select.select([sys.stdin], [], [], seconds)[0]:
            return True
        word = sys.stdin.readline().strip()
        self.holding = word == "hold"
        return word in ("hold", "go")


def _say(*words: object) -> None:
    print(*words, flush=True)


def _live(name: str, role: str) -> None:
    """In the child. Never returns."""
    try:
        os.setpgid(0, 0)
        from tests.faults import points

        points.become(role, name)
        _own_output(name)
        {"worker": _worker, "beat": _beat, "web": _web}[role](name)
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc()
        time.sleep(0.3)  # not at once again and again
    finally:
        os._exit(0)


def _own_output(name: str) -> None:
    log = os.open(FOLDER / f"{name}.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _worker(name: str) -> None:
    from config.celery import app

    options = ["-P", "threads", "-c", "8", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["worker", "-n", f"{name}@faults", "-l", "WARNING", *options])


def _beat(name: str) -> None:
    from config.celery import app

    app.Beat(scheduler_cls="celery.beat.Scheduler", loglevel="WARNING", quiet=True).run()


def _web(name: str) -> None:
    from gunicorn.app.base import BaseApplication

    class Web(BaseApplication):
        def load_config(self) -> None:
            settings = {
                "bind": f"127.0.0.1:{os.environ['FAULTS_WEB_PORT']}",
                "workers": int(os.environ.get("FAULTS_WEB_PROCESSES", "2")),
                "worker_class": "gthread",
                "threads": 8,
                "keepalive": 5,
                "reuse_port": True,
                "control_socket_disable": True,
                "loglevel": "warning",
            }
            for key, value in settings.items():
                if key in self.cfg.settings:
                    self.cfg.set(key, value)

        def load(self) -> object:
            return import_module("config.wsgi").application

    Web().run()


if __name__ == "__main__":
    main(sys.argv[1:])
