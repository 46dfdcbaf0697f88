"""Undoing an approval while its lines still wait to be sent: nothing has left, so nothing remains of them but the
record of both decisions."""

from __future__ import annotations

import uuid

from django.db import transaction

from approvals import selectors as approvals_selectors
from approvals import services as approvals
from approvals.errors import Refused
from approvals.models import Decision
from approvals.services import Decider
from approvals.states import Verdict
from bookings.models import Campaign, Line
from bookings.outcome import finish_if_settled, start_next
from bookings.states import LineStatus, RecommendationState
from flows import lifecycle, steps
from flows.models import Claim


def undo_approval(
    *, campaign_id: uuid.UUID, decision_id: uuid.UUID, decider: Decider, reason: str = ""
) -> Decision:
    """Take back an approval before its lines are sent; they wait for a decision again. Raises `Refused`."""
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        request = approvals_selectors.last_request("campaign", campaign.pk)
        decision = _decision(request.decisions.filter(pk=decision_id).first() if request else None)
        undone = approvals.undo(
            request=decision.request,
            decision=decision,
            decider=decider,
            correlation_id=campaign.correlation_id,
            reason=reason,
        )
        if decision.verdict == Verdict.APPROVE:
            _take_back_lines(campaign, decision, decider)
        return undone


def _decision(found: Decision | None) -> Decision:
    if found is None:
        raise Refused(422, "unknown_id", "This campaign has no such decision.", field="decision_id")
    return found


def _take_back_lines(campaign: Campaign, decision: Decision, decider: Decider) -> None:
    lines = list(campaign.lines.filter(decision=decision))
    _refuse_sent(lines)
    for line in lines:
        steps.drop(campaign, "book", str(line.pk))
    campaign.recommendations.filter(pk__in=decision.item_ids).update(
        state=RecommendationState.OPEN, decided_reason=""
    )
    sellers = {line.seller_id for line in lines}
    Line.objects.filter(pk__in=[line.pk for line in lines]).delete()
    if campaign.lines.exists():
        for seller_id in sellers:
            start_next(campaign, seller_id)
        finish_if_settled(campaign)
        return
    lifecycle.apply(
        campaign,
        "take_back",
        actor=decider.actor,
        subject_type="campaign",
        correlation_id=campaign.correlation_id,
        payload={"decision": str(decision.pk), "lines": len(lines)},
    )


def _refuse_sent(lines: list[Line]) -> None:
    """The window says that nothing has left; the lines must say so too."""
    sent = Claim.objects.filter(subject_id__in=[line.pk for line in lines]).exists()
    if sent or any(line.status != LineStatus.DRAFT for line in lines):
        raise Refused(
            409,
            "too_late_to_undo",
            "Some of these lines have been sent to their seller.",
            field="decision_id",
        )
