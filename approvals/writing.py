"""Putting decisions on record. Everything here trusts that its caller has checked and holds the subject's lock."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from approvals import policy
from approvals.models import ApprovalItem, ApprovalRequest, Decision
from approvals.states import ItemState, Verdict
from flows import events, lifecycle
from flows.actors import Actor
from flows.clock import now
from flows.fingerprint import digest

EVENTS = {
    Verdict.APPROVE: "approval.granted",
    Verdict.REJECT: "approval.rejected",
    Verdict.ENDORSE: "approval.endorsed",
    Verdict.UNDO: "approval.undone",
}
COUNTED = ["open_items", "open_amount", "deadline"]
ITEM_STATES = {Verdict.APPROVE: ItemState.APPROVED, Verdict.REJECT: ItemState.REJECTED}


@dataclass(frozen=True)
class Decider:
    """The person behind a decision and the door that they came through."""

    actor: Actor
    user_id: Any
    door: str
    via_key: str = ""
    only_confirms: bool = False  # may approve what another person has approved before, and nothing else


@dataclass(frozen=True)
class Selection:
    """What is decided on: the chosen items, their sum, and those that stay open."""

    items: Sequence[ApprovalItem]
    total: Decimal
    rest: Sequence[ApprovalItem] = ()


@dataclass(frozen=True)
class Ruling:
    """How it is decided. `earlier` names the people who approved exactly this before."""

    verdict: Verdict
    reason: str = ""
    acts_at: dt.datetime | None = None
    earlier: list[dict[str, str]] = field(default_factory=list)
    undoes: Decision | None = None


def settle(
    request: ApprovalRequest,
    decider: Decider,
    selection: Selection,
    ruling: Ruling,
    limits: policy.Limits,
    correlation_id: uuid.UUID,
) -> Decision:
    """Approve or reject the items; the last one closes the request."""
    decision = record(request, decider, selection, ruling, limits, correlation_id)
    chosen = request.items.filter(pk__in=[item.pk for item in selection.items])
    chosen.update(state=ITEM_STATES[ruling.verdict], decision=decision)
    count_open(request, selection.rest)
    if selection.rest:
        request.save(update_fields=COUNTED)
    else:
        lifecycle.apply(
            request, "close", actor=decider.actor, subject_type="approval", correlation_id=correlation_id
        )
    return decision


def count_open(request: ApprovalRequest, still_open: Sequence[ApprovalItem]) -> None:
    """Set what lists show of the request. The caller saves it, alone or with a transition."""
    request.open_items = len(still_open)
    request.open_amount = sum((item.amount for item in still_open), Decimal(0))
    request.deadline = min((item.expires_at for item in still_open if item.expires_at), default=None)


def record(
    request: ApprovalRequest,
    decider: Decider,
    selection: Selection,
    ruling: Ruling,
    limits: policy.Limits,
    correlation_id: uuid.UUID,
) -> Decision:
    """The decision and its event, nothing else."""
    decision = Decision.objects.create(
        request=request,
        verdict=ruling.verdict,
        door=decider.door,
        user_id=decider.user_id,
        actor_label=decider.actor.label,
        via_key=decider.via_key,
        fingerprint=selection_fingerprint(request, selection),
        item_ids=sorted(str(item.pk) for item in selection.items),
        total=selection.total,
        currency=request.currency,
        reason=ruling.reason.strip()[:2000],
        policy=limits.as_json(),
        at=now(),
        acts_at=ruling.acts_at,
        own_plan=policy.prepared(request, decider.user_id),
        people=len(ruling.earlier) + 1,
        earlier=ruling.earlier,
        undoes=ruling.undoes,
    )
    payload = {
        "decision": str(decision.pk),
        "items": decision.item_ids,
        "total": str(selection.total),
        "currency": request.currency,
        "fingerprint": decision.fingerprint,
        "door": decider.door,
        "reason": decision.reason,
    }
    if ruling.earlier:
        payload["earlier"] = ruling.earlier
    if ruling.undoes is not None:
        payload["undoes"] = str(ruling.undoes.pk)
    tell(request, EVENTS[ruling.verdict], decider.actor, correlation_id, payload)
    return decision


def selection_fingerprint(request: ApprovalRequest, selection: Selection) -> str:
    """What a decision is bound to: the request, the version of the set, each item's terms, the total."""
    return digest(
        {
            "request": request.pk,
            "version": request.version,
            "items": sorted([str(item.pk), item.fingerprint] for item in selection.items),
            "total": selection.total,
            "currency": request.currency,
        }
    )


def tell(
    request: ApprovalRequest, type: str, actor: Actor, correlation_id: uuid.UUID, payload: dict[str, Any]
) -> None:
    """The event stands in the subject's own chain, where the people who work on it look."""
    events.record(
        subject_type=request.subject_type,
        subject_id=request.subject_id,
        type=type,
        actor=actor,
        correlation_id=correlation_id,
        payload={"request": str(request.pk)} | payload,
    )
