"""Why a line is in the plan with this volume, and why an offer is not: sentences made of the plan's own
numbers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from planning.candidates import LINE_FLOOR, Candidate, Rung
from planning.money import line_cost, minor_unit
from planning.programme import LINES_PER_CHANNEL
from planning.rounding import WORTH_A_LINE, Basket, Holding
from planning.saturation import edges, next_counts, tranches
from planning.types import Brief, NotChosen


def line_score(worth: Decimal, best: Decimal) -> Decimal:
    """0..100: this line's value per money as a share of the best offer's in its channel."""
    return (100 * worth / best).quantize(Decimal("0.01"), ROUND_HALF_UP)


def explain_line(brief: Brief, basket: Basket, holding: Holding, best: Decimal) -> tuple[str, ...]:
    """The reasons of one line: cost, value, price and what fixed its volume."""
    candidate, currency = holding.candidate, brief.currency
    channel = candidate.offer.channel
    cost, money = basket.cost(holding), basket.limits.channels[channel]
    worth = basket.worth(holding)
    return (
        f"{holding.impressions:,} impressions at {holding.rung.cpm} {currency} CPM cost {cost} {currency}, "
        f"{cost / money:.1%} of the {channel} money.",
        f"1 {currency} buys {worth:.2f} weighted impressions, {worth / best:.1%} of the best "
        f"offer in {channel} (one impression counts {candidate.value}).",
        *_saturation_reason(basket, holding),
        _price_reason(candidate, holding.rung, currency),
        *_target_reason(brief, holding.rung),
        _volume_reason(basket, holding),
        *candidate.reasons,
    )


def explain_missing(basket: Basket, candidates: Sequence[Candidate]) -> list[NotChosen]:
    """A code and a reason for every candidate that is not in the plan."""
    unspent = {name: money - basket.spent(channel=name) for name, money in basket.limits.channels.items()}
    worst: dict[str, Decimal] = {}
    for holding in basket.holdings.values():
        channel = holding.candidate.offer.channel
        last = _last_worth(basket, holding)
        worst[channel] = min(worst.get(channel, last), last)
    seller_left = {
        seller: cap - basket.spent(seller=seller) for seller, cap in basket.limits.seller_caps.items()
    }
    crowded = {name for name in basket.limits.channels if basket.lines_in(name) >= LINES_PER_CHANNEL}
    missing = [one for one in candidates if one.key not in basket.holdings]
    return [
        NotChosen(*one.key, *_why_not(basket, one, unspent[one.offer.channel], worst, seller_left, crowded))
        for one in missing
    ]


def _last_worth(basket: Basket, holding: Holding) -> Decimal:
    """What the last unit of the line's money counts."""
    return holding.candidate.worth(holding.rung.cpm) * _parts(basket, holding)[-1][1]


def _parts(basket: Basket, holding: Holding) -> list[tuple[Decimal, Decimal]]:
    """The line's money by what it counts, without the fraction that one whole impression puts past a step."""
    found = tranches(holding.exact, basket.limits.channels[holding.candidate.offer.channel])
    crumb = max(holding.rung.cpm / 1000, minor_unit(basket.limits.currency))
    return found[:1] + [part for part in found[1:] if part[0] > crumb]


def _saturation_reason(basket: Basket, holding: Holding) -> tuple[str, ...]:
    """Only where the line goes past a step; the amounts are the parts of its cost."""
    channel, currency = holding.candidate.offer.channel, basket.limits.currency
    parts = _parts(basket, holding)
    if len(parts) == 1:
        return ()
    listed = ", ".join(f"{amount:,.2f} {currency} count {counts.normalize():f}" for amount, counts in parts)
    return (
        f"The more of {channel}'s money one product takes, the more often it meets the same people "
        f"(house assumption): {listed}.",
    )


def _price_reason(candidate: Candidate, rung: Rung, currency: str) -> str:
    listed = candidate.offer.product.list_cpm
    if rung.cpm < listed:
        return f"The CPM is {1 - rung.cpm / listed:.1%} below the list CPM of {listed} {currency}."
    if rung.cpm > listed:
        return f"The CPM is {rung.cpm / listed - 1:.1%} above the list CPM of {listed} {currency}."
    return f"The CPM is the list CPM of {listed} {currency}."


def _target_reason(brief: Brief, rung: Rung) -> tuple[str, ...]:
    """A target CPM is an aim, not a limit: it is compared and shown, and does not change the choice."""
    target = brief.kpis.target_cpm
    if target is None:
        return ()
    if rung.cpm <= target:
        return (f"It meets the target CPM of {target} {brief.currency}.",)
    return (f"It is {rung.cpm / target - 1:.1%} above the target CPM of {target} {brief.currency}.",)


def _volume_reason(basket: Basket, holding: Holding) -> str:
    candidate, rung, limits = holding.candidate, holding.rung, basket.limits
    if candidate.wish is not None and candidate.wish.impressions is not None:
        return f"A person set it to {holding.impressions:,} impressions."
    pool = limits.pools.get(candidate.key[1:])
    if pool is not None and holding.impressions == pool:
        return f"It takes all {pool:,} impressions that are free in the flight."
    if holding.impressions == rung.low and rung.raised:
        return f"It is held to the smallest line of a plan, {LINE_FLOOR:.0%} of the channel's money."
    if holding.impressions == rung.low and rung.low > 1:
        return f"It is held to the smallest volume sold at this price, {rung.low:,} impressions."
    cap = limits.seller_caps.get(candidate.seller)
    if cap is not None and cap - basket.spent(seller=candidate.seller) <= rung.cpm / 1000 + Decimal("0.01"):
        return f"{candidate.seller} has reached its largest share, {cap:.2f} {limits.currency}."
    following = [step for step in candidate.offer.prices if step.from_impressions == holding.impressions + 1]
    if following:
        return f"From {following[0].from_impressions:,} impressions on, another price holds."
    channel = candidate.offer.channel
    for edge, _ in edges(limits.channels[channel]):
        if abs(holding.exact - edge) <= rung.cpm / 1000 + Decimal("0.01"):
            counts = next_counts(edge, limits.channels[channel]).normalize()
            return (
                f"It stops at {edge / limits.channels[channel]:.0%} of the {channel} money, from where more on "
                f"one product counts {counts:f} (house assumption)."
            )
    return f"It takes what the {channel} money leaves beside the other lines."


def _why_not(
    basket: Basket,
    candidate: Candidate,
    unspent: Decimal,
    worst: dict[str, Decimal],
    seller_left: dict[str, Decimal],
    crowded: set[str],
) -> tuple[str, str]:
    currency, channel = basket.limits.currency, candidate.offer.channel
    cheapest = min(line_cost(rung.low, rung.cpm, currency) for rung in candidate.rungs)
    left = seller_left.get(candidate.seller)
    best = candidate.best_worth()
    if left is not None and left < cheapest:
        return (
            "seller_cap",
            f"{left:.2f} {currency} are left in {candidate.seller}'s share; its smallest line costs {cheapest}.",
        )
    pool = basket.limits.pool(candidate)
    taken = sum(
        one.impressions for one in basket.holdings.values() if one.candidate.key[1:] == candidate.key[1:]
    )
    if pool - taken < min(rung.low for rung in candidate.rungs):
        return "unavailable", f"{taken:,} of its {pool:,} free impressions are bought in another channel."
    if channel in worst and best <= worst[channel]:
        return (
            "budget_used_better",
            f"1 {currency} buys at most {best:.2f} weighted impressions here, {worst[channel]:.2f} or more in the "
            "plan.",
        )
    if cheapest > unspent:
        return (
            "below_minimum",
            f"Its smallest line costs {cheapest} {currency}; beside the better combination {unspent} are left.",
        )
    if channel in crowded:
        return "line_limit", f"{channel} has the {LINES_PER_CHANNEL} lines that one plan may hold."
    return (
        "budget_used_better",
        f"The {unspent} {currency} left are less than {WORTH_A_LINE:.1%} of {channel}'s money.",
    )
