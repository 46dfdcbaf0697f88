"""Whom a thing concerns, by the one permission table, the assignments and the approval policy as they are now."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import Q

from accounts.models import User
from accounts.permissions import RULES, can
from accounts.roles import SEES_EVERY_CLIENT
from approvals import policy
from approvals.endorsing import waiting_for_others
from approvals.models import ApprovalRequest
from crm.selectors import sees_every_client, visible_organizations


def users_who(action: str, organization_id: uuid.UUID | None = None) -> list[User]:
    """Active people whose role may do it, and who see the client where there is one."""
    rows = User.objects.filter(is_active=True)
    rows = rows.filter(Q(role__in=RULES[action].roles) | Q(is_superuser=True))
    if organization_id is not None:
        assigned = Q(assignments__organization_id=organization_id)
        rows = rows.filter(assigned | Q(role__in=SEES_EVERY_CLIENT) | Q(is_superuser=True)).distinct()
    return [user for user in rows if can(user, action)]


def of_these(user_ids: Collection[object], action: str, organization_id: uuid.UUID | None) -> frozenset[int]:
    """Those of the users who still may do it and still see the client."""
    wanted = {str(user_id) for user_id in user_ids}
    return frozenset(user.pk for user in users_who(action, organization_id) if str(user.pk) in wanted)


def may_know(user: Any, action: str, organization_id: uuid.UUID | None) -> bool:
    """The same for one person at one moment: before a message leaves."""
    if not user.is_active or not can(user, action):
        return False
    if organization_id is None or sees_every_client(user):
        return True
    return visible_organizations(user).filter(pk=organization_id).exists()


def deciders(request: ApprovalRequest) -> list[User]:
    """Who may decide what is open: not whoever prepared it above the limit; finance once an approval waits for more."""
    action = "booking.confirm" if waiting_for_others(request) else "booking.decide"
    return [
        user for user in users_who(action, request.organization_id) if not _prepared_too_much(request, user)
    ]


def _prepared_too_much(request: ApprovalRequest, user: User) -> bool:
    if not policy.prepared(request, user.pk):
        return False
    limits = policy.limits_for(request.kind, request.currency)
    if policy.people_needed(request, user.pk, request.open_amount, limits) > 1:
        return True
    return request.open_amount > policy.left_for_preparer(request, user.pk, limits)
