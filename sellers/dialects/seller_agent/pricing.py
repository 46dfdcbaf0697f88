"""The seller agent's price ladders: what we pay per product from each volume on, by `POST /pricing`.

One call prices one product at one volume. An answer states its parts, the tier's discount and the volume's. So one
product is asked at every volume, which shows the seller's volume scale, and the others at their largest volume only;
whoever's answer does not fit the scale is asked at its other volumes too. What is worked out here only ranks offers:
before a plan is shown, the seller is asked for a binding quote at the exact volume.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from planning.types import PriceStep, Product
from sellers.dialects.base import Connection, SellerError
from sellers.dialects.seller_agent.offers import buyer_identity, trusted_agent
from sellers.dialects.seller_agent.problems import error_of, route_is_absent
from sellers.dialects.values import BadValue, amount, cpm, share_or_none
from sellers.http import Reply, SellerHttp

CENT = Decimal("0.01")

Ladder = tuple[PriceStep, ...]
Wanted = Mapping[str, tuple[Product, Sequence[int]]]
"""By product id: the product, and the ascending volumes at which its price is wanted."""
Scale = Mapping[int, Decimal]
"""The volume discount (0..1) that the seller stated at each volume asked."""


class NoPricing(Exception):
    """This seller has no `POST /pricing`."""


@dataclass(frozen=True)
class Price:
    """`before` is the CPM without the volume's discount; it and `discount` are None where the parts do not add up."""

    cpm: Decimal
    before: Decimal | None = None
    discount: Decimal | None = None


async def price_ladders(
    http: SellerHttp, connection: Connection, wanted: Wanted
) -> dict[str, Ladder | SellerError]:
    """What we pay from each volume on, or why a product has no price. Raises `NoPricing` where the route is absent."""
    prices, failures = await _ask_all(http, connection, _first_questions(wanted))
    scale = _scale(prices)
    open_questions = [
        (product, volume)
        for name, (product, volumes) in wanted.items()
        if name not in failures and _from_scale(prices[name], volumes, scale) is None
        for volume in volumes
        if volume not in prices[name]
    ]
    more, failed = await _ask_all(http, connection, open_questions)
    failures |= failed
    ladders: dict[str, Ladder | SellerError] = {}
    for name, (_, volumes) in wanted.items():
        if name in failures:
            ladders[name] = failures[name]
            continue
        known = prices[name] | more.get(name, {})
        stated = {volume: price.cpm for volume, price in known.items()}
        ladders[name] = steps(_from_scale(known, volumes, scale) or stated)
    return ladders


def steps(prices: Mapping[int, Decimal]) -> Ladder:
    """The ladder with equal neighbours joined. Between two volumes asked, the price of the smaller one holds."""
    ladder: list[PriceStep] = []
    for volume in sorted(prices):
        if not ladder or ladder[-1].cpm != prices[volume]:
            ladder.append(PriceStep(volume, prices[volume]))
    return tuple(ladder)


def _first_questions(wanted: Wanted) -> list[tuple[Product, int]]:
    if not wanted:
        return []
    whole = max(wanted, key=lambda name: (wanted[name][1][-1], len(wanted[name][1]), name))
    return [
        (product, volume)
        for name, (product, volumes) in wanted.items()
        for volume in (volumes if name == whole else volumes[-1:])
    ]


async def _ask_all(
    http: SellerHttp, connection: Connection, questions: Sequence[tuple[Product, int]]
) -> tuple[dict[str, dict[int, Price]], dict[str, SellerError]]:
    answers = await asyncio.gather(
        *(_price(http, connection, product, volume) for product, volume in questions), return_exceptions=True
    )
    prices: dict[str, dict[int, Price]] = {}
    failures: dict[str, SellerError] = {}
    for (product, volume), answer in zip(questions, answers, strict=True):
        if isinstance(answer, Price):
            prices.setdefault(product.product_id, {})[volume] = answer
        elif isinstance(answer, SellerError):
            failures[product.product_id] = answer
        else:
            raise answer
    return prices, failures


def _scale(prices: Mapping[str, Mapping[int, Price]]) -> Scale:
    """From the product that was asked at the most volumes; empty when its discounts do not grow with volume."""
    fullest = max(prices.values(), key=len, default={})
    scale: dict[int, Decimal] = {}
    for volume, price in sorted(fullest.items()):
        if price.discount is None:
            return {}
        scale[volume] = price.discount
    grows = all(scale[before] <= scale[after] for before, after in pairwise(sorted(scale)))
    return scale if grows else {}


def _from_scale(
    known: Mapping[int, Price], volumes: Sequence[int], scale: Scale
) -> dict[int, Decimal] | None:
    """The price at each of `volumes` by the scale, where the answer at the largest one fits it; else None."""
    if all(volume in known for volume in volumes):
        return {volume: known[volume].cpm for volume in volumes}
    top = known[volumes[-1]]
    if top.before is None or top.discount is None:
        return None
    if top.discount == 0:
        return {volumes[0]: top.cpm}  # discounts grow with volume: there is none below either
    if _discount_at(scale, volumes[-1]) != top.discount:
        return None
    found = {volume: _less(top.before, _discount_at(scale, volume)) for volume in volumes[:-1]}
    return found | {volumes[-1]: top.cpm}


def _discount_at(scale: Scale, volume: int) -> Decimal:
    """What is sure at this volume: the discount of the largest volume asked that is not above it."""
    return max((discount for least, discount in scale.items() if least <= volume), default=Decimal(0))


def _less(price: Decimal, discount: Decimal) -> Decimal:
    # Half up: this seller rounds half a cent down, so the quote is never above what was planned with.
    return (price * (1 - discount)).quantize(CENT, ROUND_HALF_UP)


async def _price(http: SellerHttp, connection: Connection, product: Product, volume: int) -> Price:
    identity = buyer_identity(connection)
    identity.pop("seat_id", None)  # not a field of this route
    body = {"product_id": product.product_id, "volume": volume, **identity, **trusted_agent(connection)}
    reply = await http.read("POST", "/pricing", body)
    if route_is_absent(reply):
        raise NoPricing
    return _in_parts(final_price(reply, product.currency), reply.data)


def _in_parts(price: Decimal, said: Mapping[str, Any]) -> Price:
    """The price with the parts that the answer states, where they make up the price."""
    try:
        base = amount(said.get("base_price"), "base_price")
        tier = share_or_none(said.get("tier_discount"), "tier_discount")
        discount = share_or_none(said.get("volume_discount"), "volume_discount")
    except BadValue:
        return Price(price)
    if tier is None or discount is None:
        return Price(price)
    before = base * (1 - tier)
    fits = abs(before * (1 - discount) - price) <= CENT
    return Price(price, before, discount) if fits else Price(price)


def final_price(reply: Reply, currency: str) -> Decimal:
    """The CPM of a `/pricing` answer in `currency`. Raises `SellerError`."""
    if not reply.ok or not isinstance(reply.data, Mapping):
        raise error_of(reply, "Asking for a price")
    stated = reply.data.get("currency", currency)
    if stated != currency:
        raise SellerError(
            "currency", f"The seller prices in {str(stated)[:10]}, the product is listed in {currency}."
        )
    try:
        return cpm(reply.data.get("final_price"), "final_price")
    except BadValue as wrong:
        raise SellerError("bad_answer", f"The seller's price is unusable: {wrong}.") from wrong
