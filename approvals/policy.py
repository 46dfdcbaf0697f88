"""The rules of who may decide: limits in force, the preparer rule, and how many people a decision needs.

Amounts are summed over the request and over the person's day (UTC), so that neither splitting a plan nor splitting
a campaign into many evades a limit.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Sum

from approvals.errors import Refused
from approvals.models import ApprovalPolicy, ApprovalRequest, Decision
from approvals.states import Verdict
from flows.clock import now


@dataclass(frozen=True)
class Limits:
    """Of one kind of decision in one currency. `second_person_above` None: one person decides any amount."""

    currency: str
    self_approval: Decimal
    auto_approve: Decimal
    second_person_above: Decimal | None = None
    people_needed: int = 1
    undo_seconds: int = 0

    def as_json(self) -> dict[str, str]:
        found = {
            "currency": self.currency,
            "self_approval_limit": str(self.self_approval),
            "auto_approve_limit": str(self.auto_approve),
        }
        if self.second_person_above is None:
            return found
        return found | {
            "second_person_above": str(self.second_person_above),
            "people_needed": str(self.people_needed),
        }


def limits_for(kind: str, currency: str) -> Limits:
    """A currency that nobody set limits for has limits of zero."""
    policy = ApprovalPolicy.objects.filter(kind=kind, currency=currency).first()
    if policy is None:
        return Limits(currency, Decimal(0), Decimal(0), undo_seconds=settings.FLIGHTDECK_UNDO_SECONDS)
    return Limits(
        currency,
        policy.self_approval_limit,
        policy.auto_approve_limit,
        policy.second_person_above,
        policy.people_needed if policy.second_person_above is not None else 1,
        settings.FLIGHTDECK_UNDO_SECONDS if policy.undo_seconds is None else policy.undo_seconds,
    )


def approved_so_far(request: ApprovalRequest) -> Decimal:
    """The total that earlier decisions on this request approved and that nobody took back."""
    return _sum(_standing(request.decisions.all()))


def approved_today(request: ApprovalRequest, user_id: Any, *, own_plans: bool = False) -> Decimal:
    """What this person approved since midnight UTC, of the same kind and currency: all that they alone decided, or
    only what they had prepared themselves."""
    rows = _standing(Decision.objects.filter(user_id=user_id, people=1, at__gte=_midnight()))
    rows = rows.filter(currency=request.currency, request__kind=request.kind)
    return _sum(rows.filter(own_plan=True) if own_plans else rows)


def prepared(request: ApprovalRequest, user_id: Any) -> bool:
    return str(user_id) in request.preparers


def left_for_preparer(request: ApprovalRequest, user_id: Any, limits: Limits) -> Decimal:
    """How much of the own plan its preparer may still approve, in the request's currency."""
    spent = max(approved_so_far(request), approved_today(request, user_id, own_plans=True))
    return max(Decimal(0), limits.self_approval - spent)


def refuse_preparer(
    request: ApprovalRequest, user_id: Any, total: Decimal, limits: Limits, needed: int
) -> None:
    """Maker-checker: who prepared a plan approves no more of it than the limit, and is never one of several."""
    if not prepared(request, user_id):
        return
    if needed == 1 and total <= left_for_preparer(request, user_id, limits):
        return
    today = approved_today(request, user_id, own_plans=True)
    spent = f" Today you have approved {today:,.2f} of plans of your own." if today else ""
    raise Refused(
        403,
        "preparer_cannot_approve",
        f"You prepared this plan. Above {limits.self_approval:,.2f} {limits.currency} a day another person must "
        f"approve it.{spent}",
        extra=limits.as_json(),
    )


def people_needed(request: ApprovalRequest, user_id: Any, total: Decimal, limits: Limits) -> int:
    """How many different people must approve this selection before it counts."""
    above = limits.second_person_above
    if above is None:
        return 1
    spent = max(approved_so_far(request), approved_today(request, user_id))
    return limits.people_needed if spent + total > above else 1


def _standing(decisions: QuerySet[Decision]) -> QuerySet[Decision]:
    return decisions.filter(verdict=Verdict.APPROVE, undone_by__isnull=True)


def _sum(decisions: QuerySet[Decision]) -> Decimal:
    return decisions.aggregate(total=Sum("total"))["total"] or Decimal(0)


def _midnight() -> dt.datetime:
    return now().replace(hour=0, minute=0, second=0, microsecond=0)
