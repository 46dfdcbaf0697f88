"""Pages of the booking flow: adapters over the same services and selectors as REST."""

from __future__ import annotations

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import page_requires
from accounts.actors import actor_of
from accounts.permissions import can
from accounts.times import show_times
from approvals.errors import Refused
from approvals.models import Decision
from approvals.services import Decider
from approvals.states import Door, Verdict
from bookings import page_context, selectors, services, undoing
from bookings.client_view import pages as client_pages
from bookings.client_view.reading import is_client
from bookings.models import Campaign, Line
from bookings.states import CampaignStatus
from bookings.stopping import stop_research
from bookings.ticks import read_ticks
from config.pagination import KeysetPage, Position, keyset_page
from flows import events
from planning.types import InvalidBrief

PAGE_SIZE = 50
COUNTED = 1000  # campaigns; beyond them a list says "more than"
AMOUNT_DIGITS = 20  # more than any amount has


def _campaign(request: HttpRequest, pk: uuid.UUID) -> Campaign:
    campaign = selectors.visible_campaign(request.user, pk)
    if campaign is None:
        raise Http404
    show_times(request.user, campaign.timezone)
    return campaign


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """People of the agency start with what waits for them, everybody else with the campaigns."""
    return redirect("work" if can(request.user, "work.read") else "campaigns")


@page_requires("booking.read")
@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    status, search = request.GET.get("status", ""), request.GET.get("q", "").strip()[:100]
    status = status if status in CampaignStatus.values else ""
    listed = selectors.campaign_list(request.user, status=status, search=search)
    page = _page(listed, request.GET.get("cursor", ""))
    lines = selectors.line_counts(page.rows)
    context = {
        "page": page,
        "rows": [(row, lines.get(row.pk, selectors.LineCount())) for row in page.rows],
        "note": _how_many(listed, page, counted=not search),
        "status": status,
        "search": search,
        "statuses": CampaignStatus.choices,
        "may_create": can(request.user, "booking.create"),
        "prices": can(request.user, "money.read"),
    }
    template = (
        "bookings/_campaign_rows.html" if getattr(request, "htmx", False) else "bookings/campaigns.html"
    )
    return render(request, template, context)


def _page(listed: selectors.CampaignList, cursor: str) -> KeysetPage:
    """The page at the cursor; from the top where the cursor is none of ours."""
    try:
        position = Position.decode(cursor) if cursor else None
        return keyset_page(listed.rows, position, PAGE_SIZE, parts=listed.parts)
    except ValueError:
        return keyset_page(listed.rows, None, PAGE_SIZE, parts=listed.parts)


def _how_many(listed: selectors.CampaignList, page: KeysetPage, *, counted: bool) -> str:
    """In words. A search is not counted: to count what matches it means to look at every row."""
    shown = len(page.rows)
    if page.newer is None and page.older is None:
        return f"{shown} campaign{'' if shown == 1 else 's'}"
    if not counted:
        return f"{shown} shown, there are more"
    total = selectors.count_up_to(listed.rows, COUNTED)
    return f"{shown} of {f'more than {COUNTED:,}' if total > COUNTED else f'{total:,}'} campaigns"


@page_requires("booking.read")
@require_GET
def campaign(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Clients are shown the page that is made for them."""
    if is_client(request.user):
        return client_pages.show(request, _campaign(request, pk))
    return _campaign_page(request, _campaign(request, pk), "bookings/campaign.html")


@page_requires("booking.read")
@require_GET
def campaign_live(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What changes while the page is open: fetched when the socket says that something moved."""
    if is_client(request.user):
        return client_pages.show(request, _campaign(request, pk), client_pages.LIVE, partial=True)
    return _campaign_page(request, _campaign(request, pk), "bookings/_campaign_live.html")


def _campaign_page(
    request: HttpRequest, campaign: Campaign, template: str, *, status: int = 200, **extra: Any
) -> HttpResponse:
    view = selectors.campaign_view(campaign)
    context = page_context.campaign_context(view, request.user) | extra
    return render(request, template, context, status=status)


@page_requires("booking.read")
@require_GET
def campaign_events(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The audit trail of one campaign, a page at a time; the agency's own, so clients are led to their page."""
    campaign = _campaign(request, pk)
    if is_client(request.user):
        return redirect(campaign)
    after = request.GET.get("after", "0")
    position = int(after) if after.isdecimal() and len(after) < 12 else 0
    rows = events.since("campaign", campaign.pk, position)
    context = {
        "campaign": campaign,
        "events": rows,
        "may_audit": can(request.user, "audit.read"),
        "prices": can(request.user, "money.read"),
        "next": rows[-1].position if len(rows) == 200 else None,
        "chain_problem": events.first_bad_position("campaign", str(campaign.pk)) if position == 0 else None,
    }
    return render(request, "bookings/campaign_events.html", context)


@page_requires("booking.confirm")
@require_POST
def campaign_decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Approve or reject the ticked lines. Each tick carries the fingerprint of the line as it was shown."""
    campaign = _campaign(request, pk)
    seen = read_ticks(request.POST.getlist("line"))
    ids = list(seen)
    decider = _decider(request)
    try:
        if request.POST.get("verdict") == "reject":
            decision = services.reject_lines(
                campaign_id=campaign.pk,
                decider=decider,
                reason=request.POST.get("reason", ""),
                kind=request.POST.get("reason_kind", ""),
                recommendation_ids=ids,
            )
            messages.success(request, f"{len(decision.item_ids)} lines rejected.")
        else:
            decision, lines = services.approve_lines(
                campaign_id=campaign.pk,
                decider=decider,
                recommendation_ids=ids,
                seen=seen,
                seen_total=_amount(request.POST.get("total")),
            )
            messages.success(request, _approved(decision, lines))
    except Refused as refused:
        campaign.refresh_from_db()
        return _campaign_page(
            request,
            campaign,
            "bookings/campaign.html",
            status=refused.status,
            refused=refused,
            ticked={str(pk) for pk in ids},
            reason=request.POST.get("reason", ""),
            reason_kind=request.POST.get("reason_kind", ""),
        )
    return redirect(campaign)


@page_requires("booking.confirm")
@require_POST
def campaign_undo(request: HttpRequest, pk: uuid.UUID, decision_id: uuid.UUID) -> HttpResponse:
    """Take an approval back while nothing of it has been sent."""
    campaign = _campaign(request, pk)
    try:
        undone = undoing.undo_approval(
            campaign_id=campaign.pk, decision_id=decision_id, decider=_decider(request)
        )
    except Refused as refused:
        return _refusal(request, campaign, refused)
    count = len(undone.item_ids)
    messages.success(
        request, f"The approval of {count} line{'s' if count != 1 else ''} is taken back. Nothing was sent."
    )
    return redirect(reverse("campaign", args=[campaign.pk]) + "#plan")


def _decider(request: HttpRequest) -> Decider:
    alone = can(request.user, "booking.decide")
    return Decider(actor_of(request), request.user.pk, Door.PAGE, only_confirms=not alone)


def _approved(decision: Decision, lines: list[Line]) -> str:
    if decision.verdict == Verdict.ENDORSE:
        return "Your approval is recorded. Another person must approve the same lines before they are booked."
    count = f"{len(lines)} line{'s' if len(lines) != 1 else ''}"
    return f"{count} approved for {decision.total:,.2f} {decision.currency}. They are being booked."


def _amount(text: str | None) -> Decimal | None:
    """The total that the page showed, if its script was running to show one."""
    try:
        total = Decimal(text) if text else None
    except InvalidOperation:
        return Decimal(-1)
    if total is None or (total.is_finite() and abs(total.adjusted()) < AMOUNT_DIGITS):
        return total
    return Decimal(-1)  # writing out 1e999999999 would take all memory


@page_requires("booking.cancel")
@require_POST
def campaign_cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    campaign = _campaign(request, pk)
    try:
        services.cancel_campaign(
            campaign_id=campaign.pk, actor=actor_of(request), reason=request.POST.get("reason", "")
        )
    except Refused as refused:
        return _refusal(request, campaign, refused)
    messages.success(request, "The campaign is cancelled. Nothing was booked.")
    return redirect(campaign)


@page_requires("booking.run")
@require_POST
def campaign_stop_research(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Plan with what the sellers have said so far."""
    campaign = _campaign(request, pk)
    try:
        stop_research(campaign_id=campaign.pk, actor=actor_of(request))
    except Refused as refused:
        return _refusal(request, campaign, refused)
    messages.success(request, "Research has ended; the plan is made from what the sellers have said.")
    return redirect(campaign)


@page_requires("booking.create")
@require_POST
def campaign_rest(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    campaign = _campaign(request, pk)
    try:
        follower = services.plan_the_rest(
            campaign_id=campaign.pk, prepared_by=request.user, actor=actor_of(request), door=Door.PAGE
        )
    except Refused as refused:
        return _refusal(request, campaign, refused)
    except InvalidBrief as invalid:
        text = " ".join(error.message for error in invalid.errors)
        return _refusal(request, campaign, Refused(409, "invalid_brief", text))
    return redirect(follower)


def _refusal(request: HttpRequest, campaign: Campaign, refused: Refused) -> HttpResponse:
    """The campaign as it now is, with the reason on top."""
    campaign.refresh_from_db()
    return _campaign_page(request, campaign, "bookings/campaign.html", status=refused.status, refused=refused)


@page_requires("booking.run")
@require_POST
def line_check(request: HttpRequest, pk: uuid.UUID, line_id: uuid.UUID) -> HttpResponse:
    """Ask the seller about a waiting line now."""
    campaign = _campaign(request, pk)
    line = Line.objects.filter(pk=line_id, campaign=campaign).select_related("campaign").first()
    if line is None:
        raise Http404
    if services.check_line_now(line=line, actor=actor_of(request)):
        messages.success(request, "The seller is being asked.")
    else:
        messages.info(request, "The line is being worked on or is settled already.")
    return redirect(campaign)
