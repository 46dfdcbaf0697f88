"""A failed cancellation, sent once more because a person asks for it: by itself nothing goes out after a failure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from approvals.errors import Refused
from bookings import cancelling
from bookings.compensating import answered, reason_of
from bookings.models import Campaign, Line
from bookings.saga_models import Compensation
from bookings.states import LINE_LOST, CompensationState
from bookings.telling import tell
from flows import lifecycle, steps
from flows.actors import Actor
from flows.clock import now
from flows.models import Claim, Event, Step
from flows.states import OPEN_STEPS, ClaimState, StepState

STEP = "compensate"
ASKED_AGAIN = "compensation.asked_again"


def can_be_sent_again(lines: Sequence[Line]) -> set[uuid.UUID]:
    """Those whose cancellation has failed and is being watched; one query, none when nothing has failed."""
    failed = [
        str(line.pk)
        for line in lines
        if line.undoing and line.undoing.state == CompensationState.FAILED and line.status not in LINE_LOST
    ]
    if not failed:
        return set()
    watched = Step.objects.filter(
        flow_name=Campaign.flow_name, name=STEP, key__in=failed, state__in=OPEN_STEPS
    )
    return {uuid.UUID(key) for key in watched.values_list("key", flat=True)}


def cancel_again(*, line: Line, actor: Actor) -> None:
    """A person wants a failed cancellation sent once more. Raises `Refused`, and then nothing has changed."""
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, line.campaign_id)
        row = lifecycle.lock(Line, line.pk)
        undoing = _failed(row)
        claim = Claim.objects.filter(key=cancelling.claim_key(row)).first()
        if claim is None or cancelling.belongs_to_another(row):
            text = "The seller's reference belongs to another line of ours; have the seller cancel the right one."
            raise Refused(409, "not_its_own", text)
        steps.hurry(campaign, STEP, str(row.pk))
        step = _step_of(row)
        if step is None or step.state != StepState.PENDING:
            raise _not_waiting(step)
        answered(row, CompensationState.WAITING)
        _sendable(claim)
        row.attention = False
        row.note = f"{reason_of(undoing)} {actor.label} asked for the cancellation once more."[:2000]
        row.save()
        campaign.unwindings.filter(decision_id=row.decision_id).update(ended_at=None)
        tell(campaign, row, ASKED_AGAIN, {}, actor)


def _failed(row: Line) -> Compensation:
    undoing = row.undoing
    if undoing is not None and undoing.is_open():
        raise _under_way(row)
    if row.status in LINE_LOST:
        text = f"Nothing of this line stands at the seller: {row.get_status_display().lower()}."
        raise Refused(409, "nothing_stands", text)
    if undoing is None or undoing.state != CompensationState.FAILED:
        raise Refused(409, "nothing_failed", "No cancellation of this line has failed.")
    return undoing


def _step_of(row: Line) -> Step | None:
    return Step.objects.filter(
        flow_name=Campaign.flow_name, flow_id=row.campaign_id, name=STEP, key=str(row.pk)
    ).first()


def _under_way(row: Line) -> Refused:
    step = _step_of(row)
    if step is not None and step.state == StepState.DEAD:
        return _not_waiting(step)
    asked = Event.objects.filter(
        subject_type="campaign", subject_id=str(row.campaign_id), type=ASKED_AGAIN, payload__line=str(row.pk)
    )
    last = asked.order_by("position").last()
    by = f" {last.actor_label} asked for it at {last.at:%Y-%m-%d %H:%M:%S} UTC." if last else ""
    extra = {"by": last.actor_label} if last else {}
    return Refused(409, "already_waiting", f"It is being cancelled already.{by}", extra=extra)


def _not_waiting(step: Step | None) -> Refused:
    """The step that would send it cannot be hurried: it is at work, was given up, or has nothing left to do."""
    if step is not None and step.state == StepState.RUNNING:
        text = "The seller is being asked about it at this moment. Try again in a few seconds."
        return Refused(409, "still_at_work", text)
    if step is not None and step.state == StepState.DEAD:
        return Refused(409, "stopped", "Its cancelling has stopped. Run the stopped step again first.")
    return Refused(409, "flight_over", "Its flight is over; there is nothing left to cancel.")


def _sendable(claim: Claim) -> None:
    """What was refused goes out at once; what stayed unclear only after a look that shows that it stands."""
    unclear = claim.state == ClaimState.ESCALATED
    claim.state = ClaimState.UNKNOWN if unclear else ClaimState.NOT_SENT
    claim.settled_at, claim.next_check_at, claim.stop_checks_at = None, now(), now() + cancelling.LIMIT
    claim.save(update_fields=["state", "settled_at", "next_check_at", "stop_checks_at"])
