"""The work queue: the landing page of everybody who works on campaigns."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from accounts import saved_views
from accounts.access import asks_by_itself, page_requires
from accounts.actors import actor_of
from accounts.permissions import can
from approvals.errors import Refused
from approvals.services import Decider
from approvals.states import Door, Verdict
from bookings import bulk, selectors, worklist, worklist_rows
from bookings.history_of_decisions import decisions_page
from bookings.states import CampaignStatus
from bookings.ticks import read_ticks
from crm.selectors import visible_organizations
from flows.clock import now
from flows.fingerprint import digest
from flows.models import Event
from sellers.models import Seller

PAGE = "work"
MOST_CHOICES = 200
SETTLED_AFTER = dt.timedelta(seconds=10)  # longer than any transaction


@page_requires("work.read")
@require_GET
def work(request: HttpRequest) -> HttpResponse:
    filters = read_filters(request.GET)
    context = _frame(request, filters)
    if filters.tab == worklist.HISTORY:
        context |= decisions_page(request.user, filters, request.GET.get("cursor", ""))
    else:
        names = {one.pk: one.name for one in context["clients_to_choose"]}
        context |= _groups(request, filters, names=names)
    return render(request, "work/work.html", context)


@page_requires("work.read")
@asks_by_itself
@require_GET
def work_news(request: HttpRequest) -> HttpResponse:
    """The groups again if anything in them has changed; else 204. The open page asks every two seconds."""
    last, settled = _last_event()
    if settled and request.GET.get("event") == last:
        return HttpResponse(status=204)
    filters = read_filters(request.GET)
    context = _groups(request, filters, last)
    if request.GET.get("version") == context["version"]:
        return HttpResponse(status=204)
    return render(request, "work/_groups.html", context)


@page_requires("booking.decide")
@require_POST
def work_decide(request: HttpRequest) -> HttpResponse:
    """One verdict on every ticked plan, each for itself."""
    verdict = Verdict.REJECT if request.POST.get("verdict") == "reject" else Verdict.APPROVE
    try:
        outcomes = bulk.decide_plans(
            user=request.user,
            decider=Decider(actor_of(request), request.user.pk, Door.PAGE),
            shown=read_ticks(request.POST.getlist("plan")),
            verdict=verdict,
            reason=request.POST.get("reason", ""),
        )
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect(_back(request))
    for outcome in outcomes:
        say = messages.success if outcome.done else messages.error
        say(
            request,
            f"{outcome.title}: {outcome.text}"
            if outcome.done
            else f"{outcome.title} was left as it is: {outcome.text}",
        )
    return redirect(_back(request))


@page_requires("work.read")
@require_POST
def work_keep_view(request: HttpRequest) -> HttpResponse:
    query = as_query(read_filters(QueryDict(request.POST.get("query", ""))))
    wrong = saved_views.keep_view(request.user, PAGE, request.POST.get("name", ""), query)
    if wrong:
        messages.error(request, wrong)
    else:
        messages.success(request, "The view is kept.")
    return redirect(f"{reverse('work')}?{query}")


@page_requires("work.read")
@require_POST
def work_drop_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if not saved_views.drop_view(request.user, pk):
        raise Http404
    messages.success(request, "The view is removed.")
    return redirect("work")


def read_filters(given: QueryDict) -> worklist.Filters:
    """Whatever a link or a saved view says; what makes no sense is as if it were not there."""
    tab, age, show = given.get("tab", ""), given.get("age", ""), given.get("show", "")
    page = given.get("page", "1")
    return worklist.Filters(
        tab=tab if tab in dict(worklist.TABS) else worklist.MINE,
        client=given.get("client", "")[:60],
        seller=given.get("seller", "")[:60],
        at_least=_amount(given.get("at_least", "")),
        age=age if age in worklist.AGE else "",
        show=show if show in worklist.WORDS else "",
        page=int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 6 and int(page) else 1,
    )


def as_query(filters: worklist.Filters, **changes: Any) -> str:
    """The address of these filters, without what is not set."""
    wanted = {**vars(filters), **changes}
    if wanted["tab"] == worklist.MINE:
        wanted["tab"] = ""
    if wanted["page"] == 1:
        wanted["page"] = ""
    return urlencode({name: value for name, value in wanted.items() if value not in ("", None)})


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 < amount < Decimal(10) ** 12 else None


def _back(request: HttpRequest) -> str:
    query = as_query(read_filters(QueryDict(request.POST.get("query", ""))))
    return f"{reverse('work')}?{query}" if query else reverse("work")


def _last_event() -> tuple[str, bool]:
    """The newest event, and whether it is old enough that none before it can still be on its way into the table."""
    newest = Event.objects.order_by("-pk").values_list("pk", "at").first()
    return (str(newest[0]), newest[1] < now() - SETTLED_AFTER) if newest else ("0", True)


def _frame(request: HttpRequest, filters: worklist.Filters) -> dict[str, Any]:
    """The tabs, the filters and the saved views."""
    return {
        "tabs": [
            (label, as_query(filters, tab=tab, show="", page=1), tab == filters.tab)
            for tab, label in worklist.TABS
        ],
        "filters": filters,
        "query": as_query(filters),
        "clients_to_choose": list(visible_organizations(request.user).order_by("name")[:MOST_CHOICES]),
        "sellers_to_choose": Seller.objects.order_by("name")[:MOST_CHOICES],
        "ages": worklist.AGES,
        "views": saved_views.views_of(request.user, PAGE),
        "may_create": can(request.user, "booking.create"),
    }


def _groups(
    request: HttpRequest,
    filters: worklist.Filters,
    last: str = "",
    names: Mapping[uuid.UUID, str] | None = None,
) -> dict[str, Any]:
    last = last or _last_event()[0]  # before the rows: a page is at least as new as it says
    found = worklist.work_for(request.user, filters, names)
    by_name = {group.name: group for group in found.groups}
    decide = by_name.get("decide")
    plans = worklist_rows.to_decide(request.user, decide.rows, found.clients) if decide else []
    booked = by_name["booked"].rows if "booked" in by_name else []
    lines = selectors.line_counts(booked) if booked else {}
    context = {
        "groups": found.groups,
        "plans": plans,
        "clients": found.clients,
        "lines": lines,
        "filters": filters,
        "query": as_query(filters),
        "nothing": not any(group.total for group in found.groups),
        "prices": can(request.user, "money.read"),
        "may_create": can(request.user, "booking.create"),
        "may_bulk": any(plan.can_tick for plan in plans),
        "executing": CampaignStatus.EXECUTING_BOOKINGS,
        "event": last,
        "now": now(),
    }
    context["version"] = _version(context, plans, lines)
    return context


def _version(context: dict[str, Any], plans: list[worklist_rows.ToDecide], lines: dict[Any, Any]) -> str:
    """A digest of everything shown that can change by itself."""
    shown = [
        [
            group.name,
            group.total,
            [[row.pk, str(row.status), str(getattr(row, "note", ""))] for row in group.rows],
        ]
        for group in context["groups"]
    ]
    return digest(
        [
            shown,
            [[plan.shown, plan.why, plan.why_not] for plan in plans],
            [[pk, count.booked, count.total] for pk, count in lines.items()],
        ]
    )[:16]
