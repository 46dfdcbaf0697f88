"""The bell of every page: how much is unread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from notifications.selectors import MOST_COUNTED, count_unread


@dataclass(frozen=True)
class Bell:
    shown: str  # beside the bell; nothing for none
    label: str


def bell_of(user: Any) -> Bell:
    count = count_unread(user)
    shown = f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")
    return Bell(shown, f"Notifications, {shown} unread" if shown else "Notifications, none unread")


def bell(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Asks the database when a page shows the bell, not for every partial."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"bell": SimpleLazyObject(lambda: bell_of(user))}
