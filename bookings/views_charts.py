"""Where people would rather look than read: response curves, prices, the course of the campaign."""

from __future__ import annotations

import datetime as dt
import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import page_requires
from accounts.times import show_times
from bookings import alternatives, charts, course, selectors
from flows.models import Event


@page_requires("money.read")
@require_GET
def campaign_charts(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    campaign = selectors.visible_campaign(request.user, pk)
    if campaign is None:
        raise Http404
    show_times(request.user, campaign.timezone)
    rows = list(campaign.recommendations.select_related("seller"))
    reports = list(campaign.reports.select_related("seller"))
    context = {
        "campaign": campaign,
        "responses": charts.responses(campaign),
        "prices": charts.prices(campaign, rows),
        "timeline": course.timeline(campaign, reports, _moments(campaign.pk)),
        "alternatives": alternatives.chart(campaign, rows),
        "crumbs": [
            {"label": "Campaigns", "url": "/campaigns/"},
            {"label": campaign.name, "url": campaign.get_absolute_url()},
            {"label": "Charts"},
        ],
    }
    return render(request, "bookings/charts/page.html", context)


def _moments(campaign_id: uuid.UUID) -> dict[str, dt.datetime]:
    """The latest instant of each transition of the campaign itself."""
    rows = Event.objects.filter(
        subject_type="campaign", subject_id=str(campaign_id), type__startswith="campaign."
    )
    return {type.partition(".")[2]: at for type, at in rows.order_by("position").values_list("type", "at")}
