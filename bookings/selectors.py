"""Reads: each page and each API list has its query here, bounded and with what it needs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet

from approvals import selectors as approvals_selectors
from bookings.models import Campaign, Line, Recommendation
from bookings.states import (
    LINE_LOST,
    LINE_OPEN,
    TERMINAL,
    CampaignStatus,
    LineStatus,
    RecommendationState,
)
from crm.selectors import visible_organizations
from flows.models import EventChain

S = CampaignStatus
BASE_PROGRESS = {
    S.INITIALIZED: 0.0,
    S.BRIEF_RECEIVED: 0.1,
    S.BUDGET_ALLOCATED: 0.15,
    S.RESEARCHING: 0.2,
    S.AWAITING_APPROVAL: 0.7,
    S.EXECUTING_BOOKINGS: 0.75,
}


def campaigns_for(user: Any) -> QuerySet[Campaign]:
    """The campaigns of every client that the user may see."""
    return Campaign.objects.filter(organization__in=visible_organizations(user)).select_related(
        "organization", "prepared_by"
    )


def visible_campaign(user: Any, campaign_id: object) -> Campaign | None:
    """None both for what does not exist and for what the user may not see: the two look the same from outside."""
    try:
        return campaigns_for(user).filter(pk=str(campaign_id)).first()
    except (ValueError, ValidationError):
        return None


def campaign_list(user: Any, *, status: str = "", search: str = "") -> QuerySet[Campaign]:
    rows = campaigns_for(user).annotate(
        lines_booked=Count("lines", filter=Q(lines__status=LineStatus.BOOKED)),
        lines_total=Count("lines"),
    )
    if status:
        rows = rows.filter(status=status)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(organization__name__icontains=search))
    return rows.order_by("-created_at", "-id")


def progress(campaign: Campaign) -> float:
    """0..1, computed from what is recorded, never from counted messages."""
    if campaign.status in TERMINAL:
        return 1.0
    base = BASE_PROGRESS[S(campaign.status)]
    if campaign.status == S.RESEARCHING:
        channels = list(campaign.channels.all())
        funded = [row for row in channels if row.amount > 0]
        reported = [row for row in funded if row.state != "researching"]
        return round(base + 0.45 * (len(reported) / len(funded) if funded else 1), 3)
    if campaign.status == S.EXECUTING_BOOKINGS:
        lines = list(campaign.lines.all())
        settled = [line for line in lines if line.status not in LINE_OPEN]
        return round(base + 0.24 * (len(settled) / len(lines) if lines else 0), 3)
    return base


@dataclass(frozen=True)
class Money:
    """Sums of one campaign in its currency. `reserved` counts lines whose outcome is open or unknown."""

    budget: Decimal
    recommended: Decimal
    open: Decimal
    approved: Decimal
    reserved: Decimal
    committed: Decimal


def money_of(recommendations: list[Recommendation], lines: list[Line], budget: Decimal) -> Money:
    def total(amounts: Any) -> Decimal:
        return sum(amounts, Decimal(0))

    return Money(
        budget=budget,
        recommended=total(row.cost for row in recommendations),
        open=total(row.cost for row in recommendations if row.state == RecommendationState.OPEN),
        approved=total(line.cost for line in lines),
        reserved=total(line.cost for line in lines if line.status not in LINE_LOST),
        committed=total(
            line.confirmed_cost or line.cost for line in lines if line.status == LineStatus.BOOKED
        ),
    )


@dataclass(frozen=True)
class CampaignView:
    """Everything that the campaign page and the API detail show, read with a fixed number of queries."""

    campaign: Campaign
    position: (
        int  # of the event stream, read before everything else: a page that shows this is at least so new
    )
    channels: list[Any]
    reports: list[Any]
    recommendations: list[Recommendation]
    lines: list[Line]
    money: Money
    request: Any
    progress: float


def campaign_view(campaign: Campaign) -> CampaignView:
    chain = EventChain.objects.filter(subject_type="campaign", subject_id=str(campaign.pk)).first()
    campaign = Campaign.objects.select_related("organization", "prepared_by").get(pk=campaign.pk)
    channels = list(campaign.channels.all())
    reports = list(campaign.reports.select_related("seller"))
    recommendations = list(campaign.recommendations.select_related("seller"))
    lines = list(campaign.lines.select_related("recommendation", "seller", "decision"))
    return CampaignView(
        campaign=campaign,
        position=chain.length if chain else 0,
        channels=channels,
        reports=reports,
        recommendations=recommendations,
        lines=lines,
        money=money_of(recommendations, lines, campaign.budget),
        request=approvals_selectors.last_request("campaign", campaign.pk),
        progress=progress(campaign),
    )


def decisions_waiting(user: Any) -> QuerySet[Any]:
    """The inbox of this user: plans of the clients that they may see."""
    ids: list[uuid.UUID] = list(visible_organizations(user).values_list("pk", flat=True))
    return approvals_selectors.inbox(ids)
