"""After a person declared an outcome not booked: the seller is asked on, and its word still wins.

What is found late is cancelled at the seller, under a claim of its own: the person has given the line back and its
money may be spent again. Where the seller refuses the cancellation, the finding stays with operations, who may keep
the booking if the money is still free. Nothing found is ever ignored (reliability.md 6.4 step 7).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from bookings import findings, terms
from bookings.discrepancies import Declaration, DiscrepancyKind
from bookings.flow import booking_flow
from bookings.line_record import call
from bookings.models import Campaign, Line
from bookings.settling import late_cancel_key
from bookings.states import LINE_LOST
from bookings.talk import keep_calls
from bookings.telling import tell
from flows import claims
from flows.clock import now
from flows.fingerprint import digest
from flows.models import Claim, Step
from flows.states import ClaimState
from flows.work import Done, Later, Work
from sellers.dialects.base import Answer, Outcome
from sellers.exchange import ExchangeRecord

OFTEN, SELDOM = 600.0, 6 * 3600.0  # seconds between two questions
OFTEN_FOR = dt.timedelta(hours=24)
# Before that, 'nothing there' may mean 'not there yet': this seller has already kept us waiting once.
PROOF_AFTER = dt.timedelta(hours=24)
ASK_UNTIL_AFTER_FLIGHT = dt.timedelta(days=1)
LONGEST_CANCELLING = dt.timedelta(hours=2)

Calls = list[ExchangeRecord]


def late_truth_given_up(campaign: Campaign, step: Step, error: str) -> None:
    """The step died. The nightly comparison goes on looking; operations see the dead step."""
    declaration = Declaration.objects.get(claim_id=step.key)
    for line in _lines(declaration):
        tell(campaign, line, "line.needs_attention", {"error": error})


@booking_flow.step(given_up=late_truth_given_up, after_the_end=True)
def late_truth(work: Work) -> Done | Later:
    """Once per declared claim, long after the campaign may have ended: is there something at the seller after all?"""
    declaration = Declaration.objects.select_related("claim").get(claim_id=work.key)
    if declaration.ended_at is not None:
        return Done()
    line = _first_line(declaration)
    if line is None:
        return _end(declaration, None, ClaimState.REFUSED, "No line was waiting for it.", [])
    if declaration.found:
        return _cancel(work, declaration, line)
    return _look(declaration, line)


def _lines(declaration: Declaration) -> list[Line]:
    rows = Line.objects.select_related("campaign", "recommendation", "seller").order_by("position")
    return list(rows.filter(pk__in=declaration.lines))


def _first_line(declaration: Declaration) -> Line | None:
    found = _lines(declaration)
    return found[0] if found else None


def _look(declaration: Declaration, line: Line) -> Done | Later:
    claim = declaration.claim
    intent = terms.intent_for(line, claim.kind)
    answer, calls = call(line.seller.connection(), lambda dialect: dialect.find(claim.kind, intent))
    if answer.outcome == Outcome.DONE:
        return _found(declaration, line, answer, calls)
    if answer.outcome == Outcome.REFUSED:
        return _end(declaration, line, ClaimState.REFUSED, "The seller says that it is not booked.", calls)
    if answer.outcome == Outcome.NOTHING and _proves_nothing_happened(declaration):
        return _end(declaration, line, ClaimState.REFUSED, "The seller has nothing for it.", calls)
    if now().date() > line.recommendation.end_date + ASK_UNTIL_AFTER_FLIGHT:
        return _end(declaration, line, ClaimState.REFUSED, "The flight is over and nothing came up.", calls)
    return _ask_later(declaration, line, answer, calls)


def _proves_nothing_happened(declaration: Declaration) -> bool:
    return now() - declaration.at >= PROOF_AFTER and not claims.still_at_work(declaration.claim)


def _ask_later(declaration: Declaration, line: Line, answer: Answer, calls: Calls) -> Later:
    pause = OFTEN if now() - declaration.at < OFTEN_FOR else SELDOM

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        claim = Claim.objects.get(pk=declaration.claim_id)
        claims.note_unknown(claim, pause, f"{answer.outcome}: {answer.code} {answer.reason}")

    return Later(pause, answer.reason, record)


def _found(declaration: Declaration, line: Line, answer: Answer, calls: Calls) -> Done | Later:
    if declaration.claim.kind in terms.ORDER_KINDS:
        said = "The seller has the order; without lines it binds nobody to anything."
        return _end(declaration, line, ClaimState.DONE, said, calls)
    if answer.line_status in LINE_LOST:
        said = f"The seller shows it as {answer.seller_status}."
        return _end(declaration, line, ClaimState.REFUSED, said, calls)

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        note_late(campaign, declaration, line, dict(answer.refs), answer.seller_status)

    return Later(0.0, "found after all", record)


def note_late(
    campaign: Campaign, declaration: Declaration, line: Line, refs: dict[str, str], status: str
) -> None:
    """Under the campaign's lock: what was declared not booked stands at the seller. Seen, told, never lost again."""
    declaration.found, declaration.found_at = {"refs": refs, "status": status}, now()
    declaration.save(update_fields=["found", "found_at"])
    findings.open_finding(line.seller, late_finding(declaration, line))
    tell(campaign, line, "line.late_truth", {"refs": refs, "status": status})


def late_reference(declaration: Declaration) -> str:
    """The seller's id of what was found."""
    refs = declaration.found["refs"]
    return str(refs.get("deal_id") or refs.get("line_id") or refs.get("order_id"))


def late_finding(declaration: Declaration, line: Line, *details: str) -> findings.Finding:
    reference = late_reference(declaration)
    summary = (
        f"{declaration.by_label} declared this line not booked at {declaration.at:%Y-%m-%d %H:%M} UTC; "
        f"the seller has it as {reference} ({declaration.found['status']}). It is being cancelled there."
    )
    return findings.Finding(DiscrepancyKind.LATE, reference, summary, details, line.pk)


def _cancel(work: Work, declaration: Declaration, line: Line) -> Done | Later:
    intent = terms.intent_for(line, "cancel")
    key = late_cancel_key(line, late_reference(declaration))
    intent = replace(intent, refs={**intent.refs, **declaration.found["refs"]}, idempotency_key=key)
    claim = work.commit(_claiming(line, key, dict(intent.refs)))
    connection = line.seller.connection()
    shown, calls = call(connection, lambda dialect: dialect.read(intent))
    if _is_gone(shown):
        return _taken_back(declaration, line, claim, calls)
    sent, more = call(connection, lambda dialect: dialect.cancel(intent))
    calls = [*calls, *more]
    if sent.line_status in LINE_LOST:
        return _taken_back(declaration, line, claim, calls)
    return _not_taken_back(declaration, line, claim, sent, calls)


def _is_gone(shown: Answer) -> bool:
    """Cancelled already, by an earlier call whose answer was lost perhaps."""
    return shown.outcome == Outcome.DONE and shown.line_status in LINE_LOST


def _claiming(line: Line, key: str, refs: dict[str, str]) -> Callable[[Campaign], Claim]:
    def record(campaign: Campaign) -> Claim:
        opened = claims.open_claim(
            flow=campaign,
            subject_id=line.pk,
            kind="cancel",
            target=line.seller.slug,
            key=key,
            payload_hash=digest({"cancel": key}),
            stop_checks_at=now() + LONGEST_CANCELLING,
        )
        if opened.fresh:
            tell(campaign, line, "compensation.sent", {"refs": refs, "why": "late truth"})
        return opened.claim

    return record


def _taken_back(declaration: Declaration, line: Line, claim: Claim, calls: Calls) -> Done:
    refs = declaration.found["refs"]

    def record(campaign: Campaign) -> None:
        claims.settle(claim, ClaimState.DONE, {"refs": refs})
        tell(campaign, line, "compensation.done", {"refs": refs, "why": "late truth"})
        for row in findings.open_rows(line.seller, DiscrepancyKind.LATE, [late_reference(declaration)]):
            findings.close(row, "Cancelled at the seller.")

    said = "It was booked after all, and has been cancelled at the seller."
    return _end(declaration, line, ClaimState.DONE, said, calls, record)


def _not_taken_back(
    declaration: Declaration, line: Line, claim: Claim, answer: Answer, calls: Calls
) -> Later:
    """The seller refuses, or cannot be heard: with operations, and tried again for as long as it stands there."""
    refused = answer.outcome == Outcome.REFUSED
    pause = SELDOM if refused else claims.pause_after(claim)
    said = answer.reason or answer.code or "no clear answer"

    def record(campaign: Campaign) -> None:
        keep_calls(campaign, line.seller, calls)
        first = claim.checks == 0
        claims.note_unknown(claim, pause, f"{answer.outcome}: {answer.code} {answer.reason}")
        word = "The seller refuses to cancel it" if refused else "Its cancellation is not confirmed"
        findings.open_finding(line.seller, late_finding(declaration, line, f"{word}: {said}"))
        if first:
            tell(campaign, line, "compensation.failed", {"reason": said, "code": answer.code})

    return Later(pause, said, record)


def _end(
    declaration: Declaration,
    line: Line | None,
    state: ClaimState,
    said: str,
    calls: Calls,
    and_then: Callable[[Campaign], None] | None = None,
) -> Done:
    """The seller has spoken; nobody needs to ask any more."""

    def record(campaign: Campaign) -> None:
        if line is not None:
            keep_calls(campaign, line.seller, calls)
            tell(campaign, line, "line.late_truth_ended", {"said": said})
        claim = Claim.objects.get(pk=declaration.claim_id)
        claims.settle(claim, state, {"refs": declaration.found.get("refs", {}), "said": said})
        declaration.ended_at, declaration.ending = now(), said[:200]
        declaration.save(update_fields=["ended_at", "ending"])
        if and_then is not None:
            and_then(campaign)

    return Done(record=record)
