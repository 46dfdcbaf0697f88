"""What the left side of every page offers this user, from the one permission table."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.permissions import can
from bookings.operations import waiting_for_operations
from bookings.selectors import MOST_COUNTED
from bookings.worklist import count_to_decide


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Costs one count for people who may decide, nothing for the rest."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"nav": []}
    return {"nav": list(_entries(request, user)), "organisation": settings.FLIGHTDECK_AGENCY}


def _entries(request: HttpRequest, user: Any) -> Any:
    if can(user, "work.read"):
        waiting = _capped(count_to_decide(user, MOST_COUNTED)) if can(user, "booking.confirm") else ""
        yield _entry(request, "work", "Work", "decide", waiting)
    if can(user, "booking.read"):
        yield _entry(request, "campaigns", "Campaigns", "campaign")
    if can(user, "operations.read"):
        # Ops live by this number; managers see it on the page, for six queries less on every other one.
        waiting = _capped(waiting_for_operations(user)) if can(user, "ops.read") else ""
        yield _entry(request, "operations", "Operations", "operations", waiting)
    if can(user, "seller.read"):
        yield _entry(request, "sellers", "Sellers", "seller")
    if can(user, "audit.read"):
        yield _entry(request, "audit", "Audit", "clock")
    if user.is_staff:
        yield _entry(request, "admin:index", "Administration", "shield")
    yield _entry(request, "help", "Help", "info")


def _capped(count: int) -> str:
    """Nothing for none."""
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")


def _entry(request: HttpRequest, name: str, label: str, icon: str, count: str = "") -> dict[str, Any]:
    url = reverse(name)
    current = request.path == url or (url != "/" and request.path.startswith(url))
    return {"url": url, "label": label, "icon": icon, "count": count, "current": current}
