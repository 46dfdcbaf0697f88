"""The product as it runs in earnest, on one machine: PostgreSQL, Redis, web, workers, beat, and two sellers behind
proxies. Everything is a child of this process and ends with it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from config.local_servers import LocalPostgres, LocalRedis, free_port
from simulator.testing import ProcessSeller
from tests.faults.proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Sizes:
    """How much of the product runs, and how patient it is. The lease is short so that a matrix ends today."""

    workers: int = 2
    web_processes: int = 2
    lease: float = 3.0
    call_deadline: float = 4.0
    seller_deadline: float = 15.0


@dataclass(frozen=True)
class Change:
    """A process of the fleet started or ended."""

    at: float
    what: str
    name: str
    pid: int


@dataclass(frozen=True)
class Hit:
    """A fault that really took place: who was where, when."""

    pid: int
    name: str
    at: float
    point: str


@dataclass
class Fleet:
    folder: Path
    postgres: LocalPostgres
    redis: LocalRedis
    sizes: Sizes
    sellers: dict[str, ProcessSeller] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    web_port: int = 0
    _pids: dict[str, int] = field(default_factory=dict)
    _points_read: int = 0
    _seen_at_work: set[int] = field(default_factory=set)
    _arming: threading.RLock = field(default_factory=threading.RLock)
    restarting: threading.RLock = field(default_factory=threading.RLock)  # one great fault at a time
    _nursery: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    # --- start and stop ------------------------------------------------------------------------------------

    def start(self) -> None:
        self.web_port = free_port()
        (self.folder / "hits").mkdir(exist_ok=True)
        roles = [f"worker-{number + 1}=worker" for number in range(self.sizes.workers)]
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery", *roles, "beat=beat", "web=web"],
            cwd=ROOT,
            env=os.environ | self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(self.folder / "nursery.log", "ab"),  # noqa: SIM115  the process owns it
            text=True,
        )
        threading.Thread(target=self._listen, name="nursery", daemon=True).start()
        self.wait(self.ready, "the fleet to be ready", 90)

    def _environment(self) -> dict[str, str]:
        return {
            "FAULTS_DIR": str(self.folder),
            "FAULTS_WEB_PORT": str(self.web_port),
            "FAULTS_WEB_PROCESSES": str(self.sizes.web_processes),
        }

    def _listen(self) -> None:
        assert self._nursery
        assert self._nursery.stdout
        for line in self._nursery.stdout:
            what, name, pid = line.split()
            self.changes.append(Change(time.time(), what, name, int(pid)))
            if what == "started":
                self._pids[name] = int(pid)

    def stop(self) -> None:
        if self._nursery is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self._say("quit")
        self.kill_all(respawn=False)
        self._nursery.kill()
        self._nursery.wait()
        self._nursery = None

    def ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health/ready", timeout=3, trust_env=False).status_code == 200
        return False

    def wait(self, condition: Callable[[], Any], what: str, seconds: float) -> float:
        """Returns how long it took. Raises TimeoutError."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"waited {seconds:g} s for {what}")
            time.sleep(0.05)
        return time.monotonic() - began

    # --- faults at processes --------------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        return self._pids[name]

    def workers(self) -> list[str]:
        return sorted(name for name in self._pids if name.startswith("worker"))

    def at_work(self) -> list[str]:
        """Workers that have reached a point since they were started: killing one that is not up yet shows nothing."""
        with open(self.folder / "points.log") as log:
            log.seek(self._points_read)
            for line in log:
                if not line.endswith("\n"):
                    break
                self._points_read += len(line.encode())
                self._seen_at_work.add(int(line.split("\t")[1]))
        return [name for name in self.workers() if self._pids[name] in self._seen_at_work]

    def kill(self, name: str) -> int:
        """SIGKILL to one process (for the web to the master and all it has forked). It is started again at once."""
        pid = self._pids[name]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return pid

    def kill_all(self, *, respawn: bool = True) -> None:
        """SIGKILL to every product process; none comes back before the last is gone. Caller holds `restarting`."""
        if respawn:
            self._say("hold")
        gone = list(self._pids.items())
        for name, _ in gone:
            self.kill(name)
        if respawn:
            self.wait(
                lambda: all(self._ended(name, pid) for name, pid in gone), "all processes to be gone", 20
            )
            self._say("go")

    def _ended(self, name: str, pid: int) -> bool:
        return self._pids[name] != pid or any(
            change.what == "ended" and change.pid == pid for change in self.changes[-200:]
        )

    def signal(self, pid: int, number: int) -> None:
        os.kill(pid, number)

    def _say(self, word: str) -> None:
        assert self._nursery
        assert self._nursery.stdin
        self._nursery.stdin.write(word + "\n")
        self._nursery.stdin.flush()

    # --- armed points --------------------------------------------------------------------------------------

    def arm(self, point: str, action: str, flow: str = "") -> str:
        """`action`: kill (this process, right there), hold (until released), raise (every time)."""
        armed = {"id": uuid.uuid4().hex, "point": point, "action": action, "flow": flow}
        with self._arming:
            self._write_armed([*self._armed(), armed])
        return armed["id"]

    def disarm(self, armed: str) -> None:
        """It is not armed any more; whoever is held there goes on."""
        with self._arming:
            self._write_armed([fault for fault in self._armed() if fault["id"] != armed])
        self.release(armed)

    def release(self, armed: str) -> None:
        (self.folder / "hits" / f"{armed}.release").touch()

    def hit(self, armed: str) -> Hit | None:
        with contextlib.suppress(FileNotFoundError):
            text = (self.folder / "hits" / armed).read_text()
            if text.endswith("\n"):
                return Hit(**json.loads(text.splitlines()[0]))
        return None

    def hits(self, armed: str) -> int:
        with contextlib.suppress(FileNotFoundError):
            return len((self.folder / "hits" / armed).read_text().splitlines())
        return 0

    def _armed(self) -> list[dict[str, str]]:
        with contextlib.suppress(FileNotFoundError):
            return list(json.loads((self.folder / "armed.json").read_text()))
        return []

    def _write_armed(self, armed: list[dict[str, str]]) -> None:
        fresh = self.folder / "armed.new"
        fresh.write_text(json.dumps(armed))
        fresh.rename(self.folder / "armed.json")

    def points(self, flow: str = "", since: float = 0.0) -> list[str]:
        """Every point reached since then, in the order of the first time; of one flow and of what serves them all."""
        names: dict[str, None] = {}
        for line in (self.folder / "points.log").read_text().splitlines():
            at, _, of, point = line.split("\t")
            if float(at) >= since and (not flow or of in ("", flow)):
                names[point] = None
        return list(names)

    def set_clock(self, seconds: float, name: str = "") -> None:
        """Every process's clock, or one process's, jumps by so much against the true time."""
        file = self.folder / (f"clock.{name}" if name else "clock")
        fresh = file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(file)

    def log(self, name: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / f"{name}.log").read_text(errors="replace")
        return ""
