"""The audit page: the trail over all objects, filtered, exported, verified."""

from __future__ import annotations

import datetime as dt
import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from accounts.access import page_requires
from bookings import audit
from bookings.templatetags.wording import EVENTS
from flows.clock import today

KINDS = (
    "campaign.",
    "approval.",
    "booking.",
    "line.",
    "compensation.",
    "research.",
    "seller.",
    "user.",
    "key.",
    "step.",
)


@page_requires("audit.read")
@require_GET
def audit_trail(request: HttpRequest) -> HttpResponse:
    filters = read_filters(request.GET)
    before = request.GET.get("before", "")
    rows, following = audit.page_of(
        audit.events_for(request.user, filters),
        int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
    )
    query = as_query(filters)
    context = {
        "events": rows,
        "next": f"{query}&before={following}" if following else "",
        "filters": filters,
        "query": query,
        "kinds": [(kind, kind.rstrip(".").capitalize()) for kind in KINDS],
        "checked": audit.verify(rows) if "verify" in request.GET else None,
        "words": EVENTS,
    }
    return render(request, "audit/audit.html", context)


@page_requires("audit.read")
@require_GET
def audit_export(request: HttpRequest) -> HttpResponseBase:
    rows = audit.events_for(request.user, read_filters(request.GET))
    answer = StreamingHttpResponse(audit.as_csv(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="audit-{today():%Y-%m-%d}.csv"'
    return answer


def read_filters(given: QueryDict) -> audit.Filters:
    return audit.Filters(
        what=given.get("what", "") if given.get("what", "") in KINDS else "",
        who=given.get("who", "").strip()[:100],
        subject=_uuid(given.get("subject", "")),
        since=_day(given.get("since", "")),
        until=_day(given.get("until", "")),
        calls=given.get("calls") == "yes",
    )


def as_query(filters: audit.Filters) -> str:
    wanted = {**vars(filters), "calls": "yes" if filters.calls else ""}
    return urlencode({name: value for name, value in wanted.items() if value})


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None


def _day(text: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2999 else None
