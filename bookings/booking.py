"""One approved line on its way to the seller: claim, send once, ask when unclear, compare, record.

Read `advance` first. Every write at the seller has a claim row of its own, committed before the call. An answer that
is not clear is never followed by a second booking: the seller is asked what happened, and only its own proof that
nothing did lets the same key go out again (reliability.md 6.3, 6.4).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from bookings import saga, terms
from bookings.confirming import DIFFERS, poll
from bookings.last_look import CannotSend, refuse_to_send
from bookings.line_record import call, decline, give_up_draft, load, move
from bookings.models import Campaign, Line
from bookings.outcome import start_next
from bookings.states import LINE_LOST, LINE_OPEN, LineStatus
from bookings.talk import keep_calls
from bookings.telling import tell
from flows import claims, lifecycle
from flows.actors import SYSTEM_ACTOR, Actor
from flows.clock import now
from flows.models import Claim
from flows.states import ClaimState
from flows.work import Done, Later, Work
from sellers.dialects.base import Answer, Connection, LineIntent, Outcome
from sellers.dialects.registry import replay_window, write_kinds
from sellers.exchange import ExchangeRecord

LONGEST_CHECKING = dt.timedelta(hours=2)
STOP_BEFORE_EXPIRY = dt.timedelta(minutes=15)
SHARE_OF_WINDOW = 0.8  # of the time for which a seller knows our keys: the rest is for its clock and ours
LONGEST_BUSY = 600.0  # seconds that a seller may send us away for
TIMED_OUT = "deadline"  # the code of a call whose end we did not wait for


def advance(work: Work) -> Done | Later:
    """Do what the line needs next. Called again after every pause and after every crash."""
    line = load(work)
    if line.status in (*LINE_LOST, LineStatus.BOOKED):
        return Done()
    if line.undoing is not None:
        return Done()  # the step `compensate` has it now
    if line.status == LineStatus.PENDING_BOOKING:
        return poll(work, line)
    if wait := line.seconds_to_wait():
        return Later(wait, "The approval can still be undone.")
    for kind in _write_kinds(line):
        outcome = _write(work, line, kind)
        if outcome is not None:
            return outcome
        line = load(work)
    return poll(work, line) if line.status in LINE_OPEN else Done()


def _write_kinds(line: Line) -> tuple[str, ...]:
    return write_kinds(line.seller.dialect)


def _write(work: Work, line: Line, kind: str) -> Done | Later | None:
    """One committed call. None: done, go on with the next; else the step ends here for now."""
    intent = terms.intent_for(line, kind)
    try:
        opened = work.commit(_claiming(line, kind, intent))
        claim = opened.claim
        if claim.state == ClaimState.DONE:
            work.commit(_taking_over_refs(line, claim))
            return None
        # The order was refused for another line's sake, its product perhaps: this line tries for itself.
        if claim.state == ClaimState.REFUSED and kind not in terms.ORDER_KINDS:
            reason = str(claim.answer.get("reason", "Refused by the seller."))
            return _not_booked(line, kind, "refused", reason, claim=None)
        connection = line.seller.connection()
        if opened.fresh:
            answer, calls = _send(claim, kind, intent, connection)
        else:
            answer, calls = _reconcile(work, line, claim, kind, intent, connection)
    except CannotSend as refusal:
        return _not_booked(
            line,
            kind,
            refusal.code,
            str(refusal),
            claim=refusal.claim,
            calls=refusal.calls,
            actor=SYSTEM_ACTOR,
        )
    return _judge(work, line, claim, kind, intent, answer, calls)


def _not_booked(
    line: Line,
    kind: str,
    code: str,
    reason: str,
    *,
    claim: Claim | None,
    calls: list[ExchangeRecord] | None = None,
    actor: Actor | None = None,
) -> Done:
    """The line ends here. What an earlier write left at the seller, a draft, is removed there first."""
    if kind not in terms.ORDER_KINDS and kind != terms.line_kind(line):
        return give_up_draft(line, code, reason, claim=claim, calls=calls)
    return decline(line, code, reason, claim=claim, calls=calls, actor=actor)


def _send(
    claim: Claim, kind: str, intent: LineIntent, connection: Connection
) -> tuple[Answer, list[ExchangeRecord]]:
    answer, calls = call(connection, lambda dialect: dialect.send(kind, intent))
    claims.call_ended(claim, timed_out=answer.code == TIMED_OUT)
    return answer, calls


def _claiming(line: Line, kind: str, intent: LineIntent) -> Callable[[Campaign], claims.Opened]:
    def record(campaign: Campaign) -> claims.Opened:
        key = intent.idempotency_key
        if not Claim.objects.filter(key=key).exists():
            refuse_to_send(campaign, line)
        opened = claims.open_claim(
            flow=campaign,
            subject_id=campaign.pk if kind in terms.ORDER_KINDS else line.pk,
            kind=kind,
            target=line.seller.slug,
            key=key,
            payload_hash=terms.intent_hash(intent, kind),
            stop_checks_at=_stop_checks_at(line),
        )
        if opened.fresh:
            tell(campaign, line, "booking.submitted", {"kind": kind, "key": key})
        return opened

    return record


def _taking_over_refs(line: Line, claim: Claim) -> Callable[[Campaign], None]:
    """An order that an earlier line of this seller opened serves this line too."""

    def record(campaign: Campaign) -> None:
        row = lifecycle.lock(Line, line.pk)
        row.refs = {**claim.answer.get("refs", {}), **row.refs}
        row.save()

    return record


def _stop_checks_at(line: Line) -> dt.datetime:
    """When automatic checks of an unknown outcome end (reliability.md 6.4 step 5)."""
    ends = [now() + LONGEST_CHECKING, line.recommendation.quote_expires_at - STOP_BEFORE_EXPIRY]
    if window := replay_window(line.seller.dialect):
        ends.append(now() + window * SHARE_OF_WINDOW)
    return max(now() + dt.timedelta(minutes=1), min(ends))


def _keys_are_forgotten(line: Line, claim: Claim) -> bool:
    """After the window that the seller declares, the same key would be a new booking to it, not a replay."""
    window = replay_window(line.seller.dialect)
    return window is not None and now() >= claim.created_at + window * SHARE_OF_WINDOW


def _reconcile(
    work: Work, line: Line, claim: Claim, kind: str, intent: LineIntent, connection: Connection
) -> tuple[Answer, list[ExchangeRecord]]:
    """The call may have happened. Ask; only proof that it did not lets the same key go out again: the seller's, or
    our own where nothing ever left. Raises `CannotSend` when it may not go out any more."""
    calls: list[ExchangeRecord] = []
    if claim.state != ClaimState.NOT_SENT:
        answer, calls = call(connection, lambda dialect: dialect.find(kind, intent))
        if answer.outcome != Outcome.NOTHING:
            return answer, calls
        if wait := claims.still_at_work(claim):
            reason = "nothing is to be seen yet, and the call may still be at work there"
            return Answer(Outcome.UNKNOWN, "at_work", reason, retry_after=wait), calls
        if _keys_are_forgotten(line, claim):
            reason = "nothing is to be seen, but the seller no longer knows our key; a person must clear this"
            return Answer(Outcome.UNKNOWN, "replay_window_over", reason), calls
    try:
        first = work.commit(_resending(line, claim))
    except CannotSend as refusal:
        refusal.claim, refusal.calls = claim, calls
        raise
    if not first:
        return Answer(Outcome.UNKNOWN, "at_work", "another line is sending the same order"), calls
    answer, more = _send(claim, kind, intent, connection)
    return answer, [*calls, *more]


def _resending(line: Line, claim: Claim) -> Callable[[Campaign], bool]:
    def record(campaign: Campaign) -> bool:
        refuse_to_send(campaign, line)
        return claims.note_resend(claim)

    return record


def _judge(
    work: Work,
    line: Line,
    claim: Claim,
    kind: str,
    intent: LineIntent,
    answer: Answer,
    calls: list[ExchangeRecord],
) -> Done | Later | None:
    if answer.outcome == Outcome.DONE and _is_of_another_line(line, kind, answer):
        reason = "The seller answered with another booking of ours."
        return _ask_again(line, claim, replace(answer, outcome=Outcome.UNKNOWN, reason=reason), calls)
    if answer.outcome == Outcome.DONE:
        return _take(work, line, claim, kind, answer, calls)
    if answer.outcome == Outcome.REFUSED and answer.line_status not in LINE_LOST:
        return _not_booked(line, kind, answer.code, answer.reason, claim=claim, calls=calls)
    if answer.outcome == Outcome.REFUSED:
        return decline(line, answer.code, answer.reason, claim=claim, calls=calls)
    return _ask_again(line, claim, answer, calls)


def _is_of_another_line(line: Line, kind: str, answer: Answer) -> bool:
    """A seller that mixes up its answers must not make us lose sight of what it really booked for this line."""
    stated = {f"refs__{name}": answer.refs[name] for name in terms.OWN_REFERENCES if answer.refs.get(name)}
    if kind in terms.ORDER_KINDS or not stated:
        return False
    return line.campaign.lines.filter(seller_id=line.seller_id, **stated).exclude(pk=line.pk).exists()


def _take(
    work: Work, line: Line, claim: Claim, kind: str, answer: Answer, calls: list[ExchangeRecord]
) -> Done | Later | None:
    """The seller did it. Compare with what was approved before anything is called booked."""
    wrong = [] if kind in terms.ORDER_KINDS else terms.differences(line, answer.terms)
    if answer.line_status in LINE_LOST:
        return decline(line, answer.line_status, answer.reason, claim=claim, calls=calls)

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        claims.settle(claim, ClaimState.DONE, {"refs": dict(answer.refs), "status": answer.seller_status})
        row = lifecycle.lock(Line, line.pk)
        row.refs = {**row.refs, **answer.refs}
        row.seller_status = answer.seller_status
        row.note, row.attention = "", False
        if kind not in terms.ORDER_KINDS:
            row.confirmed = terms.terms_as_json(answer.terms)
        row.save()
        tell(
            campaign, line, "line.answered", {"kind": kind, "status": answer.seller_status, "refs": row.refs}
        )
        if wrong:
            reason = f"The seller answered with {', '.join(wrong)}."
            saga.want_cancelled(campaign, row, DIFFERS, reason, back_to_person=True)
            start_next(campaign, row.seller_id)
        else:
            move(campaign, row, answer)

    work.commit(record)
    return Done() if wrong else None


def _ask_again(line: Line, claim: Claim, answer: Answer, calls: list[ExchangeRecord]) -> Later:
    pause = max(claims.pause_after(claim), min(answer.retry_after or 0.0, LONGEST_BUSY))

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        note = claims.note_not_sent if answer.outcome == Outcome.NOT_SENT else claims.note_unknown
        note(claim, pause, f"{answer.outcome}: {answer.code} {answer.reason}")
        row = lifecycle.lock(Line, line.pk)
        row.attention = claim.state == ClaimState.ESCALATED
        row.note = _what_is_open(claim, answer)[:2000]
        row.save()
        event = "line.not_sent" if claim.state == ClaimState.NOT_SENT else "line.outcome_unknown"
        tell(campaign, row, event, {"checks": claim.checks, "said": answer.reason})
        if row.attention:
            start_next(campaign, row.seller_id)

    return Later(pause, answer.reason, record)


def _what_is_open(claim: Claim, answer: Answer) -> str:
    said = answer.reason or answer.code or "no clear answer"
    if claim.state == ClaimState.NOT_SENT:
        return f"Not sent yet ({said}). Trying again until the price expires."
    if claim.state == ClaimState.ESCALATED:
        return f"Outcome unknown ({said}). With operations; still being asked."
    return f"Outcome unknown ({said}). Asking the seller again."


def gave_up(campaign: Campaign, line_id: str, error: str) -> None:
    """The step died five times. The line stays as it is, its money stays reserved, ops are told."""
    row = lifecycle.lock(Line, line_id)
    row.attention = True
    row.note = f"Booking stopped: {error}. Operations can run it again."[:2000]
    row.save()
    tell(campaign, row, "line.needs_attention", {"error": error})
    start_next(campaign, row.seller_id)  # one stuck line holds up no other
