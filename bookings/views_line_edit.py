"""Changing one line of a waiting plan: exploring is a GET that keeps nothing; what is shown is then made by
`views_what_if.campaign_revise`."""

from __future__ import annotations

import json
import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import page_requires
from accounts.permissions import can
from accounts.times import show_times
from bookings import line_editing, selectors
from bookings.what_if import explore, fields_of
from bookings.wish_fields import field_of
from planning.types import Infeasible


@page_requires("money.read")
@require_GET
def line_edit(request: HttpRequest, pk: uuid.UUID, line_id: uuid.UUID) -> HttpResponse:
    """For the open page the form with its answer, for its own form the answer alone, else a page around both."""
    campaign = selectors.visible_campaign(request.user, pk)
    row = campaign.recommendations.filter(pk=line_id).select_related("seller").first() if campaign else None
    if campaign is None or row is None or not campaign.audience_plan:
        raise Http404
    show_times(request.user, campaign.timezone)
    others = line_editing.alternatives(campaign, row)
    form = line_editing.fields_of(request.GET, row, others)
    context = {
        "campaign": campaign,
        "row": row,
        "alternatives": others,
        "wish": line_editing.wish_of(campaign, row),
        "edit": form,
        "form": fields_of(campaign),
        "may_revise": can(request.user, "booking.create"),
    }
    try:
        change = line_editing.read_edit(campaign, row, form, others)
        context["wishes"] = [field_of(wish) for wish in change.lines]
        context["frees"] = [json.dumps(key) for key in change.freed]
        context["shown"] = explore(campaign, change) if form["how"] else None
    except Infeasible as problem:
        context["errors"] = problem.errors
    return render(request, f"bookings/line_edit/{_part(request)}.html", context)


def _part(request: HttpRequest) -> str:
    if not getattr(request, "htmx", False):
        return "page"
    return "answer" if "how" in request.GET else "dialog"
