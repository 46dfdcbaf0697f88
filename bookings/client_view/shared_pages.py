"""What opens for whoever holds a link, without a login. Nothing here acts, and every link that does not open looks
alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import throttle
from bookings.client_view import sharing
from bookings.client_view.models import ClientLink
from bookings.client_view.reading import client_view
from flows.clock import now
from planning import zones

View = Callable[..., HttpResponse]


def _private(view: View) -> View:
    """Decorator: neither search engines, nor caches, nor the pages that are linked to learn of the address."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["X-Robots-Tag"] = "noindex, nofollow"
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "no-store"
        return response

    return answered


@_private
@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    return _opened(request, token, _page)


@_private
@require_safe
def shared_confirmation(request: HttpRequest, token: str) -> HttpResponse:
    return _opened(request, token, _confirmation)


def _opened(
    request: HttpRequest, token: str, draw: Callable[[HttpRequest, ClientLink, str], HttpResponse]
) -> HttpResponse:
    wait = throttle.seconds_until_next_opening(str(request.META.get("REMOTE_ADDR", "")))
    if wait:
        return _too_many(request, wait)
    link = sharing.link_of_token(token)
    if link is None:
        return gone(request)
    with timezone.override(zones.zone(link.campaign.timezone)):
        return draw(request, link, token)


def _page(request: HttpRequest, link: ClientLink, token: str) -> HttpResponse:
    if request.method == "GET":
        sharing.note_opening(link)
    return render(request, "client/shared.html", _context(link, token))


def _confirmation(request: HttpRequest, link: ClientLink, token: str) -> HttpResponse:
    """A part of the page: not counted as another opening."""
    context = _context(link, token)
    if not context["client"].has_lines:
        return gone(request)
    return render(request, "client/shared_confirmation.html", context | {"as_of": now()})


def _context(link: ClientLink, token: str) -> dict[str, Any]:
    view = client_view(link.campaign)
    return {
        "campaign": view.campaign,
        "client": view,
        "zone": view.zone.key,
        "link": link,
        "token": token,
        "shared": True,
        "agency": settings.FLIGHTDECK_AGENCY,
    }


def gone(request: HttpRequest) -> HttpResponse:
    """The same for unknown, expired and revoked links."""
    return render(request, "client/gone.html", status=404)


def _too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    response = render(request, "client/too_many.html", {"seconds": seconds}, status=429)
    response["Retry-After"] = str(seconds)
    return response
