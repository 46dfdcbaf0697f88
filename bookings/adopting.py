"""Looking at something that the seller is said to hold, and deciding whether it is what a person approved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from approvals.errors import Refused
from bookings import terms
from bookings.line_record import SAME_AS, call
from bookings.models import Campaign, Line
from bookings.states import LINE_LOST
from bookings.talk import ask
from flows.models import Claim
from sellers.dialects.base import (
    Answer,
    Connection,
    HeldLine,
    HeldLines,
    LineIntent,
    Outcome,
    SellerDialect,
    SellerError,
    Terms,
)
from sellers.dialects.registry import lists_lines

OUR_LINE = re.compile(r"\Afd-([0-9a-f]{32})\Z")
LONGEST_REFERENCE = 255
NOT_YET_BOOKED = ("draft", "reserved", "pending_reservation")
MATERIAL = ("product_id", "impressions", "flight_start", "flight_end")


@dataclass(frozen=True)
class Sighting:
    """What the seller showed under an id. `problem` says why nothing usable was seen; `bound` that the seller itself
    ties it to our quote or our reference, so that terms which it does not state are no reason for doubt."""

    line: Line
    reference: str
    refs: Mapping[str, str]
    seller_status: str = ""
    line_status: str = ""
    terms: Terms = field(default_factory=Terms)
    bound: bool = False
    problem: str = ""


def look(claim: Claim, reference: str) -> Sighting:
    """Read what the seller holds under `reference`: a deal, line or order id. Calls the seller; changes nothing.

    Raises `Refused` for an id that cannot be one, and when no line waits for the claim.
    """
    wanted = reference.strip()
    if not wanted or len(wanted) > LONGEST_REFERENCE or not wanted.isprintable():
        text = "Give the seller's id of the deal, line or order."
        raise Refused(400, "reference_required", text, field="reference")
    line = _line_for(claim)
    if claim.kind in terms.ORDER_KINDS:
        return _look_at_order(line, wanted)
    if lists_lines(line.seller.dialect):
        return _look_at_line(line, wanted)
    return _look_at_deal(line, claim.kind, wanted)


def _line_for(claim: Claim) -> Line:
    rows = Line.objects.select_related("campaign", "recommendation", "seller")
    if claim.kind in terms.ORDER_KINDS:
        line = rows.filter(campaign_id=claim.flow_id, seller__slug=claim.target).order_by("position").first()
    else:
        line = rows.filter(pk=claim.subject_id).first()
    if line is None:
        raise Refused(404, "not_found", "No line waits for this outcome.")
    return line


def _look_at_deal(line: Line, kind: str, reference: str) -> Sighting:
    intent = terms.intent_for(line, kind)
    wanted = replace(intent, refs={**intent.refs, "deal_id": reference})
    answer, _ = call(line.seller.connection(), lambda dialect: dialect.read(wanted))
    return _of_answer(line, reference, {"deal_id": reference}, answer)


def _of_answer(line: Line, reference: str, refs: Mapping[str, str], answer: Answer) -> Sighting:
    problem = "" if answer.outcome == Outcome.DONE else answer.reason or "The seller cannot be read."
    return Sighting(
        line,
        reference,
        {**refs, **answer.refs},
        seller_status=answer.seller_status,
        line_status=answer.line_status,
        terms=answer.terms,
        problem=problem,
    )


def _look_at_line(line: Line, reference: str) -> Sighting:
    order_id = line.refs.get("order_id", "")
    if not order_id:
        return Sighting(line, reference, {}, problem="The order of this line is not known yet.")
    try:
        held = _held_lines(line.seller.connection(), order_id, line)
    except SellerError as failed:
        return Sighting(line, reference, {}, problem=failed.message)
    row = next((one for one in held.lines if one.line_id == reference), None)
    if row is None:
        return Sighting(line, reference, {}, problem=f"Our order {order_id} has no line {reference}.")
    return of_held_line(line, row)


def _held_lines(connection: Connection, order_id: str, line: Line) -> HeldLines:
    timezone = line.campaign.timezone

    async def question(dialect: SellerDialect) -> HeldLines:
        return await dialect.held_lines(order_id, line.currency, timezone)

    held, _ = ask(connection, question)
    return held


def of_held_line(line: Line, row: HeldLine) -> Sighting:
    """A row of the seller's list, seen as the answer for `line`."""
    intent = terms.intent_for(line, "read")
    others = [mark for mark in row.marks if OUR_LINE.match(mark) and mark != intent.reference]
    problem = row.problem or (f"It carries the reference {others[0]} of another line." if others else "")
    return Sighting(
        line,
        row.line_id,
        {"order_id": row.order_id, "line_id": row.line_id},
        seller_status=row.seller_status,
        line_status=SAME_AS.get(row.line_status, row.line_status),
        terms=row.terms,
        bound=carries(row, intent),
        problem=problem,
    )


def carries(row: HeldLine, intent: LineIntent) -> bool:
    return intent.reference in row.marks


def _look_at_order(line: Line, reference: str) -> Sighting:
    async def question(dialect: SellerDialect) -> Sighting:
        held = await dialect.held_orders()
        row = next((one for one in held.orders if one.order_id == reference), None)
        if row is None:
            return Sighting(line, reference, {}, problem=f"Our account has no order {reference}.")
        name = terms.order_name(line)
        ours = name in (row.name, *row.marks)
        problem = "" if ours else f"Its name is {row.name!r}, not {name!r}."
        refs = {"order_id": row.order_id}
        return Sighting(line, reference, refs, seller_status=row.status, bound=ours, problem=problem)

    try:
        found, _ = ask(line.seller.connection(), question)
    except SellerError as failed:
        return Sighting(line, reference, {}, problem=failed.message)
    return found


def objections(claim: Claim, sighting: Sighting) -> list[str]:
    """Why this cannot be the answer of the claim, as sentences; empty when it is what was approved."""
    if sighting.problem:
        return [sighting.problem]
    if claim.kind in terms.ORDER_KINDS:
        return []
    found = []
    if sighting.line_status in LINE_LOST:
        found.append(f"The seller shows it as {sighting.seller_status}.")
    if claim.kind == "book" and sighting.line_status in NOT_YET_BOOKED:
        found.append(f"The seller shows it as {sighting.seller_status}: it is not booked.")
    if sighting.line_status == "":
        found.append(f"The seller's status {sighting.seller_status!r} is not known to us.")
    if taken := _belongs_to(sighting):
        found.append(f"It belongs to another line of ours, in {taken.name}.")
    found += [f"The seller says: {part}." for part in terms.differences(sighting.line, sighting.terms)]
    return found + ([] if sighting.bound else _unstated(sighting.terms))


def _belongs_to(sighting: Sighting) -> Campaign | None:
    name = "line_id" if "line_id" in sighting.refs else "deal_id"
    others = Line.objects.filter(seller_id=sighting.line.seller_id).exclude(pk=sighting.line.pk)
    owner = others.filter(**{f"refs__{name}": sighting.reference}).select_related("campaign").first()
    return owner.campaign if owner else None


def _unstated(stated: Terms) -> list[str]:
    """Typed in by hand and tied to us by nothing: then every material term must be stated and equal."""
    missing = [name for name in MATERIAL if getattr(stated, name) is None]
    if stated.cpm is None and stated.cost is None:
        missing.append("price")
    words = ", ".join(name.replace("_id", "").replace("_", " ") for name in missing)
    return [f"The seller does not state: {words}."] if missing else []
