"""Everything at once on this machine: database, people, two simulated sellers, server and worker, and a first brief
that waits for your decision. Ctrl-C stops it; the next start finds everything as it was left.

With REDIS_URL set the worker and beat are processes of their own beside the server; they end with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from config.management.commands.serve import serve
from config.management.commands.up import refuse_taken_port

STOP_SECONDS = 8.0  # of the worker, unless the environment says otherwise


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--only",
            choices=["seed", "tour"],
            help="seed: people, client, keys and sellers; tour: the first brief on a server that runs",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.started = time.monotonic()
        if options["only"] == "seed":
            self._seed(options["port"])
        elif options["only"] == "tour":
            self._guide(options["port"])
        else:
            self._run(options["port"])

    def _run(self, port: int) -> None:
        from config import demo

        refuse_taken_port("127.0.0.1", port, "make run")
        settings.FLIGHTDECK_DEMO = True
        _keep_mails(port)
        allowed = [*settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS, *demo.origins(port)]
        settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = allowed
        os.environ["FLIGHTDECK_ALLOWED_PRIVATE_SELLERS"] = ",".join(allowed)
        self._say("Starting two simulated sellers")
        sellers = demo.start_sellers(port)
        workers: list[subprocess.Popen[bytes]] = []
        try:
            self._say("Preparing the database")
            call_command("migrate", verbosity=0)
            self._seed(port)
            demo.wait_for_sellers(port)
            if settings.REDIS_URL:
                self._say("Starting a worker and beat")
                workers = _start_workers()
            self._say(f"Starting the server{'' if workers else ' and its worker'} on port {port}")
            threading.Thread(target=self._guide, args=(port,), daemon=True).start()
            serve("127.0.0.1", port)
        finally:
            _end(workers)
            _end(sellers)
        self.stdout.write("Stopped. Everything is kept; start again with the same command.")

    def _seed(self, port: int) -> None:
        from config import demo

        demo.seed(port)

    def _guide(self, port: int) -> None:
        from config import demo, tour

        try:
            doors = tour.show_around(f"http://127.0.0.1:{port}", self._say)
            self.stdout.write("\n".join(doors))
            self.stdout.flush()
            demo.probe_new_sellers()
        except Exception as error:  # the server goes on without the tour
            self.stderr.write(f"The tour stopped: {error}")

    def _say(self, text: str) -> None:
        self.stdout.write(f"[{time.monotonic() - self.started:5.1f} s] {text}")
        self.stdout.flush()


def _keep_mails(port: int) -> None:
    """Unless a mail server is named, mails become files: printed, they would drown what the demo has to say. Their
    links lead to this server."""
    if not os.environ.get("FLIGHTDECK_URL"):
        settings.FLIGHTDECK_URL = os.environ["FLIGHTDECK_URL"] = f"http://127.0.0.1:{port}"
    if os.environ.get("EMAIL_URL"):
        return
    folder = settings.VAR_DIR / "mail"
    os.environ["EMAIL_URL"] = f"filemail:///{folder}"
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = folder


def _start_workers() -> list[subprocess.Popen[bytes]]:
    """In groups of their own: Ctrl-C is for us, and the worker may finish what it does."""
    environment = {"FLIGHTDECK_STOP_SECONDS": str(STOP_SECONDS)} | os.environ
    environment["FLIGHTDECK_ENDS_WITH"] = str(os.getpid())
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    threads = str(settings.FLIGHTDECK_WORKER_THREADS)
    commands = [
        ["worker", "--pool", "threads", "--concurrency", threads, "--loglevel", "WARNING", *alone],
        ["beat", "--loglevel", "WARNING", "--pidfile="],
    ]
    return [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "celery", "-A", "config", *command],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        for command in commands
    ]


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=STOP_SECONDS + 7)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
