"""Ending research early: the plan is made from what the sellers have said so far.

The step that asks the rest loses its right to write; what was committed of their answers stays. A seller that was
still being asked is named in the channel's note, so that nobody takes its silence for an answer.
"""

from __future__ import annotations

import uuid

from django.db import transaction

from approvals.errors import Refused
from bookings import researching
from bookings.models import Campaign
from bookings.states import CampaignStatus, ChannelState
from flows import events, lifecycle, steps
from flows.actors import Actor


def stop_research(*, campaign_id: uuid.UUID, actor: Actor) -> Campaign:
    """Decide on what is there. Raises `Refused` (wrong state, or no seller has offered anything yet)."""
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        if campaign.status != CampaignStatus.RESEARCHING:
            text = f"This campaign is {campaign.get_status_display().lower()}; no seller is being asked."
            raise Refused(409, "wrong_state", text, field="status")
        open_channels = list(campaign.channels.filter(state=ChannelState.RESEARCHING).order_by("position"))
        if not open_channels:
            raise Refused(
                409, "wrong_state", "Every seller has answered; the plan is being made.", field="status"
            )
        reports = list(campaign.reports.all())
        if not any(report.offers for report in reports):
            text = "No seller has offered anything yet. Wait for a first answer, or cancel the campaign."
            raise Refused(409, "nothing_heard", text)
        for key in ("", *(channel.channel for channel in open_channels)):
            steps.drop(campaign, "research", key)
        researching.close_channels(campaign, open_channels)
        events.record(
            subject_type="campaign",
            subject_id=campaign.pk,
            type="research.stopped",
            actor=actor,
            correlation_id=campaign.correlation_id,
            payload={
                "channels": [channel.channel for channel in open_channels],
                "heard": sorted({str(report.seller_id) for report in reports}),
            },
        )
        steps.open_step(campaign, "consolidate", key=campaign.plan_key)
        return campaign
