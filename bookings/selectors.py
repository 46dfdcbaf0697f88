"""Reads: each page and each API list has its query here, bounded and with what it needs."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, Q, QuerySet, prefetch_related_objects

from accounts.permissions import can
from approvals import selectors as approvals_selectors
from bookings.models import Campaign, ChannelBudget, Line, Recommendation
from bookings.states import (
    LINE_LOST,
    LINE_OPEN,
    TERMINAL,
    CampaignStatus,
    LineStatus,
    RecommendationState,
)
from crm.selectors import client_pairs, sees_every_client, visible_organizations
from flows.models import EventChain

S = CampaignStatus
MOST_PARTS = 25  # clients of one person, up to which a page is put together from theirs
MOST_COUNTED = 99
LISTED = (
    *("name", "status", "budget", "currency", "start_date", "end_date", "created_at", "updated_at"),
    *("organization__name", "organization__slug"),
    *("prepared_by__username", "prepared_by__first_name", "prepared_by__last_name"),
)
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
    rows = Campaign.objects.select_related("organization", "prepared_by")
    if sees_every_client(user):
        return rows
    return rows.filter(organization__in=visible_organizations(user))


def visible_campaign(user: Any, campaign_id: object) -> Campaign | None:
    """None both for what does not exist and for what the user may not see: the two look the same from outside."""
    try:
        return campaigns_for(user).filter(pk=str(campaign_id)).first()
    except (ValueError, ValidationError):
        return None


def is_visible(user: Any, campaign_id: uuid.UUID) -> bool:
    """The same without reading the campaign."""
    return campaigns_for(user).filter(pk=campaign_id).exists()


def may_confirm(user_id: Any, campaign: Campaign) -> bool:
    """Whether this person may approve this campaign as it stands now: still here, in the role, with the client."""
    user = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    return user is not None and can(user, "booking.confirm") and is_visible(user, campaign.pk)


def watchable(pairs: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those pairs of a user's and a campaign's id in which the user may see the campaign; for many at once."""
    users = get_user_model()._default_manager.filter(pk__in={user for user, _ in pairs}, is_active=True)
    unlimited = {user.pk: sees_every_client(user) for user in users}
    assigned = set(client_pairs([pk for pk, everything in unlimited.items() if not everything]))
    campaigns = Campaign.objects.filter(pk__in={campaign for _, campaign in pairs})
    client_of = {str(pk): client for pk, client in campaigns.values_list("pk", "organization_id")}
    return {
        (user, campaign)
        for user, campaign in pairs
        if user in unlimited
        and campaign in client_of
        and (unlimited[user] or (user, client_of[campaign]) in assigned)
    }


@dataclass(frozen=True)
class CampaignList:
    """Narrow rows for lists, and for people with few clients the same rows client by client: see `keyset_page`."""

    rows: QuerySet[Campaign]
    parts: list[QuerySet[Campaign]]


def campaign_list(user: Any, *, status: str = "", search: str = "") -> CampaignList:
    """The campaigns that the user may see, for keyset pages by (`created_at`, id)."""
    rows = Campaign.objects.select_related("organization", "prepared_by").only(*LISTED)
    if status:
        rows = rows.filter(status=status)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(organization__name__icontains=search))
    if sees_every_client(user):
        return CampaignList(rows, [])
    clients = list(visible_organizations(user).order_by().values_list("pk", flat=True)[: MOST_PARTS + 1])
    if len(clients) > MOST_PARTS:
        return CampaignList(rows.filter(organization__in=visible_organizations(user)), [])
    parts = [rows.filter(organization=client) for client in clients] if not search else []
    return CampaignList(rows.filter(organization__in=clients), parts)


def count_up_to(rows: QuerySet[Any], limit: int) -> int:
    """The number of rows, or `limit` + 1 when there are more: an exact count of a million rows takes 0.1 s."""
    return rows.order_by()[: limit + 1].count()


@dataclass(frozen=True)
class LineCount:
    booked: int = 0
    total: int = 0


def line_counts(campaigns: Sequence[Campaign]) -> dict[uuid.UUID, LineCount]:
    """How many lines each of these campaigns has, and how many are booked; nothing for those without lines."""
    counted = (
        Line.objects.filter(campaign__in=[row.pk for row in campaigns])
        .order_by()
        .values_list("campaign")
        .annotate(booked=Count("pk", filter=Q(status=LineStatus.BOOKED)), total=Count("pk"))
    )
    return {campaign: LineCount(booked, total) for campaign, booked, total in counted}


def load_progress(campaigns: Sequence[Campaign]) -> None:
    """What `progress` reads, for all of them with at most two queries."""
    researching = [row for row in campaigns if row.status == S.RESEARCHING]
    booking = [row for row in campaigns if row.status == S.EXECUTING_BOOKINGS]
    channels = ChannelBudget.objects.only("campaign_id", "amount", "state")
    prefetch_related_objects(researching, Prefetch("channels", channels))
    prefetch_related_objects(booking, Prefetch("lines", Line.objects.only("campaign_id", "status")))


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
    unwindings: list[Any]
    money: Money
    request: Any
    progress: float


def campaign_view(campaign: Campaign) -> CampaignView:
    chain = EventChain.objects.filter(subject_type="campaign", subject_id=str(campaign.pk)).first()
    campaign = Campaign.objects.select_related("organization", "prepared_by").get(pk=campaign.pk)
    channels = list(campaign.channels.all())
    reports = list(campaign.reports.select_related("seller"))
    recommendations = list(campaign.recommendations.select_related("seller"))
    lines = list(campaign.lines.select_related("recommendation", "seller", "decision", "compensation"))
    return CampaignView(
        campaign=campaign,
        position=chain.length if chain else 0,
        channels=channels,
        reports=reports,
        recommendations=recommendations,
        lines=lines,
        unwindings=list(campaign.unwindings.all()) if lines else [],
        money=money_of(recommendations, lines, campaign.budget),
        request=approvals_selectors.last_request("campaign", campaign.pk),
        progress=progress(campaign),
    )
