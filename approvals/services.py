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

from approvals import policy
from approvals.errors import Refused
from approvals.models import ApprovalItem, ApprovalRequest, Decision
from approvals.states import Door, ItemState, RequestState, Verdict
from flows import events, lifecycle
from flows.actors import SYSTEM_ACTOR, Actor
from flows.clock import now
from flows.fingerprint import digest

SHORTEST_REASON = 5


@dataclass(frozen=True)
class ItemSpec:
    id: uuid.UUID
    label: str
    fingerprint: str
    amount: Decimal
    expires_at: dt.datetime | None


@dataclass(frozen=True)
class Decider:
    """The person behind a decision and the door that they came through."""

    actor: Actor
    user_id: Any
    door: str
    via_key: str = ""


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
) -> ApprovalRequest:
    """Put something before a person. `ceiling` is what all approvals together may never exceed."""
    request = ApprovalRequest.objects.create(
        kind=kind,
        subject_type=subject_type,
        subject_id=subject_id,
        title=title,
        url=url,
        organization_id=organization_id,
        currency=currency,
        ceiling=ceiling,
        preparers=[str(user_id) for user_id in preparers],
        prepared_label=prepared_label,
    )
    ApprovalItem.objects.bulk_create(
        ApprovalItem(
            id=item.id,
            request=request,
            label=item.label[:300],
            fingerprint=item.fingerprint,
            amount=item.amount,
            expires_at=item.expires_at,
        )
        for item in items
    )
    _tell(request, "approval.requested", SYSTEM_ACTOR, correlation_id, {"items": len(items), "kind": kind})
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
) -> Decision:
    """Approve or reject items. Raises `Refused`, and then nothing has changed.

    `current` is the fingerprint of each item as its room computes it now; `seen` and `seen_total` are what the decider
    had before their eyes, where the door can tell.
    """
    every = list(request.items.select_related("decision"))
    items = _chosen(every, item_ids)
    total = sum((item.amount for item in items), Decimal(0))
    _refuse_changed(items, current, seen, seen_total, total, request.currency)
    limits = policy.limits_for(request.kind, request.currency)
    if verdict == Verdict.APPROVE:
        _refuse_expired(items)
        _refuse_over_ceiling(request, total)
        policy.refuse_preparer(request, decider.user_id, total, limits)
    else:
        _refuse_without_reason(reason)
    rest = any(item.state == ItemState.OPEN for item in every if item not in items)
    return _write(request, decider, verdict, items, total, reason, limits, correlation_id, rest=rest)


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
    _refuse_changed(items, current, None, None, total, request.currency)
    _refuse_expired(items)
    _refuse_over_ceiling(request, total)
    decider = Decider(actor=SYSTEM_ACTOR, user_id=None, door=Door.POLICY)
    reason = f"auto_approve, total within the policy's limit of {limits.auto_approve} {limits.currency}"
    return _write(request, decider, Verdict.APPROVE, items, total, reason, limits, correlation_id, rest=False)


def decline_auto_approval(
    request: ApprovalRequest, correlation_id: uuid.UUID, payload: dict[str, Any]
) -> None:
    """The policy does not decide; `payload` says why, and a person has the request before them."""
    _tell(request, "approval.auto_approve_declined", SYSTEM_ACTOR, correlation_id, payload)


def withdraw(*, request: ApprovalRequest, actor: Actor, correlation_id: uuid.UUID) -> None:
    """The subject moved on: open items can no longer be decided."""
    if request.status != RequestState.OPEN:
        return
    request.items.filter(state=ItemState.OPEN).update(state=ItemState.WITHDRAWN)
    lifecycle.apply(request, "withdraw", actor=actor, subject_type="approval", correlation_id=correlation_id)


def selection_fingerprint(request: ApprovalRequest, items: Sequence[ApprovalItem], total: Decimal) -> str:
    """What a decision is bound to: the request, the version of the set, each item's terms, the total."""
    return digest(
        {
            "request": request.pk,
            "version": request.version,
            "items": sorted([str(item.pk), item.fingerprint] for item in items),
            "total": total,
            "currency": request.currency,
        }
    )


def _chosen(every: Sequence[ApprovalItem], item_ids: Sequence[uuid.UUID]) -> list[ApprovalItem]:
    wanted = list(dict.fromkeys(item_ids))
    if not wanted:
        raise Refused(400, "nothing_chosen", "Choose at least one line.", field="recommendation_ids")
    found = {item.pk: item for item in every}
    unknown = [str(item_id) for item_id in wanted if item_id not in found]
    if unknown:
        raise Refused(
            422,
            "unknown_id",
            "These ids are not part of this plan: " + ", ".join(unknown[:20]),
            field="recommendation_ids",
            extra={"unknown": unknown},
        )
    items = [found[item_id] for item_id in wanted]
    decided = [item for item in items if item.state != ItemState.OPEN]
    if decided:
        _refuse_decided(decided)
    return items


def _refuse_decided(decided: Sequence[ApprovalItem]) -> None:
    winner = next((item.decision for item in decided if item.decision), None)
    who = f" by {winner.actor_label} at {winner.at:%Y-%m-%d %H:%M:%S} UTC" if winner else ""
    states = ", ".join(sorted({str(item.get_state_display()).lower() for item in decided}))
    raise Refused(
        409,
        "already_decided",
        f"{len(decided)} of the chosen lines are already {states}{who}. Nothing was changed.",
        field="recommendation_ids",
        extra={
            "decided": [str(item.pk) for item in decided],
            "decided_by": winner.actor_label if winner else None,
            "decided_at": winner.at.isoformat() if winner else None,
        },
    )


def _refuse_changed(
    items: Sequence[ApprovalItem],
    current: Mapping[uuid.UUID, str],
    seen: Mapping[uuid.UUID, str] | None,
    seen_total: Decimal | None,
    total: Decimal,
    currency: str,
) -> None:
    changed = [item for item in items if current.get(item.pk) != item.fingerprint]
    if seen is not None:
        changed += [item for item in items if item not in changed and seen.get(item.pk) != item.fingerprint]
    if changed:
        raise Refused(
            409,
            "changed_since_shown",
            "These lines are not what was shown to you: "
            + "; ".join(item.label for item in changed[:5])
            + ". Reload the plan and decide again.",
            field="fingerprints",
            extra={"changed": [str(item.pk) for item in changed]},
        )
    if seen_total is not None and seen_total != total:
        raise Refused(
            409,
            "total_changed",
            f"The chosen lines cost {total:,.2f} {currency}, not {seen_total:,.2f}. Reload the plan and decide again.",
            field="expected_total",
            extra={"total": str(total), "expected_total": str(seen_total)},
        )


def _refuse_expired(items: Sequence[ApprovalItem]) -> None:
    moment = now()
    expired = [item for item in items if item.expires_at is not None and item.expires_at <= moment]
    if expired:
        raise Refused(
            409,
            "quote_expired",
            "The seller's price has expired for: " + "; ".join(item.label for item in expired[:5]),
            field="recommendation_ids",
            extra={"expired": [str(item.pk) for item in expired]},
        )


def _refuse_over_ceiling(request: ApprovalRequest, total: Decimal) -> None:
    already = policy.approved_so_far(request)
    excess = already + total - request.ceiling
    if excess > 0:
        raise Refused(
            409,
            "over_budget",
            f"This would approve {already + total:,.2f} {request.currency}, {excess:,.2f} more than the budget of "
            f"{request.ceiling:,.2f}.",
            field="recommendation_ids",
            extra={"excess": str(excess), "budget": str(request.ceiling), "already_approved": str(already)},
        )


def _refuse_without_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused(
            400,
            "reason_required",
            f"Say why, in at least {SHORTEST_REASON} characters.",
            field="reason",
        )


def _write(
    request: ApprovalRequest,
    decider: Decider,
    verdict: Verdict,
    items: Sequence[ApprovalItem],
    total: Decimal,
    reason: str,
    limits: policy.Limits,
    correlation_id: uuid.UUID,
    *,
    rest: bool,
) -> Decision:
    """`rest`: whether items stay open; the caller's lock on the subject keeps that true."""
    decision = Decision.objects.create(
        request=request,
        verdict=verdict,
        door=decider.door,
        user_id=decider.user_id,
        actor_label=decider.actor.label,
        via_key=decider.via_key,
        fingerprint=selection_fingerprint(request, items, total),
        item_ids=sorted(str(item.pk) for item in items),
        total=total,
        currency=request.currency,
        reason=reason.strip()[:2000],
        policy=limits.as_json(),
        at=now(),
    )
    state = ItemState.APPROVED if verdict == Verdict.APPROVE else ItemState.REJECTED
    request.items.filter(pk__in=[item.pk for item in items]).update(state=state, decision=decision)
    event = "approval.granted" if verdict == Verdict.APPROVE else "approval.rejected"
    _tell(
        request,
        event,
        decider.actor,
        correlation_id,
        {
            "decision": str(decision.pk),
            "items": decision.item_ids,
            "total": str(total),
            "currency": request.currency,
            "fingerprint": decision.fingerprint,
            "door": decider.door,
            "reason": decision.reason,
        },
    )
    if not rest:
        lifecycle.apply(
            request, "close", actor=decider.actor, subject_type="approval", correlation_id=correlation_id
        )
    return decision


def _tell(
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
