"""Why a selection cannot be decided as asked. Each function raises `Refused` or lets it pass; none changes anything."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal

from approvals import policy
from approvals.errors import Refused
from approvals.models import ApprovalItem, ApprovalRequest
from approvals.states import ItemState
from flows.clock import now

SHORTEST_REASON = 5


def chosen(every: Sequence[ApprovalItem], item_ids: Sequence[uuid.UUID]) -> list[ApprovalItem]:
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


def refuse_changed(
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


def refuse_expired(items: Sequence[ApprovalItem]) -> None:
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


def refuse_over_ceiling(request: ApprovalRequest, total: Decimal) -> None:
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


def refuse_without_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused(
            400,
            "reason_required",
            f"Say why, in at least {SHORTEST_REASON} characters.",
            field="reason",
        )
