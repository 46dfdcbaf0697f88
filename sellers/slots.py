"""How many calls of this process run at one seller at once, whatever thread and event loop they come from."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass


@dataclass(eq=False)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    turn: asyncio.Future[None]
    granted: bool = False


class Slots:
    """First come, first served. Every step has an event loop of its own, so an `asyncio.Semaphore` cannot be shared."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        self._waiting: deque[_Waiter] = deque()

    @property
    def used(self) -> int:
        return self._used

    def take_now(self, limit: int) -> bool:
        """A slot without waiting; False when all are used or somebody waits already."""
        with self._lock:
            if self._waiting or self._used >= limit:
                return False
            self._used += 1
            return True

    async def take(self, limit: int) -> None:
        """Wait for a slot. Cancelled while waiting, it holds none."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop, loop.create_future())
        with self._lock:
            self._waiting.append(waiter)
        self._serve(limit)
        try:
            await waiter.turn
        except BaseException:
            self._withdraw(waiter, limit)
            raise

    def give_back(self, limit: int) -> None:
        with self._lock:
            self._used -= 1
        self._serve(limit)

    def _withdraw(self, waiter: _Waiter, limit: int) -> None:
        with self._lock:
            if not waiter.granted:
                self._waiting.remove(waiter)
                return
            self._used -= 1
        self._serve(limit)

    def _serve(self, limit: int) -> None:
        with self._lock:
            while self._waiting and self._used < limit:
                waiter = self._waiting.popleft()
                try:
                    waiter.loop.call_soon_threadsafe(_wake, waiter.turn)
                except RuntimeError:  # its loop is closed: nobody waits there any more
                    waiter.granted = True
                    continue
                waiter.granted = True
                self._used += 1


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
