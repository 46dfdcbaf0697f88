"""Reads: what one person was told and still may know."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from accounts.permissions import can
from crm.selectors import sees_every_client, visible_organizations
from notifications.kinds import KINDS
from notifications.models import Notice

MOST_COUNTED = 99


def kinds_of(user: Any) -> list[str]:
    """Those that the user's role may be told of."""
    return [kind.name for kind in KINDS.values() if can(user, kind.action)]


def notices_of(user: Any, kind: str = "") -> QuerySet[Notice]:
    """Without those of clients and kinds that are no longer the user's."""
    kinds = [name for name in kinds_of(user) if not kind or name == kind]
    rows = Notice.objects.filter(recipient=user, in_app=True, kind__in=kinds)
    if sees_every_client(user):
        return rows
    seen = visible_organizations(user).order_by().values("pk")
    return rows.filter(Q(organization_id__isnull=True) | Q(organization_id__in=seen))


def unread_of(user: Any, kind: str = "") -> QuerySet[Notice]:
    return notices_of(user, kind).filter(read_at__isnull=True)


def count_unread(user: Any) -> int:
    """Up to one more than `MOST_COUNTED`; one query on the index of unread rows."""
    return unread_of(user).order_by()[: MOST_COUNTED + 1].count()
