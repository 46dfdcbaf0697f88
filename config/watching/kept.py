"""Answers that stay good for a while, for questions that anyone may cause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Asks at most every `seconds`, in one thread while the others wait. What `ask` raises is not kept."""

    def __init__(self, ask: Callable[[], T], seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._lock = threading.Lock()
        self._known: tuple[float, T] | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] >= self._seconds:
                answer = self._ask()
                self._known = (time.monotonic(), answer)
            return self._known[1]

    def forget(self) -> None:
        self._known = None
