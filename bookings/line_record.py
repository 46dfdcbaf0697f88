"""What is recorded of one line, and reading it: used while it is sent and while it is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bookings import saga, terms
from bookings.models import Campaign, Line
from bookings.outcome import settle_line, start_next
from bookings.states import LINE_LOST, LineStatus
from bookings.talk import ask, keep_calls, seller_actor
from bookings.telling import tell
from flows import claims, lifecycle
from flows.actors import SYSTEM_ACTOR, Actor
from flows.models import Claim
from flows.states import ClaimState
from flows.work import Done, Work
from sellers.dialects.base import Answer, Connection
from sellers.exchange import ExchangeRecord

# A seller whose flight begins early, or who is looked at late, never shows the line as merely booked.
SAME_AS = {
    "in_flight": LineStatus.BOOKED,
    "paused": LineStatus.BOOKED,
    "finished": LineStatus.BOOKED,
    "stopped": LineStatus.CANCELED,
}
GONE_CODES = frozenset({"quote_expired", "quote_not_found", "product_not_found", "not_found", "unavailable"})


def load(work: Work) -> Line:
    rows = Line.objects.select_related("campaign", "recommendation__campaign", "seller", "compensation")
    return rows.get(pk=work.key)


def call(connection: Connection, question: Callable[..., object]) -> tuple[Answer, list[ExchangeRecord]]:
    answer: Answer
    answer, calls = ask(connection, question)  # type: ignore[arg-type]
    return replace(answer, line_status=SAME_AS.get(answer.line_status, answer.line_status)), calls


def move(campaign: Campaign, row: Line, answer: Answer) -> None:
    """The line's status follows the seller's word; nothing else makes it booked."""
    if answer.line_status == LineStatus.BOOKED and row.status != LineStatus.BOOKED:
        row.confirmed_cost = terms.confirmed_cost(row, answer.terms)
        _apply(campaign, row, "book", answer)
        settle_line(campaign, row)
    elif answer.line_status == LineStatus.PENDING_BOOKING and row.status != LineStatus.PENDING_BOOKING:
        _apply(campaign, row, "accept", answer)
        saga.line_stands(campaign, row)
        start_next(campaign, row.seller_id)


def _apply(campaign: Campaign, row: Line, transition: str, answer: Answer) -> None:
    lifecycle.apply(
        row,
        transition,
        actor=seller_actor(row.seller),
        subject_type="line",
        correlation_id=campaign.correlation_id,
        payload={"campaign": str(campaign.pk), "refs": row.refs, "seller_status": answer.seller_status},
    )
    tell(campaign, row, "line.status_changed", {"to": row.status, "refs": row.refs, "note": row.note})


def decline(
    line: Line,
    code: str,
    reason: str,
    *,
    claim: Claim | None,
    calls: list[ExchangeRecord] | None = None,
    back_to_person: bool | None = None,
    actor: Actor | None = None,
) -> Done:
    """Not booked, and nothing stands at the seller for it. Gone or dearer goes back to the person.

    `actor` is who said no: the seller where a claim is settled, else we.
    """
    back = code in (*GONE_CODES, saga.POLICY) if back_to_person is None else back_to_person
    by = actor or (seller_actor(line.seller) if claim else SYSTEM_ACTOR)

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls or [])
        if claim is not None:
            claims.settle(claim, ClaimState.REFUSED, {"code": code, "reason": reason[:1000]})
        row = lifecycle.lock(Line, line.pk)
        if row.status not in LINE_LOST:  # else it was given up for another line's sake meanwhile
            record_declined(campaign, row, code, reason, back, by)

    return Done(record=record)


def record_declined(
    campaign: Campaign, row: Line, code: str, reason: str, back_to_person: bool, actor: Actor
) -> None:
    """Under the campaign's lock: the line ends, with everything that follows from it."""
    row.attention = False
    lifecycle.apply(
        row,
        "decline",
        actor=actor,
        subject_type="line",
        correlation_id=campaign.correlation_id,
        payload={"campaign": str(campaign.pk), "code": code, "reason": reason},
        code=code[:60],
        reason=reason,
        back_to_person=back_to_person,
    )
    tell(campaign, row, "line.status_changed", {"to": row.status, "code": code, "reason": reason})
    settle_line(campaign, row)


def give_up_draft(
    line: Line,
    code: str,
    reason: str,
    *,
    claim: Claim | None,
    calls: list[ExchangeRecord] | None = None,
) -> Done:
    """Not booked, but written down at the seller already: what stands there is removed first."""

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls or [])
        if claim is not None:
            claims.settle(claim, ClaimState.REFUSED, {"code": code, "reason": reason[:1000]})
        row = lifecycle.lock(Line, line.pk)
        if row.status not in LINE_LOST:
            back = code in GONE_CODES or code == saga.POLICY
            saga.want_cancelled(campaign, row, code, reason, back_to_person=back)
            start_next(campaign, row.seller_id)

    return Done(record=record)
