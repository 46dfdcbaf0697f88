"""What a person may do about an outcome that the seller does not tell: ask now, declare it not booked, adopt it.

Each command is one transaction; what it needs from the seller is read before. Errors: `approvals.errors.Refused`,
and then nothing has changed. Rules: reliability.md 6.3 and 6.4 steps 5 and 7.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from approvals.errors import Refused
from bookings import findings, saga, terms
from bookings.adopting import Sighting, look, objections
from bookings.discrepancies import Declaration, DiscrepancyKind
from bookings.line_record import record_declined
from bookings.models import Campaign, Line
from bookings.services import CAME_TO_NOTHING, SHORTEST_REASON
from bookings.states import LINE_LOST, LINE_TO_SEND
from bookings.telling import tell
from flows import claims, events, lifecycle, steps
from flows.actors import Actor
from flows.clock import now
from flows.fingerprint import digest
from flows.models import Claim, Step
from flows.states import UNSETTLED_CLAIMS, ClaimState, StepState

CONFIRMATION = "not booked"  # to be typed while the product itself is still asking
FIRST_LOOK_SECONDS = 600.0  # after a declaration; an escalated claim is asked as often
DECLARED = "declared_not_booked"
DIFFERS_WITHOUT_PRICES = (
    "This is not what was approved; nothing was changed. "
    "Somebody who may see prices can tell where it differs."
)
COMPENSATION = "cancel"


def late_cancel_key(line: Line, reference: str) -> str:
    """Of the claim under which what the seller calls `reference` is cancelled, found late for this line."""
    return f"fd-late-cancel-{line.pk.hex}-{digest(reference)[:16]}"


@dataclass(frozen=True)
class Person:
    """Who acts: the user, and the actor that events name (a key acts for its user)."""

    user_id: int
    actor: Actor


def lines_of(claim: Claim) -> list[Line]:
    """The lines that wait for this claim: its own, or for an order all that it would carry and that are not sent."""
    rows = Line.objects.select_related("campaign", "recommendation", "seller").order_by("position")
    if claim.kind in terms.ORDER_KINDS:
        waiting = rows.filter(campaign_id=claim.flow_id, seller__slug=claim.target)
        return list(waiting.filter(status__in=LINE_TO_SEND))
    return list(rows.filter(pk=claim.subject_id))


def check_now(*, claim_id: uuid.UUID, actor: Actor) -> bool:
    """Ask the seller at once instead of at the next turn. False when it is being asked at this moment."""
    with transaction.atomic():
        claim = _unsettled(claim_id)
        campaign = lifecycle.lock(Campaign, claim.flow_id)
        keys = [str(claim.pk), *(str(line.pk) for line in lines_of(claim))]
        waiting = Step.objects.filter(
            flow_name=campaign.flow_name, flow_id=campaign.pk, key__in=keys, state=StepState.PENDING
        )
        hurried = [steps.hurry(campaign, step.name, step.key) for step in waiting]
        _tell(campaign, "claim.check_requested", actor, claim, {"waiting": any(hurried)})
        return any(hurried)


def declare_not_booked(
    *, claim_id: uuid.UUID, person: Person, reason: str, confirmation: str = ""
) -> Declaration:
    """Take an unknown outcome as not booked: its lines are given back and their money is free again.

    The seller is asked on, and what it has after all is cancelled there. While the product itself still expects an
    answer, `confirmation` must be the words `not booked`.
    """
    if len(reason.strip()) < SHORTEST_REASON:
        text = f"Say why, in at least {SHORTEST_REASON} characters: whom did you ask, what did they say?"
        raise Refused(400, "reason_required", text, field="reason")
    with transaction.atomic():
        claim = _unsettled(claim_id)
        campaign = lifecycle.lock(Campaign, claim.flow_id)
        claim = _declarable(claim_id, confirmation)
        lines = lines_of(claim)
        declaration = Declaration.objects.create(
            claim=claim,
            lines=[str(line.pk) for line in lines],
            reason=reason.strip()[:2000],
            by_id=person.user_id,
            by_label=person.actor.label[:160],
            at=now(),
        )
        payload: dict[str, object] = {"reason": declaration.reason, "lines": declaration.lines}
        _tell(campaign, "claim.declared_not_booked", person.actor, claim, payload)
        for line in lines:
            _release(campaign, line, declaration, person.actor)
        steps.open_step(campaign, "late_truth", key=str(claim.pk), after=FIRST_LOOK_SECONDS)
        return declaration


def _declarable(claim_id: uuid.UUID, confirmation: str) -> Claim:
    """Under the campaign's lock: the claim as it stands now."""
    claim = _unsettled(claim_id)
    if claim.kind == COMPENSATION:
        text = "This is a cancellation. Its line stays booked until the seller shows it as cancelled."
        raise Refused(409, "not_a_booking", text)
    if claims.still_at_work(claim) and claim.state == ClaimState.SENDING:
        text = "The call may be on its way to the seller at this moment. Try again in a few seconds."
        raise Refused(409, "still_at_work", text)
    if claim.state != ClaimState.ESCALATED and confirmation.strip().lower() != CONFIRMATION:
        text = f'The seller is still being asked. To declare it all the same, type "{CONFIRMATION}".'
        raise Refused(400, "confirmation_required", text, field="confirmation")
    return claim


def _release(campaign: Campaign, line: Line, declaration: Declaration, actor: Actor) -> None:
    """The line is no longer sent by anybody, and its money is free."""
    steps.drop(campaign, "book", str(line.pk))
    row = lifecycle.lock(Line, line.pk)
    if row.status in LINE_LOST:
        return
    reason = f"{declaration.by_label} declared it not booked: {declaration.reason}"
    record_declined(campaign, row, DECLARED, reason, back_to_person=True, actor=actor)


def adopt(*, claim_id: uuid.UUID, actor: Actor, sighting: Sighting) -> Line | None:
    """Late truth: what was seen at the seller becomes the answer of the claim, if it is what was approved.

    Booking then goes on as after any found answer. None for an order, which carries no line yet.
    """
    with transaction.atomic():
        claim = _unsettled(claim_id)
        campaign = lifecycle.lock(Campaign, claim.flow_id)
        claim = _unsettled(claim_id)
        found = objections(claim, sighting)
        if found:
            text = "This is not what was approved; nothing was changed. " + " ".join(found)
            raise Refused(422, "differs", text, field="reference", extra={"differences": found})
        answer = {"refs": dict(sighting.refs), "status": sighting.seller_status, "adopted_by": actor.label}
        claims.settle(claim, ClaimState.DONE, answer)
        _tell(campaign, "claim.adopted", actor, claim, {"refs": dict(sighting.refs)})
        line = sighting.line if claim.kind not in terms.ORDER_KINDS else None
        for row in lines_of(claim):
            _go_on(campaign, row, sighting if line else None)
        return line


def adopt_or_keep(claim: Claim, actor: Actor, reference: str) -> None:
    """Look at the seller for what a person typed, then adopt it, or keep it if it was declared not booked before.

    Calls the seller, so not inside a transaction. Raises `Refused`.
    """
    take_seen(claim, actor, look(claim, reference))


def take_seen(claim: Claim, actor: Actor, sighting: Sighting) -> None:
    """The second half of `adopt_or_keep`: one transaction, no call."""
    if Declaration.objects.filter(claim=claim).exists():
        keep_late(claim_id=claim.pk, actor=actor, sighting=sighting)
    else:
        adopt(claim_id=claim.pk, actor=actor, sighting=sighting)


def _go_on(campaign: Campaign, line: Line, sighting: Sighting | None) -> None:
    row = lifecycle.lock(Line, line.pk)
    if sighting is not None:
        row.refs = {**row.refs, **sighting.refs}
        row.seller_status = sighting.seller_status
    row.attention, row.note = False, ""
    row.save()
    if not steps.hurry(campaign, "book", str(row.pk)):
        steps.reopen(campaign, "book", str(row.pk))


def keep_late(*, claim_id: uuid.UUID, actor: Actor, sighting: Sighting) -> Line:
    """What was declared not booked, stands at the seller and could not be cancelled there, is kept as a booking.

    Only while its money is still free: the campaign's budget less what stands, less what was planned again.
    """
    with transaction.atomic():
        declaration = Declaration.objects.filter(claim_id=claim_id).select_related("claim").first()
        if declaration is None:
            raise Refused(404, "not_found", "Nobody declared this not booked.")
        campaign = lifecycle.lock(Campaign, declaration.claim.flow_id)
        declaration.refresh_from_db()
        cancelling = _could_not_be_cancelled(declaration, sighting.line, sighting.reference)
        if found := objections(declaration.claim, sighting):
            text = "This is not what was approved; nothing was changed. " + " ".join(found)
            raise Refused(422, "differs", text, field="reference", extra={"differences": found})
        _money_is_free(campaign, sighting.line)
        row = lifecycle.lock(Line, sighting.line.pk)
        row.refs, row.seller_status = {**row.refs, **sighting.refs}, sighting.seller_status
        row.settled_at = None
        payload = {"campaign": str(campaign.pk), "refs": row.refs}
        lifecycle.apply(
            row,
            "reinstate",
            actor=actor,
            subject_type="line",
            correlation_id=campaign.correlation_id,
            payload=payload,
        )
        claims.settle(cancelling, ClaimState.REFUSED, {"kept_by": actor.label})
        claims.settle(declaration.claim, ClaimState.DONE, {"refs": row.refs, "adopted_by": actor.label})
        declaration.ended_at, declaration.ending = now(), f"Kept by {actor.label}."[:200]
        declaration.save(update_fields=["ended_at", "ending"])
        _tell(campaign, "claim.kept", actor, declaration.claim, {"line": str(row.pk), "refs": row.refs})
        for finding in findings.open_rows(row.seller, DiscrepancyKind.LATE, [row.seller_reference]):
            findings.close(finding, f"Kept by {actor.label}.")
        steps.drop(campaign, "late_truth", str(claim_id))
        steps.reopen(campaign, "book", str(row.pk))
        return row


def _could_not_be_cancelled(declaration: Declaration, line: Line, reference: str) -> Claim:
    """The cancellation that failed. Raises `Refused` while there is none."""
    if declaration.ended_at is not None:
        raise Refused(409, "already_settled", f"This is settled: {declaration.ending}")
    claim = Claim.objects.filter(key=late_cancel_key(line, reference)).first()
    if claim is None or not claim.checks:
        text = f"{declaration.by_label} declared it not booked; if the seller has it, it is cancelled there first."
        raise Refused(409, "already_declared", text, extra={"by": declaration.by_label})
    return claim


def _money_is_free(campaign: Campaign, line: Line) -> None:
    if saga.is_unwinding(line):
        text = "The lines of its approval are being taken back together; it cannot be kept alone."
        raise Refused(409, "unwinding", text)
    standing = campaign.lines.exclude(status__in=LINE_LOST).aggregate(total=Sum("cost"))["total"] or Decimal(
        0
    )
    followers = campaign.followers.exclude(status__in=CAME_TO_NOTHING)
    planned_again = followers.aggregate(total=Sum("budget"))["total"] or Decimal(0)
    if standing + planned_again + line.cost > campaign.budget:
        text = "Its money has been spent or planned again. It must be cancelled at the seller by other means."
        raise Refused(409, "money_spent", text)


def run_again(*, step_id: uuid.UUID, actor: Actor) -> Step:
    """Give a dead step of any room its attempts again. Raises `Refused` when it is not dead any more."""
    with transaction.atomic():
        step = Step.objects.filter(pk=step_id).first()
        if step is None:
            raise Refused(404, "not_found", "There is no such step.")
        if not steps.revive(step):
            text = f"It is not stopped any more: {step.get_state_display().lower()}."
            raise Refused(409, "not_stopped", text)
        events.record(
            subject_type=step.flow_name,
            subject_id=step.flow_id,
            type="step.run_again",
            actor=actor,
            payload={"step": step.name, "key": step.key},
        )
        return step


def _unsettled(claim_id: uuid.UUID) -> Claim:
    """The claim, when its outcome is open. Raises `Refused`, naming whoever was faster."""
    claim = Claim.objects.filter(pk=claim_id).first()
    if claim is None or claim.flow_name != Campaign.flow_name:
        raise Refused(404, "not_found", "There is no such outcome to clear.")
    declared = Declaration.objects.filter(claim=claim).first()
    if declared is not None:
        text = f"{declared.by_label} declared it not booked at {declared.at:%Y-%m-%d %H:%M:%S} UTC."
        raise Refused(409, "already_declared", text, extra={"by": declared.by_label})
    if claim.state not in UNSETTLED_CLAIMS:
        by = claim.answer.get("adopted_by") or "the seller's answer"
        at = f"{claim.settled_at:%Y-%m-%d %H:%M:%S}" if claim.settled_at else "an unknown time"
        text = f"This outcome is no longer open: settled by {by} at {at} UTC."
        raise Refused(409, "already_settled", text, extra={"by": by})
    return claim


def _tell(campaign: Campaign, type: str, actor: Actor, claim: Claim, payload: dict[str, object]) -> None:
    what: dict[str, object] = {"claim": str(claim.pk), "kind": claim.kind, "seller": claim.target}
    tell(campaign, None, type, what | payload, actor)
