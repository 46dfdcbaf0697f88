"""What a person or an API client can command. Each function is one transaction and the one door for its act.

Errors: `planning.types.InvalidBrief` (every field error at once), `approvals.errors.Refused` (status, code, sentence),
`flows.lifecycle.WrongState`. After any of them nothing has changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction

from approvals import selectors as approvals_selectors
from approvals import services as approvals
from approvals.errors import Refused
from approvals.models import ApprovalRequest, Decision
from approvals.services import Decider
from approvals.states import RejectionKind, Verdict
from bookings import selectors
from bookings.approving import carry_out_approval, carry_out_rejection, fingerprints, rows_of_plan
from bookings.choosing import line_ids
from bookings.models import Campaign, Line
from bookings.states import BEFORE_BOOKING, LINE_LOST, CampaignStatus
from bookings.validation import check_brief
from flows import events, lifecycle, steps
from flows.actors import Actor
from flows.clock import now
from flows.ids import new_id
from planning import brief as briefs
from planning.types import FieldError, InvalidBrief

DECIDABLE = (CampaignStatus.AWAITING_APPROVAL, CampaignStatus.EXECUTING_BOOKINGS)
CAME_TO_NOTHING = (
    CampaignStatus.CANCELLED,
    CampaignStatus.VALIDATION_FAILED,
)  # and cannot be followed itself
SHORTEST_REASON = 5


def submit_brief(
    *,
    data: Mapping[str, Any],
    organization: Any,
    prepared_by: Any,
    actor: Actor,
    door: str,
    campaign_id: uuid.UUID | None = None,
) -> Campaign:
    """Take a brief and start its flow. `data` is the wire form (planning.brief). Raises `InvalidBrief`.

    The client's time zone holds where the brief names none.

    With `campaign_id` (a form's own id) a second submission gives the campaign of the first.
    """
    if campaign_id is not None:
        earlier = Campaign.objects.filter(pk=campaign_id, prepared_by=prepared_by).first()
        if earlier is not None:
            return earlier
    brief = briefs.read_brief(data, now=now(), timezone=organization.timezone)
    if errors := check_brief(brief):
        raise InvalidBrief(errors)
    return _start(
        brief=brief,
        unused=list(briefs.unused_fields(data)),
        organization=organization,
        prepared_by=prepared_by,
        actor=actor,
        door=door,
        campaign_id=campaign_id,
    )


def _start(
    *,
    brief: briefs.Brief,
    unused: list[str],
    organization: Any,
    prepared_by: Any,
    actor: Actor,
    door: str,
    follows: Campaign | None = None,
    campaign_id: uuid.UUID | None = None,
) -> Campaign:
    with transaction.atomic():
        campaign, created = Campaign.objects.get_or_create(
            pk=campaign_id or new_id(),
            defaults={
                "name": brief.name,
                "organization": organization,
                "prepared_by": prepared_by,
                "prepared_via": door,
                "brief": briefs.brief_to_json(brief),
                "unused_fields": unused,
                "budget": brief.budget,
                "currency": brief.currency,
                "start_date": brief.start_date,
                "end_date": brief.end_date,
                "auto_approve": brief.auto_approve,
                "follows": follows,
            },
        )
        if not created:
            return campaign
        events.record(
            subject_type="campaign",
            subject_id=campaign.pk,
            type="campaign.submitted",
            actor=actor,
            correlation_id=campaign.correlation_id,
            payload={
                "name": brief.name,
                "budget": str(brief.budget),
                "currency": brief.currency,
                "door": door,
            },
        )
        steps.open_step(campaign, "receive")
    return campaign


def approve_lines(
    *,
    campaign_id: uuid.UUID,
    decider: Decider,
    recommendation_ids: Sequence[uuid.UUID] = (),
    product_ids: Sequence[str] = (),
    everything: bool = False,
    seen: Mapping[uuid.UUID, str] | None = None,
    seen_total: Decimal | None = None,
) -> tuple[Decision, list[Line]]:
    """Approve lines of a plan. Raises `Refused`.

    Booking starts when the policy's time to undo is over (`decision.acts_at`). Where the policy wants more people, the
    decision has the verdict `endorse` and no lines come of it yet.
    """
    with transaction.atomic():
        campaign, request = _decidable(campaign_id)
        plan = rows_of_plan(campaign)
        ids = line_ids(plan, recommendation_ids, product_ids, everything, "approved_product_ids")
        decision = approvals.decide(
            request=request,
            decider=decider,
            verdict=Verdict.APPROVE,
            item_ids=ids,
            correlation_id=campaign.correlation_id,
            current=fingerprints(plan),
            seen=seen,
            seen_total=seen_total,
            counts=lambda user_id: selectors.may_confirm(user_id, campaign),
        )
        if decision.verdict == Verdict.ENDORSE:
            return decision, []
        return decision, carry_out_approval(campaign, decision, plan, actor=decider.actor)


def reject_lines(
    *,
    campaign_id: uuid.UUID,
    decider: Decider,
    reason: str,
    recommendation_ids: Sequence[uuid.UUID] = (),
    product_ids: Sequence[str] = (),
    everything: bool = False,
    kind: str = "",
) -> Decision:
    """Reject lines of a plan, with a reason; `kind` is a usual one that goes before it. Raises `Refused`."""
    with transaction.atomic():
        campaign, request = _decidable(campaign_id)
        plan = rows_of_plan(campaign)
        ids = line_ids(plan, recommendation_ids, product_ids, everything, "product_ids")
        decision = approvals.decide(
            request=request,
            decider=decider,
            verdict=Verdict.REJECT,
            item_ids=ids,
            correlation_id=campaign.correlation_id,
            current=fingerprints(plan),
            reason=_in_words(kind, reason),
        )
        carry_out_rejection(campaign, decision, plan, actor=decider.actor)
        return decision


def _in_words(kind: str, reason: str) -> str:
    """The own words are asked for in any case; the usual reason stands before them."""
    if kind not in RejectionKind.values or len(reason.strip()) < SHORTEST_REASON:
        return reason
    return f"{RejectionKind(kind).label}: {reason.strip()}"


def cancel_campaign(*, campaign_id: uuid.UUID, actor: Actor, reason: str) -> Campaign:
    """End a campaign before any booking has started. Raises `Refused` (reason, wrong state)."""
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused(
            400, "reason_required", f"Say why, in at least {SHORTEST_REASON} characters.", field="reason"
        )
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        if campaign.status not in BEFORE_BOOKING:
            raise _wrong_state(campaign, "be cancelled")
        request = approvals_selectors.open_request("campaign", campaign.pk)
        if request is not None:
            approvals.withdraw(request=request, actor=actor, correlation_id=campaign.correlation_id)
        lifecycle.apply(
            campaign,
            "cancel",
            actor=actor,
            subject_type="campaign",
            correlation_id=campaign.correlation_id,
            payload={"reason": reason.strip()},
            reason=reason.strip()[:2000],
        )
        steps.drop_open(campaign)
        return campaign


def plan_the_rest(*, campaign_id: uuid.UUID, prepared_by: Any, actor: Actor, door: str) -> Campaign:
    """A new flow for what a finished campaign did not book: undecided, refused and dearer lines are researched again
    with the money that is left. Raises `Refused`."""
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        if campaign.status not in (CampaignStatus.COMPLETED, CampaignStatus.FAILED):
            raise _wrong_state(campaign, "be planned again")
        if campaign.followers.exclude(status__in=CAME_TO_NOTHING).exists():
            raise Refused(409, "already_followed", "The rest of this campaign is already being planned.")
        rest = campaign.budget - sum(
            (line.cost for line in campaign.lines.exclude(status__in=LINE_LOST)), Decimal(0)
        )
        if rest <= 0:
            raise Refused(409, "nothing_left", "The whole budget is booked; there is no rest to plan.")
        stored = {**campaign.brief, "budget": str(rest), "auto_approve": False}
        brief = briefs.brief_from_json(stored)
        if errors := check_brief(brief):
            raise InvalidBrief(errors)
        return _start(
            brief=brief,
            unused=list(campaign.unused_fields),
            organization=campaign.organization,
            prepared_by=prepared_by,
            actor=actor,
            door=door,
            follows=campaign,
        )


def check_line_now(*, line: Line, actor: Actor) -> bool:
    """Ask the seller about a waiting line at once instead of at its next turn. False when nothing waits."""
    with transaction.atomic():
        waiting = "compensate" if line.undoing is not None else "book"
        hurried = steps.hurry(line.campaign, waiting, str(line.pk))
        events.record(
            subject_type="campaign",
            subject_id=line.campaign_id,
            type="line.check_requested",
            actor=actor,
            correlation_id=line.campaign.correlation_id,
            payload={"line": str(line.pk), "waiting": hurried},
        )
    return hurried


def _decidable(campaign_id: uuid.UUID) -> tuple[Campaign, ApprovalRequest]:
    campaign = lifecycle.lock(Campaign, campaign_id)
    request = approvals_selectors.last_request("campaign", campaign.pk)
    if campaign.status not in DECIDABLE or request is None:
        raise _wrong_state(campaign, "be decided on", request)
    return campaign, request


def _wrong_state(campaign: Campaign, what: str, request: ApprovalRequest | None = None) -> Refused:
    last = request.decisions.order_by("-at").first() if request else None
    by = f" Last decision: {last.actor_label} at {last.at:%Y-%m-%d %H:%M:%S} UTC." if last else ""
    return Refused(
        409,
        "wrong_state",
        f"This campaign is {campaign.get_status_display().lower()} and cannot {what}.{by}",
        field="status",
        extra={"status": campaign.status, "decided_by": last.actor_label if last else None},
    )


__all__ = [
    "FieldError",
    "approve_lines",
    "cancel_campaign",
    "check_line_now",
    "plan_the_rest",
    "reject_lines",
    "submit_brief",
]
