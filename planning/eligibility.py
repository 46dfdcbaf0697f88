"""Which catalogue rows can serve a brief in a channel, judged before any seller is asked for a price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import ROUND_CEILING, Decimal

from planning.candidates import LINE_FLOOR
from planning.matching import match_offer
from planning.money import affordable_impressions, line_cost
from planning.saturation import DROPS
from planning.types import Brief, NotChosen, Product

INVENTORY_CHANNELS: dict[str, tuple[str, ...]] = {
    "display": ("branding", "performance"),
    "video": ("branding",),
    "dooh": ("branding",),
    "audio": ("branding",),
    "ctv": ("ctv",),
    "mobile_app": ("mobile",),
    "native": ("performance",),
}
"""The channels that research each inventory type. Linear TV is a broadcast buy, not streaming: it belongs
to ctv only when its formats say that it is addressable or streamed, else to no channel. `other` belongs to
none."""

STREAMED_FORMATS = frozenset({"ctv", "ott", "streaming", "addressable", "addressable_tv", "vod"})
DISCOUNT_ROOM = Decimal("0.32")
"""How far below the list CPM a price for our identity is still plausible: the reference seller agent grants
15 % to a known advertiser and then 20 % by volume, and does not hold its own floor against either."""

PROBE_STEPS = (5_000_000, 10_000_000, 20_000_000, 50_000_000)
"""Volumes at which the reference seller agent's volume discounts begin."""

SMALLEST_PROBE = 1_000
"""One CPM unit: the smallest volume asked for when the seller states no minimum."""


def channels_for(product: Product) -> tuple[str, ...]:
    """The channels whose research may use `product`; empty when none does."""
    if product.inventory_type == "linear_tv":
        streamed = STREAMED_FORMATS & {name.strip().lower() for name in product.formats}
        return ("ctv",) if streamed else ()
    return INVENTORY_CHANNELS.get(product.inventory_type, ())


def lowest_plausible_cpm(product: Product) -> Decimal:
    """The lowest CPM to hope for: list less the usual discounts, or the floor when that is lower."""
    discounted = product.list_cpm * (1 - DISCOUNT_ROOM)
    return min(product.floor_cpm, discounted) if product.floor_cpm else discounted


def screen(
    brief: Brief, product: Product, channel: str, *, today: date, budget: Decimal | None = None
) -> list[NotChosen]:
    """Every reason why `product` cannot serve `brief` in `channel`; empty when it is eligible.

    `budget` is the channel's money in the brief's currency; without it the minimum buys are not judged. The
    rules are OpenDirect 2.1's product limits (leadtime, minflight, maxflight, activedate, retirementdate,
    minspend).
    """
    found = [*_trade_problems(brief, product, channel), *_flight_problems(brief, product, today)]
    if budget is not None and not found:
        found.extend(_minimum_problems(brief, product, budget))
    return [NotChosen(channel, product.seller, product.product_id, code, reason) for code, reason in found]


def shortlist(
    brief: Brief,
    products: Iterable[Product],
    channel: str,
    budget: Decimal,
    limit: int,
    *,
    today: date | None = None,
) -> tuple[tuple[Product, ...], tuple[NotChosen, ...]]:
    """At most `limit` products worth asking prices for, best value per money first; the others with reasons.

    With `today`, `screen` runs first. The best product of each seller goes before the second of any, so
    that a share cap on one seller never leaves the channel without an alternative; products too small for a
    line of the plan go last. Order of `products` does not matter.
    """
    refused: list[NotChosen] = []
    eligible: list[Product] = []
    for product in products:
        problems = screen(brief, product, channel, today=today, budget=budget) if today else []
        refused.extend(problems[:1])
        if not problems:
            eligible.append(product)
    eligible.sort(key=lambda product: _preference(brief, product))
    roomy = [product for product in eligible if not _is_sliver(product, budget)]
    slivers = [product for product in eligible if _is_sliver(product, budget)]
    ranked = _spread_over_sellers(roomy) + _spread_over_sellers(slivers)
    refused.extend(_beyond_limit(product, channel, limit, len(ranked)) for product in ranked[limit:])
    refused.sort(key=lambda one: (one.seller, one.product_id, one.code))
    return tuple(ranked[:limit]), tuple(refused)


def price_probe_volumes(product: Product, budget: Decimal) -> tuple[int, ...]:
    """The ascending volumes at which to ask the seller's price, at most what `budget` could buy.

    They are the smallest buyable volume, rounded up to two digits, the usual discount steps, and, rounded
    down to one digit, what the list CPM buys for all the money and for as much as counts fully on one
    product, near which most lines end; empty when even the smallest volume is out of reach. Rounded, so that
    many products share a volume and a seller that prices many products per call is asked with few calls.
    """
    cheapest = lowest_plausible_cpm(product)
    if cheapest <= 0:
        return ()
    reachable = affordable_impressions(budget, cheapest, product.currency)
    at_list = affordable_impressions(budget, product.list_cpm, product.currency)
    usual = affordable_impressions(budget * DROPS[0][0], product.list_cpm, product.currency)
    smallest = smallest_volume(product, product.list_cpm)
    if product.available_cap is not None:
        reachable, at_list = min(reachable, product.available_cap), min(at_list, product.available_cap)
    if smallest > reachable:
        return ()
    rounded = _rounded_up(smallest, 2)
    first = rounded if rounded <= reachable else smallest
    last = max(first, _rounded_down(at_list, 1))
    between = (_rounded_down(usual, 1), *PROBE_STEPS)
    return tuple(sorted({first, last, *(volume for volume in between if first <= volume <= reachable)}))


def smallest_volume(product: Product, cpm: Decimal) -> int:
    """The fewest impressions that the seller sells at `cpm`: its minimum volume and its minimum spend."""
    volume = max(product.min_impressions, SMALLEST_PROBE if product.min_impressions <= 0 else 1)
    if product.min_spend is not None and product.min_spend > 0:
        volume = max(volume, int((product.min_spend * 1000 / cpm).to_integral_value(ROUND_CEILING)))
    return volume


def _rounded_down(volume: int, digits: int) -> int:
    unit: int = 10 ** max(len(str(volume)) - digits, 0)
    return volume // unit * unit


def _rounded_up(volume: int, digits: int) -> int:
    unit: int = 10 ** max(len(str(volume)) - digits, 0)
    return -(-volume // unit) * unit


def _is_sliver(product: Product, budget: Decimal) -> bool:
    """It can take less of the channel's money than one line of a plan spends."""
    if product.available_cap is None:
        return False
    return product.available_cap * product.list_cpm / 1000 < LINE_FLOOR * budget


def _trade_problems(brief: Brief, product: Product, channel: str) -> Iterator[tuple[str, str]]:
    constraints, ceiling = brief.constraints, brief.kpis.max_cpm
    if channel not in channels_for(product):
        yield "wrong_channel", f"{product.inventory_type} inventory is not researched for {channel}."
    if product.seller in constraints.sellers_excluded:
        yield "seller_excluded", f"The brief excludes {product.seller}."
    if constraints.sellers_included and product.seller not in constraints.sellers_included:
        yield "seller_excluded", f"The brief buys only from {', '.join(constraints.sellers_included)}."
    if product.currency != brief.currency:
        yield "currency", f"Sold in {product.currency}; the brief's budget is in {brief.currency}."
    if product.list_cpm <= 0:
        yield "unpriced", "The catalogue states no price above 0."
    elif ceiling is not None and lowest_plausible_cpm(product) > ceiling:
        yield "max_cpm", _above_ceiling(product, ceiling)


def _above_ceiling(product: Product, ceiling: Decimal) -> str:
    hoped = lowest_plausible_cpm(product)
    return (
        f"Its list CPM {product.list_cpm} is above the maximum CPM {ceiling}, "
        f"and even {hoped:.2f}, the lowest price to hope for, would be."
    )


def _flight_problems(brief: Brief, product: Product, today: date) -> Iterator[tuple[str, str]]:
    days = (brief.end_date - brief.start_date).days + 1
    notice = (brief.start_date - today).days
    if notice < product.lead_days:
        yield "lead_time", f"Needs {product.lead_days} days before the start; there are {notice}."
    if product.min_flight_days is not None and days < product.min_flight_days:
        yield "flight_too_short", f"Sold for {product.min_flight_days} days or more; the flight has {days}."
    if product.max_flight_days is not None and days > product.max_flight_days:
        yield "flight_too_long", f"Sold for at most {product.max_flight_days} days; the flight has {days}."
    if product.active_from is not None and product.active_from > brief.start_date:
        yield "not_yet_active", f"Sold from {product.active_from}; the flight starts on {brief.start_date}."
    if product.retired_on is not None and product.retired_on <= brief.end_date:
        yield "retired", f"Retired on {product.retired_on}; the flight ends on {brief.end_date}."


def _minimum_problems(brief: Brief, product: Product, budget: Decimal) -> Iterator[tuple[str, str]]:
    currency, least = brief.currency, product.min_impressions
    if product.min_spend is not None and product.min_spend > budget:
        yield (
            "below_minimum",
            f"Its minimum spend {product.min_spend} {currency} is above the channel's {budget} {currency}.",
        )
    cheapest = line_cost(least, lowest_plausible_cpm(product), currency)
    if cheapest > budget:
        yield (
            "below_minimum",
            f"Its minimum of {least:,} impressions costs at least {cheapest} {currency}; "
            f"the channel has {budget} {currency}.",
        )
    if product.available_cap is not None and product.available_cap < max(least, 1):
        yield "unavailable", f"Only {product.available_cap:,} impressions exist; the minimum is {least:,}."


def _preference(brief: Brief, product: Product) -> tuple[Decimal, str, str]:
    match, quality, _ = match_offer(brief, product)
    per_money = match * quality / product.list_cpm if product.list_cpm > 0 else Decimal(0)
    return -per_money, product.seller, product.product_id


def _spread_over_sellers(ranked: Sequence[Product]) -> list[Product]:
    seen: set[str] = set()
    first: list[Product] = []
    rest: list[Product] = []
    for product in ranked:
        (rest if product.seller in seen else first).append(product)
        seen.add(product.seller)
    return first + rest


def _beyond_limit(product: Product, channel: str, limit: int, eligible: int) -> NotChosen:
    reason = f"{eligible} products are eligible; the {limit} with the best value for money were priced."
    return NotChosen(channel, product.seller, product.product_id, "not_shortlisted", reason)
