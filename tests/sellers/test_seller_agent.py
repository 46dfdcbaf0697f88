"""The seller-agent dialect against a simulated seller, as it should be and as it may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from planning.types import Product
from sellers.dialects.base import (
    Answer,
    Connection,
    LineIntent,
    OfferAsk,
    OfferBook,
    Outcome,
    QuoteAsk,
    SellerDialect,
    SellerError,
)
from sellers.sessions import dialect_for
from simulator.testing import RunningSeller, running_seller
from tests.sellers.conftest import END, KEY, START
from tests.sellers.rawserver import answer, bomb, drips, floods, says, serving

Connect = Callable[..., Connection]
QuoteAskOf = Callable[..., QuoteAsk]
IntentOf = Callable[..., LineIntent]
CTV = "prod-53e78a97"


async def products_of(seller: SellerDialect, *types: str) -> dict[str, Product]:
    found = await seller.catalogue(channel="any", inventory_types=types)
    return {product.product_id: product for product in found.products}


async def offers_of(seller: SellerDialect, asks: list[OfferAsk]) -> OfferBook:
    return await seller.offers(asks, flight_start=START, flight_end=END, currency="USD")


async def quoted(seller: SellerDialect, quote_ask: QuoteAskOf, intent: IntentOf) -> LineIntent:
    quote = await seller.quote(quote_ask())
    return intent(
        product_id=CTV, impressions=1_000_000, cpm=quote.cpm, cost=quote.cpm * 1000, quote_id=quote.quote_id
    )


def deals_at(seller: RunningSeller) -> list[Any]:
    return [effect for effect in seller.journal.effects() if "deal.booked" in str(effect)]


# --- reading -----------------------------------------------------------------------------------------------------


async def test_the_catalogue_is_filtered_by_inventory(agent: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(agent)) as seller:
        found = await seller.catalogue(channel="ctv", inventory_types=("ctv",))
        everything = await seller.catalogue(channel="", inventory_types=())
    assert {product.inventory_type for product in found.products} == {"ctv"}
    assert len(everything.products) > len(found.products) > 3
    assert ("prod-f114d7a7", "unpriced") in [(row.reference, row.reason) for row in everything.skipped]
    assert found.complete
    assert everything.complete


async def test_malformed_rows_are_named_and_hide_nothing(tmp_path: Path, connect: Connect) -> None:
    with running_seller("seller-agent", tmp_path, malformed=3) as agent:
        async with dialect_for(connect(agent)) as seller:
            found = await seller.catalogue(channel="", inventory_types=())
    assert len(found.skipped) == 4
    assert all(row.reason for row in found.skipped)
    assert CTV in {product.product_id for product in found.products}


async def test_the_catalogue_is_paged_to_its_end_without_repeats(connect: Connect) -> None:
    row = (
        '{"product_id": "p-%d", "base_price": {"amount_micros": 5000000, "currency": "USD"}, '
        '"ext": {"inventory_type": "display"}}'
    )

    def page(*numbers: int) -> bytes:
        rows = ",".join(row % number for number in numbers)
        return answer(f'{{"products": [{rows}], "total_count": 7}}'.encode())

    async with (
        serving(says(page(1, 2, 3), page(3, 4, 5), page(6))) as server,
        dialect_for(connect(server.url)) as seller,
    ):
        found = await seller.catalogue(channel="", inventory_types=())
    assert [product.product_id for product in found.products] == [f"p-{number}" for number in range(1, 7)]
    assert [(row.reference, row.reason) for row in found.skipped] == [("p-3", "duplicate")]
    assert [
        b"offset=%d " % offset in request for offset, request in zip((0, 3, 6), server.requests, strict=True)
    ]


async def test_a_later_page_that_fails_leaves_what_was_read(connect: Connect) -> None:
    first = answer(
        b'{"products": [{"product_id": "p", "base_price": {"amount_micros": 5000000, "currency": "USD"}}],'
        b' "total_count": 900}'
    )
    async with (
        serving(says(first, answer(b"Internal Server Error", "500 No"))) as server,
        dialect_for(connect(server.url)) as seller,
    ):
        found = await seller.catalogue(channel="", inventory_types=())
    assert (len(found.products), found.complete) == (1, False)


async def test_offers_carry_our_price_and_what_is_free(agent: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(agent)) as seller:
        product = (await products_of(seller, "ctv"))[CTV]
        book = await offers_of(
            seller, [OfferAsk(product, "ctv", (10_000, 4_999_999, 5_000_000, 10_000_000, 20_000_000))]
        )
    (offer,) = book.offers
    assert offer.available == 20_000_000
    steps = [(step.from_impressions, str(step.cpm)) for step in offer.prices]
    assert steps == [(10_000, "29.75"), (5_000_000, "28.26"), (10_000_000, "26.78"), (20_000_000, "25.29")]


@pytest.mark.parametrize(
    ("identity", "price"),
    [
        ({"agency_id": "agency-demo", "advertiser_id": "advertiser-demo"}, "29.75"),
        ({"api_key": ""}, "35.00"),
    ],
)
async def test_the_price_is_that_of_the_key(
    agent: RunningSeller, connect: Connect, identity: dict[str, str], price: str
) -> None:
    async with dialect_for(connect(agent, **identity)) as seller:
        product = (await products_of(seller, "ctv"))[CTV]
        book = await offers_of(seller, [OfferAsk(product, "ctv", (10_000,))])
    assert book.offers[0].prices[0].cpm == Decimal(price)


async def test_one_unpriced_id_does_not_cost_the_others(agent: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(agent)) as seller:
        product = (await products_of(seller, "ctv"))[CTV]
        unpriced = replace(product, product_id="prod-f114d7a7")
        unknown = replace(product, product_id="prod-gone")
        asks = [OfferAsk(one, "ctv", (10_000,)) for one in (unpriced, product, unknown)]
        book = await offers_of(seller, asks)
    assert [offer.product.product_id for offer in book.offers] == [CTV]
    assert {row.reference for row in book.skipped} == {"prod-f114d7a7", "prod-gone"}
    assert all(row.reason for row in book.skipped)


async def test_another_currency_is_not_mixed_in(agent: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(agent)) as seller:
        product = replace((await products_of(seller, "ctv"))[CTV], currency="EUR")
        book = await offers_of(seller, [OfferAsk(product, "ctv", (10_000,))])
    assert (book.offers, book.skipped[0].reason) == ((), "priced in EUR")


@pytest.mark.parametrize("status", [404, 405])
async def test_without_a_pricing_route_a_quote_gives_the_price(
    agent: RunningSeller, connect: Connect, status: int
) -> None:
    agent.faults(kind="status", path="/pricing", status=status, body={"detail": "Not Found"})
    async with dialect_for(connect(agent)) as seller:
        product = (await products_of(seller, "ctv"))[CTV]
        book = await offers_of(seller, [OfferAsk(product, "ctv", (10_000, 5_000_000))])
    steps = [(step.from_impressions, str(step.cpm)) for step in book.offers[0].prices]
    assert steps == [(10_000, "35.00"), (5_000_000, "28.26")]


@pytest.mark.parametrize("price", ["NaN", "-5", "0", '"29.75"', "1e400", "null", "99999999"], ids=range(7))
async def test_an_unreal_price_costs_the_offer_not_the_research(
    agent: RunningSeller, connect: Connect, price: str
) -> None:
    body = f'{{"product_id": "{CTV}", "final_price": {price}, "currency": "USD"}}'
    agent.faults(kind="bad_json", path="/pricing", body=body)
    async with dialect_for(connect(agent)) as seller:
        product = (await products_of(seller, "ctv"))[CTV]
        book = await offers_of(seller, [OfferAsk(product, "ctv", (10_000,))])
    assert book.offers == ()
    assert len(book.skipped) == 1


async def test_the_agent_url_is_kept_back_unless_trusted(agent: RunningSeller, connect: Connect) -> None:
    url = "https://agency.example/agent"
    for options, sent in (({"agent_url": url}, False), ({"agent_url": url, "agent_url_trusted": True}, True)):
        async with dialect_for(connect(agent, options=options)) as seller:
            product = (await products_of(seller, "ctv"))[CTV]
            await offers_of(seller, [OfferAsk(product, "ctv", (10_000,))])
            bodies = [record.request_body for record in seller.http.exchanges if record.path == "/pricing"]
        assert all((url in body) is sent for body in bodies)


async def test_an_advertiser_without_agency_is_not_claimed(agent: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(agent, agency_id="", seat_id="seat-1")) as seller:
        product = (await products_of(seller, "ctv"))[CTV]
        await offers_of(seller, [OfferAsk(product, "ctv", (10_000,))])
        bodies = [record.request_body for record in seller.http.exchanges if record.path == "/pricing"]
    assert bodies
    assert not any("advertiser" in body for body in bodies)


async def test_a_quote_stands_until_it_expires(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        quote = await seller.quote(quote_ask(impressions=5_000_000))
        again = await seller.quote(quote_ask(impressions=5_000_000))
        bodies = [record.request_body for record in seller.http.exchanges]
    assert (quote.cpm, quote.list_cpm, quote.tier) == (Decimal("28.26"), Decimal("35.00"), "advertiser")
    assert again.quote_id == quote.quote_id
    assert not any("target_cpm" in body for body in bodies)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"product_id": "prod-none"}, "product_not_found"),
        ({"impressions": 10}, "below_minimum_impressions"),
        ({"impressions": 50_000_000}, "not_available"),
    ],
)
async def test_a_quote_that_fails_says_why(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, change: dict[str, Any], code: str
) -> None:
    async with dialect_for(connect(agent)) as seller:
        with pytest.raises(SellerError) as failed:
            await seller.quote(quote_ask(**change))
    assert failed.value.code == code


async def test_a_probe_finds_a_bad_key(agent: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(agent)) as seller:
        good = await seller.probe()
    async with dialect_for(connect(agent, api_key="ask_live_wrong_key_000")) as seller:
        bad = await seller.probe()
    assert good.ok
    assert good.products > 20
    assert good.clock_offset_s is not None
    assert (bad.ok, bad.summary) == (False, "The seller refuses our key.")


async def test_the_probe_sees_the_seller_s_clock(agent: RunningSeller, connect: Connect) -> None:
    agent.set_clock(3600)
    async with dialect_for(connect(agent)) as seller:
        offset = (await seller.probe()).clock_offset_s
    assert offset is not None
    assert abs(offset - 3600) < 5


@pytest.mark.parametrize(
    "script",
    [
        says(answer(b"{oops")),
        says(answer(b"Internal Server Error", "500 No")),
        says(answer(b'{"products": 5}')),
        says(answer(b"[]")),
        says(answer(b'{"products": [{"product_id": ' + b"[" * 9000 + b"]" * 9000 + b"}]}")),
        says(answer(b"", "302 Found", "location: https://elsewhere.example/")),
        says(bomb(8)),
        floods,
        drips,
    ],
    ids=["bad json", "500", "no list", "list", "deep", "redirect", "bomb", "100MB", "drip"],
)
async def test_a_hostile_seller_is_an_error_within_the_deadline(connect: Connect, script: Any) -> None:
    started = time.monotonic()
    async with serving(script) as server, dialect_for(connect(server.url)) as seller:
        with pytest.raises(SellerError) as failed:
            await seller.catalogue(channel="ctv", inventory_types=("ctv",))
    assert failed.value.message
    assert time.monotonic() - started < 5


# --- booking -----------------------------------------------------------------------------------------------------


async def test_a_deal_is_booked_read_and_cancelled(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        booked = await seller.send("deal", line)
        line = replace(line, refs=booked.refs)
        seen = await seller.read(line)
        gone = await seller.cancel(line)
    assert (booked.outcome, booked.seller_status, booked.line_status) == (
        Outcome.DONE,
        "proposed",
        "pending_booking",
    )
    assert seen.refs == booked.refs
    assert (seen.terms.impressions, seen.terms.cpm) == (1_000_000, Decimal("29.75"))
    assert (seen.terms.flight_start, seen.terms.flight_end) == (START, END)
    assert (gone.outcome, gone.line_status) == (Outcome.DONE, "canceled")
    assert len(deals_at(agent)) == 1


async def test_our_reference_travels_with_the_booking(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        await seller.send("deal", await quoted(seller, quote_ask, intent))
        body = seller.http.exchanges[-1].request_body
    assert '"notes":"fd-line-0001"' in body
    assert '"idempotency_key":"fd-key-00000001"' in body


async def test_a_confirmed_deal_reads_as_booked(
    tmp_path: Path, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    with running_seller("seller-agent", tmp_path, confirm_after=0.0) as agent:
        async with dialect_for(connect(agent)) as seller:
            line = await quoted(seller, quote_ask, intent)
            line = replace(line, refs=(await seller.send("deal", line)).refs)
            assert (await seller.read(line)).line_status == "booked"


async def test_asking_before_sending_proves_that_nothing_happened(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        assert (await seller.find("deal", line)).outcome is Outcome.NOTHING
    assert deals_at(agent) == []


@pytest.mark.parametrize("at", [None, 0, 1, -1])
async def test_a_reset_after_commit_is_unknown_and_then_adopted(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf, at: int | None
) -> None:
    agent.faults(kind="cut", method="POST", path="/api/v1/deals", when="after", at=at, count=1)
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        lost = await seller.send("deal", line)
        found = await seller.find("deal", line)
    assert lost.outcome is Outcome.UNKNOWN
    assert found.outcome is Outcome.DONE
    assert found.refs["deal_id"]
    assert len(deals_at(agent)) == 1


async def test_a_reset_before_commit_is_unknown_and_then_nothing(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    agent.faults(kind="cut", method="POST", path="/api/v1/deals", when="before", count=1)
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        assert (await seller.send("deal", line)).outcome is Outcome.UNKNOWN
        assert (await seller.find("deal", line)).outcome is Outcome.NOTHING
        assert (await seller.send("deal", line)).outcome is Outcome.DONE
    assert len(deals_at(agent)) == 1


async def test_a_seller_that_hangs_is_unknown_at_the_deadline(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf, settings: Any
) -> None:
    settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 0.5
    agent.faults(kind="hang", method="POST", path="/api/v1/deals", when="before", count=1, seconds=2)
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        started = time.monotonic()
        unknown = await seller.send("deal", line)
    assert (unknown.outcome, unknown.code) == (Outcome.UNKNOWN, "deadline")
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "status", "status": 500}, Outcome.UNKNOWN),
        ({"kind": "status", "status": 503, "body": {"detail": "busy"}}, Outcome.UNKNOWN),
        ({"kind": "status", "status": 409, "body": {"detail": {"error": "in_flight"}}}, Outcome.UNKNOWN),
        ({"kind": "status", "status": 410, "body": {"detail": {"error": "quote_expired"}}}, Outcome.REFUSED),
        ({"kind": "status", "status": 403, "body": {"detail": "no"}}, Outcome.REFUSED),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}, Outcome.NOT_SENT),
        ({"kind": "status", "status": 302, "headers": {"Location": "/x"}}, Outcome.UNKNOWN),
        ({"kind": "bad_json", "when": "after", "body": '{"deal": {'}, Outcome.UNKNOWN),
        ({"kind": "bad_json", "when": "after", "body": '{"deal": {"deal_id": 5.5}}'}, Outcome.UNKNOWN),
        ({"kind": "bad_json", "when": "after", "body": "{}"}, Outcome.UNKNOWN),
    ],
    ids=range(10),
)
async def test_answers_to_a_booking_are_sorted(
    agent: RunningSeller,
    connect: Connect,
    quote_ask: QuoteAskOf,
    intent: IntentOf,
    fault: dict[str, Any],
    outcome: Outcome,
) -> None:
    agent.faults(fault | {"method": "POST", "path": "/api/v1/deals"})
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        said = await seller.send("deal", line)
        sends = [record for record in seller.http.exchanges if record.path == "/api/v1/deals"]
    assert said.outcome is outcome
    assert len(sends) == 1
    if outcome is Outcome.NOT_SENT:
        assert said.retry_after == 7.0


async def test_a_seller_that_is_down_has_seen_nothing(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        agent.stop()
        assert (await seller.send("deal", line)).outcome is Outcome.NOT_SENT
        assert (await seller.find("deal", line)).outcome is Outcome.UNKNOWN
        agent.start()
        assert (await seller.send("deal", line)).outcome is Outcome.DONE


async def test_a_crash_between_the_seller_s_two_writes_stays_unknown(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    agent.faults(kind="crash", method="POST", path="/api/v1/deals", count=1, seconds=0.5)
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        assert (await seller.send("deal", line)).outcome is Outcome.UNKNOWN
        assert (await seller.find("deal", line)).outcome is Outcome.UNKNOWN
        time.sleep(0.7)  # noqa: ASYNC251 - the seller runs in a thread of its own
        assert (await seller.find("deal", line)).outcome is Outcome.DONE
    assert len(deals_at(agent)) == 1


async def test_the_same_key_books_once(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        first, second = await seller.send("deal", line), await seller.send("deal", line)
        other = await seller.send("deal", replace(line, idempotency_key="fd-key-99999999"))
    assert first.refs == second.refs
    assert (other.outcome, other.code) == (Outcome.UNKNOWN, "quote_already_booked")
    assert len(deals_at(agent)) == 1


async def test_a_quote_that_expired_proves_nothing(
    tmp_path: Path, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    with running_seller("seller-agent", tmp_path) as agent:
        async with dialect_for(connect(agent)) as seller:
            line = await quoted(seller, quote_ask, intent)
            agent.set_clock(90_000)
            said = await seller.find("deal", line)
            refused = await seller.send("deal", line)
    assert (said.outcome, said.code) == (Outcome.UNKNOWN, "quote_expired")
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "quote_expired")


async def test_a_price_raised_while_booking_shows_in_the_terms(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    agent.faults(kind="price", method="POST", path="/api/v1/deals", factor=1.2, count=1)
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        booked = await seller.send("deal", line)
    assert booked.outcome is Outcome.DONE
    assert booked.terms.cpm is not None
    assert booked.terms.cpm > line.cpm


@pytest.mark.parametrize(
    ("path", "answered", "code"),
    [
        (
            "/api/v1/quotes/",
            {"quote": {"quote_id": "qt-other", "status": "booked", "deal_id": "D"}},
            "wrong_quote",
        ),
        ("/api/v1/quotes/", {"quote": {}}, "wrong_quote"),
        ("/api/v1/deals/", {"deal": {"deal_id": "DEMO-OTHER"}}, "wrong_deal"),
        ("/api/v1/deals/", {"detail": "x"}, "http_200"),
    ],
)
async def test_a_look_up_that_shows_something_else_adopts_nothing(
    agent: RunningSeller,
    connect: Connect,
    quote_ask: QuoteAskOf,
    intent: IntentOf,
    path: str,
    answered: dict[str, Any],
    code: str,
) -> None:
    async with dialect_for(connect(agent)) as seller:
        line = await quoted(seller, quote_ask, intent)
        await seller.send("deal", line)
        agent.faults(kind="status", method="GET", path=path, status=200, body=answered)
        said = await seller.find("deal", line)
    assert (said.outcome, said.code, dict(said.refs)) == (Outcome.UNKNOWN, code, {})


async def test_without_a_deal_id_there_is_nothing_to_read(
    agent: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        said: Answer = await seller.read(intent())
        with pytest.raises(ValueError, match="no write"):
            await seller.send("order", intent())
    assert (said.outcome, said.code) == (Outcome.UNKNOWN, "no_deal_id")


async def test_a_deal_that_the_seller_will_not_cancel(
    agent: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        said = await seller.cancel(intent(refs={"deal_id": "DEMO-NONE"}))
    assert said.outcome is Outcome.REFUSED
    assert said.reason


async def test_the_key_stays_out_of_every_record(
    agent: RunningSeller, connect: Connect, quote_ask: QuoteAskOf, intent: IntentOf
) -> None:
    async with dialect_for(connect(agent)) as seller:
        await seller.send("deal", await quoted(seller, quote_ask, intent))
    assert KEY not in repr(seller.http.exchanges)
