"""The HTTP client against servers that misbehave byte by byte."""

from __future__ import annotations

import asyncio
import gzip
import logging
import resource
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sellers.dialects.base import Connection
from sellers.http import CallFailed, SellerHttp
from tests.sellers.rawserver import answer, bomb, drips, floods, hangs, resets, says, serving

Connect = Callable[..., Connection]
OK = answer(b'{"ok": true}')


async def failure(http: SellerHttp, verb: str = "read") -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await getattr(http, verb)("POST", "/x", {"a": 1})
    return failed.value


async def test_it_reads_exact_numbers(connect: Connect) -> None:
    async with serving(says(answer(b'{"cpm": 28.26}'))) as server, SellerHttp(connect(server.url)) as http:
        reply = await http.read("GET", "/pricing")
    assert (reply.status, reply.data) == (200, {"cpm": Decimal("28.26")})


async def test_it_connects_to_the_checked_address_and_names_the_host(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.9.9.9"]

    monkeypatch.setattr("sellers.guard._ask_system", rebinding)
    async with serving(says(OK)) as server:
        settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = [f"seller.test:{server.port}"]
        async with SellerHttp(connect(f"http://seller.test:{server.port}")) as http:
            await http.read("GET", "/one")
            await http.write("POST", "/two")
    assert asked == ["seller.test"]
    assert all(f"host: seller.test:{server.port}".encode() in request.lower() for request in server.requests)


async def test_the_next_address_is_tried_when_one_is_dead(connect: Connect, settings: Any) -> None:
    async with serving(says(OK)) as server:
        settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = ["two.test:*"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sellers.guard._ask_system", lambda *_: ["127.0.0.77", "127.0.0.1"])
            async with SellerHttp(connect(f"http://two.test:{server.port}")) as http:
                reply = await http.write("POST", "/x")
    assert reply.ok
    assert server.connections == 1


async def test_a_private_seller_is_never_called(connect: Connect, settings: Any) -> None:
    settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = []
    async with serving(says(OK)) as server, SellerHttp(connect(server.url)) as http:
        failed = await failure(http, "write")
    assert (failed.code, failed.sent, server.connections) == ("https_required", False, 0)


async def test_proxies_of_the_environment_are_ignored(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(says(OK)) as server, SellerHttp(connect(server.url)) as http:
        assert (await http.read("GET", "/x")).ok


async def test_redirects_are_not_followed(connect: Connect) -> None:
    async with serving(says(OK)) as inside:
        moved = answer(b"", "302 Found", f"location: {inside.url}/secret")
        async with serving(says(moved)) as server, SellerHttp(connect(server.url)) as http:
            reply = await http.read("GET", "/x")
    assert (reply.status, inside.connections) == (302, 0)


async def test_a_drip_ends_with_the_total_deadline(connect: Connect) -> None:
    started = time.monotonic()
    async with serving(drips) as server, SellerHttp(connect(server.url), call_seconds=0.5) as http:
        failed = await failure(http)
    assert failed.code == "deadline"
    assert failed.sent
    assert time.monotonic() - started < 1.5


async def test_the_deadline_covers_the_retries(connect: Connect) -> None:
    started = time.monotonic()
    async with serving(hangs) as server, SellerHttp(connect(server.url), call_seconds=0.4) as http:
        await failure(http)
    assert time.monotonic() - started < 1.5


async def test_calls_after_the_session_deadline_fail_at_once(connect: Connect) -> None:
    async with serving(hangs) as server, SellerHttp(connect(server.url), total_seconds=0.3) as http:
        await failure(http)
        started = time.monotonic()
        failed = await failure(http, "write")
    assert (failed.code, failed.sent) == ("deadline", False)
    assert time.monotonic() - started < 0.2


@pytest.mark.parametrize(
    "script", [floods, says(bomb(100)), says(bomb(6))], ids=["100MB", "bomb100", "bomb6"]
)
async def test_a_body_that_is_too_large_is_cut_short(connect: Connect, script: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with serving(script) as server, SellerHttp(connect(server.url)) as http:
        failed = await failure(http)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert (failed.code, failed.sent, server.connections) == ("too_large", True, 1)
    assert grown < 50


async def test_compressed_answers_are_read(connect: Connect) -> None:
    small = answer(gzip.compress(b'{"ok": true}'), "200 OK", "content-encoding: gzip")
    async with serving(says(small)) as server, SellerHttp(connect(server.url)) as http:
        assert (await http.read("GET", "/x")).data == {"ok": True}


@pytest.mark.parametrize(
    "raw",
    [bomb(1, "deflate"), answer(b"not gzip", "200 OK", "content-encoding: gzip")],
    ids=["not offered", "broken"],
)
async def test_other_encodings_are_refused(connect: Connect, raw: bytes) -> None:
    async with serving(says(raw)) as server, SellerHttp(connect(server.url)) as http:
        assert (await failure(http)).code == "bad_encoding"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{oops", "not JSON"),
        (b"Internal Server Error", "not JSON"),
        (b'{"price": NaN}', "NaN is not a JSON number"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b"[" * 60 + b"]" * 60, "nested too deeply"),
        (b"\xff\xfe\x00", "not JSON"),
    ],
    ids=range(6),
)
async def test_what_is_not_json_says_so(connect: Connect, body: bytes, problem: str) -> None:
    async with serving(says(answer(body))) as server, SellerHttp(connect(server.url)) as http:
        reply = await http.read("GET", "/x")
    assert (reply.data, reply.problem) == (None, problem)
    assert http.exchanges[-1].error == problem


async def test_a_key_named_twice_is_noted(connect: Connect) -> None:
    async with (
        serving(says(answer(b'{"price": 1, "price": 2}'))) as server,
        SellerHttp(connect(server.url)) as http,
    ):
        reply = await http.read("GET", "/x")
    assert reply.data == {"price": 2}
    assert http.exchanges[-1].notes


async def test_a_head_of_one_megabyte_is_refused(connect: Connect) -> None:
    head = b"HTTP/1.1 200 OK\r\nx-filler: " + b"a" * 1_000_000 + b"\r\n\r\n"
    async with serving(says(head)) as server, SellerHttp(connect(server.url)) as http:
        failed = await failure(http, "write")
    assert (failed.code, failed.sent) == ("protocol", True)


# --- who is asked again ------------------------------------------------------------------------------------------


async def test_a_read_is_repeated_after_a_reset(connect: Connect) -> None:
    async def first_resets(state: Any, reader: Any, writer: Any) -> None:
        await (resets if state.connections == 1 else says(OK))(state, reader, writer)

    async with serving(first_resets) as server, SellerHttp(connect(server.url)) as http:
        assert (await http.read("GET", "/x")).ok
    assert server.connections == 2
    assert [bool(record.error) for record in http.exchanges] == [True, False]


@pytest.mark.parametrize("status", ["429 Too Many Requests", "502 Bad", "503 Busy", "504 Late"])
async def test_a_read_is_repeated_while_the_seller_is_busy(connect: Connect, status: str) -> None:
    async with serving(says(answer(b"{}", status), OK)) as server, SellerHttp(connect(server.url)) as http:
        assert (await http.read("GET", "/x")).ok
    assert server.connections == 2


async def test_a_read_is_repeated_twice_at_most(connect: Connect) -> None:
    async with serving(says(answer(b"{}", "503 Busy"))) as server, SellerHttp(connect(server.url)) as http:
        assert (await http.read("GET", "/x")).status == 503
    assert server.connections == 3


@pytest.mark.parametrize("status", ["400 Bad", "404 Gone", "500 Broken"])
async def test_a_final_answer_is_not_asked_for_again(connect: Connect, status: str) -> None:
    async with serving(says(answer(b"{}", status))) as server, SellerHttp(connect(server.url)) as http:
        await http.read("GET", "/x")
    assert server.connections == 1


async def test_retry_after_is_respected(connect: Connect) -> None:
    busy = answer(b"{}", "429 Slow down", "retry-after: 1")
    started = time.monotonic()
    async with serving(says(busy, OK)) as server, SellerHttp(connect(server.url)) as http:
        assert (await http.read("GET", "/x")).ok
    assert time.monotonic() - started >= 1


async def test_a_wait_beyond_the_deadline_is_not_begun(connect: Connect) -> None:
    busy = answer(b"{}", "429 Slow down", "retry-after: 60")
    started = time.monotonic()
    async with serving(says(busy)) as server, SellerHttp(connect(server.url)) as http:
        reply = await http.read("GET", "/x")
    assert (reply.status, reply.retry_after) == (429, 60.0)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "script", [resets, says(b""), says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")]
)
async def test_a_write_that_may_have_arrived_is_never_repeated(connect: Connect, script: Any) -> None:
    async with serving(script) as server, SellerHttp(connect(server.url)) as http:
        failed = await failure(http, "write")
    assert failed.sent
    assert server.connections == 1


@pytest.mark.parametrize("status", ["429 Busy", "502 Bad", "503 Busy"])
async def test_a_write_is_not_repeated_when_the_seller_is_busy(connect: Connect, status: str) -> None:
    async with serving(says(answer(b"{}", status))) as server, SellerHttp(connect(server.url)) as http:
        await http.write("POST", "/x", {})
    assert server.connections == 1


async def test_a_refused_connection_proves_that_nothing_was_sent(connect: Connect) -> None:
    async with serving(hangs) as server:
        gone = server.url
    async with SellerHttp(connect(gone)) as http:
        failed = await failure(http, "write")
    assert (failed.code, failed.sent) == ("connect", False)
    assert len(http.exchanges) == 3
    assert not any(record.sent for record in http.exchanges)


async def test_a_server_that_speaks_no_tls_has_seen_nothing(connect: Connect, settings: Any) -> None:
    async with serving(hangs) as server, SellerHttp(connect(server.url.replace("http:", "https:"))) as http:
        failed = await failure(http, "write")
    assert not failed.sent


async def test_a_write_uses_a_connection_of_its_own(connect: Connect) -> None:
    async def stays_open(_: Any, reader: Any, writer: Any) -> None:
        writer.write(OK)
        await reader.read()

    async with serving(stays_open) as server, SellerHttp(connect(server.url)) as http:
        await http.read("GET", "/x")
        await http.write("POST", "/y", {})
        await http.write("POST", "/z", {})
    assert server.connections == 3


async def test_at_most_so_many_calls_run_at_once(connect: Connect, settings: Any) -> None:
    settings.FLIGHTDECK_SELLER_CONCURRENCY = 6
    running = most = 0

    async def counted(_: Any, __: Any, writer: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        writer.write(OK)
        await writer.drain()

    async with serving(counted) as server, SellerHttp(connect(server.url)) as http:
        await asyncio.gather(*(http.read("GET", f"/{number}") for number in range(30)))
    assert 2 <= most <= 6


# --- what is kept ------------------------------------------------------------------------------------------------


async def test_the_key_is_nowhere_but_on_the_wire(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    key = "ask_live_canary_7f3a91"
    connection = connect("x", api_key=key)
    echo = answer(f'{{"detail": "key {key} is wrong"}}'.encode(), "401 No", f"x-echo: {key}")
    caplog.set_level(logging.DEBUG)
    async with serving(says(echo)) as server, SellerHttp(connect(server.url, api_key=key)) as http:
        http.headers["x-api-key"] = key
        reply = await http.read("POST", f"/x?token={key}", {"key": key})
    assert f"x-api-key: {key}".encode() in server.requests[0]
    ours = [record for record in caplog.records if record.name.startswith(("sellers", "httpx"))]
    kept = repr([reply, http.exchanges, connection, [record.getMessage() for record in ours]])
    assert key not in kept
    assert "***" in http.exchanges[0].response_body


async def test_the_exchange_says_what_happened(connect: Connect) -> None:
    async with (
        serving(says(answer(b'{"a": 1}', "200 OK", "set-cookie: s=1"))) as server,
        SellerHttp(connect(server.url)) as http,
    ):
        await http.write("POST", "/orders?book", {"qty": 5})
    (record,) = http.exchanges
    assert (record.method, record.path, record.status, record.error) == ("POST", "/orders?book", 200, "")
    assert record.request_body == '{"qty":5}'
    assert record.response_body == '{"a": 1}'
    assert record.elapsed_ms > 0
    assert len(record.request_digest) == 64
    assert record.response_headers["set-cookie"] == "***"


async def test_long_bodies_are_cut_in_the_record_only(connect: Connect) -> None:
    long = b'{"text": "' + b"x" * 50_000 + b'"}'
    async with serving(says(answer(long))) as server, SellerHttp(connect(server.url)) as http:
        reply = await http.read("GET", "/x")
    assert len(reply.data["text"]) == 50_000
    assert len(http.exchanges[0].response_body) < 9_000


async def test_a_call_that_its_caller_gave_up_is_still_told(connect: Connect) -> None:
    async with serving(hangs) as server, SellerHttp(connect(server.url)) as http:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await http.write("POST", "/x", {})
    assert [(record.error, record.sent) for record in http.exchanges] == [("cancelled", True)]
