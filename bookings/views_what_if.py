"""The what-if panel of a waiting plan: exploring is a GET that keeps nothing, making the plan anew is a POST."""

from __future__ import annotations

import uuid
from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.datastructures import MultiValueDict
from django.views.decorators.http import require_GET, require_POST

from accounts.access import page_requires
from accounts.actors import actor_of
from accounts.permissions import can
from accounts.times import show_times
from approvals.errors import Refused
from bookings import selectors
from bookings.models import Campaign
from bookings.revising import ask_again, ask_seller_again, revise_plan
from bookings.what_if import explore, fields_of
from bookings.wish_fields import read_freed, read_wishes
from planning.money import minor_unit
from planning.types import FieldError, Infeasible, InvalidBrief
from planning.what_if import Change

LARGEST = Decimal(10) ** 12


@page_requires("money.read")
@require_GET
def campaign_what_if(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What the plan would be. For the open page the answer alone, else a page around it."""
    campaign = _waiting(request, pk)
    partial = getattr(request, "htmx", False)
    context = {
        "campaign": campaign,
        "form": fields_of(campaign, request.GET),
        "may_revise": _may_revise(request),
        "wishes": request.GET.getlist("wish"),
        "frees": request.GET.getlist("free"),
    }
    try:
        context["shown"] = explore(campaign, read_change(request.GET, campaign))
    except Infeasible as problem:
        context["errors"] = problem.errors
    template = "bookings/what_if/_answer.html" if partial else "bookings/what_if/page.html"
    return render(request, template, context)


@page_requires("booking.create")
@require_POST
def campaign_revise(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    campaign = _waiting(request, pk)
    version = request.POST.get("version", "")
    try:
        revise_plan(
            campaign_id=campaign.pk,
            change=read_change(request.POST, campaign),
            user=request.user,
            actor=actor_of(request),
            seen_version=_version(version),
        )
    except Refused as refused:
        messages.error(request, refused.message)
    except (Infeasible, InvalidBrief) as problem:
        for error in problem.errors:
            messages.error(request, error.message)
    else:
        messages.success(request, "The plan is being made anew; the sellers are asked for their prices.")
    return redirect(campaign)


@page_requires("booking.create")
@require_POST
def campaign_requote(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same plan at fresh prices, because some have expired."""
    campaign = _waiting(request, pk)
    version = request.POST.get("version", "")
    try:
        ask_again(
            campaign_id=campaign.pk,
            user=request.user,
            actor=actor_of(request),
            seen_version=_version(version),
        )
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "The sellers are asked for fresh prices.")
    return redirect(campaign)


@page_requires("booking.create")
@require_POST
def campaign_ask_seller(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One seller again, because it was not heard to the end."""
    campaign = _waiting(request, pk)
    try:
        ask_seller_again(
            campaign_id=campaign.pk,
            seller_slug=request.POST.get("seller", "")[:60],
            user=request.user,
            actor=actor_of(request),
            seen_version=_version(request.POST.get("version", "")),
        )
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "The seller is asked again, and the plan is made anew with what it says.")
    return redirect(campaign)


def _version(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _waiting(request: HttpRequest, pk: uuid.UUID) -> Campaign:
    campaign = selectors.visible_campaign(request.user, pk)
    if campaign is None or not campaign.audience_plan:
        raise Http404
    show_times(request.user, campaign.timezone)
    return campaign


def _may_revise(request: HttpRequest) -> bool:
    return can(request.user, "booking.create")


def read_change(given: QueryDict | MultiValueDict[str, str], campaign: Campaign) -> Change:
    """What differs from the campaign as it is; fields left empty or unchanged say nothing. Raises `Infeasible`."""
    errors: list[FieldError] = []
    unit = minor_unit(campaign.currency)
    budget = _number(given.get("budget", ""), "budget", "a budget", errors)
    ceiling = _number(given.get("max_cpm", ""), "max_cpm", "a CPM", errors)
    shares = {}
    for channel in campaign.read_brief().channels:
        share = _number(given.get(f"share_{channel}", ""), f"share_{channel}", "a share in percent", errors)
        if share is not None:
            shares[channel] = share / 100
    if errors:
        raise Infeasible(errors)
    budget = budget.quantize(unit) if budget is not None else None
    brief = campaign.read_brief()
    return Change(
        budget=budget if budget != campaign.budget else None,
        max_cpm=ceiling if ceiling != brief.kpis.max_cpm else None,
        shares=shares,
        lines=read_wishes(given.getlist("wish"), brief),
        freed=read_freed(given.getlist("free"), brief),
    )


def _number(text: str | None, field: str, what: str, errors: list[FieldError]) -> Decimal | None:
    cleaned = (text or "").replace(",", "").replace("%", "").strip()
    if not cleaned:
        return None
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_finite() and 0 <= number < LARGEST and number.as_tuple().exponent >= -6:  # type: ignore[operator]
        return number
    errors.append(FieldError(field, "invalid_number", f"Give {what} as a number, such as 1250.50."))
    return None
