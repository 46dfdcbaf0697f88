"""Keeps the leases of this process's running steps alive, so that a step may take longer than its lease."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import close_old_connections, connection

from flows import steps
from flows.seldom import Seldom

logger = logging.getLogger(__name__)
_unextended = Seldom(logger)

_held: dict[uuid.UUID, int] = {}
_lock = threading.Lock()
_keeper: threading.Thread | None = None


@contextmanager
def kept(step_id: uuid.UUID, token: int) -> Iterator[None]:
    with _lock:
        _held[step_id] = token
        _start_keeper()
    try:
        yield
    finally:
        with _lock:
            if _held.get(step_id) == token:
                del _held[step_id]


def holding() -> int:
    """How many steps this process runs right now."""
    with _lock:
        return len(_held)


def give_all_back() -> int:
    """This process is about to end: its steps may be taken at once, and it can no longer write. Returns how many."""
    with _lock:
        held = dict(_held)
    return sum(steps.give_back(step_id, token) for step_id, token in held.items())


def _start_keeper() -> None:
    global _keeper
    if _keeper is None or not _keeper.is_alive():  # not alive: it fell over
        _keeper = threading.Thread(target=_keep, name="lease-keeper", daemon=True)
        _keeper.start()


def _keep() -> None:
    pause = threading.Event()
    idle_rounds = 0
    while idle_rounds < 3:  # ends by itself, so that a test process or a command is not kept busy
        pause.wait(settings.FLIGHTDECK_LEASE_SECONDS / 3)
        with _lock:
            held = dict(_held)
            idle_rounds = 0 if held else idle_rounds + 1
            if idle_rounds == 3:
                _resign()
        _extend_all(held)
    connection.close()


def _resign() -> None:
    """Under the lock in which nothing was held: whoever holds something from now on starts another keeper."""
    global _keeper
    _keeper = None


def _extend_all(held: dict[uuid.UUID, int]) -> None:
    for step_id, token in held.items():
        try:
            close_old_connections()
            steps.extend_lease(step_id, token)
            _unextended.over("leases are extended again")
        except Exception:
            _unextended.warn("lease of step %s was not extended", step_id, exc_info=True)
