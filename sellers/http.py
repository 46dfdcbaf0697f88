"""The one HTTP client of the product: every call to a seller passes here and nowhere else.

What it guarantees to the dialects: the destination was checked and is pinned; no redirect and no proxy is followed;
a call ends within its total deadline whatever the other side drips; a body is bounded; an ill or a busy seller is left
alone (`sellers.gate`); reads are repeated where that helps, writes never once a byte may have left; a failure says
whether the seller can have seen the request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Self, TypeVar

import httpx
from django.conf import settings

from flows.ids import jitter
from sellers import watch, wire
from sellers.body import BodyRefused, read_bounded
from sellers.calls import PROBED, Call, CallFailed, Reply
from sellers.dialects.base import Connection
from sellers.exchange import ExchangeRecord, Scrubber, digest
from sellers.gate import Gate
from sellers.guard import Target, UnsafeUrl, check_url
from sellers.transport import make_client, named

__all__ = ["CallFailed", "Reply", "SellerHttp"]

T = TypeVar("T")

RETRIES = 2
FIRST_PAUSE_SECONDS = 0.15
OWN_SHARE = 0.95  # we stop before our caller's deadline does, so that what was heard so far is handed over
BUSY_STATUSES = frozenset({429, 502, 503, 504})
WAIT_STATUSES = frozenset({429, 503})  # whose Retry-After holds for every call to this seller
ILL_CODES = frozenset({"connect", "protocol", "reset", "transport"})
REFUSED_BODIES = frozenset({"too_large", "bad_encoding"})  # an answer all the same
NOT_MADE = frozenset({501, 505})  # of all 5xx, these say that the seller is well and lacks what we asked for


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
        self._gate = Gate(connection, self._call_seconds)
        # So that one conversation with a hundred questions does not fill the queue that all conversations share.
        self._turns = asyncio.Semaphore(self._gate.limit)
        self._checking = asyncio.Lock()
        self._target: Target | None = None
        self._ahead: list[asyncio.Task[Any]] = []
        self._clients: dict[bool, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._ahead:
            task.cancel()
        await asyncio.gather(*self._ahead, return_exceptions=True)
        for client in self._clients.values():
            await client.aclose()

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
        return await self._judged(method, path, body, repeatable=True)

    async def write(self, method: str, path: str, body: Any = None) -> Reply:
        """A call that may commit something: repeated only while it is certain that nothing was sent."""
        return await self._judged(method, path, body, repeatable=False)

    async def _judged(self, method: str, path: str, body: Any, *, repeatable: bool) -> Reply:
        """The call, and what it tells about the health of the seller."""
        call = Call(method, path, b"" if body is None else wire.dumps(body).encode(), repeatable)
        self._gate.begins()
        try:
            reply = await self._within_deadline(call)
        except CallFailed as failed:
            self._judge_failure(call, failed)
            raise
        except BaseException:
            self._gate.abandoned(call)
            raise
        if reply.status >= 500 and reply.status not in NOT_MADE:
            self._gate.failed(call, f"http_{reply.status}")
        else:
            self._gate.succeeded(call)
        return reply

    def _judge_failure(self, call: Call, failed: CallFailed) -> None:
        # A deadline that was nearly over when the call came to its turn says nothing about the seller.
        had_time = call.troubled or call.elapsed_ms >= self._call_seconds * 500
        if failed.code in ILL_CODES or (failed.code == "deadline" and had_time):
            self._gate.failed(call, failed.code)
        elif failed.code in REFUSED_BODIES:
            self._gate.succeeded(call)
        else:
            self._gate.abandoned(call)

    async def _within_deadline(self, call: Call) -> Reply:
        seconds = min(self._call_seconds, self.remaining_seconds)
        until = time.monotonic() + seconds
        try:
            async with asyncio.timeout(seconds):
                call.queued = self._turns.locked()
                async with self._turns:
                    call.queued = False
                    return await self._repeated(call, until)
        except asyncio.CancelledError:
            self._record(call, error="cancelled")  # whoever waited gave up; what was sent is still told
            raise
        except TimeoutError as late:
            failed = self._too_late(call)
            self._record(call, error=failed.code)
            raise failed from late

    def _too_late(self, call: Call) -> CallFailed:
        if call.queued:
            sentence = (
                f"All {self._gate.limit} calls that we allow ourselves to this seller at once were in use."
            )
            return CallFailed("busy_here", sentence, sent=False)
        sentence = f"The seller did not answer within {self._call_seconds:g} seconds."
        return CallFailed("deadline", sentence, sent=call.sent)

    async def _repeated(self, call: Call, until: float) -> Reply:
        before: Reply | CallFailed | None = None
        for attempt in range(RETRIES + 1):
            pause = jitter(FIRST_PAUSE_SECONDS * 2**attempt)
            last = attempt == RETRIES
            call.begin_attempt()
            try:
                await self._gate.admit(call, until)
            except CallFailed as refused:
                return self._as_before(call, before, refused)
            try:
                async with self._gate.slot(call, until):
                    call.begin_attempt()
                    reply = await self._once(call)
            except CallFailed as failed:
                self._record(call, error=failed.code)
                if last or not failed.retryable or (failed.sent and not call.repeatable):
                    raise
                if time.monotonic() + pause >= until or not self._gate.may_retry(call):
                    raise
                before = failed
            else:
                before = reply
                pause = max(pause, self._wish(reply))
                if last or not call.repeatable or reply.status not in BUSY_STATUSES:
                    return reply
                if time.monotonic() + pause >= until or not self._gate.may_retry(call):
                    return reply
            call.troubled = True
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _as_before(self, call: Call, before: Reply | CallFailed | None, refused: CallFailed) -> Reply:
        """Not admitted: a retry that may not go out leaves what the attempt before it brought."""
        if isinstance(before, Reply):
            return before
        if before is None:
            self._record(call, error=refused.code)
        raise before or refused

    def _wish(self, reply: Reply) -> float:
        """Seconds for which the seller asked to be left alone, told to every other call as well."""
        if reply.status not in BUSY_STATUSES or reply.retry_after is None:
            return 0.0
        if reply.status in WAIT_STATUSES:
            self._gate.asked_to_wait(reply.retry_after)
        return reply.retry_after

    async def _once(self, call: Call) -> Reply:
        target = await self._checked_target()
        for address in target.addresses:
            try:
                return await self._exchange(call, target, address)
            except (httpx.ConnectError, httpx.ConnectTimeout) as refused:
                failure: Exception = refused  # before a byte left: the host's next address may answer
            except httpx.TransportError as broken:
                code, sentence = named(broken)
                raise CallFailed(code, sentence, sent=call.sent) from broken
        raise CallFailed("connect", "The seller cannot be reached.", sent=False) from failure

    async def _exchange(self, call: Call, target: Target, address: str) -> Reply:
        host = f"[{address}]" if ":" in address else address
        headers = {
            "host": target.host_header,
            "accept": "application/json",
            "accept-encoding": "gzip",
        } | self.headers
        if call.body:
            headers["content-type"] = "application/json"
        client = self._client(repeatable=call.repeatable)
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

    def _client(self, *, repeatable: bool) -> httpx.AsyncClient:
        """A reused connection that the seller just closed makes a write ambiguous; a fresh one does not."""
        if repeatable not in self._clients:
            self._clients[repeatable] = make_client(keepalive=self._gate.limit if repeatable else 0)
        return self._clients[repeatable]

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
        call: Call,
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
            notes=(*(reply.notes if reply else ()), *((PROBED,) if call.probe else ())),
        )
        self.exchanges.append(record)
        watch.call_ended.send_robust(sender=SellerHttp, seller=self._slug, record=record)
        if self._recorder is not None:
            self._recorder(record)
