"""Calls at once to one seller, over all threads and event loops of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sellers import gate
from sellers.dialects.base import Connection
from sellers.http import CallFailed, SellerHttp
from sellers.slots import Slots
from tests.sellers.counting import counting_server
from tests.sellers.rawserver import hangs, serving, until

Connect = Callable[..., Connection]


def conversation(connection: Connection, calls: int = 3) -> int:
    """Some calls on an event loop of its own, as a step makes them; how many were answered."""

    async def hold() -> int:
        async with SellerHttp(connection, call_seconds=60, total_seconds=60) as http:
            replies = await asyncio.gather(*(http.read("GET", f"/{number}") for number in range(calls)))
        return sum(reply.ok for reply in replies)

    return asyncio.run(hold())


def slots_of(connection: Connection) -> Slots:
    return gate._local(gate.key_of(connection.slug, connection.base_url)).slots


def test_a_hundred_conversations_of_eight_threads_keep_to_the_limit(connect: Connect, settings: Any) -> None:
    settings.FLIGHTDECK_SELLER_CONCURRENCY = 4
    with counting_server() as server:
        connection = connect(server.url)
        with ThreadPoolExecutor(8) as threads:
            answered = sum(threads.map(conversation, [connection] * 100))
    assert (answered, server.served) == (300, 300)
    assert 2 <= server.most <= 4
    assert slots_of(connection).used == 0


def test_a_seller_may_have_its_own_limit(connect: Connect) -> None:
    with counting_server() as server:
        connection = connect(server.url, options={"concurrency": 2})
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(conversation, [connection] * 16))
    assert server.most == 2


@pytest.mark.parametrize("stated", [0, 101, "5", True, 2.5, None])
def test_an_option_that_is_no_limit_is_not_used(connect: Connect, stated: Any, settings: Any) -> None:
    settings.FLIGHTDECK_SELLER_CONCURRENCY = 7
    assert gate.concurrency_of(connect("http://x", options={"concurrency": stated})) == 7


async def test_waiting_for_a_slot_ends_with_the_deadline_and_proves_that_nothing_was_sent(
    connect: Connect, settings: Any
) -> None:
    settings.FLIGHTDECK_SELLER_CONCURRENCY = 1
    async with serving(hangs) as server:
        async with (
            SellerHttp(connect(server.url), call_seconds=30) as first,
            SellerHttp(connect(server.url), call_seconds=0.4) as second,
        ):
            hung = first.ahead(first.write("POST", "/hangs"))
            await until(lambda: bool(server.requests))
            with pytest.raises(CallFailed) as failed:
                await second.write("POST", "/x")
            assert not hung.done()
    assert (failed.value.code, failed.value.sent) == ("busy_here", False)
    assert (second.exchanges[0].error, second.exchanges[0].sent) == ("busy_here", False)
    assert server.connections == 1


async def test_a_hung_seller_keeps_no_slot(connect: Connect, settings: Any) -> None:
    settings.FLIGHTDECK_SELLER_CONCURRENCY = 2
    connection = connect("x")
    async with serving(hangs) as server:
        connection = connect(server.url)
        async with SellerHttp(connection, call_seconds=0.3) as http:
            outcomes = await asyncio.gather(
                *(http.read("GET", f"/{number}") for number in range(6)), return_exceptions=True
            )
        async with SellerHttp(connection, call_seconds=30) as http:
            given_up = http.ahead(http.read("GET", "/given up"))
            await asyncio.sleep(0)
    assert all(isinstance(outcome, CallFailed) for outcome in outcomes)
    assert given_up.cancelled()
    assert slots_of(connection).used == 0


async def test_slots_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    slots, order = Slots(), []
    assert slots.take_now(1)

    async def one(number: int) -> None:
        await slots.take(1)
        order.append(number)
        slots.give_back(1)

    waiting = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.sleep(0)
    assert not slots.take_now(1)
    slots.give_back(1)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [0, 2, 3, 4]
    assert slots.used == 0


async def test_a_waiter_that_is_cancelled_as_its_turn_comes_passes_it_on() -> None:
    slots = Slots()
    assert slots.take_now(1)
    first, second = asyncio.create_task(slots.take(1)), asyncio.create_task(slots.take(1))
    await asyncio.sleep(0)
    slots.give_back(1)  # grants the first, who does not know yet
    first.cancel()
    await second
    assert first.cancelled()
    assert slots.used == 1


def test_a_loop_that_is_gone_holds_up_nobody() -> None:
    slots = Slots()
    assert slots.take_now(1)
    loop = asyncio.new_event_loop()
    abandoned = loop.create_task(slots.take(1))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    slots.give_back(1)
    assert slots.take_now(1)
    assert not abandoned.done()
    abandoned._log_destroy_pending = False  # type: ignore[attr-defined]
