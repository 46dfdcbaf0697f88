"""A server that counts how many calls are under way at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.sellers.rawserver import answer, serving


@dataclass
class Counted:
    url: str = ""
    running: int = 0
    most: int = 0
    served: int = 0


@contextmanager
def counting_server(seconds: float = 0.02) -> Iterator[Counted]:
    """Runs in a thread of its own; each call takes `seconds`."""
    counted, ready = Counted(), threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def script(_: Any, __: Any, writer: Any) -> None:
        counted.running += 1
        counted.most = max(counted.most, counted.running)
        await asyncio.sleep(seconds)
        # Before the answer: the caller may begin its next call as soon as it has read this one.
        counted.running -= 1
        counted.served += 1
        writer.write(answer(b'{"ok": true}'))
        await writer.drain()

    async def serve() -> None:
        async with serving(script) as server:
            counted.url = server.url
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield counted
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)
        loop.close()
