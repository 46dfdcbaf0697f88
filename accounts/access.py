"""The same table for pages: who is not signed in goes to the login page, who may not gets a 403.

Times are printed in the zone that the person has chosen (accounts/times.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from accounts.permissions import RULES, can
from accounts.times import zone_shown

View = Callable[..., HttpResponseBase]


def page_requires(action: str) -> Callable[[View], View]:
    """Decorator for Django views. KeyError at import for an action that the table does not know."""
    RULES[action]

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not can(request.user, action):
                raise PermissionDenied
            with timezone.override(zone_shown(request.user)):
                return view(request, *args, **kwargs)

        return guarded

    return decorate


def asks_by_itself(view: View) -> View:
    """Decorator for what an open page asks for without its person: it keeps no session alive that they have left."""

    @wraps(view)
    def quiet(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.session.modified = False
        return view(request, *args, **kwargs)

    return quiet
