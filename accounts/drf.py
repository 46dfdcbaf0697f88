"""Permission classes for DRF views, made from the table of actions."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.permissions import RULES, allowed


def requires(read: str | None = None, write: str | None = None, **per_action: str) -> type[BasePermission]:
    """A permission class: `requires(read="booking.read", write="booking.create", approve="booking.decide")`.

    `per_action` names a viewset action or a lower-case HTTP method and wins over `read` and `write`. What is
    not named is refused. KeyError at import for an action that the table does not know.
    """
    for action in filter(None, (read, write, *per_action.values())):
        RULES[action]

    class Requires(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            if not request.user.is_authenticated:
                return False
            if not _is_served(request, view):
                return True  # a 405 follows, which tells more than a 403
            action = _action_for(request, view)
            return action is not None and allowed(request, action)

    def _action_for(request: Request, view: APIView) -> str | None:
        for name in (getattr(view, "action", None), (request.method or "").lower()):
            if name in per_action:
                return per_action[name]
        if request.method == "OPTIONS":
            return read or write  # who may use the route in any way may ask how
        return read if request.method in SAFE_METHODS else write

    return Requires


def _is_served(request: Request, view: Any) -> bool:
    return request.method == "OPTIONS" or hasattr(view, (request.method or "").lower())
