"""A thousand pages that watch one campaign, in a process of their own: what each has heard, and when.

A page greets with what it knows, hears `{"seq": n}`, and takes the rest from the database. So do these; `catch_up` asks
for the events themselves, as a page asks for its parts. Instants are of CLOCK_MONOTONIC, the same in every process.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import websockets

CONNECTING_AT_ONCE = 40


@dataclass(frozen=True)
class Heard:
    """How many pages know at least the asked position, and when the last of these came to know it."""

    pages: int
    last_at: float


class Dashboards:
    """The parent's side: start them, ask them."""

    def __init__(self, url: str, headers: dict[str, str], count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_live, args=(url, headers, count, theirs), daemon=True)
        self._process.start()
        self.count = count

    def wait_until_open(self, seconds: float = 120.0) -> float:
        """Seconds that opening all of them took. RuntimeError when they do not all open."""
        if not self._pipe.poll(seconds):
            raise RuntimeError("the pages did not all connect")
        found = self._pipe.recv()
        if isinstance(found, str):
            raise RuntimeError(found)
        return float(found)

    def heard(self, position: int) -> Heard:
        self._pipe.send(position)
        return self._pipe.recv()  # type: ignore[no-any-return]

    def wait_for(self, position: int, seconds: float) -> Heard:
        """Until all know it, or the time is over."""
        until = time.monotonic() + seconds
        while True:
            found = self.heard(position)
            if found.pages == self.count or time.monotonic() > until:
                return found
            time.sleep(0.05)

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join(timeout=20)
        if self._process.is_alive():
            self._process.kill()


class _Page:
    def __init__(self) -> None:
        self.known: list[tuple[int, float]] = []

    async def follow(self, socket: Any) -> None:
        with suppress(websockets.ConnectionClosed):
            async for text in socket:
                position = json.loads(text).get("seq")
                if position is not None and (not self.known or position > self.known[-1][0]):
                    self.known.append((position, time.monotonic()))

    def knew(self, position: int) -> float | None:
        return next((at for known, at in self.known if known >= position), None)


def _live(url: str, headers: dict[str, str], count: int, pipe: Connection) -> None:
    asyncio.run(_watch(url, headers, count, pipe))


async def _watch(url: str, headers: dict[str, str], count: int, pipe: Connection) -> None:
    pages = [_Page() for _ in range(count)]
    gate, started = asyncio.Semaphore(CONNECTING_AT_ONCE), time.monotonic()

    async def connect(page: _Page) -> Any:
        async with gate:
            socket = await websockets.connect(
                url, additional_headers=headers, ping_interval=None, open_timeout=60
            )
            return socket, asyncio.create_task(page.follow(socket))

    try:
        opened = await asyncio.gather(*(connect(page) for page in pages))
    except Exception as error:
        pipe.send(f"a page did not connect: {error!r}")
        return
    pipe.send(time.monotonic() - started)
    asked: asyncio.Queue[int | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_listen, args=(pipe, loop, asked), daemon=True).start()
    while (position := await asked.get()) is not None:
        knew = [at for page in pages if (at := page.knew(position)) is not None]
        pipe.send(Heard(len(knew), max(knew, default=0.0)))
    for _, task in opened:
        task.cancel()


def _listen(pipe: Connection, loop: asyncio.AbstractEventLoop, asked: asyncio.Queue[int | None]) -> None:
    while True:
        position = pipe.recv()
        loop.call_soon_threadsafe(asked.put_nowait, position)
        if position is None:
            return
