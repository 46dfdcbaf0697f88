"""Named points at every transaction boundary and every network send, without a line in the product.

Loaded as an app by `tests.faults.settings`, in every product process of the fleet. The name of a point is the same in
every run: role / step, or request / what is about to happen or has happened / how often in this visit.

    worker/book[agent]/begin                                  claimed, the step's own code starts
    worker/book[agent]/booking._claiming: before commit      nothing is written yet
    worker/book[agent]/booking._claiming: committed          written, nobody has been told
    worker/book[agent]/http POST /api/v1/deals: before       nothing has left
    worker/book[agent]/http POST /api/v1/deals: after        the seller has answered
    worker/book[agent]/doorbell: before, after               the send to the broker; likewise `hint`, the live feed

An armed fault (`armed.json`) is taken by exactly one process: the one that creates its hit file.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import dataclasses
import json
import os
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.apps import AppConfig

from tests.faults import clocks
from tests.faults.naming import OWN_ID, SELLER_ID, opener, path_class, verb

LONGEST_HOLD = 90.0
NO_CONTEXT = ("lease-keeper", "watchman")  # they serve every step of their process, so they belong to none


@dataclass
class Visit:
    """One step being run, or one request being served, in this thread and those that it starts."""

    step: str
    flow: str
    seen: Counter[str] = field(default_factory=Counter)


class Poisoned(RuntimeError):
    """What an armed `raise` throws."""


_visit: contextvars.ContextVar[Visit | None] = contextvars.ContextVar("visit", default=None)
_role, _name = "", ""
_folder: Path | None = None
_armed: list[dict[str, Any]] = []
_armed_at = 0


def become(role: str, name: str) -> None:
    """Says which process of the fleet this is. Called after the fork."""
    global _role, _name
    _role, _name = role, name
    die_with_parent()


def die_with_parent() -> None:
    """Whatever ends the harness ends its processes too (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def reach(what: str, *, count: bool = True) -> None:
    """This process has come to the point: tell, and act out the fault that is armed here."""
    visit = _visit.get()
    if visit is None or _folder is None or not _role:
        return
    if count:
        visit.seen[what] += 1
        what = f"{what} #{visit.seen[what]}" if visit.seen[what] > 1 else what
    point = f"{_role}/{visit.step}/{what}"
    _append(_folder / "points.log", f"{time.time():.3f}\t{os.getpid()}\t{visit.flow}\t{point}\n")
    for fault in _armed_now():
        if fault["point"] == point and fault.get("flow", "") in ("", visit.flow):
            _act(fault, point)


def _armed_now() -> list[dict[str, Any]]:
    global _armed, _armed_at
    assert _folder
    with contextlib.suppress(FileNotFoundError):
        at = (_folder / "armed.json").stat().st_mtime_ns
        if at != _armed_at:
            _armed, _armed_at = json.loads((_folder / "armed.json").read_text()), at
    return _armed


def _act(fault: dict[str, Any], point: str) -> None:
    assert _folder
    hit = _folder / "hits" / fault["id"]
    told = json.dumps({"pid": os.getpid(), "name": _name, "at": time.time(), "point": point})
    if fault["action"] == "raise":  # poison: every time
        _append(hit, told + "\n")
        raise Poisoned(f"armed at {point}")
    try:
        descriptor = os.open(hit, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(descriptor, told.encode() + b"\n")
    os.close(descriptor)
    if fault["action"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    _hold(hit.with_suffix(".release"))


def _hold(release: Path) -> None:
    until = time.monotonic() + LONGEST_HOLD
    while not release.exists() and time.monotonic() < until:
        time.sleep(0.005)


def _append(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


@contextlib.contextmanager
def visiting(step: str, flow: str = "") -> Iterator[None]:
    token = _visit.set(Visit(step, flow))
    try:
        yield
    finally:
        _visit.reset(token)


class PointsConfig(AppConfig):
    name = "tests.faults"
    label = "faults"
    path = str(Path(__file__).parent)

    def ready(self) -> None:
        global _folder
        if not os.environ.get("FAULTS_DIR"):
            return
        _folder = Path(os.environ["FAULTS_DIR"])
        _watch_steps()
        _watch_requests()
        _watch_commits()
        _watch_sends()
        _watch_threads()
        clocks.bend(_folder, lambda: _name)


def _watch_steps() -> None:
    from flows import runner, steps, sweeping
    from flows.models import Step

    run, claim, sweep = runner.run, steps.claim, sweeping.sweep
    attempt = runner._attempt

    def run_watched(step_id: uuid.UUID, *args: Any, **kwargs: Any) -> Any:
        row = Step.objects.filter(pk=step_id).values_list("name", "key", "flow_id").first()
        name, key, flow = row or ("unknown", "", "")
        with visiting(name + _key_class(name, key), str(flow)):
            return run(step_id, *args, **kwargs)

    def claim_watched(*args: Any, **kwargs: Any) -> Any:
        reach("claim: before commit")
        step = claim(*args, **kwargs)
        if step is not None:
            reach("claim: committed")
        return step

    def sweep_watched(*args: Any, **kwargs: Any) -> Any:
        with visiting("sweep"):
            return sweep(*args, **kwargs)

    def attempt_watched(work: Any, kind: Any, *args: Any, **kwargs: Any) -> Any:
        def act(work: Any) -> Any:
            reach("begin")
            return kind.act(work)

        return attempt(work, dataclasses.replace(kind, act=act), *args, **kwargs)

    runner.run, steps.claim, sweeping.sweep = run_watched, claim_watched, sweep_watched
    runner._attempt = attempt_watched


def _key_class(name: str, key: str) -> str:
    """A line stands for its seller, because sellers differ in what is written; a channel stands for any channel."""
    if not key:
        return ""
    with contextlib.suppress(Exception):
        from bookings.models import Line

        return "[{}]".format(Line.objects.values_list("seller__slug", flat=True).get(pk=uuid.UUID(key)))
    return "" if name == "research" else "[key]"


def _watch_requests() -> None:
    from django.core.handlers.base import BaseHandler

    respond = BaseHandler.get_response

    def respond_watched(self: Any, request: Any) -> Any:
        with visiting(f"{request.method} {path_class(request.path, OWN_ID)}"):
            return respond(self, request)

    BaseHandler.get_response = respond_watched


def _watch_commits() -> None:
    from django.db import transaction
    from django.db.backends.base.base import BaseDatabaseWrapper

    leave, run_hooks = transaction.Atomic.__exit__, BaseDatabaseWrapper.run_and_clear_commit_hooks

    def leave_watched(self: Any, exc_type: Any, exc_value: Any, traceback: Any) -> Any:
        connection = transaction.get_connection(self.using)
        commits = exc_type is None and connection.in_atomic_block and not connection.savepoint_ids
        if commits and _visit.get() is not None and not connection.needs_rollback:
            connection.faults_point = opener(sys._getframe(1))
            reach(f"{connection.faults_point}: before commit")
        return leave(self, exc_type, exc_value, traceback)

    def run_hooks_watched(self: Any) -> None:
        point, self.faults_point = getattr(self, "faults_point", ""), ""
        if point:
            reach(f"{point}: committed")
        run_hooks(self)

    transaction.Atomic.__exit__ = leave_watched
    BaseDatabaseWrapper.run_and_clear_commit_hooks = run_hooks_watched


def _watch_sends() -> None:
    import httpx

    from flows import feed, steps

    send, ring, hint = httpx.AsyncClient.send, steps.ring_now, feed.hint

    async def send_watched(self: Any, request: Any, **options: Any) -> Any:
        path = path_class(request.url.path, SELLER_ID) + verb(request.url.query.decode())
        what = f"http {request.method} {path}"
        once = request.method == "GET" or "research" in getattr(_visit.get(), "step", "")
        reach(f"{what}: before", count=not once)
        answer = await send(self, request, **options)
        reach(f"{what}: after", count=not once)
        return answer

    httpx.AsyncClient.send = send_watched  # type: ignore[method-assign]
    steps.ring_now = _between("doorbell", ring)
    feed.hint = _between("hint", hint)


def _between(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        reach(f"{what}: before", count=False)
        result = function(*args, **kwargs)
        reach(f"{what}: after", count=False)
        return result

    return watched


def _watch_threads() -> None:
    """What a step starts in a thread of its own still belongs to the step."""
    start = threading.Thread.start

    def start_watched(self: threading.Thread) -> None:
        if _visit.get() is not None and not self.name.startswith(NO_CONTEXT):
            context, run = contextvars.copy_context(), self.run
            self.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(self)

    threading.Thread.start = start_watched  # type: ignore[method-assign]
