"""Several processes and one seller: one limit, one circuit, one try, over a real Redis-compatible server."""

from __future__ import annotations

import asyncio
import collections
import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import time_machine

from config.local_servers import LocalRedis
from sellers import gate, shared
from sellers.circuit import FAILURES_TO_OPEN
from sellers.dialects.base import Connection
from sellers.http import CallFailed, SellerHttp
from sellers.shared import Away, SharedState
from tests.sellers.counting import counting_server
from tests.sellers.rawserver import answer, resets, serving, until

Connect = Callable[..., Connection]
ROOT = Path(__file__).parents[2]
OK = answer(b'{"ok": true}')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRedis]:
    redis = LocalRedis(tmp_path_factory.mktemp("redis"))
    redis.start()
    yield redis
    redis.stop("immediate")


@pytest.fixture
def redis(server: LocalRedis, settings: Any) -> Iterator[LocalRedis]:
    """The tests' own process shares what it knows over it too."""
    if not server.ready():
        server.start()
    server.flush()
    settings.FLIGHTDECK_SELLER_STATE_URL = server.url(3)
    yield server
    gate._connected.cache_clear()


@contextmanager
def callers(
    redis: LocalRedis, tmp_path: Path, url: str, count: int, *arguments: int, **more: str
) -> Iterator[Any]:
    """Processes that wait for the word; `release()` gives it and returns what all of them counted."""
    environment = os.environ | {
        "REDIS_URL": redis.url(0),
        "FLIGHTDECK_VAR": str(tmp_path / "var"),
        "FLIGHTDECK_ALLOWED_PRIVATE_SELLERS": "127.0.0.1:*",
        **more,
    }
    command = [sys.executable, "-m", "tests.sellers.caller", url, *map(str, arguments)]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(count)
    ]

    def release() -> collections.Counter[str]:
        found: collections.Counter[str] = collections.Counter()
        for process in running:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in running:
            assert process.stdout
            found.update(json.loads(process.stdout.readline()))
        return found

    try:
        for process in running:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        yield running, release
    finally:
        for process in running:
            process.kill()
            process.communicate()


def test_two_processes_keep_one_limit(redis: LocalRedis, tmp_path: Path) -> None:
    with counting_server(0.05) as seller:
        with callers(redis, tmp_path, seller.url, 2, 6, 30, FLIGHTDECK_SELLER_CONCURRENCY="3") as (
            _,
            release,
        ):
            counted = release()
    assert counted == {"http_200": 60}
    assert seller.served == 60
    assert 2 <= seller.most <= 3


def test_the_limit_alone_makes_the_difference(redis: LocalRedis, tmp_path: Path) -> None:
    """The same with a limit that nobody reaches: the counter does see more calls at once."""
    with counting_server(0.05) as seller:
        with callers(redis, tmp_path, seller.url, 2, 6, 30, FLIGHTDECK_SELLER_CONCURRENCY="50") as (
            _,
            release,
        ):
            release()
    assert seller.most > 3


def test_a_killed_process_gives_its_slots_back(redis: LocalRedis) -> None:
    state = SharedState(redis.url(3))
    assert state.take_slot("s", "killed", 1, 0.5)
    assert not state.take_slot("s", "waits", 1, 30)
    limit = time.monotonic() + 30
    while not state.take_slot("s", "waits", 1, 30):
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_slots_are_given_in_order_over_all_processes(redis: LocalRedis) -> None:
    one, other = SharedState(redis.url(3)), SharedState(redis.url(3))
    assert one.take_slot("s", "holder", 1, 30)
    assert not one.take_slot("s", "first", 1, 30)
    assert not other.take_slot("s", "second", 1, 30)
    one.give_slot_back("s", "holder")
    assert not other.take_slot("s", "second", 1, 30)  # quicker, but not first
    assert one.take_slot("s", "first", 1, 30)
    one.give_slot_back("s", "first")
    assert other.take_slot("s", "second", 1, 30)


def test_a_waiter_that_was_killed_holds_up_nobody(redis: LocalRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "WAITER_SECONDS", 0.3)
    state = SharedState(redis.url(3))
    assert state.take_slot("s", "holder", 1, 30)
    assert not state.take_slot("s", "killed", 1, 30)
    state.give_slot_back("s", "holder")
    limit = time.monotonic() + 30
    while not state.take_slot("s", "patient", 1, 30):
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_what_one_process_learned_the_other_one_knows(
    redis: LocalRedis, tmp_path: Path, connect: Connect
) -> None:
    async def learn() -> tuple[str, int, str]:
        async with serving(resets) as seller, SellerHttp(connect(seller.url)) as http:
            for _ in range(FAILURES_TO_OPEN):
                with pytest.raises(CallFailed):
                    await http.write("POST", "/x")
            calls = seller.connections
            with callers(redis, tmp_path, seller.url, 1, 1, 4) as (_, release):
                counted = await asyncio.to_thread(release)
            assert seller.connections == calls + counted["protocol"] + counted["reset"]
            return seller.url, sum(counted.values()), json.dumps(counted)

    # The clock stands still here and runs there: whoever starts within the pause must not call at all.
    url, calls, said = asyncio.run(learn())
    assert calls == 4
    assert "circuit_open" in said
    assert gate.circuit_of(gate.key_of("seller", url)).is_open


async def test_one_probe_for_all_processes(redis: LocalRedis, connect: Connect) -> None:
    """Eight clients of the shared state, as eight processes would be, meet a circuit whose pause is over."""
    async with serving(resets) as seller:
        connection = connect(seller.url)
        async with SellerHttp(connection) as http:
            for _ in range(FAILURES_TO_OPEN):
                with pytest.raises(CallFailed):
                    await http.write("POST", "/x")
    key = gate.key_of(connection.slug, connection.base_url)
    at = gate.circuit_of(key).retry_at + 1
    states = [SharedState(redis.url(3)) for _ in range(8)]

    def ask(number: int) -> str:
        return str(
            states[number].change(key, lambda circuit: gate.circuits.ask(circuit, at, f"c{number}", 10))[1]
        )

    words = await asyncio.gather(*(asyncio.to_thread(ask, number) for number in range(8)))
    assert collections.Counter(words) == {"probe": 1, "wait": 7}


async def test_an_answer_in_one_process_opens_the_way_for_all(redis: LocalRedis, connect: Connect) -> None:
    ill = True

    async def script(state: Any, reader: Any, writer: Any) -> None:
        if ill:
            return await resets(state, reader, writer)
        writer.write(OK)
        await writer.drain()

    async with serving(script) as seller, SellerHttp(connect(seller.url)) as http:
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(CallFailed):
                await http.write("POST", "/x")
        ill = False
        with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)):
            assert (await http.read("GET", "/x")).ok
    other = SharedState(redis.url(3))
    assert other.circuit(gate.key_of("seller", seller.url)).is_clean


# --- Redis is lost -------------------------------------------------------------------------------------------------


async def test_a_call_never_fails_because_redis_is_gone(
    redis: LocalRedis, connect: Connect, settings: Any
) -> None:
    settings.FLIGHTDECK_SELLER_CONCURRENCY = 10
    with counting_server() as seller:
        async with SellerHttp(connect(seller.url), call_seconds=60, total_seconds=60) as http:
            assert (await http.read("GET", "/before")).ok
            redis.stop("immediate")
            assert (await http.read("GET", "/without")).ok
            assert (await http.write("POST", "/without")).ok
            replies = await asyncio.gather(*(http.read("GET", f"/{number}") for number in range(30)))
    assert all(reply.ok for reply in replies)
    assert seller.most <= 10  # the process keeps the limit by itself
    with pytest.raises(Away):
        SharedState(redis.url(3)).circuit("x")


def test_it_is_used_again_when_it_is_back(redis: LocalRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "REST_SECONDS", 0.2)
    redis.stop("immediate")
    state = SharedState(redis.url(3))
    with pytest.raises(Away):
        state.take_slot("s", "a", 1, 30)
    redis.start()
    limit = time.monotonic() + 30
    while True:
        try:
            assert state.take_slot("s", "a", 1, 30)
            break
        except Away:
            assert time.monotonic() < limit
            time.sleep(0.05)


async def test_a_flush_forgets_and_nothing_breaks(redis: LocalRedis, connect: Connect) -> None:
    with counting_server(0.2) as seller:
        async with SellerHttp(connect(seller.url), call_seconds=60, total_seconds=60) as http:
            under_way = http.ahead(http.read("GET", "/under way"))
            await until(lambda: seller.running > 0)
            redis.flush()
            assert (await under_way).ok
            assert (await http.read("GET", "/after")).ok


async def test_nonsense_in_redis_is_a_fresh_start(redis: LocalRedis, connect: Connect) -> None:
    with counting_server() as seller:
        connection = connect(seller.url)
        key = gate.key_of(connection.slug, connection.base_url)
        state = SharedState(redis.url(3))
        state._redis.set(f"flightdeck:seller:{key}:circuit", '{"failures": "many"}')
        async with SellerHttp(connection) as http:
            assert (await http.read("GET", "/x")).ok
