"""The OpenDirect dialect against a simulated publisher in strict mode: what it would refuse fails here."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.clock import now
from planning.types import FrequencyCap, Product
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
from tests.sellers.rawserver import answer, says, serving

Connect = Callable[..., Connection]
IntentOf = Callable[..., LineIntent]
FAMILY = "nlm-c-fam"


def asked(seller: SellerDialect, method: str, contains: str) -> list[str]:
    return [one.path for one in seller.http.exchanges if one.method == method and contains in one.path]


def effects(seller: RunningSeller, kind: str) -> list[Any]:
    return [effect for effect in seller.journal.effects() if kind in str(effect)]


async def family(seller: SellerDialect) -> Product:
    found = await seller.catalogue(channel="ctv", inventory_types=("ctv",))
    return next(product for product in found.products if product.product_id == FAMILY)


async def offers_of(seller: SellerDialect, *asks: OfferAsk) -> OfferBook:
    return await seller.offers(asks, flight_start=START, flight_end=END, currency="USD")


async def drafted(seller: SellerDialect, intent: IntentOf, **changes: Any) -> LineIntent:
    """An order with our line in Draft."""
    line = intent(**changes)
    for kind in ("order", "line"):
        said = await seller.send(kind, line)
        assert said.outcome is Outcome.DONE, said
        line = replace(line, refs={**line.refs, **said.refs})
    return line


# --- reading -----------------------------------------------------------------------------------------------------


async def test_products_are_searched_not_downloaded(northlight: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(northlight)) as seller:
        found = await seller.catalogue(channel="ctv", inventory_types=("ctv",))
        assert asked(seller, "GET", "/products") == []
        assert asked(seller, "POST", "/products/search") == ["/products/search?count=250&offset=0"]
    assert {product.inventory_type for product in found.products} == {"ctv"}
    assert len(found.products) >= 5


@pytest.mark.parametrize("status", [404, 405])
async def test_without_search_the_list_is_filtered_here(
    northlight: RunningSeller, connect: Connect, status: int
) -> None:
    northlight.faults(kind="status", path="/v2/products/search", status=status)
    async with dialect_for(connect(northlight)) as seller:
        found = await seller.catalogue(channel="ctv", inventory_types=("ctv",))
    assert {product.inventory_type for product in found.products} == {"ctv"}


async def test_malformed_rows_are_named(tmp_path: Path, connect: Connect) -> None:
    with running_seller("opendirect", tmp_path, malformed=3) as northlight:
        async with dialect_for(connect(northlight)) as seller:
            found = await seller.catalogue(channel="", inventory_types=())
    assert len(found.skipped) == 3
    assert len(found.products) > 20


async def test_613_products_with_repeats_are_read_once_each(connect: Connect) -> None:
    def page(first: int, last: int) -> bytes:
        rows = [
            {"ID": f"p-{n}", "BasePrice": 5, "Currency": "USD", "RateType": "CPM", "ProductTags": "display"}
            for n in range(first, last)
        ]
        return answer(json.dumps({"Products": rows}).encode())

    async def products(state: Any, reader: Any, writer: Any) -> None:
        pages = {b"offset=0 ": page(0, 250), b"offset=250 ": page(240, 490), b"offset=500 ": page(490, 613)}
        request = state.requests[-1]
        raw = next(
            (body for offset, body in pages.items() if b"/products" in request and offset in request), None
        )
        await says(raw or answer(b"{}", "404 No"))(state, reader, writer)

    async with (
        serving(products) as server,
        dialect_for(connect(server.url + "/v2", dialect="opendirect")) as seller,
    ):
        found = await seller.catalogue(channel="", inventory_types=())
    assert len(found.products) == 613
    assert len(found.skipped) == 10
    assert found.complete


async def test_offers_are_one_call_per_quantity(northlight: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(northlight)) as seller:
        found = await seller.catalogue(channel="ctv", inventory_types=("ctv",))
        asks = [OfferAsk(product, "ctv", (200_000, 1_000_000)) for product in found.products]
        book = await offers_of(seller, *asks)
        assert len(asked(seller, "POST", "/products/avails")) == 3
    offer = next(offer for offer in book.offers if offer.product.product_id == FAMILY)
    steps = [(step.from_impressions, str(step.cpm)) for step in offer.prices]
    assert steps == [(200_000, "25.50"), (1_000_000, "24.23")]
    assert offer.available is not None
    assert offer.available >= 1_000_000


@pytest.mark.parametrize("reading", ["available", "capped", "omitted"])
async def test_all_three_readings_of_availability_give_offers(
    tmp_path: Path, connect: Connect, reading: str
) -> None:
    with running_seller("opendirect", tmp_path, avails_reading=reading) as northlight:
        async with dialect_for(connect(northlight)) as seller:
            product = await family(seller)
            book = await offers_of(seller, OfferAsk(product, "ctv", (200_000, 500_000_000)))
    (offer,) = book.offers
    assert [step.from_impressions for step in offer.prices] == [200_000]
    assert offer.available is not None
    assert 200_000 <= offer.available < 500_000_000


async def test_what_is_not_free_at_all_says_so(northlight: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(northlight)) as seller:
        product = await family(seller)
        book = await offers_of(seller, OfferAsk(product, "ctv", (900_000_000,)))
    assert (book.offers, book.skipped[0].reason) == ((), "not enough free in this flight")


async def test_a_product_that_is_gone_does_not_cost_the_others(
    northlight: RunningSeller, connect: Connect
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        product = await family(seller)
        gone = replace(product, product_id="nlm-gone")
        book = await offers_of(
            seller, OfferAsk(gone, "ctv", (200_000,)), OfferAsk(product, "ctv", (200_000,))
        )
    assert [offer.product.product_id for offer in book.offers] == [FAMILY]
    assert [row.reference for row in book.skipped] == ["nlm-gone"]


async def test_a_quote_is_priced_at_its_quantity_and_expires(
    northlight: RunningSeller, connect: Connect, quote_ask: Callable[..., QuoteAsk]
) -> None:
    ask = quote_ask(product_id=FAMILY, frequency_cap=FrequencyCap(3, "Day"))
    async with dialect_for(connect(northlight, options={"quote_ttl_minutes": 30})) as seller:
        quote = await seller.quote(ask)
    assert (quote.quote_id, quote.cpm, quote.impressions) == ("", Decimal("24.23"), 1_000_000)
    assert quote.available is not None
    assert dt.timedelta(minutes=29) < quote.expires_at - now() <= dt.timedelta(minutes=30)


async def test_too_much_is_no_quote(
    northlight: RunningSeller, connect: Connect, quote_ask: Callable[..., QuoteAsk]
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        with pytest.raises(SellerError) as refused:
            await seller.quote(quote_ask(product_id=FAMILY, impressions=900_000_000))
    assert refused.value.code == "not_available"


async def test_a_bad_token_is_said(northlight: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(northlight, api_key="wrong-token-000000")) as seller:
        with pytest.raises(SellerError) as refused:
            await seller.probe()
    assert refused.value.code == "InvalidAccessToken"
    assert not refused.value.retryable


async def test_the_header_and_scheme_of_the_token_are_the_seller_s(connect: Connect) -> None:
    options = {"auth_header": "Authorization", "auth_scheme": "Bearer"}
    async with (
        serving(says(answer(b'{"products": []}'))) as server,
        dialect_for(connect(server.url + "/v2", dialect="opendirect", options=options)) as seller,
    ):
        await seller.catalogue(channel="", inventory_types=())
    assert f"authorization: bearer {KEY}".encode() in server.requests[0].lower()
    assert b"get /v2/products?" in server.requests[-1].lower() or b"get /v2/" in server.requests[0].lower()
    assert KEY not in repr(seller.http.exchanges)


# --- the account -------------------------------------------------------------------------------------------------


async def test_the_account_is_found_by_its_parties(northlight: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(northlight)) as seller:
        result = await seller.probe()
    assert (result.ok, result.detail["account_id"]) == (True, "acc-demo")


async def test_no_account_is_said(northlight: RunningSeller, connect: Connect) -> None:
    async with dialect_for(connect(northlight, advertiser_id="somebody")) as seller:
        with pytest.raises(SellerError) as refused:
            await seller.probe()
    assert refused.value.code == "no_account"


@pytest.mark.parametrize(
    ("who", "status", "may_buy"),
    [
        ("acc-demo", "Disapproved", False),
        ("acc-demo", "Pending", False),
        ("agency-demo", "Disapproved", False),
        ("advertiser-demo", "Pending", False),
        ("agency-demo", "Limited", True),
    ],
)
async def test_only_the_approved_buy(
    northlight: RunningSeller, connect: Connect, intent: IntentOf, who: str, status: str, may_buy: bool
) -> None:
    northlight.decide(who, status)
    async with dialect_for(connect(northlight)) as seller:
        said = await seller.send("order", intent())
    assert (said.outcome is Outcome.DONE) is may_buy
    if not may_buy:
        assert said.outcome is Outcome.REFUSED
        assert status in said.reason
        assert effects(northlight, "order.created") == []


# --- booking -----------------------------------------------------------------------------------------------------


async def test_order_line_and_booking(northlight: RunningSeller, connect: Connect, intent: IntentOf) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent, frequency_cap=FrequencyCap(3, "Day"))
        booked = await seller.send("book", line)
        seen = await seller.read(line)
        assert asked(seller, "PATCH", "?book") == [
            f"/accounts/acc-demo/orders/{line.refs['order_id']}/lines/{line.refs['line_id']}?book"
        ]
    assert (booked.outcome, booked.line_status, booked.seller_status) == (Outcome.DONE, "booked", "Booked")
    assert seen.terms == booked.terms
    assert (seen.terms.cpm, seen.terms.cost) == (Decimal("25.50"), Decimal("12750.00"))
    assert (seen.terms.flight_start, seen.terms.flight_end) == (START, END)


async def test_what_is_sent_is_exactly_what_the_wire_defines(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        await drafted(seller, intent)
        bodies = {
            one.path.rsplit("/", 1)[-1]: json.loads(one.request_body)
            for one in seller.http.exchanges
            if one.method == "POST"
        }
    assert bodies["orders"]["name"] == "Spring launch (fd-0001)"
    assert bodies["orders"]["advertiserbrandid"] == "brand-advertiser-demo"
    assert bodies["orders"]["providerdata"]["campaignid"] == "Spring launch (fd-0001)"
    assert set(bodies["orders"]) & {"id", "orderstatus"} == set()
    assert bodies["lines"]["comment"] == "fd-line-0001"
    assert (bodies["lines"]["startdate"], bodies["lines"]["enddate"]) == (
        "2027-03-01T00:00:00Z",
        "2027-03-31T23:59:59Z",
    )
    assert all(name == name.lower() for body in bodies.values() for name in body)


async def test_one_order_holds_the_lines_of_a_campaign(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        first = await drafted(seller, intent)
        second = await drafted(seller, intent, reference="fd-line-0002", line_name="Second")
    assert first.refs["order_id"] == second.refs["order_id"]
    assert first.refs["line_id"] != second.refs["line_id"]
    assert len(effects(northlight, "order.created")) == 1


async def test_an_asynchronous_seller_is_pending_first(
    tmp_path: Path, connect: Connect, intent: IntentOf
) -> None:
    with running_seller("opendirect", tmp_path, async_after=600) as northlight:
        async with dialect_for(connect(northlight)) as seller:
            line = await drafted(seller, intent)
            pending = await seller.send("book", line)
            asked_again = await seller.find("book", line)
            northlight.decide(line.refs["line_id"], "approve")
            seen = await seller.read(line)
    assert (pending.outcome, pending.line_status) == (Outcome.DONE, "pending_booking")
    assert asked_again.outcome is Outcome.DONE
    assert seen.line_status == "booked"


async def test_a_declined_line_says_why(tmp_path: Path, connect: Connect, intent: IntentOf) -> None:
    with running_seller("opendirect", tmp_path, async_after=600) as northlight:
        async with dialect_for(connect(northlight)) as seller:
            line = await drafted(seller, intent)
            await seller.send("book", line)
            northlight.decide(line.refs["line_id"], "decline", "Sold to someone else")
            seen = await seller.read(line)
            found = await seller.find("book", line)
    assert (seen.line_status, seen.reason) == ("declined", "Sold to someone else")
    assert (found.outcome, found.reason) == (Outcome.REFUSED, "Sold to someone else")


async def test_a_refusal_names_every_broken_rule(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        said = await seller.send("order", intent())
        line = intent(refs=said.refs, impressions=10, flight_end=dt.date(2031, 3, 1))
        refused = await seller.send("line", line)
    assert refused.outcome is Outcome.REFUSED
    assert ";" in refused.reason


async def test_a_dearer_line_shows_in_its_terms(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    northlight.faults(kind="price", path="/v2/accounts", contains="?book", factor=1.5, count=1)
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent)
        booked = await seller.send("book", line)
    assert booked.outcome is Outcome.DONE
    assert booked.terms.cpm == Decimal("38.25")
    assert booked.terms.cost == Decimal("19125.00")


@pytest.mark.parametrize(
    ("kind", "effect"), [("order", "order.created"), ("line", "line.created"), ("book", "line.booked")]
)
@pytest.mark.parametrize("at", [None, 0, 1, -1])
async def test_a_reset_after_commit_is_found_again_and_done_once(
    northlight: RunningSeller, connect: Connect, intent: IntentOf, kind: str, effect: str, at: int | None
) -> None:
    line = intent()
    async with dialect_for(connect(northlight)) as seller:
        for before in ("order", "line")[: ("order", "line", "book").index(kind)]:
            line = replace(line, refs={**line.refs, **(await seller.send(before, line)).refs})
        contains = {"order": "/orders", "line": "/lines", "book": "?book"}[kind]
        method = "PATCH" if kind == "book" else "POST"
        northlight.faults(
            kind="cut", method=method, path="/v2/accounts", contains=contains, when="after", at=at, count=1
        )
        lost = await seller.send(kind, line)
        found = await seller.find(kind, line)
    assert lost.outcome is Outcome.UNKNOWN
    assert found.outcome is Outcome.DONE
    assert found.refs
    assert len(effects(northlight, effect)) == 1


async def test_what_the_seller_has_already_is_not_written_again(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    """As after a restore from a backup: the seller knows a line that our records have never heard of."""
    async with dialect_for(connect(northlight)) as seller:
        first = await drafted(seller, intent)
        forgotten = replace(first, refs={name: id for name, id in first.refs.items() if name == "order_id"})
        again = await seller.send("line", forgotten)
    assert again.outcome is Outcome.DONE
    assert again.refs["line_id"] == first.refs["line_id"]
    assert len(effects(northlight, "line.created")) == 1


async def test_nothing_is_written_where_it_cannot_be_seen_what_is_there(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = intent()
        line = replace(line, refs=(await seller.send("order", line)).refs)
        northlight.faults(kind="status", status=500, method="GET", contains="/lines")
        refused = await seller.send("line", line)
    assert refused.outcome is Outcome.NOT_SENT
    assert effects(northlight, "line.created") == []


@pytest.mark.parametrize("kind", ["order", "line", "book"])
async def test_a_reset_before_commit_is_proved_to_be_nothing(
    northlight: RunningSeller, connect: Connect, intent: IntentOf, kind: str
) -> None:
    line = intent()
    async with dialect_for(connect(northlight)) as seller:
        for before in ("order", "line")[: ("order", "line", "book").index(kind)]:
            line = replace(line, refs={**line.refs, **(await seller.send(before, line)).refs})
        method = "PATCH" if kind == "book" else "POST"
        northlight.faults(kind="cut", method=method, path="/v2/accounts", when="before", count=1)
        assert (await seller.send(kind, line)).outcome is Outcome.UNKNOWN
        assert (await seller.find(kind, line)).outcome is Outcome.NOTHING
        assert (await seller.send(kind, line)).outcome is Outcome.DONE


@pytest.mark.parametrize("kind", ["order", "line", "book"])
async def test_a_look_up_that_fails_proves_nothing(
    northlight: RunningSeller, connect: Connect, intent: IntentOf, kind: str
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent)
        northlight.faults(kind="status", method="GET", path="/v2/accounts", status=500)
        assert (await seller.find(kind, line)).outcome is Outcome.UNKNOWN


async def test_a_booking_that_is_already_there_is_no_refusal(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent)
        first, second = await seller.send("book", line), await seller.send("book", line)
    assert first == second
    assert len(effects(northlight, "line.booked")) == 1


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "status", "status": 500}, Outcome.UNKNOWN),
        ({"kind": "status", "status": 503}, Outcome.UNKNOWN),
        ({"kind": "status", "status": 404, "body": {"errors": []}}, Outcome.REFUSED),
        ({"kind": "status", "status": 401, "body": {"errors": []}}, Outcome.REFUSED),
        ({"kind": "status", "status": 400, "body": {"errors": []}}, Outcome.REFUSED),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "3"}}, Outcome.NOT_SENT),
        ({"kind": "bad_json", "when": "after", "body": "{oops"}, Outcome.DONE),
    ],
    ids=range(7),
)
async def test_answers_to_a_booking_are_sorted(
    northlight: RunningSeller, connect: Connect, intent: IntentOf, fault: dict[str, Any], outcome: Outcome
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent)
        northlight.faults(fault | {"method": "PATCH", "path": "/v2/accounts", "contains": "?book"})
        said = await seller.send("book", line)
        assert len(asked(seller, "PATCH", "?book")) == 1
    assert said.outcome is outcome


async def test_a_status_that_nobody_knows_is_no_booking(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent)
        northlight.faults(
            kind="mutate", method="GET", path="/v2/accounts", contains="/lines/", set={"bookingstatus": "Foo"}
        )
        said = await seller.send("book", line)
    assert (said.outcome, said.code, said.line_status) == (Outcome.UNKNOWN, "unknown_status", "")


@pytest.mark.parametrize(
    ("state", "outcome", "sent"),
    [
        ("Reserved", Outcome.DONE, 1),
        ("Booked", Outcome.DONE, 1),
        ("InFlight", Outcome.DONE, 1),
        ("Canceled", Outcome.DONE, 0),
        ("Stopped", Outcome.DONE, 0),
        ("PendingReservation", Outcome.REFUSED, 0),
        ("PendingBooking", Outcome.REFUSED, 0),
        ("Finished", Outcome.REFUSED, 0),
        ("Pause", Outcome.REFUSED, 0),
        ("Expired", Outcome.REFUSED, 0),
        ("Declined", Outcome.REFUSED, 0),
        ("ChangePending", Outcome.REFUSED, 0),
    ],
)
async def test_cancelling_is_sent_only_where_it_is_legal(
    northlight: RunningSeller, connect: Connect, intent: IntentOf, state: str, outcome: Outcome, sent: int
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent)
        if state == "Reserved":
            path = f"/accounts/acc-demo/orders/{line.refs['order_id']}/lines/{line.refs['line_id']}?reserve"
            assert (await seller.http.write("PATCH", path)).ok
        else:
            northlight.decide(line.refs["line_id"], state)
        said = await seller.cancel(line)
        assert len(asked(seller, "PATCH", "?cancel")) == sent
    assert said.outcome is outcome


async def test_a_draft_is_deleted(northlight: RunningSeller, connect: Connect, intent: IntentOf) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent)
        gone = await seller.cancel(line)
        found = await seller.find("line", line)
    assert (gone.outcome, gone.line_status) == (Outcome.DONE, "canceled")
    assert found.outcome is Outcome.NOTHING


async def test_a_seller_that_wants_put_gets_put(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight, options={"method": "PUT"})) as seller:
        line = await drafted(seller, intent)
        said: Answer = await seller.send("book", line)
        assert len(asked(seller, "PUT", "?book")) == 1
    assert said.line_status == "booked"


async def test_a_seller_that_is_down_has_seen_nothing(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        line = await drafted(seller, intent)
        northlight.stop()
        said = await seller.send("book", line)
        found = await seller.find("book", line)
        northlight.start()
    assert (said.outcome, found.outcome) == (Outcome.NOT_SENT, Outcome.UNKNOWN)


async def test_what_comes_before_must_be_there(
    northlight: RunningSeller, connect: Connect, intent: IntentOf
) -> None:
    async with dialect_for(connect(northlight)) as seller:
        assert (await seller.find("line", intent())).outcome is Outcome.NOTHING
        assert (await seller.find("book", intent())).outcome is Outcome.NOTHING
        assert (await seller.read(intent())).code == "no_line_id"
        with pytest.raises(ValueError, match="no write"):
            await seller.send("deal", intent())
