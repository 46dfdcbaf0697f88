"""The rules of who may decide: limits in force, and the preparer rule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from approvals.errors import Refused
from approvals.models import ApprovalPolicy, ApprovalRequest
from approvals.states import Verdict


@dataclass(frozen=True)
class Limits:
    currency: str
    self_approval: Decimal
    auto_approve: Decimal

    def as_json(self) -> dict[str, str]:
        return {
            "currency": self.currency,
            "self_approval_limit": str(self.self_approval),
            "auto_approve_limit": str(self.auto_approve),
        }


def limits_for(kind: str, currency: str) -> Limits:
    """A currency that nobody set limits for has limits of zero."""
    policy = ApprovalPolicy.objects.filter(kind=kind, currency=currency).first()
    if policy is None:
        return Limits(currency, Decimal(0), Decimal(0))
    return Limits(currency, policy.self_approval_limit, policy.auto_approve_limit)


def approved_so_far(request: ApprovalRequest) -> Decimal:
    """The total that earlier decisions on this request approved."""
    total = request.decisions.filter(verdict=Verdict.APPROVE).aggregate(total=Sum("total"))["total"]
    return total or Decimal(0)


def refuse_preparer(request: ApprovalRequest, user_id: object, total: Decimal, limits: Limits) -> None:
    """Maker-checker: the sum over the request counts, so that splitting a plan does not evade the limit."""
    if str(user_id) not in request.preparers:
        return
    if approved_so_far(request) + total <= limits.self_approval:
        return
    raise Refused(
        403,
        "preparer_cannot_approve",
        f"You prepared this plan. Above {limits.self_approval:,.2f} {limits.currency} another person must approve it.",
        extra=limits.as_json(),
    )
