"""`POST /api/v1/quotes`, `GET /api/v1/quotes/{id}` (seller-agent.md section 6)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.clock import parse_stamp, stamp
from simulator.seller import Seller, seller_of
from simulator.seller_agent import fields, idempotency
from simulator.seller_agent.catalogue import SELLER_ID, base_cpm, find_product
from simulator.seller_agent.errors import ApiError, business_error, unpriced
from simulator.seller_agent.pricing import Price, money, price_of
from simulator.seller_agent.reading import caller, effective_tier, read_checked
from simulator.wire_json import JsonReply

_DEFAULT_FLIGHT = timedelta(days=30)

_REQUEST: fields.Spec = (
    ("idempotency_key", fields.text(1), True),
    ("product_id", fields.text(), True),
    ("deal_type", fields.one_of("PG", "PD", "PA"), True),
    ("impressions", fields.whole(0), False),
    ("flight_start", fields.calendar_date, False),
    ("flight_end", fields.calendar_date, False),
    ("target_cpm", fields.money, False),
    ("buyer_identity", fields.mapping, False),
    ("agent_url", fields.text(), False),
    ("rate_card_id", fields.text(), False),
    ("media_type", fields.one_of("digital", "ctv", "linear_tv"), False),
    ("linear_tv", fields.mapping, False),
    ("audience_plan", fields.mapping, False),
    ("consent_context", fields.mapping, False),
)
_KNOWN = tuple(name for name, _, _ in _REQUEST)


async def post_quote(request: Request) -> Response:
    body = await read_checked(request, _REQUEST)
    _check_media_type(body)
    seller, buyer = seller_of(request), caller(request)
    replayed = idempotency.replay(seller, "quotes", "quote request", buyer, body, _KNOWN)
    if replayed is not None:
        return JsonReply(replayed)
    tier = effective_tier(request, buyer, body)
    quote = _new_quote(seller, body, tier)
    with seller.store.transaction():
        seller.store.put("quote", quote["quote_id"], quote)
        idempotency.remember(seller, "quotes", buyer, body, _KNOWN, {"quote": quote})
        seller.journal.effect("quote.created", _summary(quote, body))
    return JsonReply({"quote": quote})


def _check_media_type(body: dict[str, Any]) -> None:
    if body.get("media_type") != "linear_tv":
        return
    if not body.get("linear_tv"):
        raise ApiError(
            422, [fields.value_error(("body",), "media_type 'linear_tv' requires linear_tv params", body)]
        )
    raise business_error(
        400,
        "unsupported_capability",
        "Seller does not support media_type 'linear_tv'.",
        unsupported=[{"capability": "linear_tv", "path": "media_type", "reason": ""}],
    )


def _summary(quote: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    return {
        "quote_id": quote["quote_id"],
        "product_id": quote["product"]["product_id"],
        "impressions": quote["terms"]["impressions"],
        "cpm_micros": quote["pricing"]["final_cpm"]["amount_micros"],
        "buyer_tier": quote["buyer_tier"],
        "idempotency_key": body["idempotency_key"],
    }


def _new_quote(seller: Seller, body: dict[str, Any], tier: str) -> dict[str, Any]:
    product = find_product(seller, body["product_id"])
    if product is None:
        text = f"Product '{body['product_id']}' not found in catalog."
        raise business_error(404, "product_not_found", text)
    impressions = fields.lax_int(body.get("impressions"))
    _check_volume(product, body["deal_type"], impressions)
    base = base_cpm(product)
    if base is None:
        raise unpriced(product["product_id"])
    now = seller.clock.now()
    cap = product["available_impressions"]
    return {
        "quote_id": "qt-" + secrets.token_hex(6),
        "status": "available",
        "deal_type": body["deal_type"],
        "product": {
            "product_id": product["product_id"],
            "name": product["name"],
            "inventory_type": product["ext"]["inventory_type"],
        },
        "pricing": _pricing(price_of(base, tier, impressions or 0), product, body.get("target_cpm")),
        "terms": {
            "impressions": impressions,
            "flight_start": body.get("flight_start") or now.date().isoformat(),
            "flight_end": body.get("flight_end") or (now.date() + _DEFAULT_FLIGHT).isoformat(),
            "guaranteed": body["deal_type"] == "PG",
            "grps": None,
            "guaranteed_grps": None,
            "target_demo": None,
        },
        "availability": {
            "inventory_available": cap is None or impressions is None or impressions <= cap,
            "estimated_fill_rate": None,
            "competing_demand": None,
        },
        "buyer_tier": tier,
        "rate_card_id": None,
        "expires_at": stamp(now + timedelta(seconds=seller.options.quote_ttl)),
        "seller_id": SELLER_ID,
        "created_at": stamp(now),
        "deal_id": None,
        "media_type": body.get("media_type") or "digital",
        "linear_tv": None,
        "consent_context": body.get("consent_context"),
    }


def _check_volume(product: dict[str, Any], deal_type: str, impressions: int | None) -> None:
    if deal_type == "PG" and not impressions:
        text = "Programmatic Guaranteed deals require an impressions count."
        raise business_error(400, "pg_requires_impressions", text)
    minimum = product["ext"]["minimum_impressions"]
    if impressions is not None and impressions < minimum:
        text = f"Minimum impressions for this product: {minimum}."
        raise business_error(400, "below_minimum_impressions", text)


def _pricing(price: Price, product: dict[str, Any], target: dict[str, Any] | None) -> dict[str, Any]:
    """A target at or above the floor overrides everything, even upwards; below the floor it is ignored."""
    final = money(price.final)
    floor = product["ext"]["floor_cpm"]
    if target and target["amount_micros"] >= money(floor)["amount_micros"]:
        final = {"amount_micros": target["amount_micros"], "currency": target.get("currency", "USD")}
    return {
        "pricing_type": "fixed",
        "base_cpm": money(price.base),
        "tier_discount_pct": price.tier_discount * 100,
        "volume_discount_pct": price.volume_discount * 100,
        "final_cpm": final,
        "pricing_model": "cpm",
        "rationale": price.rationale,
        "base_cpp": None,
        "final_cpp": None,
    }


def load_quote(seller: Seller, quote_id: str) -> dict[str, Any]:
    """A stored quote. Raises ApiError 404 if unknown; expiry is the caller's question."""
    quote = seller.store.get("quote", quote_id)
    if quote is None:
        raise business_error(404, "quote_not_found", f"Quote '{quote_id}' not found.")
    return quote


def refuse_expired(seller: Seller, quote: dict[str, Any]) -> None:
    """410 after 24 hours, even for a booked quote (reliability.md fact 9)."""
    if parse_stamp(quote["expires_at"]) <= seller.clock.now():
        raise business_error(410, "quote_expired", f"Quote '{quote['quote_id']}' has expired.")


async def get_quote(request: Request) -> Response:
    seller = seller_of(request)
    quote = load_quote(seller, request.path_params["quote_id"])
    refuse_expired(seller, quote)
    return JsonReply({"quote": {**quote, "media_type": "digital"}})
