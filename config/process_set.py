"""Runs the processes of a process file on this machine: starts them, starts again what falls over, ends them in order.

The file is the usual `Procfile` (`name: command`), so other runners can read it too. This one differs in what a
booking system needs: web processes end before workers, workers may finish, and a process that keeps dying ends the
set with an error instead of being restarted for ever.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PAUSE_BEFORE_RESTART = 1.0
# A process that dies so often within so many seconds will not live the next time either.
TOO_OFTEN, WITHIN_SECONDS = 5, 60.0
PR_SET_PDEATHSIG = 1

Say = Callable[[str, str], None]  # who, what


class KeepsDying(Exception):
    """One process of the set cannot live; the set has no use without it."""


@dataclass
class Member:
    """One running process of the set."""

    name: str
    command: str
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)
    start_at: float = math.inf  # not asked for yet

    @property
    def kind(self) -> str:
        return self.name.partition(".")[0]


def read_process_file(path: Path) -> dict[str, str]:
    """Name to command, in the file's order. Raises ValueError for a line that is neither."""
    commands = {}
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, command = line.partition(":")
        if not colon or not name.strip().isidentifier() or not command.strip():
            raise ValueError(f"{path.name}: not `name: command`: {line}")
        commands[name.strip()] = command.strip()
    return commands


class ProcessSet:
    """`formation` says how many of each; `stages` in which order they end, each with its patience in seconds."""

    def __init__(
        self,
        commands: Mapping[str, str],
        formation: Mapping[str, int],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stages: Sequence[tuple[tuple[str, ...], float]],
        say: Say,
    ) -> None:
        self.members = [
            Member(f"{name}.{number}" if formation.get(name, 1) > 1 else name, command)
            for name, command in commands.items()
            for number in range(1, formation.get(name, 1) + 1)
        ]
        self._folder, self._environment, self._stages, self._say = folder, environment, stages, say

    def start(self, *kinds: str) -> None:
        """All that do not run yet, or only those kinds: what people wait for may have the processors to itself."""
        for member in self.members:
            if not _lives(member) and (not kinds or member.kind in kinds):
                self._start(member)

    def look(self) -> None:
        """One round: note who died, start again whose pause is over. Raises `KeepsDying`."""
        for member in self.members:
            if member.process is not None and member.process.poll() is not None:
                self._died(member, member.process.returncode)
            if member.process is None and time.monotonic() >= member.start_at:
                self._start(member)

    def stop(self) -> None:
        """Stage by stage: asked to end, waited for, killed when patience is over."""
        for kinds, patience in self._stages:
            members = [one for one in self.members if one.kind in kinds and _lives(one)]
            for member in members:
                assert member.process
                member.process.terminate()
            until = time.monotonic() + patience
            for member in members:
                self._wait_or_kill(member, until - time.monotonic())
        for member in self.members:
            self._wait_or_kill(member, 0.0)

    def kill(self) -> None:
        """All at once, without asking."""
        for member in self.members:
            self._wait_or_kill(member, 0.0)

    def _start(self, member: Member) -> None:
        member.process = subprocess.Popen(  # noqa: S603  the commands are those of our own file
            ["/bin/sh", "-c", f"exec {member.command}"],
            cwd=self._folder,
            env=dict(self._environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, who end them in order
            preexec_fn=end_with_parent,
        )
        threading.Thread(target=self._relay, args=(member, member.process), daemon=True).start()

    def _relay(self, member: Member, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        for line in process.stdout:
            self._say(member.name, line.decode(errors="replace").rstrip())

    def _died(self, member: Member, code: int) -> None:
        moment = time.monotonic()
        member.process = None
        member.deaths = [at for at in member.deaths if moment - at < WITHIN_SECONDS] + [moment]
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        if len(member.deaths) >= TOO_OFTEN:
            raise KeepsDying(f"{member.name} {how}, {len(member.deaths)} times within {WITHIN_SECONDS:.0f} s")
        self._say(member.name, f"{how}; it is started again")
        member.start_at = moment + PAUSE_BEFORE_RESTART

    def _wait_or_kill(self, member: Member, patience: float) -> None:
        if member.process is None:
            return
        try:
            member.process.wait(timeout=max(0.0, patience))
        except subprocess.TimeoutExpired:
            self._say(member.name, "did not end in time and is killed")
            _kill_group(member.process)
            member.process.wait()


def end_with_parent() -> None:
    """Runs in the child: when the parent is killed, Linux asks the child to end. Elsewhere it stays."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _lives(member: Member) -> bool:
    return member.process is not None and member.process.poll() is None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """With its children: a web master that is killed leaves its workers behind otherwise."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
