"""Two to four lines of a plan side by side."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import page_requires
from accounts.times import show_times
from bookings import comparison, selectors, table_view
from bookings.ticks import read_ticks


@page_requires("money.read")
@require_GET
def campaign_compare(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """`?line=<id>` two to four times; a fragment for the open page, else a page of its own."""
    campaign = selectors.visible_campaign(request.user, pk)
    if campaign is None:
        raise Http404
    show_times(request.user, campaign.timezone)
    rows = list(
        campaign.recommendations.filter(pk__in=read_ticks(request.GET.getlist("line")[:20]))
        .select_related("seller")
        .order_by("rank")
    )
    enough = 2 <= len(rows) <= comparison.MOST_SIDE_BY_SIDE
    context = {
        "campaign": campaign,
        "rows": rows,
        "attributes": comparison.side_by_side(rows, comparison.weigh(campaign, rows)) if enough else [],
        "most": comparison.MOST_SIDE_BY_SIDE,
    }
    partial = getattr(request, "htmx", False)
    return render(request, f"bookings/compare/{'_table' if partial else 'page'}.html", context)


@page_requires("booking.read")
@require_POST
def plan_view(request: HttpRequest) -> HttpResponse:
    """Keep how the person likes the table of a plan: sorting, density, columns."""
    table_view.keep(request.user, request.POST.get("query", ""))
    return HttpResponse(status=204)


@page_requires("money.read")
@require_GET
def line_why(request: HttpRequest, pk: uuid.UUID, line_id: uuid.UUID) -> HttpResponse:
    """Why one line is in the plan."""
    campaign = selectors.visible_campaign(request.user, pk)
    row = campaign.recommendations.filter(pk=line_id).select_related("seller").first() if campaign else None
    if campaign is None or row is None:
        raise Http404
    show_times(request.user, campaign.timezone)
    partial = getattr(request, "htmx", False)
    template = f"bookings/compare/{'_why' if partial else 'why_page'}.html"
    return render(request, template, {"campaign": campaign, "row": row})
