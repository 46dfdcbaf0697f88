"""Cancelling at the seller what must not stand: a claim of its own, sent once, asked about when unclear.

Read `advance` first. A cancelled line is one that the seller shows as cancelled, or no longer has; until then its
money counts as committed. Cancelling twice is one effect at the seller, so what is proven to stand still may be
cancelled again under the same key. What the seller refuses, or leaves unclear beyond the limit, goes to operations:
from then on the seller is only looked at, and nothing is sent until a person asks for it (`cancelling_again`).
"""

from __future__ import annotations

from bookings import cancelling, saga, terms
from bookings.confirming import DIFFERS, LONG_WAIT
from bookings.line_record import load, move, record_declined
from bookings.models import Campaign, Line
from bookings.outcome import finish_if_settled, settle_line, start_next
from bookings.saga_models import Compensation
from bookings.states import LINE_LOST, CompensationState, LineStatus
from bookings.talk import keep_calls, seller_actor
from bookings.telling import tell
from flows import claims, lifecycle
from flows.clock import now, today
from flows.ids import jitter
from flows.models import Claim
from flows.states import ClaimState
from flows.work import Done, Later, Work
from planning.zones import zone
from sellers.dialects.base import Answer, Outcome
from sellers.exchange import ExchangeRecord


def advance(work: Work) -> Done | Later:
    """Cancel, or look what became of it. Called again after every pause and after every crash."""
    line = load(work)
    undoing = line.undoing
    if undoing is None or undoing.state == CompensationState.DONE:
        return Done()
    if cancelling.belongs_to_another(line):
        if undoing.state == CompensationState.FAILED:
            return Done()
        return _failed(line, None, "The seller's reference belongs to another line of ours.", [])
    opened = work.commit(cancelling.claiming(line))
    claim = opened.claim
    if opened.fresh or claim.state == ClaimState.NOT_SENT:
        return _judge(line, claim, cancelling.send(work, line, claim, fresh=opened.fresh))
    if undoing.state == CompensationState.FAILED:
        return _watch(line, claim)
    return _judge(line, claim, cancelling.reconcile(work, line, claim))


def _judge(line: Line, claim: Claim, heard: cancelling.Heard) -> Done | Later:
    if heard.over is not None:
        return _cancelled(line, claim, heard.over, heard.calls)
    if heard.undecided:
        return _wait(line, claim, heard, "The seller has not decided on the line yet; then it is cancelled.")
    if heard.said is not None and heard.said.outcome == Outcome.REFUSED:
        reason = heard.said.reason or heard.said.code or "no reason given"
        if heard.shown is not None and heard.shown.outcome == Outcome.DONE:
            return _failed(
                line, claim, f"The seller refused to cancel it ({reason}).", heard.calls, heard.shown
            )
    latest = heard.said or heard.shown
    words = (latest.reason or latest.code or "it still stands there") if latest else "no answer"
    return _wait(line, claim, heard, f"Cancellation not confirmed yet ({words}).")


def _wait(line: Line, claim: Claim, heard: cancelling.Heard, note: str) -> Later | Done:
    """Not clear. Ask again after a growing pause; past the limit operations have it."""
    if not heard.undecided and now() >= claim.stop_checks_at:
        return _failed(line, claim, note, heard.calls, heard.shown)
    asked_to_wait = (heard.said.retry_after if heard.said else None) or 0.0
    pause = max(claims.pause_after(claim), min(asked_to_wait, claims.ESCALATED_PAUSE))

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, heard.calls)
        never_left = heard.said is not None and heard.said.outcome == Outcome.NOT_SENT
        noting = claims.note_not_sent if heard.undecided or never_left else claims.note_unknown
        noting(claim, pause, note)
        answered(line, CompensationState.WAITING)
        row = lifecycle.lock(Line, line.pk)
        row.note = f"{reason_of(line.undoing)} {note}"[:2000]
        row.attention = heard.undecided and now() - line.created_at > LONG_WAIT
        row.save()
        tell(campaign, row, "compensation.waiting", {"checks": claim.checks, "said": note})
        _follow(campaign, row, heard.shown)
        saga.start_next_compensation(campaign)
        start_next(campaign, row.seller_id)

    return Later(pause, note, record)


def _cancelled(line: Line, claim: Claim, shown: Answer, calls: list[ExchangeRecord]) -> Done:
    def record(campaign: Campaign) -> None:
        was_over = campaign.is_over()
        keep_calls(campaign, line.seller, calls)
        claims.settle(claim, ClaimState.DONE, {"status": shown.seller_status or shown.code})
        answered(line, CompensationState.DONE)
        row = lifecycle.lock(Line, line.pk)
        row.attention = False
        row.seller_status = shown.seller_status or row.seller_status
        row.save()
        tell(campaign, row, "compensation.done", {"status": shown.seller_status, "was": row.status})
        _end(campaign, row, line)
        saga.start_next_compensation(campaign)
        finish_if_settled(campaign)
        if was_over:
            _told_late(campaign, row)

    return Done(record=record)


def _end(campaign: Campaign, row: Line, line: Line) -> None:
    """The line ends as what it was: never booked, or booked and cancelled."""
    undoing = line.undoing
    assert undoing is not None
    reason = f"{reason_of(undoing)} {_what_went(undoing, row)}"
    if row.status == LineStatus.BOOKED:
        lifecycle.apply(
            row,
            "cancel",
            actor=seller_actor(row.seller),
            subject_type="line",
            correlation_id=campaign.correlation_id,
            payload={"campaign": str(campaign.pk), "code": undoing.code, "reason": reason},
            reason=reason,
            code=undoing.code,
            back_to_person=undoing.back_to_person,
        )
        payload = {"to": row.status, "code": undoing.code, "reason": reason}
        tell(campaign, row, "line.status_changed", payload)
        settle_line(campaign, row)
    elif row.status not in LINE_LOST:
        record_declined(campaign, row, undoing.code, reason, undoing.back_to_person, seller_actor(row.seller))


def _what_went(undoing: Compensation, row: Line) -> str:
    if undoing.code in (DIFFERS, saga.POLICY):
        return "It was cancelled at the seller; nothing is booked."
    return "What was written down at the seller is removed."


def _failed(
    line: Line,
    claim: Claim | None,
    reason: str,
    calls: list[ExchangeRecord],
    shown: Answer | None = None,
) -> Later | Done:
    """Operations must look. The line stays what it is, its money stays committed."""
    if shown is not None and shown.line_status == LineStatus.DRAFT:
        return _left_as_draft(line, claim, reason, calls)

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        _note_failure(claim, reason)
        answered(line, CompensationState.FAILED)
        row = lifecycle.lock(Line, line.pk)
        row.attention = True
        note = f"{reason_of(line.undoing)} {reason} It still stands at the seller; operations must clear it."
        row.note = note[:2000]
        row.save()
        tell(campaign, row, "compensation.failed", {"reason": reason})
        _follow(campaign, row, shown)
        saga.start_next_compensation(campaign)
        start_next(campaign, row.seller_id)
        finish_if_settled(campaign)

    if claim is None:
        return Done(record=record)  # never to be sent: there is nothing to watch either
    return Later(jitter(claims.ESCALATED_PAUSE), reason, record)


def _note_failure(claim: Claim | None, reason: str) -> None:
    """Refused for good, or unknown past its limit: `note_unknown` then escalates it."""
    if claim is None:
        return
    if now() < claim.stop_checks_at:
        claims.settle(claim, ClaimState.REFUSED, {"code": "cancel_refused", "reason": reason[:1000]})
    else:
        claims.note_unknown(claim, claims.ESCALATED_PAUSE, reason)


def _left_as_draft(line: Line, claim: Claim | None, reason: str, calls: list[ExchangeRecord]) -> Done:
    """A draft binds nobody: the line is not booked, whether or not the seller removes it."""

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        if claim is not None:
            claims.settle(claim, ClaimState.REFUSED, {"code": "cancel_refused", "reason": reason[:1000]})
        undoing = answered(line, CompensationState.FAILED)
        row = lifecycle.lock(Line, line.pk)
        tell(campaign, row, "compensation.failed", {"reason": reason})
        if row.status not in LINE_LOST:
            told = f"{reason_of(undoing)} Its draft, which binds nobody, could not be removed: {reason}"
            record_declined(
                campaign, row, undoing.code, told, undoing.back_to_person, seller_actor(row.seller)
            )
        saga.start_next_compensation(campaign)
        finish_if_settled(campaign)

    return Done(record=record)


def _watch(line: Line, claim: Claim) -> Done | Later:
    """With operations. Late truth still wins: a cancellation agreed by telephone is seen here."""
    looked = cancelling.look(line)
    if looked.over is not None:
        return _cancelled(line, claim, looked.over, looked.calls)
    if line.recommendation.end_date < today(zone(line.campaign.timezone)):
        return Done()  # the flight is over: there is nothing left to cancel

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, looked.calls)
        _follow(campaign, lifecycle.lock(Line, line.pk), looked.shown)

    return Later(jitter(claims.ESCALATED_PAUSE), "with operations", record)


def _follow(campaign: Campaign, row: Line, shown: Answer | None) -> None:
    """While it cannot be cancelled the line is what the seller says: accepted, or booked after all."""
    undoing = row.undoing
    if shown is None or shown.outcome != Outcome.DONE or undoing is None or undoing.code != saga.POLICY:
        return
    if row.status not in LINE_LOST and not terms.differences(row, shown.terms):
        move(campaign, row, shown)


def answered(line: Line, state: CompensationState) -> Compensation:
    undoing = Compensation.objects.get(line_id=line.pk)
    undoing.state = state
    undoing.settled_at = None if undoing.is_open() else now()
    undoing.save(update_fields=["state", "settled_at"])
    return undoing


def reason_of(undoing: Compensation | None) -> str:
    """Why it must not stand, as a sentence: a seller's own words often end without a full stop."""
    reason = undoing.reason.strip() if undoing else ""
    return f"{reason}." if reason and reason[-1] not in ".!?" else reason


def _told_late(campaign: Campaign, row: Line) -> None:
    """The campaign ended with this line as booked; people read its errors, so the news goes there too."""
    message = f"{row.recommendation.product_name} at {row.seller.name} was cancelled after all. {row.note}"
    error = {"code": "cancelled_late", "field": f"lines.{row.pk}", "message": message[:2000]}
    campaign.errors = [*campaign.errors, error]
    campaign.save(update_fields=["errors"])


def gave_up(campaign: Campaign, line_id: str, error: str) -> None:
    """The step died five times: a fault of ours, so the line is not called uncancellable; ops are told."""
    row = lifecycle.lock(Line, line_id)
    row.attention = True
    row.note = f"Cancelling stopped: {error}. Operations can run it again."[:2000]
    row.save()
    # One that has failed already stays so: nothing of it is sent by itself.
    if row.undoing is not None and row.undoing.is_open():
        answered(row, CompensationState.WAITING)
    tell(campaign, row, "line.needs_attention", {"error": error})
    saga.start_next_compensation(campaign)
    start_next(campaign, row.seller_id)
