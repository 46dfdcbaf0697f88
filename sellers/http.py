"""The one HTTP client of the product: every call to a seller passes here and nowhere else.

What it guarantees to the dialects: the destination was checked and is pinned; no redirect and no proxy is followed;
a call ends within its total deadline whatever the other side drips; a body is bounded; reads are repeated where that
helps, writes never once a byte may have left; a failure says whether the seller can have seen the request.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import httpx
from django.conf import settings

from flows.clock import now
from flows.ids import jitter
from sellers import watch, wire
from sellers.body import BodyRefused, read_bounded
from sellers.dialects.base import Connection, SellerError
from sellers.exchange import ExchangeRecord, Scrubber, digest
from sellers.guard import Target, UnsafeUrl, check_url

T = TypeVar("T")

CONCURRENT_CALLS = 10
CONNECT_SECONDS = 4.0  # per address, so that one dead address of a host leaves time for the next
RETRIES = 2
FIRST_PAUSE_SECONDS = 0.15
OWN_SHARE = 0.95  # we stop before our caller's deadline does, so that what was heard so far is handed over
BUSY_STATUSES = frozenset({429, 502, 503, 504})


class CallFailed(SellerError):
    """No complete answer was read. `sent` False proves that the seller saw nothing of the request."""

    def __init__(self, code: str, message: str, *, sent: bool, retryable: bool = True) -> None:
        super().__init__(code, message, retryable=retryable)
        self.sent = sent


@dataclass(frozen=True)
class Reply:
    """A complete answer of any status. `data` is None and `problem` says why when the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    data: Any = None
    text: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Seconds that the seller asks us to wait; the date form of the header is not read (nobody sends it here)."""
        value = self.headers.get("retry-after", "")
        return float(value) if value.isdecimal() and len(value) <= 6 else None


@dataclass
class _Call:
    """One attempt on the wire, as far as it came."""

    method: str
    path: str
    body: bytes
    started: float = field(default_factory=time.perf_counter)
    at: Any = field(default_factory=now)
    sent: bool = False

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self.sent = True

    @property
    def elapsed_ms(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 1)


class SellerHttp:
    """Calls to one seller, inside `async with`. `exchanges` collects a record of every attempt.

    `headers` (who we are) is set by the dialect. `total_seconds` bounds the whole session: calls after it fail at once.
    """

    def __init__(
        self,
        connection: Connection,
        recorder: Callable[[ExchangeRecord], None] | None = None,
        *,
        call_seconds: float | None = None,
        total_seconds: float | None = None,
        concurrent: int = CONCURRENT_CALLS,
    ) -> None:
        self.exchanges: list[ExchangeRecord] = []
        self.headers: dict[str, str] = {}
        self._base_url = connection.base_url
        self._slug = connection.slug
        self._scrubber = Scrubber(connection.api_key)
        self._recorder = recorder
        self._call_seconds = call_seconds or settings.FLIGHTDECK_CALL_DEADLINE_SECONDS
        total = total_seconds or settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS * OWN_SHARE
        self._ends_at = time.monotonic() + total
        self._slots = asyncio.Semaphore(concurrent)
        self._checking = asyncio.Lock()
        self._target: Target | None = None
        self._ahead: list[asyncio.Task[Any]] = []
        self._reader = _client(keepalive=concurrent)
        # A reused connection that the seller just closed makes a write ambiguous; a fresh one does not.
        self._writer = _client(keepalive=0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._ahead:
            task.cancel()
        await asyncio.gather(*self._ahead, return_exceptions=True)
        await self._reader.aclose()
        await self._writer.aclose()

    @property
    def remaining_seconds(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())

    def ahead(self, question: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Ask something side by side with what is asked next. It ends with the session, whoever waits for it or not."""
        task = asyncio.create_task(question)
        self._ahead.append(task)
        return task

    async def read(self, method: str, path: str, body: Any = None) -> Reply:
        """A call that may be repeated: retried on connection errors and on a busy seller, within one deadline."""
        return await self._within_deadline(self._reader, method, path, body, repeatable=True)

    async def write(self, method: str, path: str, body: Any = None) -> Reply:
        """A call that may commit something: repeated only while it is certain that nothing was sent."""
        return await self._within_deadline(self._writer, method, path, body, repeatable=False)

    async def _within_deadline(
        self, client: httpx.AsyncClient, method: str, path: str, body: Any, *, repeatable: bool
    ) -> Reply:
        call = _Call(method, path, b"" if body is None else wire.dumps(body).encode())
        seconds = min(self._call_seconds, self.remaining_seconds)
        try:
            async with asyncio.timeout(seconds), self._slots:
                return await self._repeated(client, call, repeatable=repeatable, seconds=seconds)
        except asyncio.CancelledError:
            self._record(call, error="cancelled")  # whoever waited gave up; what was sent is still told
            raise
        except TimeoutError as late:
            self._record(call, error="deadline")
            raise CallFailed(
                "deadline",
                f"The seller did not answer within {self._call_seconds:g} seconds.",
                sent=call.sent,
            ) from late

    async def _repeated(
        self, client: httpx.AsyncClient, call: _Call, *, repeatable: bool, seconds: float
    ) -> Reply:
        until = time.monotonic() + seconds
        for attempt in range(RETRIES + 1):
            pause = jitter(FIRST_PAUSE_SECONDS * 2**attempt)
            last = attempt == RETRIES
            call.sent, call.started, call.at = False, time.perf_counter(), now()
            try:
                reply = await self._once(client, call)
            except CallFailed as failed:
                self._record(call, error=failed.code)
                if last or not failed.retryable or (failed.sent and not repeatable):
                    raise
            else:
                if last or not repeatable or reply.status not in BUSY_STATUSES:
                    return reply
                pause = max(pause, reply.retry_after or 0.0)
                if time.monotonic() + pause >= until:
                    return reply
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, client: httpx.AsyncClient, call: _Call) -> Reply:
        target = await self._checked_target()
        for address in target.addresses:
            try:
                return await self._exchange(client, call, target, address)
            except (httpx.ConnectError, httpx.ConnectTimeout) as refused:
                failure: Exception = refused  # before a byte left: the host's next address may answer
            except httpx.TransportError as broken:
                code, sentence = _named(broken)
                raise CallFailed(code, sentence, sent=call.sent) from broken
        raise CallFailed("connect", "The seller cannot be reached.", sent=False) from failure

    async def _exchange(self, client: httpx.AsyncClient, call: _Call, target: Target, address: str) -> Reply:
        host = f"[{address}]" if ":" in address else address
        headers = {
            "host": target.host_header,
            "accept": "application/json",
            "accept-encoding": "gzip",
        } | self.headers
        if call.body:
            headers["content-type"] = "application/json"
        request = client.build_request(
            call.method,
            f"{target.scheme}://{host}:{target.port}{target.path}{call.path}",
            content=call.body or None,
            headers=headers,
            extensions={"sni_hostname": target.host, "trace": call.trace},
        )
        response = await client.send(request, stream=True)
        try:
            raw = await read_bounded(response)
        except BodyRefused as refused:
            raise CallFailed(refused.code, refused.message, sent=True, retryable=False) from refused
        finally:
            await response.aclose()
        reply = self._reply(response, raw)
        self._record(call, reply=reply, request_headers=headers)
        return reply

    def _reply(self, response: httpx.Response, raw: bytes) -> Reply:
        headers = {name.lower(): self._scrubber.text(value) for name, value in response.headers.items()}
        text = self._scrubber.text(raw.decode("utf-8", "replace"))
        try:
            data, repeated = wire.loads(text)
        except wire.NotJson as wrong:
            return Reply(response.status_code, headers, text=text, problem=str(wrong))
        notes = ("an object names a key twice",) if repeated else ()
        return Reply(response.status_code, headers, data, text, notes=notes)

    async def _checked_target(self) -> Target:
        async with self._checking:
            if self._target is None:
                try:
                    self._target = await asyncio.to_thread(check_url, self._base_url)
                except UnsafeUrl as unsafe:
                    raise CallFailed(unsafe.code, unsafe.message, sent=False, retryable=False) from None
        return self._target

    def _record(
        self,
        call: _Call,
        *,
        reply: Reply | None = None,
        error: str = "",
        request_headers: Mapping[str, str] | None = None,
    ) -> None:
        record = ExchangeRecord(
            method=call.method,
            path=self._scrubber.text(call.path)[:500],
            request_headers=self._scrubber.headers(request_headers or self.headers),
            request_body=self._scrubber.kept(call.body.decode()),
            request_digest=digest(call.method, call.path, call.body),
            at=call.at,
            elapsed_ms=call.elapsed_ms,
            status=reply.status if reply else None,
            response_headers=self._scrubber.headers(reply.headers) if reply else {},
            response_body=self._scrubber.kept(reply.text) if reply else "",
            error=error or (reply.problem if reply and reply.ok else ""),
            sent=call.sent,
            notes=reply.notes if reply else (),
        )
        self.exchanges.append(record)
        watch.call_ended.send_robust(sender=SellerHttp, seller=self._slug, record=record)
        if self._recorder is not None:
            self._recorder(record)


@functools.cache
def _trusted_roots() -> ssl.SSLContext:
    """One for the process: reading the roots takes 47 ms, more than a whole call on loopback."""
    return httpx.create_ssl_context(trust_env=False)


def _client(*, keepalive: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        http1=True,
        http2=False,
        verify=_trusted_roots(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(
            None, connect=CONNECT_SECONDS
        ),  # the rest is bounded by the deadline of the call
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=keepalive, keepalive_expiry=15),
        headers={"user-agent": "Flightdeck"},
    )


def _named(broken: httpx.TransportError) -> tuple[str, str]:
    """A stable code and a sentence; the library's own text may quote the seller's bytes."""
    if isinstance(broken, httpx.RemoteProtocolError):
        return "protocol", "The seller broke off, or did not speak HTTP."
    if isinstance(broken, httpx.ReadError | httpx.WriteError | httpx.CloseError):
        return "reset", "The seller closed the connection in the middle of the call."
    return "transport", "The call to the seller failed."
