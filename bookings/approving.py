"""What follows from a decision: approved lines are on their way, rejected ones are out."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from approvals import selectors as approvals_selectors
from approvals import services as approvals
from approvals.errors import Refused
from approvals.models import Decision
from bookings.models import Campaign, Line, Recommendation
from bookings.outcome import start_next
from bookings.proposals import fingerprint_of
from bookings.states import CampaignStatus, RecommendationState
from flows import lifecycle, steps
from flows.actors import SYSTEM_ACTOR, Actor
from flows.clock import today
from planning.booking_policy import unwinds
from sellers.dialects.cancelling import free_cancel_until

WIDE = ("product", "explanation", "quote_note")  # columns that no decision looks at


def rows_of_plan(campaign: Campaign) -> list[Recommendation]:
    """What a decision looks at: every line of the plan, in its order, with its seller."""
    return list(campaign.recommendations.defer(*WIDE).select_related("seller").order_by("rank"))


def fingerprints(rows: Sequence[Recommendation]) -> dict[uuid.UUID, str]:
    return {row.pk: fingerprint_of(row) for row in rows}


def approve_by_policy(campaign: Campaign) -> None:
    """auto_approve: a decision of the policy with its own record, or none, and then a person decides."""
    request = approvals_selectors.open_request("campaign", campaign.pk)
    if request is None:
        return
    rows = rows_of_plan(campaign)
    try:
        decision = approvals.decide_by_policy(
            request=request, correlation_id=campaign.correlation_id, current=fingerprints(rows)
        )
    except Refused as refusal:
        approvals.decline_auto_approval(request, campaign.correlation_id, {"reason": refusal.message})
        return
    if decision is not None:
        carry_out_approval(campaign, decision, rows, actor=SYSTEM_ACTOR)


def carry_out_approval(
    campaign: Campaign, decision: Decision, plan: Sequence[Recommendation], *, actor: Actor
) -> list[Line]:
    """Under the campaign's lock: one line per approved recommendation; the first line of each seller starts."""
    rows = _in_order_of_booking(campaign, _decided(decision, plan))
    first = campaign.lines.count()
    lines = Line.objects.bulk_create(
        Line(
            campaign=campaign,
            recommendation=row,
            decision=decision,
            seller_id=row.seller_id,
            position=first + offset,
            fingerprint=fingerprint_of(row),
            impressions=row.impressions,
            cpm=row.cpm,
            cost=row.cost,
            currency=row.currency,
            free_cancel_until=free_until,
            not_before=decision.acts_at,
        )
        for offset, (row, free_until) in enumerate(rows)
    )
    _mark([row for row, _ in rows], RecommendationState.APPROVED, "")
    if campaign.status == CampaignStatus.AWAITING_APPROVAL:
        lifecycle.apply(
            campaign,
            "approve",
            actor=actor,
            subject_type="campaign",
            correlation_id=campaign.correlation_id,
            payload={"decision": str(decision.pk), "lines": len(lines), "total": str(decision.total)},
        )
    for seller_id in dict.fromkeys(line.seller_id for line in lines):
        start_next(campaign, seller_id)
    return lines


def _in_order_of_booking(
    campaign: Campaign, rows: Sequence[Recommendation]
) -> list[tuple[Recommendation, dt.date | None]]:
    """Each with its last day of free cancellation: where a booking may have to be taken back, those that still have
    one come first (reliability.md 6.5)."""
    found = [(row, free_until(row)) for row in rows]
    if not unwinds(campaign.booking_policy):
        return found
    return sorted(found, key=lambda pair: pair[1] is None)


def free_until(row: Recommendation) -> dt.date | None:
    """The last day on which the line, once booked, can be cancelled free of charge; None when there is none."""
    seller = row.seller
    return free_cancel_until(
        seller.dialect, seller.options, guaranteed=row.guaranteed, start=row.start_date, today=today()
    )


def carry_out_rejection(
    campaign: Campaign, decision: Decision, plan: Sequence[Recommendation], *, actor: Actor
) -> None:
    """Rejected lines are out. When nothing is left to decide and nothing was approved, the campaign ends."""
    _mark(_decided(decision, plan), RecommendationState.REJECTED, decision.reason)
    if campaign.status != CampaignStatus.AWAITING_APPROVAL:
        return
    if any(row.state == RecommendationState.OPEN for row in plan):
        return
    lifecycle.apply(
        campaign,
        "cancel",
        actor=actor,
        subject_type="campaign",
        correlation_id=campaign.correlation_id,
        payload={"decision": str(decision.pk)},
        reason=f"Every line of the plan was rejected: {decision.reason}",
    )
    steps.drop_open(campaign)


def _decided(decision: Decision, plan: Sequence[Recommendation]) -> list[Recommendation]:
    chosen = set(decision.item_ids)
    return [row for row in plan if str(row.pk) in chosen]


def _mark(rows: Sequence[Recommendation], state: RecommendationState, reason: str) -> None:
    for row in rows:
        row.state, row.decided_reason = state, reason
    Recommendation.objects.filter(pk__in=[row.pk for row in rows]).update(state=state, decided_reason=reason)
