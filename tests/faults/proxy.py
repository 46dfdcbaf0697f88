"""A TCP proxy in front of one seller that does wrong on purpose, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import struct
import threading
from dataclasses import dataclass, field

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() sends RST
_HEAD_END = b"\r\n\r\n"


@dataclass
class Cut:
    """The answer of a matching request is read to its end (so the seller has committed), then only `body_bytes` of its
    body are passed on and the connection is reset. -1: all but one byte; 0.5: half of them; None: not even the head."""

    method: str
    contains: str
    body_bytes: float | None
    left: int = 1
    fired: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def takes(self, request: bytes) -> bool:
        """Each request once: its repetition, byte by byte the same, is answered in full."""
        method, _, target = request.split(b"\r\n")[0].decode().partition(" ")
        if self.left <= 0 or method != self.method or self.contains not in target:
            return False
        what = hashlib.sha256(method.encode() + target.encode() + request.partition(_HEAD_END)[2]).digest()
        if what in self._seen:
            return False
        self._seen.add(what)
        self.left -= 1
        self.fired += 1
        return True

    def kept(self, body: bytes) -> bytes:
        if self.body_bytes is None:
            return b""
        if self.body_bytes == 0.5:
            return body[: len(body) // 2]
        return body[: int(self.body_bytes)]


class Proxy:
    """Listens on a free port. `mode`: pass, refuse (reset at once), blackhole (accept, then silence), drip."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.mode = "pass"
        self.delay = 0.0
        self.cuts: list[Cut] = []
        self.refused = self.swallowed = self.dripped = 0
        self._loop = asyncio.new_event_loop()
        self._live: set[asyncio.StreamWriter] = set()
        threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True).start()
        self._server = self._call(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def reset_all(self) -> int:
        """Cuts every connection that is open now; returns how many."""

        async def cut() -> int:
            open_now = list(self._live)
            for writer in open_now:
                _reset(writer)
            return len(open_now)

        return int(self._call(cut()))

    def _call(self, coroutine):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "refuse":
            self.refused += 1
            _reset(writer)
            return
        if self.mode == "blackhole":
            self.swallowed += 1
            with contextlib.suppress(ConnectionError, OSError):
                await reader.read()
            writer.close()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        except OSError:
            _reset(writer)
            return
        self._live |= {writer, up_writer}
        try:
            await self._serve(reader, writer, up_reader, up_writer)
        except (ConnectionError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._live -= {writer, up_writer}
            for one in (writer, up_writer):
                with contextlib.suppress(Exception):
                    one.close()

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        """Request by request, as HTTP/1.1 without pipelining allows."""
        while True:
            head = await _message_head(reader)
            if not head:
                return
            request = head + await _body(reader, head)
            cut = next((one for one in self.cuts if one.takes(request)), None)
            up_writer.write(request)
            await up_writer.drain()
            answer_head = await _message_head(up_reader)
            if not answer_head:
                _reset(writer)
                return
            body = await _body(up_reader, answer_head)
            if self.delay:
                await asyncio.sleep(self.delay)
            if cut is not None:
                if cut.body_bytes is not None:
                    writer.write(answer_head + cut.kept(body))
                    await writer.drain()
                    await asyncio.sleep(0.02)  # a reset overtakes bytes that the other side has not read yet
                _reset(writer)
                return
            await self._answer(writer, answer_head + body)

    async def _answer(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        if self.mode != "drip":
            writer.write(answer)
            await writer.drain()
            return
        self.dripped += 1
        for position in range(len(answer)):
            writer.write(answer[position : position + 1])
            await writer.drain()
            await asyncio.sleep(0.1)


async def _message_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(_HEAD_END)
    except asyncio.IncompleteReadError:
        return b""


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    lines = head.lower().split(b"\r\n")
    length = next((line.split(b":")[1] for line in lines if line.startswith(b"content-length:")), None)
    if length is not None:
        return await reader.readexactly(int(length))
    if b"transfer-encoding: chunked" in lines:
        whole = b""
        while True:
            size = await reader.readuntil(b"\r\n")
            whole += size + await reader.readexactly(int(size.split(b";")[0], 16) + 2)
            if int(size.split(b";")[0], 16) == 0:
                return whole
    return b""


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(Exception):
        sock = writer.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
