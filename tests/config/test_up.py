"""The process set of `make up`: starts, starts again what fell over, ends in order. Real processes throughout."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.process_set import KeepsDying, ProcessSet, read_process_file
from tests.serving import ROOT, free_ports

Make = Callable[..., ProcessSet]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make(tmp_path: Path, said: list[str]) -> Iterator[Make]:
    sets: list[ProcessSet] = []

    def build(
        commands: Mapping[str, str],
        formation: Mapping[str, int] | None = None,
        stages: Any = ((("web",), 20.0), (("worker",), 20.0)),
        kinds: tuple[str, ...] = (),
    ) -> ProcessSet:
        processes = ProcessSet(
            commands,
            formation or {},
            folder=tmp_path,
            environment=os.environ,
            stages=stages,
            say=lambda who, what: said.append(f"{who}: {what}"),
        )
        sets.append(processes)
        processes.start(*kinds)
        return processes

    yield build
    for processes in sets:
        processes.kill()


def eventually(
    condition: Callable[[], bool], processes: ProcessSet | None = None, seconds: float = 30
) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if processes is not None:
            processes.look()
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)


def pids(processes: ProcessSet) -> list[int]:
    return [member.process.pid for member in processes.members if member.process is not None]


def test_the_file_is_read_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "Procfile"
    file.write_text("# who\nweb: serve --port ${PORT:-8000}\n\nworker: work\n")
    assert list(read_process_file(file).items()) == [
        ("web", "serve --port ${PORT:-8000}"),
        ("worker", "work"),
    ]


@pytest.mark.parametrize("line", ["web", "web:", ": serve", "two words: serve"])
def test_a_line_that_is_no_process_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "Procfile"
    file.write_text(f"{line}\n")
    with pytest.raises(ValueError, match="not `name: command`"):
        read_process_file(file)


def test_what_processes_say_is_shown_with_their_name(make: Make, said: list[str]) -> None:
    make({"web": "sh -c 'echo hello; exec sleep 60'"}, {"web": 2})
    eventually(lambda: sorted(said) == ["web.1: hello", "web.2: hello"])


def test_some_start_before_the_others(make: Make) -> None:
    processes = make({"web": "sleep 60", "worker": "sleep 60"}, kinds=("web",))
    processes.look()
    web = pids(processes)
    assert len(web) == 1, "the worker was not asked for yet"
    processes.start()
    assert len(pids(processes)) == 2
    assert pids(processes)[0] == web[0], "what runs is left alone"


def test_a_killed_process_is_started_again(make: Make, said: list[str]) -> None:
    processes = make({"worker": "sleep 60"})
    [first] = pids(processes)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: bool(pids(processes)) and pids(processes) != [first], processes)
    assert "worker: was killed by SIGKILL; it is started again" in said


def test_a_process_that_cannot_live_ends_the_set(make: Make, monkeypatch: Any) -> None:
    monkeypatch.setattr("config.process_set.PAUSE_BEFORE_RESTART", 0.0)
    processes = make({"web": "false"})
    with pytest.raises(KeepsDying, match="web ended with 1, 5 times"):
        eventually(lambda: False, processes)


def test_stages_end_one_after_the_other(make: Make, tmp_path: Path, said: list[str]) -> None:
    trap = 'trap "sleep 0.3; echo NAME >> ended; exit 0" TERM'
    leaves_slowly = f"sh -c '{trap}; echo ready; while :; do sleep 0.05; done'"
    names = ("worker", "web")  # started in this order, ended in the other
    processes = make({name: leaves_slowly.replace("NAME", name) for name in names})
    eventually(lambda: len(said) == 2)
    processes.stop()
    assert (tmp_path / "ended").read_text().split() == ["web", "worker"]


def test_whoever_does_not_end_in_time_is_killed_with_its_children(make: Make, said: list[str]) -> None:
    stubborn = "sh -c 'trap : TERM; sleep 300 & echo $!; while :; do wait; done'"
    processes = make({"web": stubborn}, stages=((("web",), 0.5),))
    eventually(lambda: len(said) == 1)
    child = int(said[0].removeprefix("web: "))
    processes.stop()
    assert "web: did not end in time and is killed" in said
    eventually(lambda: not _lives(child))


def _lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


class WholeSet:
    """`manage.py up` with servers of its own in a folder of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.log = folder / "up.log"
        plain = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(port), "--workers", "1"],
                cwd=ROOT,
                env=plain | {"FLIGHTDECK_VAR": str(folder / "var"), "WEB_CONCURRENCY": "1"},
                stdout=log,
                stderr=log,
            )

    def says(self, text: str) -> bool:
        assert self.process.poll() is None, self.text()
        return text in self.text()

    def text(self) -> str:
        return self.log.read_text()

    def get(self, path: str, port: int | None = None) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{port or self.port}{path}", timeout=30, trust_env=False)

    def children(self, word: str) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent = int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and word in path.joinpath("cmdline").read_text():
                    found.append(int(path.name))
            except OSError:
                continue
        return found


@pytest.fixture
def whole_set() -> Iterator[WholeSet]:
    folder = Path(tempfile.mkdtemp(prefix="flightdeck-up-"))  # pytest's own folders are closed to PostgreSQL
    folder.chmod(0o755)
    running = WholeSet(folder, free_ports())
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        try:
            running.process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            running.process.kill()  # its children are asked to end by the system
            running.process.wait()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(480)
def test_the_whole_set_serves_survives_a_killed_worker_and_ends_in_order(whole_set: WholeSet) -> None:
    eventually(lambda: whole_set.says("Flightdeck is ready"), seconds=240)
    assert whole_set.get("/health/ready").json()["ready"]
    login = whole_set.get("/login/")
    assert login.status_code == 200
    # Collected, under names with a hash, and the ones that the pages name are there.
    sheets = [part.split('"')[0] for part in login.text.split('href="')[1:] if ".css" in part[:200]]
    hashed = [sheet for sheet in sheets if len(sheet.rpartition("/")[2].split(".")) > 2]
    assert hashed
    assert "immutable" in whole_set.get(hashed[0]).headers["Cache-Control"]
    # The socket processes serve health and nothing else over HTTP.
    assert whole_set.get("/health/live", whole_set.port + 1).status_code == 200
    assert whole_set.get("/login/", whole_set.port + 1).status_code == 404

    [worker] = whole_set.children("\0worker\0")
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: whole_set.says("was killed by SIGKILL; it is started again"))
    eventually(lambda: whole_set.children("\0worker\0") not in ([], [worker]))

    for server in ("postgres", "redis", "valkey"):
        for pid in whole_set.children(server):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: whole_set.text().count("has ended; it is started again") == 2)
    eventually(lambda: whole_set.get("/health/ready").status_code == 200, seconds=120)

    whole_set.process.send_signal(signal.SIGINT)
    assert whole_set.process.wait(timeout=120) == 0, whole_set.text()[-3000:]
    assert "Stopped. Everything is kept" in whole_set.text()
    with pytest.raises(httpx.ConnectError):
        whole_set.get("/health/live")
