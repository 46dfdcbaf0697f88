"""A trouble that comes a thousand times in a row is worth a few lines in the log, not a thousand."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

EVERY = 60.0  # seconds


class Seldom:
    """Logs one kind of trouble: the first time, then at most once in `every` seconds with how often it came since,
    and once when it is over. For any thread.

    A trouble that comes and goes is no louder: a new one within `every` seconds of the last line is only counted.
    """

    def __init__(
        self, logger: logging.Logger, every: float = EVERY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger, self._every, self._clock = logger, every, clock
        self._lock = threading.Lock()
        self._said_at: float | None = None
        self._failures = 0  # since the last line
        self._open = False  # a line was written, and none yet that it is over

    def warn(self, message: str, *args: object, exc_info: bool = False) -> None:
        with self._lock:
            self._failures += 1
            moment = self._clock()
            if self._said_at is not None and moment - self._said_at < self._every:
                return
            self._said_at, self._open = moment, True
            failures = self._take()
        self._say(logging.WARNING, message, args, failures if failures > 1 else 0, exc_info=exc_info)

    def count(self) -> None:
        """Once more, with nothing new to say about it."""
        with self._lock:
            self._failures += 1

    def over(self, message: str, *args: object) -> None:
        """All is well. Costs nothing where all was well before."""
        if self._open and (failures := self._close()) is not None:
            self._say(logging.INFO, message, args, failures)

    def _close(self) -> int | None:
        """The failures that no line has told of; None when another thread was faster."""
        with self._lock:
            if not self._open:
                return None
            self._open = False
            return self._take()

    def _take(self) -> int:
        failures, self._failures = self._failures, 0
        return failures

    def _say(self, level: int, message: str, args: tuple[object, ...], failures: int, **how: Any) -> None:
        if failures:
            message, args = message + " (%d failures since the last line)", (*args, failures)
        self._logger.log(level, message, *args, stacklevel=3, **how)
