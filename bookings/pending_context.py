"""Decisions that are not final yet, as the campaign page shows them: those that can still be undone, and those that
wait for one more person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.permissions import can
from approvals import endorsing, policy
from approvals.models import ApprovalRequest, Decision
from approvals.states import RequestState
from bookings.models import Recommendation
from bookings.proposals import fingerprint_of
from flows.clock import now


@dataclass(frozen=True)
class Undoable:
    decision: Decision
    allowed: bool


@dataclass(frozen=True)
class Waiting:
    """An approval that another person must confirm. `ticks` posts exactly its lines, as they are now."""

    decision: Decision
    ticks: list[str]
    people: int
    needed: int
    mine: bool
    allowed: bool
    why_not: str


def undoable(decisions: Sequence[Decision], user: Any) -> list[Undoable]:
    """Approvals of which nothing has been sent, with whether this user may take them back."""
    allowed = can(user, "booking.confirm")
    return [Undoable(row, allowed) for row in decisions if row.can_be_undone]


def waiting(
    request: ApprovalRequest | None,
    limits: policy.Limits | None,
    rows: Sequence[Recommendation],
    user: Any,
) -> list[Waiting]:
    """The newest approval of each set of lines that still lacks people."""
    if request is None or limits is None or request.status != RequestState.OPEN or limits.people_needed < 2:
        return []
    by_id = {str(row.pk): row for row in rows}
    found: dict[str, list[Decision]] = {}
    for decision in endorsing.waiting_for_others(request):
        found.setdefault(decision.fingerprint, []).append(decision)
    return [_shown(request, given, by_id, limits, user) for given in found.values()]


def _shown(
    request: ApprovalRequest,
    given: list[Decision],
    by_id: dict[str, Recommendation],
    limits: policy.Limits,
    user: Any,
) -> Waiting:
    lines = [by_id[pk] for pk in given[0].item_ids]
    mine = any(row.user_id == user.pk for row in given)
    why_not = _why_not(request, lines, mine, user)
    return Waiting(
        decision=given[0],
        ticks=[f"{row.pk}:{fingerprint_of(row)}" for row in lines],
        people=len({row.user_id for row in given}),
        needed=limits.people_needed,
        mine=mine,
        allowed=not why_not,
        why_not=why_not,
    )


def _why_not(request: ApprovalRequest, lines: list[Recommendation], mine: bool, user: Any) -> str:
    if mine:
        return "You have approved them; somebody else must too."
    if policy.prepared(request, user.pk):
        return "You prepared this plan, so another person must approve them."
    if not can(user, "booking.confirm"):
        return "Your role does not approve."
    if any(row.quote_expires_at <= now() for row in lines):
        return "A seller's price has expired meanwhile."
    return ""
