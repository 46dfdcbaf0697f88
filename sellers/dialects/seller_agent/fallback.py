"""A price ladder without `/pricing`: list price from the minimum on, the quoted price from the largest volume on."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from flows.ids import new_id
from planning.types import PriceStep, Product
from sellers.dialects.base import Quote, QuoteAsk, SellerError
from sellers.dialects.seller_agent.pricing import steps


class Quoting(Protocol):
    async def quote(self, ask: QuoteAsk) -> Quote: ...


async def ladder_by_quote(
    seller: Quoting, product: Product, volumes: list[int], start: date, end: date
) -> tuple[PriceStep, ...] | SellerError:
    """One quote, at the largest volume; smaller volumes are taken at the public list price, which is never too low."""
    ask = QuoteAsk(
        product_id=product.product_id,
        deal_type=product.deal_types[0] if product.deal_types else "PD",
        impressions=volumes[-1],
        flight_start=start,
        flight_end=end,
        currency=product.currency,
        idempotency_key=f"fd-price-{new_id()}",
    )
    try:
        quoted = await seller.quote(ask)
    except SellerError as failed:
        return failed
    return steps({volumes[0]: product.list_cpm, volumes[-1]: quoted.cpm})
