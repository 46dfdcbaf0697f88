"""The list of notices and the bell. Looking changes nothing; what marks a notice read is posted."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_POST, require_safe

from accounts.access import asks_by_itself, page_requires
from config.pagination import KeysetPage, Position, keyset_page
from flows.clock import now
from notifications import selectors, services
from notifications.bell import bell_of
from notifications.kinds import KINDS

PAGE_SIZE = 25
READ = "booking.read"  # held by every role: notices are each person's own


@page_requires(READ)
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """Unread ones first; then, a page at a time, those that were read. `show=unread` leaves these out."""
    kind, only_unread = _kind(request.GET.get("kind", "")), request.GET.get("show") == "unread"
    cursor = request.GET.get("cursor", "")
    unread, rows = selectors.unread_of(request.user, kind), selectors.notices_of(request.user, kind)
    listed = unread if only_unread else rows.filter(read_at__isnull=False)
    page = _page(listed, cursor)
    first = [] if only_unread or cursor else list(unread.order_by("-created_at", "-pk")[: PAGE_SIZE + 1])
    context = {
        "unread": first[:PAGE_SIZE],
        "more_unread": len(first) > PAGE_SIZE,
        "page": page,
        "only_unread": only_unread,
        "kind": kind,
        "kinds": [KINDS[name] for name in selectors.kinds_of(request.user)],
        "shown_at": now().isoformat(),
        "unread_url": _query(kind, show="unread"),
        "newer_url": _page_url(page.newer, kind, only_unread),
        "older_url": _page_url(page.older, kind, only_unread),
    }
    return render(request, "notifications/list.html", context)


@page_requires(READ)
@asks_by_itself
@require_safe
def notifications_bell(request: HttpRequest) -> HttpResponse:
    """The bell again if its number has changed; else 204. An open page asks every fifteen seconds."""
    found = bell_of(request.user)
    if request.GET.get("shown") == found.shown:
        return HttpResponse(status=204)
    return render(request, "notifications/_bell.html", {"bell": found})


@page_requires(READ)
@require_POST
def notification_open(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Read, and on to what it is about."""
    notice = services.open_notice(request.user, pk)
    if notice is None:
        raise Http404
    safe = url_has_allowed_host_and_scheme(notice.url, allowed_hosts=None)
    return redirect(notice.url if safe else reverse("notifications"))


@page_requires(READ)
@require_POST
def notification_read(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Read, and back to the list."""
    if services.open_notice(request.user, pk) is None:
        raise Http404
    return redirect(reverse("notifications") + _query(_kind(request.POST.get("kind", ""))))


@page_requires(READ)
@require_POST
def notifications_read_all(request: HttpRequest) -> HttpResponse:
    """Everything that the list could show when it was opened; with a kind, everything of that kind."""
    kind = _kind(request.POST.get("kind", ""))
    count = services.mark_all_read(request.user, until=_moment(request.POST.get("until", "")), kind=kind)
    messages.success(request, f"{count} notification{'' if count == 1 else 's'} marked as read.")
    return redirect(reverse("notifications") + _query(kind))


def _page(rows: Any, cursor: str) -> KeysetPage:
    """The page at the cursor; the first where the cursor is none of ours."""
    try:
        return keyset_page(rows, Position.decode(cursor) if cursor else None, PAGE_SIZE)
    except ValueError:
        return keyset_page(rows, None, PAGE_SIZE)


def _page_url(position: Position | None, kind: str, only_unread: bool) -> str:
    if position is None:
        return ""
    return _query(kind, show="unread" if only_unread else "", cursor=position.encode())


def _query(kind: str, **more: str) -> str:
    found = urlencode({name: value for name, value in ({"kind": kind} | more).items() if value})
    return f"?{found}" if found else ""


def _kind(text: str) -> str:
    return text if text in KINDS else ""


def _moment(text: str) -> dt.datetime:
    """Now where it is no instant, and never later than that."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return now()
    return min(moment, now()) if moment.tzinfo is not None else now()
