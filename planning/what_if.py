"""What a plan would be under other money or limits, from offers that were already heard. Nothing is asked or kept.

A change names what is to be different and leaves the rest of the brief as it is. Channel shares that a person sets are
exact; the other channels share what is left by the rule of `allocation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from planning.allocation import allocate
from planning.quoted import Heard, Key, key_of, repriced
from planning.selection import select
from planning.types import (
    Allocation,
    AudiencePlan,
    Brief,
    FieldError,
    Infeasible,
    LineWish,
    Offer,
    Plan,
    PlanLine,
    Share,
)


@dataclass(frozen=True)
class Change:
    """`budget` and `max_cpm` in the brief's currency, None where they stay; `shares` as parts of 1 by channel."""

    budget: Decimal | None = None
    max_cpm: Decimal | None = None
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    lines: tuple[LineWish, ...] = ()  # what is wanted of single products from now on
    freed: tuple[Key, ...] = ()  # products of which the plan chooses again

    @property
    def is_empty(self) -> bool:
        return self == Change()


@dataclass(frozen=True)
class Answer:
    brief: Brief
    allocations: tuple[Allocation, ...]
    plan: Plan


def what_if(
    brief: Brief,
    audience: AudiencePlan,
    offers: Sequence[Offer],
    change: Change,
    heard: Iterable[Heard] = (),
    *,
    seconds: float = 5.0,
) -> Answer:
    """The best plan under `change`. Raises `Infeasible`, naming the fields of the change."""
    changed = changed_brief(brief, change)
    allocations = allocate(changed, audience)
    prices = {price.key: price for price in heard}
    known = [repriced(offer, prices.get(key_of(offer))) for offer in offers]
    return Answer(changed, allocations, select(changed, allocations, known, seconds=seconds))


def changed_brief(brief: Brief, change: Change) -> Brief:
    """The brief as the change wants it. Raises `Infeasible` for a share of a channel that it does not have."""
    _check(brief, change)
    shares = dict(brief.constraints.channel_shares)
    shares |= {channel: Share(share, share) for channel, share in change.shares.items()}
    return replace(
        brief,
        budget=brief.budget if change.budget is None else change.budget,
        kpis=brief.kpis if change.max_cpm is None else replace(brief.kpis, max_cpm=change.max_cpm),
        constraints=replace(brief.constraints, channel_shares=shares, lines=_lines(brief, change)),
    )


def _lines(brief: Brief, change: Change) -> tuple[LineWish, ...]:
    kept = {wish.key: wish for wish in brief.constraints.lines if wish.key not in change.freed}
    return tuple((kept | {wish.key: wish for wish in change.lines}).values())


def _check(brief: Brief, change: Change) -> None:
    errors = []
    if change.budget is not None and change.budget <= 0:
        errors.append(FieldError("budget", "out_of_range", "Give a budget above 0."))
    if change.max_cpm is not None and change.max_cpm <= 0:
        errors.append(FieldError("max_cpm", "out_of_range", "Give a maximum CPM above 0."))
    for channel, share in change.shares.items():
        if channel not in brief.channels:
            errors.append(
                FieldError(f"share.{channel}", "channel_not_requested", f"The brief has no {channel}.")
            )
        elif not 0 <= share <= 1:
            errors.append(FieldError(f"share.{channel}", "out_of_range", "Give a share from 0 to 100 %."))
    total = sum(change.shares.values(), Decimal(0))
    if total > 1:
        text = f"The shares add up to {total:.0%}; lower them to 100 % at most."
        errors.append(FieldError("shares", "shares_above_whole", text))
    elif len(change.shares) == len(brief.channels) and total != 1:
        text = f"The shares of all channels add up to {total:.0%}; leave one of them free or make it 100 %."
        errors.append(FieldError("shares", "shares_below_whole", text))
    if errors:
        raise Infeasible(errors)


@dataclass(frozen=True)
class Moved:
    """A line in both plans at other volumes."""

    before: PlanLine
    after: PlanLine


@dataclass(frozen=True)
class Difference:
    """From one set of lines to another."""

    added: tuple[PlanLine, ...]
    removed: tuple[PlanLine, ...]
    moved: tuple[Moved, ...]
    same: int


def difference(before: Sequence[PlanLine], after: Sequence[PlanLine]) -> Difference:
    """Line by line, in the order of the later plan."""
    old, new = {key_of(line): line for line in before}, {key_of(line): line for line in after}
    kept = [Moved(old[key], line) for key, line in new.items() if key in old]
    moved = [pair for pair in kept if (pair.before.impressions, pair.before.cpm) != _terms(pair.after)]
    return Difference(
        added=tuple(line for key, line in new.items() if key not in old),
        removed=tuple(line for key, line in old.items() if key not in new),
        moved=tuple(moved),
        same=len(kept) - len(moved),
    )


def _terms(line: PlanLine) -> tuple[int, Decimal]:
    return line.impressions, line.cpm
