"""The product as its users start it: a server process with its own data folder, that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.lanes.private import own_servers

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "flightdeck-demo"


class Server:
    """`manage.py demo` on a free port, its own folder and its own two sellers, driven over HTTP only.

    In the distributed lane it has a database and Redis numbers of its own, and a worker and beat as children.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_ports()
        self.environment = {
            **os.environ,
            "FLIGHTDECK_VAR": str(folder),
            "PYTHONWARNINGS": "ignore",
            "FLIGHTDECK_UNDO_SECONDS": "0",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **own_servers(),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def seller_url(self, offset: int) -> str:
        return f"http://127.0.0.1:{self.port + offset}"

    def start(self) -> Server:
        log = open(self.folder / "server.log", "ab")  # noqa: SIM115  the process owns it
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(self.port)],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=log,
        )
        self.wait(lambda: self._ready(), "the server to be ready", 120)
        return self

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is put in order. The sellers follow within a second."""
        assert self.process
        self.process.kill()
        self.process.wait()
        for offset in (101, 102):
            self.wait(lambda o=offset: not _open(self.port + o), "the sellers to end", 15)

    def stop(self) -> int:
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)

    def api(self, role: str) -> httpx.Client:
        import json

        keys = json.loads((self.folder / "demo" / "keys.json").read_text())
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {keys[role]['key']}"},
            timeout=20,
            trust_env=False,
        )

    def job(self) -> dict[str, Any]:
        with self.api("manager") as client:
            job_id = client.get("/api/bookings").json()["results"][-1]["job_id"]
            return dict(client.get(f"/api/bookings/{job_id}").json())

    def wait_for(
        self, condition: Callable[[dict[str, Any]], bool], what: str, seconds: float = 40
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def look() -> bool:
            nonlocal found
            found = self.job()
            return condition(found)

        self.wait(look, what, seconds)
        return found

    def fault(self, offset: int, **rule: Any) -> None:
        answer = httpx.post(f"{self.seller_url(offset)}/_sim/faults", json=[rule], trust_env=False)
        assert answer.status_code == 200, answer.text

    def effects(self, offset: int, kind: str) -> list[dict[str, Any]]:
        answer = httpx.get(
            f"{self.seller_url(offset)}/_sim/journal", params={"kind": "effect"}, trust_env=False
        )
        return [entry["data"] for entry in answer.json()["entries"] if entry["type"] == kind]

    def wait(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            try:
                if condition():
                    return
            except (httpx.HTTPError, LookupError, ValueError):
                pass
            time.sleep(0.05)
        log = (self.folder / "server.log").read_text()[-3000:]
        raise AssertionError(f"waited {seconds} s for {what}\n{log}")

    def _ready(self) -> bool:
        return httpx.get(f"{self.url}/health/ready", timeout=2, trust_env=False).status_code == 200


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


_given: set[int] = set()


def free_ports() -> int:
    """A port whose sellers' ports (+101, +102) are free too. Each test process searches a range of its own, below the
    ports that the system gives to outgoing connections."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0)
    first = 20_000 + worker % 4 * 3_000
    for step in range(900):
        port = first + (os.getpid() * 3 + step * 3) % 2_700
        if port not in _given and not any(_open(port + offset) for offset in (0, 101, 102)):
            _given.update(range(port - 102, port + 103))
            return port
    raise RuntimeError("no free ports")
