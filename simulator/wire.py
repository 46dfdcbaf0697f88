"""The outermost layer of a seller: journals each request, acts out faults, then lets the answer go."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator import connection
from simulator.faults import Fault
from simulator.journal import current_request
from simulator.mutation import mutated
from simulator.seller import Seller, SellerCrashed, inside_faults
from simulator.wire_json import encode

CONTROL_PREFIX = "/_sim/"
_BODY_KEPT = 8_192
_INSIDE = ("crash", "price")


_log = logging.getLogger("simulator")


class ConnectionCut(Exception):
    """A fault ends this connection with a reset."""


@dataclass
class Reply:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def with_json(self, body: bytes) -> Reply:
        kept = [(k, v) for k, v in self.headers if k not in (b"content-length", b"content-type")]
        kept += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        return Reply(self.status, kept, body)


class Wire:
    def __init__(self, app: ASGIApp, seller: Seller, control_port: ASGIApp | None = None) -> None:
        self.app = app
        self.seller = seller
        self.control_port = control_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"unsupported scope {scope['type']}")
        body = await _read_body(receive)
        if self.control_port and scope["path"].startswith(CONTROL_PREFIX):
            await _send(send, await self._answer(self.control_port, scope, body))
            return
        seq = self._journal_request(scope, body)
        token = current_request.set(seq)
        try:
            await self._serve(scope, receive, send, body)
        finally:
            current_request.reset(token)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
        faults = self._take_faults(scope)
        if self.seller.options.rtt:
            await asyncio.sleep(self.seller.options.rtt)
        try:
            reply = await _suffer([f for f in faults if f.when == "before"], scope, receive)
            reply = reply or await self._answer_with(faults, scope, body)
            reply = await _suffer([f for f in faults if f.when == "after"], scope, receive) or reply
            await _deliver(_spoil(reply, faults), faults, scope, send)
            if reply.status == 500:  # observed: the reference seller drops the connection after any 500
                await connection.close(scope)
        except (ConnectionCut, SellerCrashed):
            await connection.reset(scope)

    async def _answer_with(self, faults: list[Fault], scope: Scope, body: bytes) -> Reply:
        token = inside_faults.set(tuple(fault for fault in faults if fault.kind in _INSIDE))
        try:
            return await self._answer(self.app, scope, body)
        finally:
            inside_faults.reset(token)

    async def _answer(self, app: ASGIApp, scope: Scope, body: bytes) -> Reply:
        """Runs the seller to the end, so that its effects are committed before a byte leaves."""
        reply = Reply(500, [], b"")

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply.status, reply.headers = message["status"], list(message["headers"])
            else:
                reply.body += message.get("body", b"")

        try:
            await app(scope, receive, collect)
        except SellerCrashed:
            raise
        except Exception:
            _log.exception("the simulated seller failed on %s %s", scope["method"], scope["path"])
        reply.headers.append((b"date", self.seller.clock.http_date().encode()))
        return reply

    def _take_faults(self, scope: Scope) -> list[Fault]:
        faults = self.seller.faults.take(scope["method"], _target(scope))
        for fault in faults:
            self.seller.journal.append("fault", fault.kind, {"id": fault.id, "when": fault.when})
        return faults

    def _journal_request(self, scope: Scope, body: bytes) -> int:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        data = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "key": any(name in headers for name in ("x-api-key", "authorization", "accesstoken")),
            "content_type": headers.get("content-type", ""),
            "idempotency_key": _idempotency_key(body),
            "digest": hashlib.sha256(body).hexdigest(),
            "body": body[:_BODY_KEPT].decode("utf-8", "replace"),
        }
        return self.seller.journal.append("request", scope["method"], data)


async def _suffer(faults: list[Fault], scope: Scope, receive: Receive) -> Reply | None:
    """Acts out the faults of one side of the commit. Answers a reply that replaces the seller's own."""
    for fault in faults:
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "hang":
            await _hang(fault.seconds, receive)
            raise ConnectionCut
        elif fault.kind == "cut" and (fault.when == "before" or fault.at is None):
            raise ConnectionCut
        elif fault.kind == "status":
            return _scripted(fault)
    return None


def _target(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _idempotency_key(body: bytes) -> str:
    try:
        parsed = json.loads(body)
    except ValueError:
        return ""
    return str(parsed.get("idempotency_key", "")) if isinstance(parsed, dict) else ""


def _scripted(fault: Fault) -> Reply:
    is_text = isinstance(fault.body, str)
    body = fault.body.encode() if is_text else encode(fault.body)
    content_type = "text/plain; charset=utf-8" if is_text else "application/json"
    headers = {"content-type": content_type, "content-length": str(len(body)), **fault.headers}
    return Reply(fault.status, [(k.lower().encode(), v.encode()) for k, v in headers.items()], body)


def _spoil(reply: Reply, faults: list[Fault]) -> Reply:
    for fault in faults:
        if fault.kind == "bad_json":
            half = reply.body[: len(reply.body) // 2]
            reply = reply.with_json(fault.text.encode() if fault.text else half + b"\x00{")
        elif fault.kind == "mutate" and reply.status < 300:
            reply = reply.with_json(encode(mutated(json.loads(reply.body), fault)))
    return reply


async def _deliver(reply: Reply, faults: list[Fault], scope: Scope, send: Send) -> None:
    cut = next((f for f in faults if f.kind == "cut"), None)
    drip = next((f for f in faults if f.kind == "drip"), None)
    if cut and cut.at is not None:
        part = reply.body[: cut.at] if cut.at else b""
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await connection.close(scope)
    elif drip:
        await _drip(reply, drip.rate, send)
    else:
        await _send(send, reply)


async def _send(send: Send, reply: Reply) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _drip(reply: Reply, rate: float, send: Send) -> None:
    """`rate` body bytes per second, in ten steps a second (or one byte at a time, if slower)."""
    size = max(1, int(rate / 10))
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    for start in range(0, len(reply.body), size):
        await send(
            {"type": "http.response.body", "body": reply.body[start : start + size], "more_body": True}
        )
        await asyncio.sleep(size / rate)
    await send({"type": "http.response.body", "body": b""})


async def _hang(seconds: float, receive: Receive) -> None:
    """Holds the request until the client leaves, or for `seconds` if not zero."""
    try:
        async with asyncio.timeout(seconds or None):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)
