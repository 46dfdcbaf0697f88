"""Who decided what and when: the history tab of the work queue."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accounts.permissions import can
from approvals.models import Decision
from bookings.worklist import AGE, Filters
from config.pagination import Position, keyset_page
from crm.models import Organization
from crm.selectors import visible_organizations
from flows.clock import now

PAGE_SIZE = 50


def decisions_page(user: Any, filters: Filters, cursor: str) -> dict[str, Any]:
    """The newest decisions on the clients that this person sees; the context of its part of the page."""
    rows = _decisions(user, filters)
    try:
        position = Position.decode(cursor) if cursor else None
        page = keyset_page(rows, position, PAGE_SIZE, moment="at")
    except ValueError:
        page = keyset_page(rows, None, PAGE_SIZE, moment="at")
    ids = {row.request.organization_id for row in page.rows if row.request.organization_id}
    return {
        "history": page.rows,
        "older": page.older,
        "newer": page.newer,
        "clients": dict(Organization.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {},
        "prices": can(user, "money.read"),
    }


def _decisions(user: Any, filters: Filters) -> QuerySet[Decision]:
    rows = Decision.objects.select_related("request", "undone_by")
    if not user.sees_every_client:
        rows = rows.filter(request__organization_id__in=visible_organizations(user).values("pk"))
    if filters.client:
        clients = Organization.objects.filter(slug=filters.client)
        rows = rows.filter(request__organization_id__in=clients.values("pk"))
    if filters.at_least is not None:
        rows = rows.filter(total__gte=filters.at_least)
    if filters.age:
        rows = rows.filter(at__lt=now() - AGE[filters.age])
    return rows
