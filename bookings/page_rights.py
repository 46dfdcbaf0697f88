"""What the campaign page offers to this person at this moment. The services decide again when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.permissions import can
from approvals.states import RequestState
from bookings.asking import people_to_ask
from bookings.models import Campaign, Recommendation
from bookings.selectors import CampaignView
from bookings.states import CampaignStatus, ChannelState, LineStatus, RecommendationState
from flows.clock import now


def may_stop(view: CampaignView) -> bool:
    """Some seller has offered something while others are still being asked."""
    asking = any(row.state == ChannelState.RESEARCHING for row in view.channels)
    return (
        view.campaign.status == CampaignStatus.RESEARCHING
        and asking
        and any(report.offers for report in view.reports)
    )


def may_requote(campaign: Campaign, rows: Sequence[Recommendation]) -> bool:
    """A waiting plan of which nothing is decided and some price has ended."""
    undecided = all(row.state == RecommendationState.OPEN for row in rows)
    return (
        campaign.status == CampaignStatus.AWAITING_APPROVAL
        and undecided
        and any(row.quote_expires_at <= now() for row in rows)
    )


def may_explore(view: CampaignView, user: Any) -> bool:
    return view.campaign.status == CampaignStatus.AWAITING_APPROVAL and can(user, "money.read")


def may_edit(view: CampaignView, rows: Sequence[Recommendation], user: Any) -> bool:
    """As long as nothing of the plan is decided: an edit makes it anew."""
    undecided = all(row.state == RecommendationState.OPEN for row in rows)
    return may_explore(view, user) and can(user, "booking.create") and undecided


def whom_to_ask(view: CampaignView, user: Any) -> list[Any]:
    waits = view.request is not None and view.request.status == RequestState.OPEN
    return people_to_ask(view.campaign, user) if waits and can(user, "booking.ask") else []


def has_rest(view: CampaignView) -> bool:
    """Is there something left to plan again?"""
    if (
        view.campaign.status not in (CampaignStatus.COMPLETED, CampaignStatus.FAILED)
        or not view.recommendations
    ):
        return False
    if view.campaign.followers.exclude(status=CampaignStatus.CANCELLED).exists():
        return False
    booked = {line.recommendation_id for line in view.lines if line.status == LineStatus.BOOKED}
    return len(booked) < len(view.recommendations)
