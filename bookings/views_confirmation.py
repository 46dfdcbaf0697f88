"""The confirmation as a page to print and as CSV."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import page_requires
from accounts.permissions import can
from accounts.times import show_times
from bookings import selectors
from bookings.confirmation import Confirmation, as_csv, confirmation
from flows.clock import now


@page_requires("booking.read")
@require_GET
def campaign_confirmation(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    document = _document(request, pk)
    context = {
        "document": document,
        "campaign": document.campaign,
        "prices": _prices(request),
        "as_of": now(),
    }
    return render(request, "bookings/confirmation.html", context)


@page_requires("money.read")
@require_GET
def campaign_confirmation_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    document = _document(request, pk)
    answer = HttpResponse("".join(as_csv(document)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="confirmation-{document.campaign.pk}.csv"'
    return answer


def _document(request: HttpRequest, pk: uuid.UUID) -> Confirmation:
    campaign = selectors.visible_campaign(request.user, pk)
    if campaign is None or not campaign.lines.exists():
        raise Http404
    show_times(request.user, campaign.timezone)
    return confirmation(selectors.campaign_view(campaign))


def _prices(request: HttpRequest) -> bool:
    return can(request.user, "money.read")
