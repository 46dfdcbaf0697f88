"""The product as one process, as `make run` starts it, with any number of sellers in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from config.local_servers import free_port
from simulator.testing import RunningSeller, running_seller

ROOT = Path(__file__).resolve().parents[2]
DIALECTS = ("seller-agent", "opendirect")
START_SECONDS = 90.0


class Embedded:
    """A running server with its sellers. Moments are read from the event log, so polling adds nothing to them."""

    def __init__(self, port: int, keys: dict[str, str], sellers: dict[str, RunningSeller]) -> None:
        self.keys, self.sellers = keys, sellers
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)

    def call(self, who: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.http.request(
            method, path, json=body, headers={"Authorization": f"Bearer {self.keys[who]}"}
        )
        return dict(answer.raise_for_status().json())

    def wait_for(self, job: str, statuses: tuple[str, ...], seconds: float = 120.0) -> str:
        """The status reached. Asks rarely: the asking itself costs the server time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status = str(self.call("manager", "GET", f"/api/bookings/{job}")["status"])
            if status in statuses:
                return status
            time.sleep(0.15)
        raise RuntimeError(f"booking {job} did not reach {statuses} in {seconds:g} s")

    def slow_down(self, rtt: float) -> None:
        """Every seller answers each call after `rtt` seconds."""
        for seller in self.sellers.values():
            seller.set_options(rtt=rtt)


@contextmanager
def embedded(dialects: tuple[str, ...], **environment: str) -> Iterator[Embedded]:
    """A fresh installation with one seller per entry of `dialects`, whose accounts have been looked at once."""
    with tempfile.TemporaryDirectory(prefix="flightdeck-bench-") as name, contextlib.ExitStack() as running:
        folder = Path(name)
        sellers = {}
        for number, dialect in enumerate(dialects):
            place = folder / f"seller{number}"
            place.mkdir()
            sellers[f"seller{number:02}"] = running.enter_context(
                running_seller(dialect, place, process=True, confirm_after=0.0)
            )
        settings = _settings(folder, sellers) | environment
        _manage(settings, "migrate", "--verbosity", "0")
        keys = _furnish(settings, sellers)
        port = free_port()
        server = running.enter_context(_serving(port, settings, folder))
        until = time.monotonic() + START_SECONDS
        while not _ready(port):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError((folder / "server.log").read_text(errors="replace")[-3000:])
            time.sleep(0.05)
        yield Embedded(port, keys, sellers)


def _settings(folder: Path, sellers: dict[str, RunningSeller]) -> dict[str, str]:
    origins = [seller.origin.removeprefix("http://") for seller in sellers.values()]
    return {
        "FLIGHTDECK_VAR": str(folder / "var"),
        "FLIGHTDECK_SECRET_KEY": "only-for-measuring-" + "x" * 40,
        "FLIGHTDECK_ALLOWED_PRIVATE_SELLERS": ",".join(origins),
        "FLIGHTDECK_API_RATE": "100000/min",
        "FLIGHTDECK_UNDO_SECONDS": "0",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONWARNINGS": "ignore",
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }


def _manage(settings: dict[str, str], *arguments: str, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | settings,
        input=text,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


_FURNISH = """
import json, sys
from pathlib import Path
from tests.agency import make_agency
from sellers.services import add_seller
from flows.actors import SYSTEM_ACTOR
agency = make_agency()
for slug, url, dialect, key in json.loads({sellers!r}):
    add_seller(actor=SYSTEM_ACTOR, url=url, dialect=dialect, name=slug.title(), slug=slug, key=key,
               agency_id="agency-demo", advertiser_id="advertiser-demo",
               account_id="acc-demo" if dialect == "opendirect" else "")
print("KEYS" + json.dumps({name: agency.keys[name] for name in agency.people}))
"""


def _furnish(settings: dict[str, str], sellers: dict[str, RunningSeller]) -> dict[str, str]:
    """People with keys, and the sellers' records; returns the keys."""
    rows = [(slug, seller.url, seller.options.dialect, seller.client_key) for slug, seller in sellers.items()]
    said = _manage(settings, "shell", "-v", "0", "-c", _FURNISH.format(sellers=json.dumps(rows)))
    keys: dict[str, str] = json.loads(said.rpartition("KEYS")[2])
    return keys


@contextmanager
def _serving(port: int, settings: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with open(folder / "server.log", "ab") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1"),
                *("--port", str(port), "--log-level", "warning", "--no-access-log", "--lifespan", "on"),
            ],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _ready(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=3, trust_env=False)
        return answer.status_code == 200
    return False
