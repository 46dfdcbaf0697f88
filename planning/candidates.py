"""Offers made ready for the choice: what one impression is worth, and the volumes that can be bought at
each price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

from planning.audience import match_offer
from planning.codec import canonical_bytes
from planning.money import ARITHMETIC
from planning.types import CHANNELS, Allocation, Brief, LineWish, NotChosen, Offer, PriceStep, Share

Key = tuple[str, str, str]
"""channel, seller, product id"""

_VALUE_PLACES = Decimal("0.000001")
_NO_MORE = 10**15

LINE_FLOOR = Decimal("0.02")
"""The least part of its channel's allocation that a line spends. House assumption: a smaller line costs more
in checking, trafficking and reporting than it can add to the campaign."""


@dataclass(frozen=True)
class Rung:
    """The volumes from `low` to `high`, both included, that can be bought at `cpm` within every single limit.

    The seller's discount is for all units: `cpm` holds for the whole volume, not only for what is above
    `low`.
    """

    low: int
    high: int
    cpm: Decimal
    raised: bool = False  # `low` is the house's smallest line, above what the seller would sell


@dataclass(frozen=True)
class Candidate:
    """An offer that could enter the plan. `value` is what one impression counts, 0..1."""

    offer: Offer
    value: Decimal
    reasons: tuple[str, ...]
    rungs: tuple[Rung, ...]
    wish: LineWish | None = None  # in the plan whatever it is worth, because a person wants it

    @property
    def required(self) -> bool:
        return self.wish is not None

    @property
    def key(self) -> Key:
        return (self.offer.channel, self.offer.product.seller, self.offer.product.product_id)

    @property
    def seller(self) -> str:
        return self.offer.product.seller

    def worth(self, cpm: Decimal) -> Decimal:
        """Weighted impressions per unit of money at `cpm`."""
        return ARITHMETIC.divide(self.value * 1000, cpm)

    def best_worth(self) -> Decimal:
        """Weighted impressions per unit of money at the best price within reach."""
        return self.worth(min(rung.cpm for rung in self.rungs))


@dataclass(frozen=True)
class Limits:
    """What a plan may spend and hold: money in the brief's currency, and impressions shared between
    channels. `line_floors` is the least that one line of a channel spends, where the house's rule holds."""

    currency: str
    total: Decimal
    channels: Mapping[str, Decimal]
    seller_caps: Mapping[str, Decimal]
    seller_floors: Mapping[str, Decimal]
    pools: Mapping[tuple[str, str], int]
    line_floors: Mapping[str, Decimal] = field(default_factory=dict)

    def pool(self, candidate: Candidate) -> int:
        """Impressions free for this product over all channels together."""
        return self.pools.get(candidate.key[1:], _NO_MORE)


def read_limits(brief: Brief, allocations: Iterable[Allocation], offers: Sequence[Offer]) -> Limits:
    """The limits of the plan. A seller's share is of the whole budget, whatever the channel."""
    channels = {part.channel: part.amount for part in allocations if part.amount > 0}
    sellers = sorted({offer.product.seller for offer in offers} | set(brief.constraints.seller_shares))
    shares = {seller: _share_of(brief, seller) for seller in sellers}
    return Limits(
        currency=brief.currency,
        total=brief.budget,
        channels=channels,
        seller_caps={name: brief.budget * one.maximum for name, one in shares.items() if one.maximum < 1},
        seller_floors={name: brief.budget * one.minimum for name, one in shares.items() if one.minimum > 0},
        pools=_pools(offers),
        line_floors={name: LINE_FLOOR * money for name, money in channels.items()},
    )


def make_candidates(
    brief: Brief, limits: Limits, offers: Sequence[Offer]
) -> tuple[list[Candidate], list[NotChosen]]:
    """The offers that could be bought at all, in canonical order whatever the order given, and the others.

    A channel in which every offer is too small for the house's smallest line is judged without that rule.
    """
    candidates, refused = _sort_out(brief, limits, offers)
    served = {one.offer.channel for one in candidates}
    bare = {one.channel for one in refused if one.code == "too_small"} - served
    if not bare:
        return candidates, refused
    kept = {name: floor for name, floor in limits.line_floors.items() if name not in bare}
    return _sort_out(brief, replace(limits, line_floors=kept), offers)


def _sort_out(
    brief: Brief, limits: Limits, offers: Sequence[Offer]
) -> tuple[list[Candidate], list[NotChosen]]:
    candidates: list[Candidate] = []
    refused: list[NotChosen] = []
    seen: set[Key] = set()
    for offer in _in_order(offers):
        product = offer.product
        key = (offer.channel, product.seller, product.product_id)
        found = ("duplicate", "The same product was offered twice in this channel.") if key in seen else None
        seen.add(key)
        made = found or _candidate(brief, limits, offer)
        if isinstance(made, Candidate):
            candidates.append(made)
        else:
            refused.append(NotChosen(*key, *made))
    return candidates, refused


def _in_order(offers: Sequence[Offer]) -> list[Offer]:
    """Channels in their order, then seller and product; the whole content decides only between twins."""
    groups: dict[tuple[int, Key], list[Offer]] = {}
    for offer in offers:
        place = CHANNELS.index(offer.channel) if offer.channel in CHANNELS else len(CHANNELS)
        key = (offer.channel, offer.product.seller, offer.product.product_id)
        groups.setdefault((place, key), []).append(offer)
    ordered: list[Offer] = []
    for _, twins in sorted(groups.items()):
        ordered.extend(twins if len(twins) == 1 else sorted(twins, key=canonical_bytes))
    return ordered


def _share_of(brief: Brief, seller: str) -> Share:
    own = brief.constraints.seller_shares.get(seller)
    if own is not None:
        return own
    most = brief.constraints.max_seller_share
    return Share() if most is None else Share(maximum=most)


def _pools(offers: Sequence[Offer]) -> dict[tuple[str, str], int]:
    pools: dict[tuple[str, str], int] = {}
    for offer in offers:
        free = _free(offer)
        if free is not None:
            key = (offer.product.seller, offer.product.product_id)
            pools[key] = min(free, pools.get(key, free))
    return pools


def _free(offer: Offer) -> int | None:
    stated = [free for free in (offer.available, offer.product.available_cap) if free is not None]
    return min(stated) if stated else None


def _candidate(brief: Brief, limits: Limits, offer: Offer) -> Candidate | tuple[str, str]:
    product = offer.product
    wish = brief.constraints.wish_for((offer.channel, product.seller, product.product_id))
    if wish is not None and not wish.wanted:
        return "left_out", "The brief leaves it out."
    if brief.constraints.sellers_included and product.seller not in brief.constraints.sellers_included:
        return "seller_excluded", f"{product.seller} is not among the sellers that the brief includes."
    if product.seller in brief.constraints.sellers_excluded:
        return "seller_excluded", f"The brief excludes {product.seller}."
    if product.currency != brief.currency:
        return "currency", f"Sold in {product.currency}; the budget is in {brief.currency}."
    if offer.channel not in limits.channels:
        return "not_funded", f"No money is allocated to {offer.channel}."
    steps = _steps(offer.prices)
    if not steps:
        return "unpriced", "The seller gave no price above 0."
    ceiling = brief.kpis.max_cpm
    within = [pair for pair in steps if ceiling is None or pair[0].cpm <= ceiling]
    if not within:
        lowest = min(step.cpm for step, _ in steps)
        return "max_cpm", f"Its lowest CPM {lowest} is above the maximum CPM {ceiling}."
    match, quality, reasons = match_offer(brief, product)
    value = (match * quality).quantize(_VALUE_PLACES)
    if value <= 0:
        return "no_audience_match", " ".join(reasons)
    rungs = [_rung(limits, offer, step, until) for step, until in within]
    sold = [rung for rung in rungs if rung.low <= rung.high]
    if not sold:
        return _out_of_reach(limits, offer, rungs)
    if wish is not None:
        return _wished(wish, offer, value, reasons, sold)
    floor = limits.line_floors.get(offer.channel, Decimal(0))
    usable = tuple(rung for rung in (_raised(rung, floor) for rung in sold) if rung.low <= rung.high)
    return Candidate(offer, value, reasons, usable) if usable else _too_small(limits, offer, sold)


def _wished(
    wish: LineWish, offer: Offer, value: Decimal, reasons: tuple[str, ...], sold: Sequence[Rung]
) -> Candidate | tuple[str, str]:
    """The house's smallest line does not hold for what a person wants; the seller's limits do."""
    volume = wish.impressions
    if volume is None:
        return Candidate(offer, value, reasons, tuple(sold), wish)
    rung = next((rung for rung in sold if rung.low <= volume <= rung.high), None)
    if rung is not None:
        return Candidate(offer, value, reasons, (Rung(volume, volume, rung.cpm),), wish)
    least, most = min(rung.low for rung in sold), max(rung.high for rung in sold)
    return (
        "volume_not_sold",
        f"{volume:,} impressions cannot be bought; from {least:,} to {most:,} fit the seller and the money.",
    )


def _steps(prices: Sequence[PriceStep]) -> list[tuple[PriceStep, int]]:
    """Each priced step with the last volume at which it holds."""
    ascending = sorted(prices, key=lambda step: (step.from_impressions, step.cpm))
    # Two prices from the same volume: the dearer is the one that cannot disappoint.
    by_volume = {step.from_impressions: step for step in ascending}
    ends = [after - 1 for _, after in pairwise(by_volume)] + [_NO_MORE]
    pairs = zip(by_volume.values(), ends, strict=True) if by_volume else ()
    return [(step, end) for step, end in pairs if step.cpm > 0]


def _rung(limits: Limits, offer: Offer, step: PriceStep, until: int) -> Rung:
    product = offer.product
    low = max(step.from_impressions, product.min_impressions, 1)
    if product.min_spend is not None and product.min_spend > 0:
        low = max(low, _volume(product.min_spend, step.cpm, ROUND_CEILING))
    money = min(limits.channels[offer.channel], limits.seller_caps.get(product.seller, limits.total))
    free = limits.pools.get((product.seller, product.product_id), _NO_MORE)
    return Rung(low, min(until, free, _volume(money, step.cpm, ROUND_FLOOR)), step.cpm)


def _raised(rung: Rung, floor: Decimal) -> Rung:
    """The rung without the volumes that cost less than `floor`."""
    least = _volume(floor, rung.cpm, ROUND_CEILING)
    return rung if least <= rung.low else replace(rung, low=least, raised=True)


def _volume(money: Decimal, cpm: Decimal, rounding: str) -> int:
    return int(ARITHMETIC.divide(money * 1000, cpm).to_integral_value(rounding))


def _out_of_reach(limits: Limits, offer: Offer, rungs: Sequence[Rung]) -> tuple[str, str]:
    product, currency = offer.product, limits.currency
    least = min(rung.low for rung in rungs)
    free = limits.pools.get((product.seller, product.product_id))
    if free is not None and free < least:
        return "unavailable", f"{free:,} impressions are free in the flight; the smallest buy is {least:,}."
    cheapest = min(ARITHMETIC.multiply(Decimal(rung.low), rung.cpm) / 1000 for rung in rungs)
    budget, cap = limits.channels[offer.channel], limits.seller_caps.get(product.seller)
    if cap is not None and cap < cheapest <= budget:
        return (
            "seller_cap",
            f"Its smallest buy costs {cheapest:.2f} {currency}; {product.seller} may get {cap:.2f}.",
        )
    return (
        "below_minimum",
        f"Its smallest buy costs {cheapest:.2f} {currency}; the channel has {budget} {currency}.",
    )


def _too_small(limits: Limits, offer: Offer, rungs: Sequence[Rung]) -> tuple[str, str]:
    most = max(ARITHMETIC.multiply(Decimal(rung.high), rung.cpm) / 1000 for rung in rungs)
    floor = limits.line_floors[offer.channel]
    return (
        "too_small",
        f"It can take at most {most:.2f} {limits.currency}; a line in {offer.channel} spends at least "
        f"{floor:.2f}, {LINE_FLOOR:.0%} of the channel's money.",
    )
