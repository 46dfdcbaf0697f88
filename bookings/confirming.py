"""After a line was sent: waiting for the seller's confirmation. What is not what was approved is taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from bookings import saga, terms
from bookings.line_record import call, decline, move
from bookings.models import Campaign, Line
from bookings.outcome import start_next
from bookings.states import LINE_LOST, LineStatus
from bookings.talk import keep_calls
from bookings.telling import tell
from flows import lifecycle
from flows.clock import now
from flows.work import Done, Later, Work
from sellers.dialects.base import Answer, Outcome
from sellers.exchange import ExchangeRecord

POLL_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
LONG_WAIT = dt.timedelta(hours=1)  # for a confirmation; then people should know, and we go on asking
DIFFERS = "differs"  # the code of a line that the seller did not take as it was approved
SETTLING = (LineStatus.BOOKED, *LINE_LOST)


def poll(work: Work, line: Line) -> Done | Later:
    intent = terms.intent_for(line, "read")
    answer, calls = call(line.seller.connection(), lambda dialect: dialect.read(intent))
    pause = POLL_PAUSES[min(work.step.visits - 1, len(POLL_PAUSES) - 1)]
    if answer.outcome != Outcome.DONE or answer.line_status not in SETTLING:
        return Later(pause, "waiting for the seller", _seen(line, answer, calls))
    if answer.line_status in LINE_LOST:
        reason = answer.reason or f"The seller says: {answer.seller_status}."
        return decline(line, answer.line_status, reason, claim=None, calls=calls, back_to_person=True)
    if wrong := terms.differences(line, answer.terms):
        return Done(record=_marking(line, wrong, calls))

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        row = lifecycle.lock(Line, line.pk)
        row.refs = {**row.refs, **answer.refs}
        row.seller_status = answer.seller_status
        row.confirmed = terms.terms_as_json(answer.terms)
        row.note, row.attention = "", False
        move(campaign, row, answer)

    return Done(record=record)


def _seen(line: Line, answer: Answer, calls: list[ExchangeRecord]) -> Callable[[Campaign], None]:
    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        row = lifecycle.lock(Line, line.pk)
        row.note, row.attention = _what_is_odd(row, answer)
        row.save()
        if answer.outcome == Outcome.DONE:
            move(campaign, row, answer)
        if row.attention:
            start_next(campaign, row.seller_id)

    return record


def _what_is_odd(line: Line, answer: Answer) -> tuple[str, bool]:
    """A note for people, and whether operations must look."""
    if answer.outcome != Outcome.DONE:
        return f"Seller cannot be read: {answer.reason}"[:2000], False
    if answer.line_status == "":
        return f"The seller's status {answer.seller_status!r} is not known to us.", True
    if now() - line.created_at > LONG_WAIT:
        return (
            f"The seller has not confirmed since {line.created_at:%Y-%m-%d %H:%M} UTC; ask it by other means.",
            True,
        )
    return "", False


def _marking(line: Line, wrong: list[str], calls: list[ExchangeRecord]) -> Callable[[Campaign], None]:
    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        row = lifecycle.lock(Line, line.pk)
        reason = f"The seller confirmed {', '.join(wrong)}."
        tell(campaign, row, "line.differs", {"note": reason})
        saga.want_cancelled(campaign, row, DIFFERS, reason, back_to_person=True)
        start_next(campaign, row.seller_id)

    return record
