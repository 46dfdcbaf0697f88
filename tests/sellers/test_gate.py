"""An ill or a busy seller is left alone, and found again when it is back."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from sellers import gate
from sellers.circuit import FAILURES_TO_OPEN, LONGEST_PAUSE, Circuit
from sellers.dialects.base import Connection, LineIntent, Outcome
from sellers.dialects.registry import open_dialect
from sellers.http import CallFailed, SellerHttp
from simulator.testing import RunningSeller
from tests.sellers.rawserver import answer, hangs, resets, says, serving, until

Connect = Callable[..., Connection]
Clock = time_machine.Traveller
OK = answer(b'{"ok": true}')
BROKEN = {"reset", "protocol"}  # an aborted connection shows as either


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(dt.datetime.now(dt.UTC)) as clock:
        yield clock


def circuit_of(connection: Connection) -> Circuit:
    return gate.circuit_of(gate.key_of(connection.slug, connection.base_url))


async def fall_ill(http: SellerHttp) -> None:
    """As many failing calls as open the circuit, one after the other."""
    for number in range(FAILURES_TO_OPEN):
        with pytest.raises(CallFailed):
            await http.write("POST", f"/{number}")


async def refusal(http: SellerHttp, verb: str = "read") -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await getattr(http, verb)("POST", "/x")
    return failed.value


@pytest.mark.parametrize(
    "script", [resets, says(b""), says(b"HELLO\r\n\r\n")], ids=["reset", "cut", "no HTTP"]
)
async def test_a_run_of_failures_shuts_the_gate(connect: Connect, script: Any) -> None:
    async with serving(script) as server, SellerHttp(connect(server.url)) as http:
        await fall_ill(http)
        calls = server.connections
        read, write = await refusal(http), await refusal(http, "write")
    assert server.connections == calls
    assert (read.code, write.code) == ("circuit_open", "circuit_open")
    assert (read.sent, write.sent, read.retryable) == (False, False, True)
    assert "A seller has not answered properly since" in read.message
    assert "tried again at" in read.message
    assert [record.error for record in http.exchanges[-2:]] == ["circuit_open", "circuit_open"]


async def test_a_seller_that_cannot_be_reached_shuts_it(connect: Connect) -> None:
    async with serving(hangs) as server:
        gone = connect(server.url)
    async with SellerHttp(gone) as http:
        await fall_ill(http)
        assert (await refusal(http)).code == "circuit_open"


async def test_deadlines_shut_it(connect: Connect) -> None:
    async with serving(hangs) as server, SellerHttp(connect(server.url), call_seconds=0.3) as http:
        await asyncio.gather(*(http.read("GET", f"/{number}") for number in range(5)), return_exceptions=True)
        assert (await refusal(http)).code == "circuit_open"


@pytest.mark.parametrize("status", ["500 Broken", "502 Bad", "503 Busy", "504 Late"])
async def test_server_errors_shut_it(connect: Connect, status: str) -> None:
    async with serving(says(answer(b"{}", status))) as server, SellerHttp(connect(server.url)) as http:
        for _ in range(FAILURES_TO_OPEN):
            assert (await http.write("POST", "/x")).status >= 500
        assert (await refusal(http)).code == "circuit_open"


@pytest.mark.parametrize(
    "script",
    [
        says(answer(b"{}", "404 Gone")),
        says(answer(b"{}", "429 Slow")),
        says(answer(b"{}", "501 No")),
        says(answer(b"{oops")),
    ],
    ids=["404", "429", "501", "unreadable"],
)
async def test_answers_that_we_do_not_like_are_no_illness(connect: Connect, script: Any) -> None:
    async with serving(script) as server, SellerHttp(connect(server.url)) as http:
        for _ in range(FAILURES_TO_OPEN * 2):
            await http.write("POST", "/x")
    assert circuit_of(connect(server.url)).is_clean


async def test_a_call_without_time_says_nothing_about_the_seller(connect: Connect) -> None:
    async with serving(hangs) as server:
        async with SellerHttp(connect(server.url), total_seconds=0.01) as http:
            for _ in range(FAILURES_TO_OPEN * 2):
                assert (await refusal(http)).code == "deadline"
    assert circuit_of(connect(server.url)).is_clean


async def test_one_call_tries_again_and_its_answer_lets_all_others_through(
    connect: Connect, clock: Clock
) -> None:
    ill = True

    async def recovering(state: Any, reader: Any, writer: Any) -> None:
        if ill:
            return await resets(state, reader, writer)
        await asyncio.sleep(0.1)
        writer.write(OK)
        await writer.drain()

    async with serving(recovering) as server, SellerHttp(connect(server.url)) as http:
        await fall_ill(http)
        ill = False
        assert (await refusal(http)).code == "circuit_open"
        clock.shift(10)
        replies = await asyncio.gather(*(http.read("GET", f"/{number}") for number in range(5)))
    assert all(reply.ok for reply in replies)
    probes = [record for record in http.exchanges if "tried whether the seller is back" in record.notes]
    assert len(probes) == 1
    circuit = circuit_of(connect(server.url))
    assert circuit.is_clean
    assert circuit.spell is not None
    assert circuit.spell.ended is not None


async def test_a_probe_that_fails_keeps_it_shut_for_longer(connect: Connect, clock: Clock) -> None:
    async with serving(resets) as server, SellerHttp(connect(server.url)) as http:
        await fall_ill(http)
        for _ in range(3):
            clock.shift(LONGEST_PAUSE * 2)
            calls = server.connections
            assert (await refusal(http)).code in BROKEN
            assert server.connections == calls + 1  # no retry: one try is one call
            assert (await refusal(http)).code == "circuit_open"
    circuit = circuit_of(connect(server.url))
    assert circuit.rounds == 4


async def test_an_answer_that_we_refuse_to_read_is_an_answer(connect: Connect, clock: Clock) -> None:
    not_gzip = answer(b"not gzip", "200 OK", "content-encoding: gzip")
    async with serving(says(*[b""] * FAILURES_TO_OPEN, not_gzip)) as server:
        async with SellerHttp(connect(server.url)) as http:
            await fall_ill(http)
            clock.shift(10)
            assert (await refusal(http)).code == "bad_encoding"
    assert circuit_of(connect(server.url)).is_clean


async def test_a_probe_whose_caller_gave_up_is_followed_by_the_next(connect: Connect, clock: Clock) -> None:
    silent = False

    async def script(state: Any, reader: Any, writer: Any) -> None:
        await (hangs if silent else resets)(state, reader, writer)

    async with serving(script) as server, SellerHttp(connect(server.url)) as http:
        await fall_ill(http)
        clock.shift(10)
        silent = True
        calls = server.connections
        first = asyncio.create_task(http.read("GET", "/first"))
        await until(lambda: server.connections > calls)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        silent = False
        assert (await refusal(http)).code in BROKEN


async def test_while_one_tries_for_long_the_others_do_not_wait_for_ever(
    connect: Connect, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PROBE_PATIENCE", 0.2)
    silent = False

    async def script(state: Any, reader: Any, writer: Any) -> None:
        await (hangs if silent else resets)(state, reader, writer)

    async with serving(script) as server, SellerHttp(connect(server.url), call_seconds=30) as http:
        await fall_ill(http)
        clock.shift(10)
        silent, calls = True, server.connections
        http.ahead(http.read("GET", "/tries"))
        await until(lambda: server.connections > calls)
        failed = await refusal(http)
    assert failed.code == "circuit_open"
    assert "is being tried at this moment" in failed.message


# --- what the seller asks for --------------------------------------------------------------------------------------


async def test_a_sellers_wish_holds_for_every_call(connect: Connect) -> None:
    busy = answer(b"{}", "503 Busy", "retry-after: 100")
    async with serving(says(busy)) as server:
        async with SellerHttp(connect(server.url)) as http:
            assert (await http.write("POST", "/x")).status == 503
        async with SellerHttp(connect(server.url)) as other:
            read, write = await refusal(other), await refusal(other, "write")
    assert server.connections == 1
    assert (read.code, write.code, write.sent) == ("seller_busy", "seller_busy", False)
    assert write.retry_after is not None
    assert 90 < write.retry_after <= 100


async def test_a_short_wish_is_waited_for(connect: Connect) -> None:
    busy = answer(b"{}", "429 Slow down", "retry-after: 1")
    async with serving(says(busy, OK)) as server, SellerHttp(connect(server.url)) as http:
        assert (await http.write("POST", "/x")).status == 429
        assert (await http.write("POST", "/x")).ok
    assert (http.exchanges[1].at - http.exchanges[0].at).total_seconds() >= 1


# --- a storm of retries --------------------------------------------------------------------------------------------


async def test_an_ill_seller_is_not_hit_by_a_storm_of_retries(connect: Connect) -> None:
    alternating = [answer(b"{}", "503 Busy")] * 3 + [OK]

    async def script(state: Any, reader: Any, writer: Any) -> None:
        await says(alternating[state.connections % 4])(state, reader, writer)

    async with serving(script) as server, SellerHttp(connect(server.url)) as http:
        for number in range(60):
            await http.read("GET", f"/{number}")
    # 60 calls earn 12 retries, the floor is 10; without a budget there would be some 120 retries.
    assert server.connections <= 60 + 12 + 10 + 8


# --- an unknown outcome --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fixture", ["agent", "northlight"])
async def test_an_open_circuit_never_says_what_became_of_a_booking(
    fixture: str,
    request: pytest.FixtureRequest,
    connect: Connect,
    intent: Callable[..., LineIntent],
    clock: Clock,
) -> None:
    seller: RunningSeller = request.getfixturevalue(fixture)
    connection = connect(seller, account_id="acc-demo")
    kind = "deal" if fixture == "agent" else "line"
    line = intent(quote_id="qt-1", refs={"order_id": "o-1", "line_id": "l-1", "deal_id": "d-1"})
    seller.faults(kind="status", status=500)
    async with SellerHttp(connection) as http:
        for _ in range(FAILURES_TO_OPEN):
            await http.read("GET", "/products")
        dialect = open_dialect(connection, http)
        asked = len(http.exchanges)
        found, sent, cancelled = (
            await dialect.find(kind, line),
            await dialect.send(kind, line),
            await dialect.cancel(line),
        )
        assert not any(record.sent for record in http.exchanges[asked:])
        seller.clear_faults()
        clock.shift(LONGEST_PAUSE * 2)
        await dialect.find(kind, line)
    assert (found.outcome, found.code) == (Outcome.UNKNOWN, "circuit_open")
    assert sent.outcome is Outcome.NOT_SENT
    assert cancelled.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)  # OpenDirect looks at the line first
    assert circuit_of(connection).is_clean  # the look-up was the one that tried


# --- simulated sellers that misbehave ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [{"kind": "hang"}, {"kind": "drip", "rate": 1.0}, {"kind": "delay", "seconds": 60.0}, {"kind": "cut"}],
    ids=["hang", "drip", "delay", "cut"],
)
async def test_a_seller_that_misbehaves_is_left_alone_and_keeps_no_slot(
    agent: RunningSeller, connect: Connect, fault: dict[str, Any]
) -> None:
    connection = connect(agent)
    agent.faults(**fault)
    async with SellerHttp(connection, call_seconds=0.5) as http:
        await asyncio.gather(
            *(http.read("GET", "/products?limit=1") for _ in range(FAILURES_TO_OPEN)), return_exceptions=True
        )
        asked = len(http.exchanges)
        assert (await refusal(http)).code == "circuit_open"
    assert not http.exchanges[asked].sent
    assert gate._local(gate.key_of(connection.slug, connection.base_url)).slots.used == 0
