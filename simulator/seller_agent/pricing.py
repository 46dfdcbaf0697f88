"""Tier and volume discounts (seller-agent.md section 4), and `POST /pricing`.

Prices are binary floats on purpose: the reference agent rounds that way, so half cents fall down (29.925 is
29.92) and a buyer has to live with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.seller import seller_of
from simulator.seller_agent import fields
from simulator.seller_agent.catalogue import base_cpm, find_product
from simulator.seller_agent.errors import ApiError, unpriced
from simulator.seller_agent.reading import caller, effective_tier, read_checked
from simulator.wire_json import JsonReply

TIER_DISCOUNTS = {"public": 0.0, "seat": 0.05, "agency": 0.10, "advertiser": 0.15}
VOLUME_STEPS = ((50_000_000, 0.20), (20_000_000, 0.15), (10_000_000, 0.10), (5_000_000, 0.05))
VOLUME_TIERS = ("agency", "advertiser")
MINIMUM_CPM = 1.00


@dataclass(frozen=True)
class Price:
    """USD CPM. Discounts are fractions."""

    base: float
    final: float
    tier_discount: float
    volume_discount: float
    rationale: str


def money(cpm: float) -> dict[str, Any]:
    return {"amount_micros": round(cpm * 1_000_000), "currency": "USD"}


def price_of(base: float, tier: str, volume: int) -> Price:
    tier_discount = TIER_DISCOUNTS[tier]
    volume_discount = 0.0
    if tier in VOLUME_TIERS:
        volume_discount = next((cut for step, cut in VOLUME_STEPS if volume >= step), 0.0)
    final = max(round(base * (1 - tier_discount) * (1 - volume_discount), 2), MINIMUM_CPM)
    return Price(
        base,
        final,
        tier_discount,
        volume_discount,
        _rationale(base, final, tier, tier_discount, volume_discount),
    )


def _rationale(base: float, final: float, tier: str, tier_discount: float, volume_discount: float) -> str:
    parts = [f"Base price: ${base:.2f} CPM"]
    if tier_discount:
        parts.append(f"{tier.title()} tier: -{tier_discount:.0%}")
    if volume_discount:
        parts.append(f"Volume discount: -{volume_discount:.1%}")
    parts.append(f"Final price: ${final:.2f} CPM")
    if final < base:
        parts.append(f"(Total savings: {1 - final / base:.1%})")
    return " | ".join(parts)


_REQUEST: fields.Spec = (
    ("product_id", fields.text(), True),
    ("buyer_tier", fields.text(), False),
    ("agency_id", fields.text(), False),
    ("advertiser_id", fields.text(), False),
    ("volume", fields.whole(), False),
    ("agent_url", fields.text(), False),
)


async def post_pricing(request: Request) -> Response:
    body = await read_checked(request, _REQUEST)
    tier = effective_tier(request, caller(request), body)
    product = find_product(seller_of(request), body["product_id"])
    if product is None:
        raise ApiError(404, "Product not found")
    base = base_cpm(product)
    if base is None:
        raise unpriced(body["product_id"])
    price = price_of(base, tier, fields.lax_int(body.get("volume")) or 0)
    return JsonReply(
        {
            "product_id": product["product_id"],
            "base_price": price.base,
            "final_price": price.final,
            "currency": "USD",
            "tier_discount": price.tier_discount,
            "volume_discount": price.volume_discount,
            "rationale": price.rationale,
        }
    )
