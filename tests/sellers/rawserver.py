"""A TCP server that answers with exact bytes, for what no HTTP library would send."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Script = Callable[["RawServer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[RawServer]:
    """Runs `script` once per connection, after the head and body of its first request were read."""
    state = RawServer()
    open_writers: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        open_writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            state.requests.append(await read_request(reader))
            await script(state, reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for writer in open_writers:
            writer.transport.abort()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another task or thread; the test's own time limit ends a vain wait."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def says(*answers: bytes) -> Script:
    """The n-th connection gets the n-th answer; the last one is repeated. The connection is closed after it."""

    async def script(state: RawServer, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[min(state.connections, len(answers)) - 1])
        await writer.drain()

    return script


async def hangs(_: RawServer, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await reader.read()


async def resets(_: RawServer, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def drips(_: RawServer, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One byte at a time: no single read ever waits long."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def floods(_: RawServer, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """100 MB, as long as somebody reads."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n")
    for _number in range(1600):
        writer.write(b" " * 65536)
        await writer.drain()


def bomb(megabytes: int, encoding: str = "gzip") -> bytes:
    body = b" " * (megabytes * 1024 * 1024)
    small = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    return answer(small, "200 OK", f"content-encoding: {encoding}")
