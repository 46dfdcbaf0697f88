"""What people want of single products, held against what can be bought: errors that name the line and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from planning.candidates import Candidate, Limits
from planning.money import line_cost
from planning.rounding import Basket
from planning.types import Brief, FieldError, Infeasible, LineWish, NotChosen


def field_of(wish: LineWish) -> str:
    return f"constraints.lines.{wish.channel}.{wish.seller}.{wish.product_id}"


def name_of(wish: LineWish) -> str:
    return f"{wish.product_id} of {wish.seller} in {wish.channel}"


def refuse_impossible(
    brief: Brief, limits: Limits, candidates: Sequence[Candidate], refused: Iterable[NotChosen]
) -> None:
    """Raises `Infeasible` for each wanted product that cannot be bought at all, or only in other volumes."""
    reasons = {(one.channel, one.seller, one.product_id): one for one in refused}
    possible = {candidate.key for candidate in candidates}
    errors = [
        FieldError(field_of(wish), *_why(wish, reasons.get(wish.key)))
        for wish in brief.constraints.lines
        if wish.wanted and wish.key not in possible
    ]
    if errors := errors or _too_dear(candidates, limits):
        raise Infeasible(errors)


def _why(wish: LineWish, refusal: NotChosen | None) -> tuple[str, str]:
    if refusal is None:
        return "not_offered", f"{name_of(wish)} was not offered for this campaign."
    return refusal.code, f"{name_of(wish)}: {refusal.reason}"


def _too_dear(candidates: Sequence[Candidate], limits: Limits) -> list[FieldError]:
    """Channels whose money is less than what the set lines cost at least."""
    least: dict[str, Decimal] = {}
    for candidate in candidates:
        if candidate.required:
            cost = min(line_cost(rung.low, rung.cpm, limits.currency) for rung in candidate.rungs)
            least[candidate.offer.channel] = least.get(candidate.offer.channel, Decimal(0)) + cost
    return [
        FieldError(
            f"constraints.channel_shares.{channel}",
            "lines_above_channel",
            f"The lines set in {channel} cost {cost:,.2f} {limits.currency}; the channel has "
            f"{limits.channels[channel]:,.2f}. Lower a volume or give {channel} a larger share.",
        )
        for channel, cost in sorted(least.items())
        if cost > limits.channels[channel]
    ]


def conflicts(candidates: Sequence[Candidate]) -> list[FieldError]:
    """For a choice that does not exist: the set lines, if there are any."""
    return [_not_together(candidate.wish) for candidate in candidates if candidate.wish is not None]


def _not_together(wish: LineWish) -> FieldError:
    return FieldError(
        field_of(wish),
        "lines_conflict",
        f"{name_of(wish)} cannot be bought as set together with the other limits of the brief and the sellers; "
        "lower its volume or let the plan choose.",
    )


def refuse_lost(brief: Brief, basket: Basket) -> None:
    """Raises `Infeasible` where whole impressions and minor units left no room for a wanted line."""
    lost = [wish for wish in brief.constraints.lines if wish.wanted and wish.key not in basket.holdings]
    if lost:
        raise Infeasible([_not_together(wish) for wish in lost])
