"""Rows of the operations list in plain words: what happened, what the product does by itself, what a person can do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.template.defaultfilters import pluralize
from django.utils.dateparse import parse_datetime

from bookings import seller_contact, terms
from bookings.cancelling_again import can_be_sent_again
from bookings.discrepancies import Declaration, Discrepancy, DiscrepancyKind
from bookings.models import Campaign, Line
from bookings.states import CompensationState, LineStatus
from flows.models import Claim, Step
from flows.states import ClaimState, StepState
from sellers.models import Seller

SHOWN_ANSWERS = 8  # of the seller's answers, newest first
KIND_WORDS = {"deal": "deal", "order": "order", "line": "line", "book": "booking", "cancel": "cancellation"}


@dataclass(frozen=True)
class Row:
    """One entry. Amounts are in `currency`; None where the reader may not see money. `acts` names what is offered."""

    kind: str
    key: str
    title: str
    badge: str
    tone: str
    happened: str
    does: str
    can: str
    since: dt.datetime | None = None
    url: str = ""
    client: str = ""
    seller: str = ""
    amount: Decimal | None = None
    currency: str = ""
    quote_expires_at: dt.datetime | None = None
    next_check_at: dt.datetime | None = None
    answers: tuple[tuple[dt.datetime | None, str], ...] = ()
    details: tuple[str, ...] = ()
    contact: str = ""
    acts: frozenset[str] = field(default_factory=frozenset)
    reference: str = ""  # the seller's id of what was found
    claim_id: str = ""
    line_id: str = ""
    step_id: str = ""
    discrepancy_id: str = ""
    seller_slug: str = ""


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 row, 2 rows."""
    plural = many or f"{one}s"
    return f"{number} {pluralize(number, f'{one},{plural}')}"


def of_claims(claims: Sequence[Claim], prices: bool) -> list[Row]:
    campaigns = campaigns_by_id([claim.flow_id for claim in claims])
    lines = _lines([claim.subject_id for claim in claims if claim.kind not in terms.ORDER_KINDS])
    names = dict(
        Seller.objects.filter(slug__in={claim.target for claim in claims}).values_list("slug", "name")
    )
    failed = can_be_sent_again(list(lines.values()))
    return [
        _of_claim(
            claim,
            campaigns[claim.flow_id],
            lines.get(claim.subject_id),
            names,
            prices,
            claim.kind == "cancel" and claim.subject_id in failed,
        )
        for claim in claims
        if claim.flow_id in campaigns
    ]


def _of_claim(
    claim: Claim, campaign: Campaign, line: Line | None, names: dict[str, str], prices: bool, failed: bool
) -> Row:
    escalated = claim.state == ClaimState.ESCALATED
    thing = KIND_WORDS.get(claim.kind, claim.kind)
    seller = names.get(claim.target, claim.target)
    cancelling = claim.kind == "cancel"
    question = seller_contact.ASK_CANCEL if cancelling else seller_contact.ASK_BOOKED
    return Row(
        kind="outcome",
        key=f"claim-{claim.pk}",
        title=f"{_thing(line) or f'The {thing}'} at {seller}",
        badge="Outcome unknown, with you" if escalated else "Outcome unknown, being asked",
        tone="bad" if escalated else "waiting",
        happened=f"We sent the {thing} and got no clear answer. "
        f"The seller has been asked {counted(claim.checks, 'time')} since.",
        does=_does_about(claim, cancelling),
        can=_can_about(cancelling, failed),
        since=claim.created_at,
        url=campaign.get_absolute_url(),
        client=f"{campaign.name}, {campaign.organization.name}",
        seller=seller,
        amount=line.cost if line and prices else None,
        currency=campaign.currency,
        quote_expires_at=line.recommendation.quote_expires_at if line else None,
        next_check_at=claim.next_check_at,
        answers=_answers(claim),
        contact=seller_contact.about_line(line, question, sent_at=claim.created_at, prices=prices)
        if line
        else "",
        acts=frozenset({"check"} if cancelling else {"check", "declare", "adopt"})
        | (frozenset() if escalated else {"confirm"})
        | (frozenset({"cancel-again"}) if failed else frozenset()),
        claim_id=str(claim.pk),
        line_id=str(line.pk) if line else "",
        seller_slug=claim.target,
    )


def _does_about(claim: Claim, cancelling: bool) -> str:
    pace = "every ten minutes, for ever" if claim.state == ClaimState.ESCALATED else "again and again"
    kept = "The line counts as booked until then." if cancelling else "Its money stays reserved."
    return f"The seller is asked {pace}; nothing is sent a second time unless it proves that nothing happened. {kept}"


def _can_about(cancelling: bool, failed: bool) -> str:
    if failed:
        return "Ask now, cancel again, or write to the seller. What it says is taken over by itself."
    if cancelling:
        return "Ask now, or write to the seller. What it says is taken over by itself."
    return (
        "Ask now; write to the seller; adopt what it has, by its id; or declare it not booked, which frees the money. "
        "What turns up after that is cancelled at the seller."
    )


def _answers(claim: Claim) -> tuple[tuple[dt.datetime | None, str], ...]:
    newest = reversed(claim.evidence[-SHOWN_ANSWERS:])
    return tuple((parse_datetime(str(one.get("at", ""))), str(one.get("said", ""))) for one in newest)


def of_lines(lines: Sequence[Line], prices: bool) -> list[Row]:
    dead, again = _dead_steps_of(lines), can_be_sent_again(lines)
    return [_of_line(line, prices, dead.get(str(line.pk)), line.pk in again) for line in lines]


def _of_line(line: Line, prices: bool, dead: Step | None, again: bool) -> Row:
    failed = line.undoing is not None and line.undoing.state == CompensationState.FAILED
    acts = {"run-again"} if dead else set()
    return Row(
        kind="line",
        key=f"line-{line.pk}",
        title=f"{_thing(line)} at {line.seller.name}",
        badge="Could not be cancelled" if failed else line.get_status_display(),
        tone="warn",
        happened=_happened_to(line, failed, prices),
        does=_does_about_line(line, failed and not dead),
        can=CAN_CANCEL_AGAIN if again else CAN_ABOUT_LINE,
        since=line.created_at,
        url=line.campaign.get_absolute_url(),
        client=f"{line.campaign.name}, {line.campaign.organization.name}",
        seller=line.seller.name,
        amount=line.cost if prices else None,
        currency=line.currency,
        contact=seller_contact.about_line(
            line, seller_contact.ASK_CANCEL if failed else seller_contact.ASK_CONFIRM, prices=prices
        ),
        acts=frozenset(acts | ({"cancel-again"} if again else set())),
        line_id=str(line.pk),
        step_id=str(dead.pk) if dead else "",
        seller_slug=line.seller.slug,
    )


def _happened_to(line: Line, failed: bool, prices: bool) -> str:
    if prices:
        return line.note or "It was marked for a look."
    unseen = "The note about it may name prices, which your role does not see."
    return f"It must not stand, and the seller has not cancelled it. {unseen}" if failed else unseen


def _does_about_line(line: Line, watched: bool) -> str:
    kept = (
        "It counts as booked until the seller shows it as cancelled."
        if line.status == LineStatus.BOOKED
        else "Its money stays reserved or committed until the seller's word changes that."
    )
    return f"The seller is looked at every ten minutes, and nothing more is sent. {kept}" if watched else kept


CAN_ABOUT_LINE = "Look at the campaign, write to the seller, then ask again or run the stopped step again."
CAN_CANCEL_AGAIN = (
    "Write to the seller, or cancel again. A cancellation agreed by telephone is noticed by itself."
)


def of_discrepancies(found: Sequence[Discrepancy], prices: bool) -> list[Row]:
    declared = _declared_claims(found)
    return [_of_discrepancy(row, prices, declared) for row in found]


def _of_discrepancy(row: Discrepancy, prices: bool, declared: dict[str, Declaration]) -> Row:
    line = row.line
    late = row.kind == DiscrepancyKind.LATE
    declaration = declared.get(str(line.pk)) if late and line else None
    question = seller_contact.ASK_CANCEL if late else seller_contact.ASK_RECORDS
    plain = row.kind == DiscrepancyKind.FOREIGN  # ids, no prices
    return Row(
        kind="discrepancy",
        key=f"discrepancy-{row.pk}",
        title=f"{row.get_kind_display()}: {row.reference}",
        badge=row.get_kind_display(),
        tone=row.tone,
        happened=row.summary,
        does=DOES[DiscrepancyKind(row.kind)],
        can=CAN[DiscrepancyKind(row.kind)],
        since=row.opened_at,
        url=line.campaign.get_absolute_url() if line else "",
        client=f"{line.campaign.name}, {line.campaign.organization.name}" if line else "",
        seller=row.seller.name,
        amount=line.cost if line and prices else None,
        currency=line.currency if line else "",
        details=tuple(str(one) for one in row.details) if prices or plain or late else (),
        contact=seller_contact.about_line(line, question, prices=prices) if line else "",
        acts=frozenset({"resolve", *(("keep",) if declaration else ())}),
        reference=row.reference,
        claim_id=str(declaration.claim_id) if declaration else "",
        discrepancy_id=str(row.pk),
        seller_slug=row.seller.slug,
    )


DOES = {
    DiscrepancyKind.LATE: "It is cancelled at the seller, and tried again for as long as it stands there.",
    DiscrepancyKind.DOUBLED: "Nothing: which of the two must go is yours to say. It is looked at every night.",
    DiscrepancyKind.UNKNOWN_OURS: "Nothing: what we do not know is never changed. It is looked at every night.",
    DiscrepancyKind.MISSING: "The line counts as booked, and is looked for every night.",
    DiscrepancyKind.STATE: "Our record stays as it is until somebody decides. It is looked at every night.",
    DiscrepancyKind.DIFFERS: "The approved terms stay in our records. It is looked at every night.",
    DiscrepancyKind.FOREIGN: "What does not carry our reference is never changed.",
}
CAN = {
    DiscrepancyKind.LATE: "Write to the seller if it refuses; or keep the booking, while its money is still free.",
    DiscrepancyKind.DOUBLED: "Have the seller cancel the extra one, then note here how it was cleared.",
    DiscrepancyKind.UNKNOWN_OURS: "Ask the seller who placed it, then note here how it was cleared.",
    DiscrepancyKind.MISSING: "Ask the seller where it went, then note here how it was cleared.",
    DiscrepancyKind.STATE: "Ask the seller why, then note here how it was cleared.",
    DiscrepancyKind.DIFFERS: "Have the seller restore the approved terms, then note here how it was cleared.",
    DiscrepancyKind.FOREIGN: "See whether a colleague placed it; note it here, and it stays quiet until that changes.",
}


def _thing(line: Line | None) -> str:
    return line.recommendation.product_name if line else ""


def campaigns_by_id(ids: Sequence[Any]) -> dict[Any, Campaign]:
    return Campaign.objects.select_related("organization").in_bulk(list(ids))


def _lines(ids: Sequence[Any]) -> dict[Any, Line]:
    rows = Line.objects.select_related("campaign__organization", "recommendation", "seller", "compensation")
    return rows.in_bulk(list(ids))


def _dead_steps_of(lines: Sequence[Line]) -> dict[str, Step]:
    keys = [str(line.pk) for line in lines]
    return {step.key: step for step in Step.objects.filter(key__in=keys, state=StepState.DEAD)}


def _declared_claims(found: Sequence[Discrepancy]) -> dict[str, Declaration]:
    """By line: the declarations that are still open."""
    campaigns = {row.line.campaign_id for row in found if row.line and row.kind == DiscrepancyKind.LATE}
    rows = Declaration.objects.filter(claim__flow_id__in=campaigns, ended_at__isnull=True)
    return {line: row for row in rows for line in row.lines}
