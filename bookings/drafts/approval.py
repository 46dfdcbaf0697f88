"""Before a brief is handed in: who will have to approve its plan, and which limit says so.

A plan never costs more than its budget, so the budget stands for the plan. What is shown is the policy of this moment;
the decision itself is judged anew by `approvals.policy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model

from accounts.permissions import RULES, can
from accounts.roles import SEES_EVERY_CLIENT, Role
from approvals.models import ApprovalRequest
from approvals.policy import Limits, approved_today, limits_for
from bookings.templatetags.figures import money
from crm.models import Assignment, Organization

KIND = "media_plan"
NOBODY, SELF, ONE, SEVERAL = "nobody", "self", "one", "several"
NAMED = 8  # deciders; the rest are counted


@dataclass(frozen=True)
class Preview:
    """`who` is the answer in one word, `headline` in one sentence; `reasons` name the limits behind it."""

    who: str
    headline: str
    reasons: list[str]
    deciders: list[str]
    more: int
    limits: Limits

    @property
    def tone(self) -> str:
        return "info" if self.who in (NOBODY, SELF) else "waiting"


def approval_preview(
    user: Any, organization: Organization | None, budget: Decimal | None, currency: str, *, auto_approve: bool
) -> Preview:
    limits = limits_for(KIND, currency)
    today = approved_today(ApprovalRequest(kind=KIND, currency=currency), user.pk, own_plans=True)
    who = _who(user, budget, limits, today, auto_approve)
    names = _deciders(user, organization, who)
    return Preview(
        who=who,
        headline=_headline(who, limits, bool(names)),
        reasons=_reasons(user, budget, limits, today, auto_approve),
        deciders=names[:NAMED],
        more=max(0, len(names) - NAMED),
        limits=limits,
    )


def _who(user: Any, budget: Decimal | None, limits: Limits, today: Decimal, auto_approve: bool) -> str:
    if budget is None:
        return ONE
    if auto_approve and budget <= limits.auto_approve:
        return NOBODY
    if limits.second_person_above is not None and budget > limits.second_person_above:
        return SEVERAL
    if can(user, "booking.decide") and budget <= limits.self_approval - today:
        return SELF
    return ONE


def _headline(who: str, limits: Limits, anybody: bool) -> str:
    if who == NOBODY:
        return "Nobody has to approve: policy lets this plan be booked as soon as it is put together."
    if who == SELF:
        return "You may approve this plan yourself, and so may the people below."
    if not anybody:
        return "Somebody else must approve, but nobody may for this client. Ask operations."
    if who == SEVERAL:
        return f"{limits.people_needed} different people must approve the same lines. You are none of them."
    return "One person must approve. Not you, as you prepare it."


def _reasons(
    user: Any, budget: Decimal | None, limits: Limits, today: Decimal, auto_approve: bool
) -> list[str]:
    currency = limits.currency
    reasons = [_self_reason(user, limits, today)]
    if auto_approve or limits.auto_approve:
        reasons.append(
            f"In {currency} up to {money(limits.auto_approve, currency)} may be booked without asking, if the brief "
            "says so."
            if limits.auto_approve
            else f"Policy allows booking without asking for no amount in {currency}."
        )
    if limits.second_person_above is not None:
        reasons.append(
            f"Above {money(limits.second_person_above, currency)}, of a campaign or of an approver's day, "
            f"{limits.people_needed} people must approve."
        )
    if budget is None:
        reasons.append("Give a budget to see which of these holds.")
    return reasons


def _self_reason(user: Any, limits: Limits, today: Decimal) -> str:
    if not can(user, "booking.decide"):
        return "Your role does not decide plans."
    limit = money(limits.self_approval, limits.currency)
    spent = f" Of that you used {money(today, limits.currency)} today." if today else ""
    return (
        f"You may approve your own plan up to {limit}; above that another person must. It is counted per day (UTC)."
        f"{spent}"
    )


def _deciders(user: Any, organization: Organization | None, who: str) -> list[str]:
    """By name. Without a client nobody can be named."""
    if organization is None or who == NOBODY:
        return []
    action = "booking.confirm" if who == SEVERAL else "booking.decide"
    people = get_user_model()._default_manager.filter(is_active=True, role__in=RULES[action].roles)
    assigned = set(Assignment.objects.filter(organization=organization).values_list("user_id", flat=True))
    return sorted(
        f"{person.label} ({Role(person.role).label.lower()})"
        for person in people
        if person.pk != user.pk
        and can(person, action)
        and (person.pk in assigned or person.effective_role in SEES_EVERY_CLIENT)
    )
