"""Deciding in tests, and proof that a refused act has changed nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from approvals.errors import Refused
from approvals.models import ApprovalRequest, Decision
from bookings import services
from bookings.models import Campaign, Line, Recommendation
from flows.models import Event, Step
from tests.agency import Agency


def approve(agency: Agency, campaign: Campaign, by: str = "approver", **chosen: Any) -> Any:
    chosen = chosen or {"everything": True}
    return services.approve_lines(campaign_id=campaign.pk, decider=agency.decider(by), **chosen)


def reject(agency: Agency, campaign: Campaign, reason: str = "Too dear for us", **chosen: Any) -> Decision:
    chosen = chosen or {"everything": True}
    return services.reject_lines(
        campaign_id=campaign.pk, decider=agency.decider("approver"), reason=reason, **chosen
    )


def ids_of(campaign: Campaign) -> list[uuid.UUID]:
    return list(campaign.recommendations.values_list("pk", flat=True))


def refused(code: str, act: Callable[[], object], campaign: Campaign) -> Refused:
    """`act` is refused with `code`, and afterwards everything is as it was."""
    before = everything_of(campaign)
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.code == code
    assert everything_of(campaign) == before
    return caught.value


def everything_of(campaign: Campaign) -> list[Any]:
    return [
        list(Campaign.objects.filter(pk=campaign.pk).values()),
        list(Recommendation.objects.filter(campaign=campaign).order_by("pk").values()),
        list(Line.objects.filter(campaign=campaign).values()),
        list(ApprovalRequest.objects.filter(subject_id=campaign.pk).values()),
        Decision.objects.count(),
        Step.objects.filter(flow_id=campaign.pk).count(),
        Event.objects.filter(subject_id=str(campaign.pk)).count(),
    ]
