"""Quotes and deals of the seller agent: reading them, and sorting answers into the classes of reliability.md 6.3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sellers.dialects.base import Answer, LineIntent, Outcome, Quote, QuoteAsk, SellerError, Terms
from sellers.dialects.seller_agent.problems import problem_of
from sellers.dialects.values import (
    BadValue,
    day_or_none,
    identifier,
    instant,
    money_cpm,
    prose,
    whole_or_none,
)
from sellers.http import CallFailed, Reply

LINE_STATUS = {
    "proposed": "pending_booking",
    "active": "booked",
    "booked": "booked",
    "confirmed": "booked",
    "delivering": "booked",
    "cancelled": "canceled",
    "canceled": "canceled",
    "expired": "expired",
    "rejected": "declined",
    "declined": "declined",
    "failed": "declined",
}
REFUSALS = frozenset({400, 401, 403, 404, 410, 422})


def quote_of(reply: Reply) -> Mapping[str, Any] | None:
    return _inner(reply, "quote")


def deal_of(reply: Reply) -> Mapping[str, Any] | None:
    return _inner(reply, "deal")


def read_quote(body: Mapping[str, Any], ask: QuoteAsk) -> Quote:
    """The quote, when it answers exactly what was asked. Raises `SellerError`."""
    try:
        terms = terms_of(body)
        pricing = _mapping(body.get("pricing"))
        list_cpm, list_currency = money_cpm(pricing.get("base_cpm"), "base_cpm", currency=ask.currency)
        quote = Quote(
            quote_id=identifier(body.get("quote_id"), "quote_id"),
            product_id=terms.product_id or "",
            deal_type=prose(body.get("deal_type"), 10),
            impressions=terms.impressions or 0,
            cpm=terms.cpm if terms.cpm is not None else list_cpm,
            list_cpm=list_cpm,
            currency=terms.currency or list_currency,
            flight_start=terms.flight_start or date.min,
            flight_end=terms.flight_end or date.min,
            expires_at=instant(body.get("expires_at"), "expires_at"),
            tier=prose(body.get("buyer_tier"), 40),
            rationale=prose(pricing.get("rationale"), 500),
            guaranteed=_mapping(body.get("terms")).get("guaranteed") is True,
        )
    except BadValue as wrong:
        raise SellerError("bad_answer", f"The seller's quote is unusable: {wrong}.") from wrong
    _check(body, quote, ask)
    return quote


def _check(body: Mapping[str, Any], quote: Quote, ask: QuoteAsk) -> None:
    if body.get("status") != "available":
        raise SellerError(
            "quote_not_available", f"The quote is {prose(body.get('status'), 20) or 'without a status'}."
        )
    if terms_of(body).cpm is None:
        raise SellerError("bad_answer", "The seller's quote states no price.")
    for name in ("product_id", "deal_type", "impressions", "flight_start", "flight_end", "currency"):
        asked, quoted = getattr(ask, name), getattr(quote, name)
        if asked != quoted:
            raise SellerError("quote_differs", f"Asked for {name} {asked}, the seller quoted {quoted}.")
    # The reference seller would book over its capacity all the same; then nobody delivers.
    if _mapping(body.get("availability")).get("inventory_available") is False:
        raise SellerError(
            "not_available", f"The seller does not have {ask.impressions:,} impressions in this flight."
        )


def terms_of(body: Mapping[str, Any]) -> Terms:
    """Product, volume, price and flight of a quote or deal. Raises `BadValue`; what is absent stays None."""
    product, pricing, terms = (_mapping(body.get(name)) for name in ("product", "pricing", "terms"))
    price, currency = (None, None)
    if pricing.get("final_cpm") is not None:
        price, currency = money_cpm(pricing["final_cpm"], "final_cpm", currency="USD")
    return Terms(
        product_id=None
        if product.get("product_id") is None
        else identifier(product["product_id"], "product_id"),
        impressions=whole_or_none(terms.get("impressions"), "impressions"),
        cpm=price,
        currency=currency,
        flight_start=day_or_none(terms.get("flight_start"), "flight_start"),
        flight_end=day_or_none(terms.get("flight_end"), "flight_end"),
    )


def answer_of_deal(deal: Mapping[str, Any], intent: LineIntent) -> Answer:
    """A deal that the seller shows us as ours. One that belongs to another quote is never adopted."""
    try:
        deal_id = identifier(deal.get("deal_id"), "deal_id")
        terms = terms_of(deal)
    except BadValue as wrong:
        return unknown("bad_answer", f"The seller's deal is unreadable: {wrong}.")
    quote_id = deal.get("quote_id")
    if quote_id is not None and quote_id != intent.quote_id:
        return unknown("wrong_deal", "The seller answered with a deal of another quote.")
    status = prose(deal.get("status"), 40)
    return Answer(
        Outcome.DONE,
        refs={"deal_id": deal_id},
        seller_status=status,
        line_status=LINE_STATUS.get(status.lower(), ""),
        terms=terms,
    )


def classify_write(reply: Reply, intent: LineIntent) -> Answer:
    """The outcome of `POST /api/v1/deals` from a complete answer."""
    deal = deal_of(reply)
    if reply.ok:
        return (
            answer_of_deal(deal, intent)
            if deal
            else unknown("bad_answer", "The seller's answer cannot be read.")
        )
    code, words = problem_of(reply)
    if reply.status in REFUSALS:
        return Answer(Outcome.REFUSED, code=code, reason=words or f"The seller answered HTTP {reply.status}.")
    if reply.status == 429:
        return Answer(
            Outcome.NOT_SENT, code="busy", reason="The seller asks us to wait.", retry_after=reply.retry_after
        )
    return replace(
        unknown(code, words or f"The seller answered HTTP {reply.status}."), retry_after=reply.retry_after
    )


def classify_failure(failed: CallFailed) -> Answer:
    """The outcome of a write that got no complete answer."""
    outcome = Outcome.UNKNOWN if failed.sent else Outcome.NOT_SENT
    return Answer(outcome, code=failed.code, reason=failed.message, retry_after=failed.retry_after)


def unknown(code: str, reason: str) -> Answer:
    return Answer(Outcome.UNKNOWN, code=code, reason=reason)


def _inner(reply: Reply, name: str) -> Mapping[str, Any] | None:
    if not reply.ok or not isinstance(reply.data, Mapping):
        return None
    body = reply.data.get(name)
    return body if isinstance(body, Mapping) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
