"""Sees each second that what is due gets done, in every process that works, with or without a broker.

Beat's sweep travels through the broker; when that is away nothing would be taken up. A watchman asks the database
itself: it rings, and does with its own hands what no bell can be rung for, and what was rung and nobody came for.
"""

from __future__ import annotations

import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from flows import leases, runner, steps, sweeping
from flows.seldom import Seldom

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds
DATABASE_AWAY = (OperationalError, InterfaceError)


class Watchman:
    """A thread of a worker process. Never runs more steps than the process has worker threads to spare."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._hands: ThreadPoolExecutor | None = None
        self._busy: set[uuid.UUID] = set()
        self._lock = threading.Lock()
        self._blind = Seldom(logger)

    def start(self) -> None:
        self._over.clear()
        self._hands = ThreadPoolExecutor(settings.FLIGHTDECK_WORKER_THREADS, "watchman-hand")
        self._thread = threading.Thread(target=self._watch, name="watchman", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; what its hands do is finished first."""
        self.look_no_more()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._hands is not None:
            self._hands.shutdown(wait=True)
            self._hands = None

    def look_no_more(self) -> None:
        """Returns at once, also in a signal handler."""
        self._over.set()
        steps.silence.set()

    def look(self) -> int:
        """One round; returns how many steps it rang for or took in hand."""
        return sweeping.sweep(self._take_in_hand)

    def _watch(self) -> None:
        while not self._over.is_set():
            steps.silence.clear()
            self._try_to_look()
            steps.silence.wait(LOOK_EVERY)

    def _try_to_look(self) -> None:
        try:
            close_old_connections()
            self.look()
        except DATABASE_AWAY as error:
            self._blind.warn("the watchman cannot reach the database; it tries again: %s", _one_line(error))
        except Exception:
            logger.warning("the watchman could not look; it tries again", exc_info=True)
        else:
            self._blind.over("the watchman reaches the database again")
        finally:
            close_old_connections()

    def _take_in_hand(self, step_id: uuid.UUID) -> bool:
        """Run it in a thread of our own, if one is to spare."""
        with self._lock:
            spare = settings.FLIGHTDECK_WORKER_THREADS - max(leases.holding(), len(self._busy))
            if self._hands is None or self._over.is_set() or spare < 1 or step_id in self._busy:
                return False
            self._busy.add(step_id)
            self._hands.submit(self._do, step_id)
        return True

    def _do(self, step_id: uuid.UUID) -> None:
        try:
            close_old_connections()
            runner.run(step_id)
        except Exception:
            logger.exception("step %s could not be run; its lease will end", step_id)
        finally:
            with self._lock:
                self._busy.discard(step_id)
            close_old_connections()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
