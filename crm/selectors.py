"""Which clients a user sees. Every list and every look-up by id starts here."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from crm.models import Assignment, Organization


def sees_every_client(user: Any) -> bool:
    """No filter is needed for whoever sees all: the database then reads its indexes in order."""
    return bool(user.is_authenticated and user.is_active and user.sees_every_client)


def visible_organizations(user: Any) -> QuerySet[Organization]:
    """Ops and finance see all; everyone else the assigned ones; nobody sees any when not signed in.

    Safe as a sub-query (`organization__in=...`): assignments are unique, so no row comes twice.
    """
    if not user.is_authenticated or not user.is_active:
        return Organization.objects.none()
    if sees_every_client(user):
        return Organization.objects.all()
    return Organization.objects.filter(assignments__user=user)


def client_pairs(user_ids: Collection[int]) -> list[tuple[int, uuid.UUID]]:
    """Each of these users with each client that they are assigned to."""
    return list(Assignment.objects.filter(user__in=user_ids).values_list("user_id", "organization_id"))
