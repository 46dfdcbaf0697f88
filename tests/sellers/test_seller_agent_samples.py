"""Exchanges captured from the reference seller, read by our parsers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sellers import wire
from sellers.dialects.base import LineIntent, Outcome, QuoteAsk, SellerError
from sellers.dialects.seller_agent import catalogue, deals
from sellers.dialects.seller_agent.pricing import final_price
from sellers.dialects.seller_agent.problems import problem_of, route_is_absent
from sellers.dialects.values import BadValue
from sellers.http import Reply

SAMPLES = Path(__file__).parent / "samples"


def exchanges(name: str) -> list[dict[str, Any]]:
    return wire.loads((SAMPLES / name).read_text())[0]["exchanges"]  # type: ignore[no-any-return]


def reply_of(exchange: dict[str, Any]) -> Reply:
    answer = exchange["response"]
    body = answer.get("body")
    data = body if isinstance(body, dict | list) else None
    return Reply(answer["status"], {}, data, body if isinstance(body, str) else json.dumps(body, default=str))


def sample(file: str, name: str) -> dict[str, Any]:
    return next(exchange for exchange in exchanges(file) if exchange["name"] == name)


def test_the_catalogue_is_read_whole() -> None:
    rows = sample("03-products.json", "list default")["response"]["body"]["products"]
    products, reasons = {}, []
    for row in rows:
        try:
            read = catalogue.product(row, seller="s", currency="USD")
            products[read.product_id] = read
        except BadValue as wrong:
            reasons.append((row["product_id"], str(wrong)))
    assert reasons == [("prod-f114d7a7", "unpriced")]
    assert len(products) == 12
    ctv = products["prod-53e78a97"]
    assert (ctv.list_cpm, ctv.floor_cpm, ctv.available_cap) == (
        Decimal("35.00"),
        Decimal("28.00"),
        20_000_000,
    )
    assert (ctv.min_impressions, ctv.deal_types, ctv.guaranteed) == (10_000, ("PG",), True)
    assert "geo:US" in ctv.targeting
    assert "genre:drama" in ctv.content
    # The seller calls every product guaranteed; only PG really is.
    assert not products["prod-5c55dc4e"].guaranteed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"product_id": None}, "product_id is missing"),
        ({"product_id": ["x"]}, "product_id is not text"),
        ({"base_price": None}, "unpriced"),
        ({"base_price": {"amount_micros": -1, "currency": "USD"}}, "base_price is negative"),
        ({"base_price": {"amount_micros": 0, "currency": "USD"}}, "base_price is zero"),
        ({"base_price": {"amount_micros": 10**15, "currency": "USD"}}, "base_price is absurdly high"),
        ({"base_price": "35"}, "base_price is not a number"),
        ({"base_price": {"amount_micros": 1_000_000, "currency": "??"}}, "currency is not"),
        ({"pricing_model": "cpc"}, "priced per cpc"),
        ({"available_impressions": "many"}, "available_impressions is not a number"),
        ({"available_impressions": 2**63}, "available_impressions is negative or absurdly"),
        ({"ext": {"floor_cpm": -3}}, "floor_cpm is zero or negative"),
        ({"ext": {"minimum_impressions": -3}}, "minimum_impressions is negative"),
        ({"ext": {"viewability": 700}}, "viewability is not a rate"),
    ],
)
def test_a_malformed_row_says_why(change: dict[str, Any], reason: str) -> None:
    row = sample("03-products.json", "list default")["response"]["body"]["products"][0] | change
    with pytest.raises(BadValue, match=reason):
        catalogue.product(row, seller="s", currency="USD")


def test_text_that_is_no_text_does_not_cost_the_row() -> None:
    row = sample("03-products.json", "list default")["response"]["body"]["products"][0]
    odd = row | {
        "name": ["x"],
        "description": 5,
        "audience_targeting": "x",
        "content_targeting": [1],
        "ad_formats": 3,
    }
    read = catalogue.product(odd, seller="s", currency="USD")
    assert (read.name, read.description) == (row["product_id"], "")


@pytest.mark.parametrize(
    ("name", "price"),
    [
        ("PG CTV 10M tier=None", "35.00"),
        ("PG CTV 10M tier=seat", "33.25"),
        ("PG CTV 10M tier=agency", "28.35"),
        ("PG CTV 10M tier=advertiser", "26.78"),
    ],
)
def test_quotes_of_every_tier(name: str, price: str, quote_ask: Callable[..., QuoteAsk]) -> None:
    body = deals.quote_of(reply_of(sample("07-quotes.json", name)))
    assert body is not None
    ask = quote_ask(impressions=10_000_000, flight_start=date(2027, 1, 1), flight_end=date(2027, 1, 31))
    quote = deals.read_quote(body, ask)
    assert (quote.cpm, quote.list_cpm, quote.currency) == (Decimal(price), Decimal("35.00"), "USD")
    assert quote.guaranteed
    assert quote.expires_at.tzinfo is not None


@pytest.mark.parametrize(
    "change",
    [
        {"product_id": "prod-other"},
        {"deal_type": "PD"},
        {"impressions": 9_999_999},
        {"flight_start": date(2027, 1, 2)},
        {"flight_end": date(2027, 1, 30)},
        {"currency": "EUR"},
    ],
)
def test_a_quote_that_answers_another_question_is_refused(
    change: dict[str, Any], quote_ask: Callable[..., QuoteAsk]
) -> None:
    body = deals.quote_of(reply_of(sample("07-quotes.json", "PG CTV 10M tier=agency")))
    assert body is not None
    ask = quote_ask(impressions=10_000_000, flight_start=date(2027, 1, 1), flight_end=date(2027, 1, 31))
    deals.read_quote(body, ask)
    with pytest.raises(SellerError) as refused:
        deals.read_quote(body, quote_ask(**{**ask.__dict__, **change}))
    assert refused.value.code == "quote_differs"


def test_a_quote_over_capacity_is_refused(quote_ask: Callable[..., QuoteAsk]) -> None:
    body = deals.quote_of(reply_of(sample("07-quotes.json", "over capacity: inventory_available false")))
    assert body is not None
    ask = quote_ask(impressions=50_000_000, flight_start=date(2027, 1, 1), flight_end=date(2027, 1, 31))
    with pytest.raises(SellerError) as refused:
        deals.read_quote(body, ask)
    assert refused.value.code == "not_available"


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [
        ("unknown quote", Outcome.REFUSED, "quote_not_found"),
        ("no idempotency key", Outcome.REFUSED, "schema"),
        ("bad key", Outcome.REFUSED, "http_401"),
        ("audience_plan agentic extension", Outcome.REFUSED, "audience_plan_unsupported"),
        ("already booked", Outcome.UNKNOWN, "quote_already_booked"),
        ("conflict same key other body", Outcome.UNKNOWN, "idempotency_conflict"),
    ],
)
def test_captured_refusals_are_sorted(
    name: str, outcome: Outcome, code: str, intent: Callable[..., LineIntent]
) -> None:
    answer = deals.classify_write(reply_of(sample("08-deals.json", name)), intent())
    assert (answer.outcome, answer.code) == (outcome, code)
    assert answer.reason


def test_a_captured_deal_is_done(intent: Callable[..., LineIntent]) -> None:
    reply = reply_of(sample("08-deals.json", "idempotent replay"))
    answer = deals.classify_write(reply, intent(quote_id=reply.data["deal"]["quote_id"]))
    assert answer.outcome is Outcome.DONE
    assert answer.refs["deal_id"].startswith("DEMO-")
    assert (answer.seller_status, answer.line_status) == ("proposed", "pending_booking")
    assert answer.terms.product_id == "prod-53e78a97"


def test_a_deal_of_another_quote_is_not_ours(intent: Callable[..., LineIntent]) -> None:
    answer = deals.classify_write(
        reply_of(sample("08-deals.json", "idempotent replay")), intent(quote_id="qt-mine")
    )
    assert (answer.outcome, answer.code, dict(answer.refs)) == (Outcome.UNKNOWN, "wrong_deal", {})


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("proposed", "pending_booking"),
        ("active", "booked"),
        ("Booked", "booked"),
        ("confirmed", "booked"),
        ("delivering", "booked"),
        ("cancelled", "canceled"),
        ("canceled", "canceled"),
        ("expired", "expired"),
        ("rejected", "declined"),
        ("declined", "declined"),
        ("failed", "declined"),
        ("deprecated", ""),
        ("sure thing", ""),
        (None, ""),
    ],
)
def test_status_words(word: Any, status: str, intent: Callable[..., LineIntent]) -> None:
    answer = deals.answer_of_deal({"deal_id": "D", "status": word}, intent())
    assert (answer.outcome, answer.line_status) == (Outcome.DONE, status)


@pytest.mark.parametrize("exchange", exchanges("16-errors.json"), ids=lambda one: one["name"])
def test_every_captured_error_body_is_read(exchange: dict[str, Any]) -> None:
    code, words = problem_of(reply_of(exchange))
    assert code
    assert len(words) <= 300


def test_the_framework_s_404_is_not_the_product_s() -> None:
    assert route_is_absent(reply_of(sample("16-errors.json", "404 route")))
    assert route_is_absent(reply_of(sample("16-errors.json", "405")))
    assert not route_is_absent(reply_of(sample("07-quotes.json", "unknown product")))


@pytest.mark.parametrize(
    "body",
    [
        {"final_price": 0},
        {"final_price": -1},
        {"final_price": "7"},
        {"final_price": 10**7},
        {},
        {"currency": "EUR"},
    ],
)
def test_a_price_that_cannot_be_true_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(SellerError):
        final_price(
            Reply(200, {}, {"final_price": Decimal("28.26"), "currency": "USD"} | body if body else {}), "USD"
        )
