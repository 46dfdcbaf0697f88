"""The parts of a comparison: each reads a bounded piece of one seller's records and says what to keep of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from approvals.errors import Refused
from bookings import findings, settling, terms
from bookings.adopting import OUR_LINE, Sighting, objections, of_held_line
from bookings.discrepancies import Comparison, Declaration, DiscrepancyKind
from bookings.findings import Finding
from bookings.judging import judge, missing
from bookings.late_truth import note_late
from bookings.line_record import SAME_AS
from bookings.models import Campaign, Line, Recommendation
from bookings.states import LINE_LOST, LineStatus
from bookings.talk import ask
from flows import lifecycle, steps
from flows.actors import SYSTEM_ACTOR
from flows.models import Claim
from flows.states import UNSETTLED_CLAIMS
from sellers.dialects.base import (
    Answer,
    HeldLine,
    HeldLines,
    HeldOrder,
    HeldOrders,
    Outcome,
    SellerDialect,
    SellerError,
)
from sellers.dialects.registry import lists_lines
from sellers.exchange import ExchangeRecord
from sellers.services import save_exchanges

OUR_ORDER = re.compile(r"\AFD ([0-9a-f]{12}) ")
ORDERS_A_PART, LINES_A_PART = 20, 10
IDS_A_QUERY = 500
MOST_NAMED = 20  # foreign things that are named; the rest is counted
GONE = frozenset({404, 410})


@dataclass(frozen=True)
class Part:
    """What one visit read. `record` runs in the step's transaction; `orders` replaces the run's list, if given."""

    cursor: dict[str, Any]
    counts: dict[str, int] = field(default_factory=dict)
    orders: list[dict[str, str]] | None = None
    record: Callable[[Comparison], None] = lambda comparison: None


# --- orders ------------------------------------------------------------------------------------------------------


def read_orders(comparison: Comparison) -> Part:
    """The list of orders, sorted into ours and others'. Raises `SellerError` when it cannot be read at all."""
    seller = comparison.seller

    async def question(dialect: SellerDialect) -> HeldOrders:
        return await dialect.held_orders()

    held, calls = ask(seller.connection(), question)
    ours, found = (
        _our_orders(comparison, held) if lists_lines(seller.dialect) else _our_deals(comparison, held)
    )

    def record(row: Comparison) -> None:
        save_exchanges(seller.pk, calls, correlation_id=row.correlation_id, flow_id=row.pk)
        for finding in found:
            findings.open_finding(seller, finding)

    counts = {"orders": len(held.orders), "unread": len(_unreadable(held)) + (not held.complete)}
    return Part({"phase": "lines", "at": 0}, counts, ours, record)


def _unreadable(held: HeldOrders | HeldLines) -> list[Any]:
    return [row for row in held.skipped if row.reason != "duplicate"]


def _our_orders(comparison: Comparison, held: HeldOrders) -> tuple[list[dict[str, str]], list[Finding]]:
    campaigns = _campaigns_at(comparison)
    ours, found, foreign, names = [], [], [], set()
    for order in held.orders:
        mark = next((match[1] for text in (order.name, *order.marks) if (match := OUR_ORDER.match(text))), "")
        if not mark:
            foreign.append(order.order_id)
        elif mark not in campaigns:
            said = f"The order {order.order_id} ({order.name[:100]}) carries our mark; no campaign of ours has it."
            found.append(Finding(DiscrepancyKind.UNKNOWN_OURS, order.order_id, said))
        else:
            if mark in names:
                said = f"The order {order.order_id} ({order.name[:100]}) stands at the seller a second time."
                found.append(Finding(DiscrepancyKind.DOUBLED, order.order_id, said))
            names.add(mark)
            ours.append({"order": order.order_id, "campaign": campaigns[mark], "status": order.status[:40]})
    return ours, found + _foreign("account", "orders in our account", foreign)


def _campaigns_at(comparison: Comparison) -> dict[str, str]:
    """Campaigns with lines at this seller, by the twelve digits of their id that our order names carry."""
    ids = Line.objects.filter(seller=comparison.seller).order_by().values_list("campaign_id", flat=True)
    return {pk.hex[:12]: str(pk) for pk in ids.distinct().iterator()}


def _foreign(reference: str, where: str, ids: Sequence[str]) -> list[Finding]:
    if not ids:
        return []
    said = f"{len(ids)} {where} carry no reference of ours. Somebody else may have booked them for us."
    named = [f"{one[:100]}" for one in sorted(ids)[:MOST_NAMED]]
    return [Finding(DiscrepancyKind.FOREIGN, reference, said, tuple(named))]


def _our_deals(comparison: Comparison, held: HeldOrders) -> tuple[list[dict[str, str]], list[Finding]]:
    """Order records are open to everybody: ours are those with our reference, or for a quote of ours."""
    lines = _lines_by_quote(comparison, held.orders)
    ours, found = [], []
    for order in held.orders:
        mark = next((match[1] for text in order.marks if (match := OUR_LINE.match(text))), "")
        line = _line_of_mark(comparison, mark) if mark else lines.get(order.quote_id, "")
        if mark and not line:
            said = f"The order record {order.order_id} carries our mark; no line of ours has it."
            found.append(Finding(DiscrepancyKind.UNKNOWN_OURS, order.order_id, said))
        if line and order.deal_id:
            ours.append({"deal": order.deal_id, "line": line})
    return ours, found


def _lines_by_quote(comparison: Comparison, orders: Iterable[HeldOrder]) -> dict[str, str]:
    quotes = sorted({order.quote_id for order in orders if order.quote_id})
    found: dict[str, str] = {}
    for at in range(0, len(quotes), IDS_A_QUERY):
        rows = Recommendation.objects.filter(
            seller=comparison.seller, quote_id__in=quotes[at : at + IDS_A_QUERY]
        )
        known = rows.exclude(line=None).values_list("quote_id", "line__pk")
        found |= {quote: str(pk) for quote, pk in known}
    return found


def _line_of_mark(comparison: Comparison, mark: str) -> str:
    line = Line.objects.filter(pk=uuid.UUID(mark), seller=comparison.seller).first()
    return str(line.pk) if line else ""


# --- lines ---------------------------------------------------------------------------------------------------------


def read_lines(comparison: Comparison) -> Part:
    """The lines of the next orders; at the seller agent the deals that order records name."""
    at = comparison.cursor["at"]
    chunk = comparison.orders[at : at + ORDERS_A_PART]
    after = at + len(chunk)
    cursor = (
        {"phase": "lines", "at": after} if after < len(comparison.orders) else {"phase": "known", "after": ""}
    )
    if not chunk:
        return Part(cursor)
    if lists_lines(comparison.seller.dialect):
        return _lines_of_orders(comparison, chunk, cursor)
    return _deals_of_records(comparison, chunk, cursor)


def _lines_of_orders(comparison: Comparison, chunk: list[dict[str, str]], cursor: dict[str, Any]) -> Part:
    seller = comparison.seller
    campaigns = Campaign.objects.in_bulk([uuid.UUID(order["campaign"]) for order in chunk])
    reading = Reading()

    async def question(dialect: SellerDialect) -> None:
        for order in chunk:
            campaign = campaigns[uuid.UUID(order["campaign"])]
            try:
                held = await dialect.held_lines(order["order"], campaign.currency)
            except SellerError as failed:
                reading.unread(order["order"], failed.message)
                continue
            reading.held.append((campaign, order, held))

    _, calls = ask(seller.connection(), question)

    def record(row: Comparison) -> None:
        save_exchanges(seller.pk, calls, correlation_id=row.correlation_id, flow_id=row.pk)
        for campaign, order, held in reading.held:
            _compare_order(row, campaign, order, held)

    unread = len(reading.failed) + sum(
        len(_unreadable(held)) + (not held.complete) for _, _, held in reading.held
    )
    counts = {"lines": sum(len(held.lines) for _, _, held in reading.held), "unread": unread}
    return Part(cursor, counts, record=record)


@dataclass
class Reading:
    """What came of one conversation over several orders."""

    held: list[tuple[Campaign, dict[str, str], HeldLines]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def unread(self, reference: str, why: str) -> None:
        self.failed.append((reference, why))


def _compare_order(
    comparison: Comparison, campaign: Campaign, order: dict[str, str], held: HeldLines
) -> None:
    seller = comparison.seller
    _adopt_order(campaign, order, seller.slug)
    rows = Line.objects.filter(campaign=campaign, seller=seller)
    lines = {row.pk: row for row in rows.select_related("campaign", "recommendation", "seller")}
    seen: dict[uuid.UUID, list[Sighting]] = {}
    foreign: list[str] = []
    for row in held.lines:
        pk = _line_of_row(row, lines)
        if pk is not None:
            seen.setdefault(pk, []).append(of_held_line(lines[pk], row))
        elif mark := next((text for text in row.marks if OUR_LINE.match(text)), ""):
            said = (
                f"The line {row.line_id} carries our reference {mark}, which is no line of {campaign.name}."
            )
            findings.open_finding(seller, Finding(DiscrepancyKind.UNKNOWN_OURS, row.line_id, said))
        else:
            foreign.append(row.line_id)
    where = f"lines in our order {order['order']} of {campaign.name}"
    for finding in _foreign(order["order"], where, foreign):
        findings.open_finding(seller, finding)
    for pk, sightings in seen.items():
        act_on(lines[pk], sightings)


def _line_of_row(row: HeldLine, lines: dict[uuid.UUID, Line]) -> uuid.UUID | None:
    """Ours by reference; by name and product where the seller kept no reference (as reconciliation finds it)."""
    marks = [match[1] for text in row.marks if (match := OUR_LINE.match(text))]
    if row.marks:
        return next((pk for mark in marks if (pk := uuid.UUID(mark)) in lines), None)
    named = [pk for pk, line in lines.items() if row.name.startswith(f"{line.pk.hex[:12]} ")]
    return named[0] if named else None


def _adopt_order(campaign: Campaign, order: dict[str, str], slug: str) -> None:
    """The answer to our creating the order was lost: here it is."""
    claim = Claim.objects.filter(
        flow_id=campaign.pk, kind__in=terms.ORDER_KINDS, target=slug, state__in=UNSETTLED_CLAIMS
    ).first()
    line = campaign.lines.filter(seller__slug=slug).first()
    if claim is None or line is None:
        return
    refs = {"order_id": order["order"]}
    sighting = Sighting(line, order["order"], refs, seller_status=order["status"], bound=True)
    _adopt(claim, sighting)


def act_on(line: Line, seen: Sequence[Sighting]) -> None:
    """Keep what was found; give a lost answer to its claim; tell the watch over a declared line."""
    verdict = judge(line, seen)
    declared = None
    if verdict.late is not None:
        declared = _declaration_of(line)
    if declared is not None and verdict.late is not None:
        _late(declared, line, verdict.late)
        return
    for finding in verdict.findings:
        findings.open_finding(line.seller, finding)
    if verdict.lost_answer is not None:
        _lost_answer(line, verdict.lost_answer)


def _declaration_of(line: Line) -> Declaration | None:
    rows = Declaration.objects.filter(claim__flow_id=line.campaign_id).select_related("claim")
    return next((row for row in rows if str(line.pk) in row.lines), None)


def _late(declaration: Declaration, line: Line, sighting: Sighting) -> None:
    campaign = lifecycle.lock(Campaign, line.campaign_id)
    if not declaration.found or declaration.ended_at is not None:
        declaration.ended_at, declaration.ending = None, ""
        declaration.save(update_fields=["ended_at", "ending"])
        note_late(campaign, declaration, line, dict(sighting.refs), sighting.seller_status)
    steps.reopen(campaign, "late_truth", str(declaration.claim_id))
    steps.hurry(campaign, "late_truth", str(declaration.claim_id))


def _lost_answer(line: Line, sighting: Sighting) -> None:
    claim = (
        Claim.objects.filter(subject_id=line.pk, state__in=UNSETTLED_CLAIMS).exclude(kind="cancel").first()
    )
    if claim is None:
        return
    if objections(claim, sighting):
        steps.hurry(line.campaign, "book", str(line.pk))  # reconciliation takes back what differs
        return
    _adopt(claim, sighting)


def _adopt(claim: Claim, sighting: Sighting) -> None:
    try:
        settling.adopt(claim_id=claim.pk, actor=SYSTEM_ACTOR, sighting=sighting)
    except Refused:
        return  # settled or declared meanwhile: the next run sees what became of it


# --- deals and lines that no list shows ------------------------------------------------------------------------------


def _deals_of_records(comparison: Comparison, chunk: list[dict[str, str]], cursor: dict[str, Any]) -> Part:
    """Deals that order records name for lines of ours and that we do not know under this id."""
    lines = _lines([uuid.UUID(order["line"]) for order in chunk])
    wanted = [
        (lines[uuid.UUID(order["line"])], {"deal_id": order["deal"]})
        for order in chunk
        if lines[uuid.UUID(order["line"])].refs.get("deal_id") != order["deal"]
    ]
    return _read_each(comparison, wanted, cursor, known=False)


def read_known(comparison: Comparison) -> Part:
    """What we hold at this seller and no list has shown: each line is read by the id that the seller gave it."""
    rows = Line.objects.filter(
        seller=comparison.seller, recommendation__end_date__gte=comparison.created_at.date()
    )
    rows = rows.exclude(status__in=(LineStatus.DRAFT, LineStatus.RESERVED)).order_by("pk")
    if comparison.cursor["after"]:
        rows = rows.filter(pk__gt=uuid.UUID(comparison.cursor["after"]))
    chunk = list(rows.select_related("campaign", "recommendation", "seller")[:LINES_A_PART])
    if not chunk:
        return Part({"phase": "end"})
    wanted = [(line, dict(line.refs)) for line in chunk if line.seller_reference]
    return _read_each(comparison, wanted, {"phase": "known", "after": str(chunk[-1].pk)}, known=True)


def _lines(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Line]:
    return Line.objects.select_related("campaign", "recommendation", "seller").in_bulk(list(ids))


def _read_each(
    comparison: Comparison, wanted: list[tuple[Line, dict[str, str]]], cursor: dict[str, Any], *, known: bool
) -> Part:
    seller = comparison.seller
    answers: list[tuple[Line, dict[str, str], Answer, bool]] = []

    async def question(dialect: SellerDialect) -> None:
        for line, refs in wanted:
            before = len(dialect.http.exchanges)
            answer = await dialect.read(replace(terms.intent_for(line, "read"), refs=refs))
            answers.append((line, refs, answer, _is_gone(dialect.http.exchanges[before:])))

    calls: list[ExchangeRecord] = []
    if wanted:
        _, calls = ask(seller.connection(), question)

    def record(row: Comparison) -> None:
        save_exchanges(seller.pk, calls, correlation_id=row.correlation_id, flow_id=row.pk)
        for line, refs, answer, gone in answers:
            line.refresh_from_db()
            _compare_one(line, refs, answer, gone=gone, known=known)

    unread = sum(answer.outcome != Outcome.DONE and not gone for _, _, answer, gone in answers)
    return Part(cursor, {"lines": len(answers), "unread": unread}, record=record)


def _is_gone(calls: Sequence[ExchangeRecord]) -> bool:
    """The seller itself says that it has no such thing; silence and errors say nothing."""
    return bool(calls) and calls[-1].status in GONE


def _compare_one(line: Line, refs: dict[str, str], answer: Answer, *, gone: bool, known: bool) -> None:
    if gone and known and line.status not in LINE_LOST:
        findings.open_finding(line.seller, missing(line))
    if answer.outcome != Outcome.DONE:
        return
    reference = str(refs.get("deal_id") or refs.get("line_id") or "")
    sighting = Sighting(
        line,
        reference,
        {**refs, **answer.refs},
        seller_status=answer.seller_status,
        line_status=SAME_AS.get(answer.line_status, answer.line_status),
        terms=answer.terms,
        bound=True,
    )
    if known:
        act_on(line, [sighting])
    else:
        _act_on_other_deal(line, sighting)


def _act_on_other_deal(line: Line, sighting: Sighting) -> None:
    """A deal for our quote under an id that we do not know: the lost answer of an open line, or a second booking."""
    if sighting.line_status in LINE_LOST:
        return
    own = Sighting(line, line.seller_reference, line.refs, line_status=LineStatus.BOOKED)
    act_on(
        line,
        [own, sighting] if line.status in (LineStatus.BOOKED, LineStatus.PENDING_BOOKING) else [sighting],
    )
