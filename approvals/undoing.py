"""Taking an approval back while nothing has followed from it yet.

The window is a row, not a timer in a browser: closing the page neither loses it nor holds anything up. Until the
decision's `acts_at` nothing of it has left, so that to undo it is exact; afterwards only cancelling helps.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

from approvals import policy, writing
from approvals.errors import Refused
from approvals.models import ApprovalRequest, Decision
from approvals.states import ItemState, RequestState, Verdict
from approvals.writing import Decider, Ruling, Selection
from flows import lifecycle
from flows.clock import now


def undo(
    *,
    request: ApprovalRequest,
    decision: Decision,
    decider: Decider,
    correlation_id: uuid.UUID,
    reason: str = "",
) -> Decision:
    """The items wait for a decision again. Raises `Refused`; then nothing has changed.

    The caller holds the subject's lock and takes back what it has prepared for the approved items.
    """
    _refuse_undone(decision)
    if decision.verdict == Verdict.APPROVE:
        _refuse_late(decision)
    elif decision.verdict != Verdict.ENDORSE or decision.user_id != decider.user_id:
        raise Refused(409, "cannot_be_undone", "Only an approval can be taken back.", field="decision_id")
    items = list(request.items.filter(pk__in=decision.item_ids))
    selection = Selection(items, sum((item.amount for item in items), Decimal(0)))
    ruling = Ruling(Verdict.UNDO, reason=reason, undoes=decision)
    limits = policy.limits_for(request.kind, request.currency)
    undone = writing.record(request, decider, selection, ruling, limits, correlation_id)
    if decision.verdict == Verdict.APPROVE:
        _open_again(request, decision, decider, correlation_id)
    return undone


def _open_again(
    request: ApprovalRequest, decision: Decision, decider: Decider, correlation_id: uuid.UUID
) -> None:
    request.items.filter(decision=decision).update(state=ItemState.OPEN, decision=None)
    writing.count_open(request, list(request.items.filter(state=ItemState.OPEN)))
    if request.status == RequestState.OPEN:
        request.save(update_fields=writing.COUNTED)
        return
    lifecycle.apply(
        request, "reopen", actor=decider.actor, subject_type="approval", correlation_id=correlation_id
    )


def _refuse_undone(decision: Decision) -> None:
    if decision.is_undone:
        by = decision.undone_by
        raise Refused(
            409,
            "already_undone",
            f"{by.actor_label} took this back at {by.at:%Y-%m-%d %H:%M:%S} UTC.",
            field="decision_id",
        )


def _refuse_late(decision: Decision) -> None:
    if decision.acts_at is not None and now() < decision.acts_at:
        return
    raise Refused(
        409,
        "too_late_to_undo",
        "The lines are on their way to their sellers. What is booked can only be cancelled there.",
        field="decision_id",
        extra={"acts_at": decision.acts_at.isoformat() if decision.acts_at else None},
    )
