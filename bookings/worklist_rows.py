"""What the work queue says of each row: why it waits for this person, what they may do with it, and with which terms
a bulk decision is bound."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.permissions import can
from approvals import policy
from approvals.models import ApprovalItem, ApprovalRequest, Decision
from approvals.states import ItemState, Verdict
from flows.clock import now
from flows.fingerprint import digest


@dataclass(frozen=True)
class OpenItem:
    id: uuid.UUID
    fingerprint: str
    expired: bool


@dataclass(frozen=True)
class ToDecide:
    """A plan as a row. `shown` stands for exactly its open lines; `why_not` is empty where it may be ticked."""

    row: ApprovalRequest
    shown: str
    expired: int  # lines whose price has ended
    why: str
    why_not: str

    @property
    def can_tick(self) -> bool:
        return not self.why_not


def to_decide(user: Any, rows: Sequence[ApprovalRequest], clients: dict[uuid.UUID, str]) -> list[ToDecide]:
    """Each plan with its terms, with a fixed number of queries."""
    items = open_items([row.pk for row in rows])
    limits = {pair: policy.limits_for(*pair) for pair in {(row.kind, row.currency) for row in rows}}
    several = [row.pk for row in rows if limits[row.kind, row.currency].people_needed > 1]
    waiting = _waiting_for_others(several) if several else defaultdict(list)
    return [
        _to_decide(
            user,
            row,
            items[row.pk],
            waiting[row.pk],
            limits[row.kind, row.currency],
            clients.get(row.organization_id, "") if row.organization_id else "",
        )
        for row in rows
    ]


def open_items(request_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[OpenItem]]:
    moment = now()
    found: dict[uuid.UUID, list[OpenItem]] = defaultdict(list)
    rows = ApprovalItem.objects.filter(request__in=list(request_ids), state=ItemState.OPEN).order_by("id")
    for request_id, pk, fingerprint, expires_at in rows.values_list(
        "request_id", "pk", "fingerprint", "expires_at"
    ):
        found[request_id].append(OpenItem(pk, fingerprint, expires_at is not None and expires_at <= moment))
    return found


def shown_as(version: int, items: Sequence[OpenItem]) -> str:
    """Changes when a line of the plan is decided, added, removed or changed."""
    return digest({"version": version, "items": [[str(item.id), item.fingerprint] for item in items]})[:32]


def _waiting_for_others(request_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Decision]]:
    found: dict[uuid.UUID, list[Decision]] = defaultdict(list)
    rows = Decision.objects.filter(
        request__in=request_ids, verdict=Verdict.ENDORSE, undone_by__isnull=True
    ).order_by("at")
    for row in rows:
        found[row.request_id].append(row)
    return found


def _to_decide(
    user: Any,
    row: ApprovalRequest,
    items: Sequence[OpenItem],
    given: Sequence[Decision],
    limits: policy.Limits,
    client: str,
) -> ToDecide:
    expired = sum(item.expired for item in items)
    return ToDecide(
        row=row,
        shown=shown_as(row.version, items),
        expired=expired,
        why=_why(user, row, given, limits, client),
        why_not=_why_not(user, row, given, limits, expired),
    )


def _why(
    user: Any, row: ApprovalRequest, given: Sequence[Decision], limits: policy.Limits, client: str
) -> str:
    others = [one.actor_label for one in given if one.user_id != user.pk]
    if row.asked_id == user.pk:
        return f"{row.asked_by} asks you{': ' + row.asked_note if row.asked_note else '.'}"
    if others:
        return f"{others[0]} approved; it takes {limits.people_needed} people."
    if given:
        return "You approved; another person must too."
    if policy.prepared(row, user.pk):
        return "You prepared it."
    return f"You decide for {client}." if client else "You decide for this client."


def _why_not(
    user: Any, row: ApprovalRequest, given: Sequence[Decision], limits: policy.Limits, expired: int
) -> str:
    """Why the whole plan cannot be decided from the list."""
    if not can(user, "booking.decide"):
        return "Look at the plan to confirm."
    if expired:
        return f"{expired} price{'s have' if expired != 1 else ' has'} expired."
    if any(one.user_id == user.pk for one in given):
        return "Waits for another person."
    if policy.prepared(row, user.pk) and row.open_amount > limits.self_approval:
        return f"Above {_amount(limits.self_approval)} {limits.currency} another person decides."
    return ""


def _amount(value: Decimal) -> str:
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"
