"""Several people at one plan: sending it to somebody, and who else has it open."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.access import page_requires
from accounts.actors import actor_of
from approvals.errors import Refused
from bookings import presence, selectors
from bookings.asking import ask_for_decision_of
from bookings.models import Campaign


def _campaign(request: HttpRequest, pk: uuid.UUID) -> Campaign:
    campaign = selectors.visible_campaign(request.user, pk)
    if campaign is None:
        raise Http404
    return campaign


@page_requires("booking.ask")
@require_POST
def campaign_ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send the plan to the person who shall decide it."""
    campaign = _campaign(request, pk)
    try:
        ask_for_decision_of(
            campaign_id=campaign.pk,
            person_id=request.POST.get("person", ""),
            user=request.user,
            actor=actor_of(request),
            note=request.POST.get("note", ""),
        )
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "Sent. It lies in their queue, and they are told.")
    return redirect(campaign)


@page_requires("work.read")
@require_POST
def campaign_here(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The open page's beat: who else looks at it. With `gone` the page says goodbye."""
    campaign = _campaign(request, pk)
    if "gone" in request.POST:
        presence.leave(campaign, request.user)
        return HttpResponse(status=204)
    return render(request, "bookings/campaign/people.html", {"others": presence.look(campaign, request.user)})
