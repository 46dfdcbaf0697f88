"""The one decision service. Pages, REST, admin and the command line all end here, inside the caller's transaction.

The caller locks the subject first, so that two decisions on one subject follow each other: the second finds the items
decided and learns by whom.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from approvals import checks, endorsing, policy, writing
from approvals.errors import Refused
from approvals.models import ApprovalItem, ApprovalRequest, Decision
from approvals.states import Door, ItemState, RequestState, Verdict
from approvals.undoing import undo
from approvals.writing import Decider, Ruling, Selection
from flows import lifecycle
from flows.actors import SYSTEM_ACTOR, Actor
from flows.clock import in_seconds


@dataclass(frozen=True)
class ItemSpec:
    id: uuid.UUID
    label: str
    fingerprint: str
    amount: Decimal
    expires_at: dt.datetime | None


def request_approval(
    *,
    kind: str,
    subject_type: str,
    subject_id: uuid.UUID,
    title: str,
    url: str,
    organization_id: uuid.UUID | None,
    currency: str,
    ceiling: Decimal,
    preparers: Iterable[object],
    prepared_label: str,
    items: Sequence[ItemSpec],
    correlation_id: uuid.UUID,
    version: int = 1,
) -> ApprovalRequest:
    """Put something before a person. `ceiling` is what all approvals together may never exceed; `version` tells this
    set of items from earlier ones of the same subject."""
    request = ApprovalRequest(
        kind=kind,
        subject_type=subject_type,
        subject_id=subject_id,
        title=title,
        url=url,
        organization_id=organization_id,
        currency=currency,
        ceiling=ceiling,
        preparers=list(dict.fromkeys(str(user_id) for user_id in preparers)),
        version=version,
        prepared_label=prepared_label,
    )
    rows = [
        ApprovalItem(
            id=item.id,
            request=request,
            label=item.label[:300],
            fingerprint=item.fingerprint,
            amount=item.amount,
            expires_at=item.expires_at,
        )
        for item in items
    ]
    writing.count_open(request, rows)
    request.save()
    ApprovalItem.objects.bulk_create(rows)
    asked = {"items": len(items), "kind": kind}
    writing.tell(request, "approval.requested", SYSTEM_ACTOR, correlation_id, asked)
    return request


def decide(
    *,
    request: ApprovalRequest,
    decider: Decider,
    verdict: Verdict,
    item_ids: Sequence[uuid.UUID],
    correlation_id: uuid.UUID,
    current: Mapping[uuid.UUID, str],
    reason: str = "",
    seen: Mapping[uuid.UUID, str] | None = None,
    seen_total: Decimal | None = None,
    counts: endorsing.Counts = lambda user_id: True,
) -> Decision:
    """Approve or reject items. Raises `Refused`, and then nothing has changed.

    `current` is the fingerprint of each item as its room computes it now; `seen` and `seen_total` are what the decider
    had before their eyes, where the door can tell. Where the policy wants several people and some are missing, the
    decision comes back with the verdict `endorse`: nothing follows from it yet. `counts` tells of an earlier
    approver, by id, whether they may still decide.
    """
    every = list(request.items.select_related("decision"))
    items = checks.chosen(every, item_ids)
    total = sum((item.amount for item in items), Decimal(0))
    chosen = {item.pk for item in items}
    rest = [item for item in every if item.state == ItemState.OPEN and item.pk not in chosen]
    selection = Selection(items, total, rest)
    checks.refuse_changed(items, current, seen, seen_total, total, request.currency)
    limits = policy.limits_for(request.kind, request.currency)
    if verdict == Verdict.APPROVE:
        return _approve(request, decider, selection, limits, correlation_id, counts)
    checks.refuse_without_reason(reason)
    if decider.only_confirms:
        raise Refused(403, "only_confirms", "You can confirm an approval of somebody else, not reject lines.")
    return writing.settle(request, decider, selection, Ruling(Verdict.REJECT, reason), limits, correlation_id)


def _approve(
    request: ApprovalRequest,
    decider: Decider,
    selection: Selection,
    limits: policy.Limits,
    correlation_id: uuid.UUID,
    counts: endorsing.Counts,
) -> Decision:
    checks.refuse_expired(selection.items)
    checks.refuse_over_ceiling(request, selection.total)
    needed = policy.people_needed(request, decider.user_id, selection.total, limits)
    policy.refuse_preparer(request, decider.user_id, selection.total, limits, needed)
    earlier = endorsing.earlier_approvals(request, selection, counts)
    endorsing.refuse_twice(decider, earlier, needed)
    endorsing.refuse_first(decider, earlier)
    named = endorsing.as_json([row for row in earlier if row.user_id != decider.user_id])
    if len(named) + 1 < needed:
        ruling = Ruling(Verdict.ENDORSE, earlier=named)
        return writing.record(request, decider, selection, ruling, limits, correlation_id)
    ruling = Ruling(Verdict.APPROVE, acts_at=in_seconds(limits.undo_seconds), earlier=named)
    return writing.settle(request, decider, selection, ruling, limits, correlation_id)


def decide_by_policy(
    *, request: ApprovalRequest, correlation_id: uuid.UUID, current: Mapping[uuid.UUID, str]
) -> Decision | None:
    """Approve everything if the policy's limit covers it, as a decision with its own record; else None.

    Raises `Refused` where a person would be refused too; then nothing has changed.
    """
    limits = policy.limits_for(request.kind, request.currency)
    items = list(request.items.filter(state=ItemState.OPEN).order_by("id"))
    total = sum((item.amount for item in items), Decimal(0))
    if not items or total > limits.auto_approve:
        decline_auto_approval(request, correlation_id, {"total": str(total)} | limits.as_json())
        return None
    checks.refuse_changed(items, current, None, None, total, request.currency)
    checks.refuse_expired(items)
    checks.refuse_over_ceiling(request, total)
    decider = Decider(actor=SYSTEM_ACTOR, user_id=None, door=Door.POLICY)
    reason = f"auto_approve, total within the policy's limit of {limits.auto_approve} {limits.currency}"
    ruling = Ruling(Verdict.APPROVE, reason)
    return writing.settle(request, decider, Selection(items, total), ruling, limits, correlation_id)


def decline_auto_approval(
    request: ApprovalRequest, correlation_id: uuid.UUID, payload: dict[str, Any]
) -> None:
    """The policy does not decide; `payload` says why, and a person has the request before them."""
    writing.tell(request, "approval.auto_approve_declined", SYSTEM_ACTOR, correlation_id, payload)


def withdraw(*, request: ApprovalRequest, actor: Actor, correlation_id: uuid.UUID) -> None:
    """The subject moved on: open items can no longer be decided."""
    if request.status != RequestState.OPEN:
        return
    request.items.filter(state=ItemState.OPEN).update(state=ItemState.WITHDRAWN)
    writing.count_open(request, [])
    lifecycle.apply(request, "withdraw", actor=actor, subject_type="approval", correlation_id=correlation_id)


__all__ = [
    "Decider",
    "ItemSpec",
    "decide",
    "decide_by_policy",
    "decline_auto_approval",
    "request_approval",
    "undo",
    "withdraw",
]
