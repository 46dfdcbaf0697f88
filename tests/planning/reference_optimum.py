"""The best value by trying everything: an independent judge for small instances. Volumes may be fractions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product as combinations

from planning.audience import match_offer
from planning.types import Allocation, Brief, Offer


@dataclass(frozen=True)
class Option:
    """One price step of one offer: buy between `low` and `high` impressions at `cpm`, each counting `value`."""

    offer: Offer
    value: Fraction
    low: Fraction
    high: Fraction
    cpm: Fraction

    def cost(self, volume: Fraction) -> Fraction:
        return volume * self.cpm / 1000

    def worth(self, volume: Fraction, channel_money: Fraction) -> Fraction:
        """The value of `volume`: each of its three tranches of money at its own rate."""
        rates = zip(_tranches(channel_money), TRANCHE_RATES, strict=True)
        overlaps = (
            (max(min(self.cost(volume), end) - start, Fraction(0)), rate) for (start, end), rate in rates
        )
        return sum((money * rate for money, rate in overlaps), Fraction(0)) * self.value * 1000 / self.cpm


TRANCHE_RATES = (Fraction(1), Fraction(3, 4), Fraction(1, 2))
"""What money on one product counts up to 40 %, 70 % and 100 %. Stated again on purpose, not read from the planner."""
SMALLEST_LINE = Fraction(1, 50)


def _tranches(channel_money: Fraction) -> tuple[tuple[Fraction, Fraction], ...]:
    first, second = channel_money * Fraction(2, 5), channel_money * Fraction(7, 10)
    return (Fraction(0), first), (first, second), (second, Fraction(10**18))


def one_channel_optimum(brief: Brief, allocation: Allocation, offers: Sequence[Offer]) -> Fraction:
    """The best value in one channel under its money and the sellers' caps.

    For each choice of steps the smallest volumes are bought and the rest of the money goes down the order of value
    per money, tranche by tranche: caps of sellers inside one channel are nested limits, for which that order is
    optimal.
    """
    budget = Fraction(allocation.amount)
    caps = {offer.product.seller: _cap(brief, offer.product.seller) for offer in offers}
    options = [[None, *one] for one in _lines(brief, offers, {allocation.channel: budget})]
    best = Fraction(0)
    for chosen in combinations(*options):
        used = [one for one in chosen if one is not None]
        best = max(best, _greedy(used, budget, dict(caps)))
    return best


def all_or_nothing_optimum(
    brief: Brief, allocations: Sequence[Allocation], offers: Sequence[Offer]
) -> Fraction | None:
    """The best value where each offer is bought whole or not at all, under every limit; None when none is valid."""
    budgets = {part.channel: Fraction(part.amount) for part in allocations}
    whole = [
        [None, *(one for one in options if one.low == one.high)] for options in _lines(brief, offers, budgets)
    ]
    anything = [[None, *_options(brief, offer, budgets[offer.channel], Fraction(0))] for offer in offers]
    best = _best_subset(brief, budgets, whole)
    # The house's smallest line gives way to what the brief itself asks for.
    return best if best is not None else _best_subset(brief, budgets, anything)


def _best_subset(
    brief: Brief, budgets: dict[str, Fraction], options: Sequence[Sequence[Option | None]]
) -> Fraction | None:
    values = [
        sum((one.worth(one.low, budgets[one.offer.channel]) for one in used), Fraction(0))
        for used in _subsets(options)
        if _fits(brief, budgets, used)
    ]
    return max(values, default=None)


def _lines(brief: Brief, offers: Sequence[Offer], budgets: dict[str, Fraction]) -> list[list[Option]]:
    """Per offer the options of at least the house's smallest line; in a channel that has none, all."""
    floors = {channel: money * SMALLEST_LINE for channel, money in budgets.items()}
    lines = [list(_options(brief, one, budgets[one.channel], floors[one.channel])) for one in offers]
    served = {one.channel for one, options in zip(offers, lines, strict=True) if options}
    return [
        options if one.channel in served else list(_options(brief, one, budgets[one.channel], Fraction(0)))
        for one, options in zip(offers, lines, strict=True)
    ]


def _subsets(options: Sequence[Sequence[Option | None]]) -> Iterator[list[Option]]:
    for chosen in combinations(*options):
        yield [one for one in chosen if one is not None]


def _fits(brief: Brief, budgets: dict[str, Fraction], used: Sequence[Option]) -> bool:
    channels = dict.fromkeys(budgets, Fraction(0))
    sellers: dict[str, Fraction] = {name: Fraction(0) for name in brief.constraints.seller_shares}
    pools: dict[tuple[str, str], Fraction] = {}
    for one in used:
        product = one.offer.product
        channels[one.offer.channel] += one.cost(one.low)
        sellers[product.seller] = sellers.get(product.seller, Fraction(0)) + one.cost(one.low)
        key = (product.seller, product.product_id)
        pools[key] = pools.get(key, Fraction(0)) + one.low
    whole = Fraction(brief.budget)
    shares = brief.constraints.seller_shares
    return (
        all(spent <= budgets[name] for name, spent in channels.items())
        and all(spent <= _cap(brief, name) for name, spent in sellers.items())
        and all(sellers[name] >= whole * Fraction(share.minimum) for name, share in shares.items())
        and all(taken <= _free(one.offer) for one in used for taken in [pools[_pool(one)]])
    )


def _pool(one: Option) -> tuple[str, str]:
    return one.offer.product.seller, one.offer.product.product_id


def _free(offer: Offer) -> Fraction:
    stated = [free for free in (offer.available, offer.product.available_cap) if free is not None]
    return Fraction(min(stated)) if stated else Fraction(10**15)


def _cap(brief: Brief, seller: str) -> Fraction:
    own = brief.constraints.seller_shares.get(seller)
    share = own.maximum if own else brief.constraints.max_seller_share
    return Fraction(brief.budget) * (Fraction(share) if share is not None else 1)


def _options(brief: Brief, offer: Offer, budget: Fraction, floor: Fraction) -> Iterator[Option]:
    match, quality, _ = match_offer(brief, offer.product)
    value = Fraction(round(match * quality, 6))
    steps = sorted(offer.prices, key=lambda step: step.from_impressions)
    for at, step in enumerate(steps):
        cpm = Fraction(step.cpm)
        if brief.kpis.max_cpm is not None and cpm > Fraction(brief.kpis.max_cpm):
            continue
        low = Fraction(max(step.from_impressions, offer.product.min_impressions, 1))
        if offer.product.min_spend:
            low = max(low, Fraction(-(-Fraction(offer.product.min_spend) * 1000 // cpm)))
        low = max(low, Fraction(-(-floor * 1000 // cpm)))
        until = steps[at + 1].from_impressions - 1 if at + 1 < len(steps) else 10**15
        high = min(Fraction(until), _free(offer), budget * 1000 / cpm)
        if low <= high:
            yield Option(offer, value, low, high, cpm)


def _greedy(used: Sequence[Option], budget: Fraction, caps: dict[str, Fraction]) -> Fraction:
    value, whole = Fraction(0), budget
    for one in used:
        budget -= one.cost(one.low)
        caps[one.offer.product.seller] -= one.cost(one.low)
        value += one.worth(one.low, whole)
    if budget < 0 or min(caps.values(), default=Fraction(0)) < 0:
        return Fraction(-1)
    pieces = [
        (rate * one.value / one.cpm, one.offer.product.seller, min(one.cost(one.high), end) - start)
        for one in used
        for (first, end), rate in zip(_tranches(whole), TRANCHE_RATES, strict=True)
        for start in [max(one.cost(one.low), first)]
    ]
    for per_money, seller, room in sorted(pieces, reverse=True):
        money = min(budget, caps[seller], max(room, Fraction(0)))
        budget -= money
        caps[seller] -= money
        value += per_money * money * 1000
    return value
