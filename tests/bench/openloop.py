"""HTTP load from one asyncio loop, without coordinated omission.

In an open loop each request has its instant on a schedule; its latency runs from that instant, not from the moment at
which the driver got round to sending it. How late the driver itself was is reported beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.bench.rows import percentile

PATIENCE = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


@dataclass(frozen=True)
class Shot:
    """One request of an open loop; seconds. `latency` from the scheduled instant, `lateness` of the driver."""

    latency: float
    lateness: float
    status: int


class Line:
    """One kept-alive connection to a server on loopback. A connection that the server closed is opened again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(
        self, method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        """Send one request and read its whole answer. OSError or EOFError when the connection breaks."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers)
        if body or method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        reader, writer = await self._connected()
        try:
            writer.write(head.encode() + b"\r\n" + body)
            return await asyncio.wait_for(self._read(reader), PATIENCE)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self._reader, self._writer

    async def _read(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if fields.get("transfer-encoding") == "chunked":
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(fields.get("content-length", "0")))
        if fields.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(first.split()[1]), body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readline()
    return body


class Lines:
    """Kept-alive connections, as many as are needed at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Line] = []

    async def ask(
        self, method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        line = self._free.pop() if self._free else Line(self._port)
        answer = await line.ask(method, path, headers, body)
        self._free.append(line)
        return answer

    def close(self) -> None:
        for line in self._free:
            line.close()


async def at_rate(per_second: float, seconds: float, ask: Callable[[int], Awaitable[Answer]]) -> list[Shot]:
    """`ask(0)`, `ask(1)`, ... one every 1 / `per_second` seconds, whether or not earlier ones have been answered."""
    return await on_schedule([number / per_second for number in range(round(per_second * seconds))], ask)


async def on_schedule(instants: Sequence[float], ask: Callable[[int], Awaitable[Answer]]) -> list[Shot]:
    """`ask(n)` at `instants[n]` (seconds from the start); several may share an instant."""
    start = time.perf_counter() + 0.1
    shots = [
        asyncio.create_task(_shoot(start + instant, number, ask)) for number, instant in enumerate(instants)
    ]
    return list(await asyncio.gather(*shots))


async def _shoot(due: float, number: int, ask: Callable[[int], Awaitable[Answer]]) -> Shot:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    lateness = time.perf_counter() - due
    try:
        status = (await ask(number)).status
    except (OSError, EOFError, TimeoutError):
        status = 0
    return Shot(time.perf_counter() - due, lateness, status)


def latency(shots: Sequence[Shot], share: float) -> float:
    return percentile([shot.latency for shot in shots], share)


def lateness_note(name: str, shots: Sequence[Shot]) -> str:
    """How late the driver itself was: its part of the measured latencies."""
    late = [shot.lateness for shot in shots]
    return (
        f"{name}: {len(shots)} requests; the driver itself was late by {percentile(late, 0.5) * 1000:.1f} ms "
        f"(median) and {percentile(late, 0.95) * 1000:.1f} ms (p95), which the latencies include."
    )
