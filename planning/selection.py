"""The best plan within the brief's limits, with the proven bound on what any plan could reach.

Value is impressions x audience match x quality, less where one product takes so much of its channel's money
that its audience is saturated. A plan is valid when, per channel, both the exact and the
rounded cost stay within the allocation, every volume lies in a price step that the seller sells, no product
is bought beyond what is free over all channels, every seller's cost stays within its share of the whole
budget, and no line is smaller than the house allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from planning import wishes
from planning.candidates import LINE_FLOOR, Candidate, Limits, make_candidates, read_limits
from planning.explaining import explain_line, explain_missing, line_score
from planning.money import minor_unit
from planning.programme import floor_hair, make_problem
from planning.rounding import Basket, Holding, settle
from planning.search import Outcome, solve
from planning.types import (
    CHANNELS,
    Allocation,
    Brief,
    FieldError,
    Infeasible,
    NotChosen,
    Offer,
    Plan,
    PlanLine,
)

__all__ = ["Infeasible", "select"]

_SIX = Decimal("0.000001")
_FLOOR_SLACK = Decimal("0.00000001")


def select(
    brief: Brief, allocations: Sequence[Allocation], offers: Sequence[Offer], *, seconds: float = 20.0
) -> Plan:
    """The most valuable plan for `offers` within `allocations`; the same inputs in any order give the same
    bytes.

    Costs are `impressions x CPM / 1000`, half up to the minor unit of the brief's currency. `bound` is
    proven by the solver, `gap` is measured on the final, rounded plan. `seconds` is a safety net: the
    search normally ends by proof or by node limit, and a plan that it cut short says so in `reasons`.
    Raises `Infeasible` when a seller's minimum share cannot hold; no plan without it is returned in its
    place; the same for lines that a person set.
    """
    limits = read_limits(brief, allocations, offers)
    candidates, refused, outcome = _choose(brief, limits, offers, seconds)
    basket = settle(candidates, outcome.choices, limits)
    _check_floors(basket, candidates)
    wishes.refuse_lost(brief, basket)
    lines = _lines(brief, basket, candidates)
    value = sum((line.value for line in lines), Decimal(0))
    bound = max(outcome.bound.quantize(_SIX, ROUND_CEILING), value)
    unspent = {part.channel: part.amount - basket.spent(channel=part.channel) for part in allocations}
    refused.extend(explain_missing(basket, candidates))
    return Plan(
        lines=lines,
        not_chosen=tuple(sorted(refused, key=_by_place)),
        value=value,
        bound=bound,
        gap=((bound - value) / bound).quantize(_SIX, ROUND_HALF_UP) if bound else Decimal(0),
        unspent=unspent,
        reasons=tuple(_reasons(brief, outcome, unspent, allocations, lines)),
    )


def _choose(
    brief: Brief, limits: Limits, offers: Sequence[Offer], seconds: float
) -> tuple[list[Candidate], list[NotChosen], Outcome]:
    """The choice under all limits. The house's smallest line gives way to a seller's minimum share: that is
    the brief's own word."""
    candidates, refused = make_candidates(brief, limits, offers)
    wishes.refuse_impossible(brief, limits, candidates, refused)
    outcome = _search(candidates, limits, seconds)
    if not outcome.found and not outcome.timed_out and limits.line_floors:
        limits = replace(limits, line_floors={})
        candidates, refused = make_candidates(brief, limits, offers)
        outcome = _search(candidates, limits, seconds)
    return candidates, refused, _checked(outcome, candidates, limits, seconds)


def _search(candidates: Sequence[Candidate], limits: Limits, seconds: float) -> Outcome:
    if candidates:
        return solve(make_problem(candidates, limits, limits.seller_floors), seconds=seconds)
    possible = not any(floor > 0 for floor in limits.seller_floors.values())
    return Outcome((), Decimal(0), found=possible, timed_out=False)


def _checked(outcome: Outcome, candidates: Sequence[Candidate], limits: Limits, seconds: float) -> Outcome:
    if outcome.found:
        return outcome
    if not outcome.timed_out:
        errors = wishes.conflicts(candidates)
        raise Infeasible(errors or _floor_errors(candidates, limits, seconds))
    if limits.seller_floors:
        raise Infeasible([_not_in_time(seller, seconds) for seller in sorted(limits.seller_floors)])
    return Outcome((), outcome.bound, found=True, timed_out=True)


def _not_in_time(seller: str, seconds: float) -> FieldError:
    return FieldError(
        _floor_field(seller),
        "not_found_in_time",
        f"No plan that gives {seller} its minimum share was found in {seconds:g} seconds; try again.",
    )


def _floor_errors(candidates: Sequence[Candidate], limits: Limits, seconds: float) -> list[FieldError]:
    """Which minimum shares cannot hold alone; all of them when only their combination fails."""
    alone: list[FieldError] = []
    for seller, floor in sorted(limits.seller_floors.items()):
        most = _most_spend(candidates, limits, seller, seconds)
        if most < floor:
            alone.append(
                FieldError(
                    _floor_field(seller),
                    "minimum_share_unreachable",
                    f"{seller} must get at least {floor:.2f} {limits.currency}, but its offers can take at most "
                    f"{most:.2f} {limits.currency} within the channels' money; lower the minimum share.",
                )
            )
    if alone:
        return alone
    return [
        FieldError(
            _floor_field(seller),
            "minimum_shares_conflict",
            f"{seller} can get its {floor:.2f} {limits.currency} alone, but not together with the other limits; "
            "lower one of the minimum shares.",
        )
        for seller, floor in sorted(limits.seller_floors.items())
    ]


def _most_spend(candidates: Sequence[Candidate], limits: Limits, seller: str, seconds: float) -> Decimal:
    own = [replace(candidate, wish=None) for candidate in candidates if candidate.seller == seller]
    if not own:
        return Decimal(0)
    return solve(make_problem(own, limits, {}, spend_of=seller), seconds=seconds).bound


def _floor_field(seller: str) -> str:
    return f"constraints.seller_shares.{seller}.min"


def _check_floors(basket: Basket, candidates: Sequence[Candidate]) -> None:
    """Whole impressions and minor units may leave a minimum share short by a hair, and by no more."""
    limits = basket.limits
    errors: list[FieldError] = []
    for seller, floor in sorted(limits.seller_floors.items()):
        held = [one for one in basket.holdings.values() if one.candidate.seller == seller]
        hair = floor_hair(candidates, seller)
        hair += sum((minor_unit(limits.currency) + 2 * one.rung.cpm / 1000 for one in held), Decimal(0))
        spent = basket.spent(seller=seller)
        if spent + hair + limits.total * _FLOOR_SLACK < floor:
            errors.append(
                FieldError(
                    _floor_field(seller),
                    "minimum_share_unreachable",
                    f"In whole impressions {seller} gets {spent} {limits.currency}, not {floor:.2f}; "
                    "lower the minimum share.",
                )
            )
    if errors:
        raise Infeasible(errors)


def _lines(brief: Brief, basket: Basket, candidates: Sequence[Candidate]) -> tuple[PlanLine, ...]:
    best: dict[str, Decimal] = {}
    for candidate in candidates:
        channel = candidate.offer.channel
        best[channel] = max(best.get(channel, Decimal(0)), candidate.best_worth())
    ranked = sorted(basket.holdings.values(), key=lambda one: _by_worth(basket, one))
    return tuple(
        _line(brief, basket, holding, rank, best[holding.candidate.offer.channel])
        for rank, holding in enumerate(ranked, start=1)
    )


def _line(brief: Brief, basket: Basket, holding: Holding, rank: int, best: Decimal) -> PlanLine:
    candidate = holding.candidate
    return PlanLine(
        channel=candidate.offer.channel,
        seller=candidate.seller,
        product_id=candidate.offer.product.product_id,
        impressions=holding.impressions,
        cpm=holding.rung.cpm,
        cost=basket.cost(holding),
        value=basket.value(holding),
        score=line_score(basket.worth(holding), best),
        rank=rank,
        explanation=explain_line(brief, basket, holding, best),
    )


def _reasons(
    brief: Brief,
    outcome: Outcome,
    unspent: Mapping[str, Decimal],
    allocations: Sequence[Allocation],
    lines: Sequence[PlanLine],
) -> list[str]:
    reasons: list[str] = []
    cent = minor_unit(brief.currency)
    if outcome.timed_out:
        reasons.append("The search was cut short by its time limit; another run may find another plan.")
    bought = {line.channel for line in lines}
    money = {part.channel: part.amount for part in allocations}
    wished = {wish.key for wish in brief.constraints.lines}
    chosen = [line for line in lines if (line.channel, line.seller, line.product_id) not in wished]
    small = {line.channel for line in chosen if line.cost < LINE_FLOOR * money[line.channel] - cent}
    if small:
        reasons.append(
            f"{', '.join(sorted(small))}: lines below {LINE_FLOOR:.0%} of the channel's money are in the plan, "
            "because no other offer or no other plan within the brief's limits exists."
        )
    for part in allocations:
        left = unspent[part.channel]
        if part.amount > 0 and part.channel not in bought:
            reasons.append(f"{part.channel}: nothing can be bought; {left} {brief.currency} stay unspent.")
        elif left > 0:
            reasons.append(
                f"{part.channel}: {left} {brief.currency} of {part.amount} stay unspent; "
                "no further buy fits into them and the other limits."
            )
    return reasons


def _by_worth(basket: Basket, holding: Holding) -> tuple[Decimal, int, tuple[str, str, str]]:
    key = holding.candidate.key
    return -basket.worth(holding), CHANNELS.index(key[0]) if key[0] in CHANNELS else len(CHANNELS), key


def _by_place(one: NotChosen) -> tuple[int, str, str, str, str]:
    place = CHANNELS.index(one.channel) if one.channel in CHANNELS else len(CHANNELS)
    return place, one.channel, one.seller, one.product_id, one.code
