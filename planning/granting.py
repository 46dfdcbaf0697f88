"""A plan with as many of a person's wishes as hold.

They were set against the offers of that moment. A seller that meanwhile sells less or asks more must not end the
campaign, so what no longer holds is left out, and the plan's reasons say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from planning.quoted import key_of
from planning.selection import select
from planning.types import Allocation, Brief, Infeasible, LineWish, Offer, Plan
from planning.wishes import name_of


def select_as_wished(brief: Brief, allocations: Sequence[Allocation], offers: Sequence[Offer]) -> Plan:
    """Raises `Infeasible` only where there is no plan without the wishes either."""
    wanted = [wish for wish in brief.constraints.lines if wish.wanted]
    offered = {key_of(offer) for offer in offers}
    gone = [wish for wish in wanted if wish.key not in offered]
    reasons = [f"{name_of(wish)} is offered no more; what was set for it is left out." for wish in gone]
    try:
        plan = select(_without(brief, gone), allocations, offers)
    except Infeasible as problem:
        if len(gone) == len(wanted):
            raise
        plan = select(_without(brief, wanted), allocations, offers)
        reasons += [
            f"What was set for single lines could not be held. {error.message}" for error in problem.errors
        ]
    return replace(plan, reasons=(*reasons, *plan.reasons))


def _without(brief: Brief, wishes: Iterable[LineWish]) -> Brief:
    dropped = {wish.key for wish in wishes}
    kept = tuple(wish for wish in brief.constraints.lines if wish.key not in dropped)
    return replace(brief, constraints=replace(brief.constraints, lines=kept))
