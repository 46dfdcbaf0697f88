"""Keeping a booking policy: what was approved in one decision stands as its policy says, or is taken back.

Everything here runs under the campaign's lock, in the transaction that changed a line. `line_lost` and `line_booked`
are the two ways in. The cancelling itself is `compensating`; the rule is `planning.booking_policy`.
"""

from __future__ import annotations

import uuid

from django.db.models import F, Q, QuerySet

from bookings.models import Campaign, Line
from bookings.saga_models import Compensation, Unwinding
from bookings.states import LINE_LOST, LINE_OPEN, OPEN_COMPENSATIONS, CompensationState, LineStatus
from bookings.telling import tell
from flows import lifecycle, steps
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Claim, Step
from flows.states import OPEN_STEPS
from planning import booking_policy as policies
from planning.booking_policy import Stake

POLICY = "policy"  # the code of a line that was given up for the policy's sake
STANDS = (LineStatus.BOOKED, LineStatus.PENDING_BOOKING)


def is_unwinding(line: Line) -> bool:
    """Whether the line belongs to a set that is being taken back: nothing of it may be sent any more."""
    return Unwinding.objects.filter(decision_id=line.decision_id).exists()


def line_lost(campaign: Campaign, line: Line) -> None:
    """The line will not be booked, or must not stay so: can its set still be what was approved?"""
    policy = campaign.booking_policy
    if not policies.unwinds(policy) or is_unwinding(line):
        return
    stakes = _stakes(campaign, line.decision_id)
    if not policies.can_still_be_kept(policy, stakes):
        _unwind(campaign, line, stakes)


def line_stands(campaign: Campaign, line: Line) -> None:
    """Booked, or accepted: too late if its set is being taken back meanwhile."""
    if is_unwinding(line):
        _want_for_policy(campaign, line)
        start_next_compensation(campaign)


def _stakes(campaign: Campaign, decision_id: uuid.UUID) -> list[Stake]:
    """A line that is being cancelled is as good as lost: nothing makes it a booking as approved again."""
    rows = campaign.lines.filter(decision_id=decision_id).values_list("cost", "status", "compensation__state")
    return [Stake(cost, status in LINE_LOST or state is not None) for cost, status, state in rows]


def _unwind(campaign: Campaign, because: Line, stakes: list[Stake]) -> None:
    policy = campaign.booking_policy
    what = f"{because.recommendation.product_name} at {because.seller.name}"
    Unwinding.objects.create(
        campaign=campaign,
        decision_id=because.decision_id,
        reason=f"{policies.name_of(policy)} can no longer be kept: {what} is not booked as approved. "
        "The other lines of this approval are given up.",
        started_at=now(),
    )
    approved = policies.approved_cost(stakes)
    payload = {
        "decision": str(because.decision_id),
        "policy": policy.kind,
        "approved": str(approved),
        "needed": str(policies.needed_cost(policy, approved)),
        "possible": str(policies.possible_cost(stakes)),
    }
    tell(campaign, because, "saga.unwinding", payload)
    for row in _others(campaign, because):
        if row.status in STANDS:
            _want_for_policy(campaign, row)
        elif not _may_be_out(row):
            _give_up_unsent(campaign, row)
        else:
            steps.hurry(campaign, "book", str(row.pk))  # it may be out there: asked first, then given up
    start_next_compensation(campaign)


def _others(campaign: Campaign, because: Line) -> list[Line]:
    rows = campaign.lines.filter(decision_id=because.decision_id, compensation__isnull=True)
    rows = rows.exclude(pk=because.pk).exclude(status__in=LINE_LOST)
    return list(rows.select_related("recommendation", "seller"))


def _may_be_out(line: Line) -> bool:
    """Whether something of it may be at the seller, or on its way there: then its step ends it."""
    step = Step.objects.filter(flow_id=line.campaign_id, name="book", key=str(line.pk), state__in=OPEN_STEPS)
    return step.exists() or Claim.objects.filter(subject_id=line.pk).exists()


def _give_up_unsent(campaign: Campaign, line: Line) -> None:
    row = lifecycle.lock(Line, line.pk)
    reason = f"{policies.name_of(campaign.booking_policy)} could not be kept, so this line was not sent."
    lifecycle.apply(
        row,
        "decline",
        actor=SYSTEM_ACTOR,
        subject_type="line",
        correlation_id=campaign.correlation_id,
        payload={"campaign": str(campaign.pk), "code": POLICY, "reason": reason},
        code=POLICY,
        reason=reason,
        back_to_person=True,
    )
    row.settled_at = now()
    row.save()
    tell(campaign, row, "line.status_changed", {"to": row.status, "code": POLICY, "reason": reason})


def _want_for_policy(campaign: Campaign, line: Line) -> None:
    reason = f"{policies.name_of(campaign.booking_policy)} could not be kept, so this line is given up too."
    _want(campaign, line, POLICY, reason, back_to_person=True)


def want_cancelled(campaign: Campaign, line: Line, code: str, reason: str, *, back_to_person: bool) -> None:
    """What stands at the seller for this line must go. `code` and `reason` become the line's own at the end."""
    _want(campaign, line, code, reason, back_to_person=back_to_person)
    line_lost(campaign, line)
    start_next_compensation(campaign)


def _want(campaign: Campaign, line: Line, code: str, reason: str, *, back_to_person: bool) -> None:
    _, created = Compensation.objects.get_or_create(
        line=line,
        defaults={
            "state": CompensationState.WANTED,
            "code": code[:60],
            "reason": reason,
            "back_to_person": back_to_person,
        },
    )
    if not created:
        return  # the first reason holds
    row = lifecycle.lock(Line, line.pk)
    row.note, row.attention = f"{reason} Taking it back."[:2000], False
    row.save()
    tell(campaign, row, "compensation.wanted", {"code": code, "reason": reason})


def compensations(campaign: Campaign) -> QuerySet[Compensation]:
    return Compensation.objects.filter(line__campaign=campaign)


def start_next_compensation(campaign: Campaign) -> None:
    """In reverse order of booking, one after the other. One whose seller has not given a clear answer yet holds up no
    other: days of free cancellation may run out meanwhile."""
    if compensations(campaign).filter(state=CompensationState.STARTED).exists():
        return
    waiting = compensations(campaign).filter(state=CompensationState.WANTED)
    newest = F("line__settled_at").desc(nulls_first=True)
    following = waiting.order_by(newest, "-line__position").first()
    if following is None:
        return
    following.state = CompensationState.STARTED
    following.save(update_fields=["state"])
    steps.open_step(campaign, "compensate", key=str(following.line_id))


def still_cancelling(campaign: Campaign) -> bool:
    return compensations(campaign).filter(state__in=OPEN_COMPENSATIONS).exists()


def is_held_back(campaign: Campaign, line: Line) -> bool:
    """Lines that can be cancelled free of charge are booked first, the others only once those stand."""
    if not policies.unwinds(campaign.booking_policy) or line.free_cancel_until is not None:
        return False
    return campaign.lines.filter(
        decision_id=line.decision_id, free_cancel_until__isnull=False, status__in=LINE_OPEN
    ).exists()


def close_unwindings(campaign: Campaign) -> None:
    """Tell of each set that is taken back as far as it goes."""
    for unwinding in campaign.unwindings.filter(ended_at__isnull=True):
        lines = campaign.lines.filter(decision_id=unwinding.decision_id)
        if lines.filter(Q(status__in=LINE_OPEN) | Q(compensation__state__in=OPEN_COMPENSATIONS)).exists():
            continue
        unwinding.ended_at = now()
        unwinding.save(update_fields=["ended_at"])
        payload = {
            "decision": str(unwinding.decision_id),
            "cancelled": lines.filter(compensation__state=CompensationState.DONE).count(),
            "standing": lines.filter(status=LineStatus.BOOKED).count(),
        }
        tell(campaign, None, "saga.unwound", payload)


def errors_of(campaign: Campaign) -> list[dict[str, str]]:
    """For the end of the campaign: which policy was not kept, and what could not be taken back."""
    found = [{"code": "policy_not_kept", "message": row.reason} for row in campaign.unwindings.all()]
    failed = compensations(campaign).filter(state=CompensationState.FAILED, line__status=LineStatus.BOOKED)
    for row in failed.select_related("line__recommendation", "line__seller").order_by("line__position"):
        what = f"{row.line.recommendation.product_name} at {row.line.seller.name}"
        found.append(
            {
                "code": "cancel_failed",
                "field": f"lines.{row.line_id}",
                "message": f"{what} could not be cancelled and stands as booked: {row.line.note}"[:2000],
            }
        )
    return found
