"""The lines of our orders, and what no list shows, read by the id that the seller gave it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bookings import findings, terms
from bookings.adopting import OUR_LINE, Sighting, of_held_line
from bookings.comparing.acting import act_on, adopt_order
from bookings.comparing.judging import missing
from bookings.comparing.part import Part, bounded, foreign, unread_rows
from bookings.discrepancies import Comparison, DiscrepancyKind
from bookings.findings import Finding
from bookings.line_record import SAME_AS
from bookings.models import Campaign, Line
from bookings.states import LINE_LOST, LINE_TO_SEND, LineStatus
from bookings.talk import ask
from sellers.dialects.base import Answer, HeldLine, HeldLines, LineIntent, Outcome, SellerDialect, SellerError
from sellers.dialects.registry import lists_lines
from sellers.exchange import ExchangeRecord
from sellers.services import save_exchanges

ORDERS_A_PART, LINES_A_PART = 20, 10
GONE = frozenset({404, 410})


@dataclass(frozen=True)
class Asked:
    """One line, read by id. `gone`: the seller itself says that it has no such thing; silence says nothing."""

    line: Line
    refs: dict[str, str]
    answer: Answer
    gone: bool


@dataclass
class Reading:
    """What came of one conversation over several orders."""

    held: list[tuple[Campaign, dict[str, str], HeldLines]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    failed: list[SellerError] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        unread = len(self.failed) + sum(unread_rows(held) for _, _, held in self.held)
        return {
            "lines": sum(len(held.lines) for _, _, held in self.held),
            "unread": unread + unclear(self.asked),
        }


def unclear(asked: Sequence[Asked]) -> int:
    return sum(one.answer.outcome != Outcome.DONE and not one.gone for one in asked)


def read_lines(comparison: Comparison) -> Part:
    """The lines of the next orders; at the seller agent the deals that order records name. Raises `SellerError` when
    nothing of it could be read."""
    at = comparison.cursor["at"]
    chunk = comparison.orders[at : at + ORDERS_A_PART]
    after = at + len(chunk)
    more = after < len(comparison.orders)
    cursor = {"phase": "lines", "at": after} if more else {"phase": "known", "after": ""}
    if not chunk:
        return Part(cursor)
    if lists_lines(comparison.seller.dialect):
        return _lines_of_orders(comparison, chunk, cursor)
    return _deals_of_records(comparison, chunk, cursor)


def _lines_of_orders(comparison: Comparison, chunk: list[dict[str, str]], cursor: dict[str, Any]) -> Part:
    seller = comparison.seller
    campaigns = Campaign.objects.in_bulk([uuid.UUID(order["campaign"]) for order in chunk])
    held_by_us = _held_by_us(comparison, list(campaigns))
    reading = Reading()

    async def question(dialect: SellerDialect) -> None:
        for order in chunk:
            campaign = campaigns[uuid.UUID(order["campaign"])]
            try:
                held = await dialect.held_lines(order["order"], campaign.currency, campaign.timezone)
            except SellerError as failed:
                reading.failed.append(failed)
                continue
            reading.held.append((campaign, order, held))
            listed = {row.line_id for row in held.lines}
            # Lists leave things out; only the seller's own word about the line itself makes it missing.
            for line, intent in held_by_us.get(order["order"], []):
                if line.seller_reference not in listed:
                    reading.asked.append(await read_one(dialect, line, dict(line.refs), intent))

    _, calls = ask(seller.connection(), question)
    if reading.failed and not reading.held:
        raise reading.failed[-1]

    def record(row: Comparison) -> None:
        save_exchanges(seller.pk, calls, correlation_id=row.correlation_id, flow_id=row.pk)
        # In the order of campaigns, as every comparison does: two of them never wait for each other's locks.
        for campaign, order, held in sorted(reading.held, key=lambda one: one[0].pk.hex):
            _compare_order(row, campaign, order, held)
            for one in reading.asked:
                if one.line.refs.get("order_id") == order["order"]:
                    _compare_one(one, known=True)

    return Part(cursor, reading.counts, record=record)


def _held_by_us(
    comparison: Comparison, campaigns: list[uuid.UUID]
) -> dict[str, list[tuple[Line, LineIntent]]]:
    """Lines that we believe to stand at the seller, by the seller's order id."""
    rows = Line.objects.filter(seller=comparison.seller, campaign__in=campaigns)
    rows = rows.exclude(status__in=(*LINE_LOST, *LINE_TO_SEND))
    found: dict[str, list[tuple[Line, LineIntent]]] = {}
    for line in rows.select_related("campaign", "recommendation", "seller"):
        if line.seller_reference:
            pair = (line, terms.intent_for(line, "read"))
            found.setdefault(str(line.refs.get("order_id", "")), []).append(pair)
    return found


async def read_one(dialect: SellerDialect, line: Line, refs: dict[str, str], intent: LineIntent) -> Asked:
    before = len(dialect.http.exchanges)
    answer = await dialect.read(replace(intent, refs=refs))
    calls = dialect.http.exchanges[before:]
    return Asked(line, refs, answer, gone=bool(calls) and calls[-1].status in GONE)


def _compare_order(
    comparison: Comparison, campaign: Campaign, order: dict[str, str], held: HeldLines
) -> None:
    seller = comparison.seller
    adopt_order(campaign, order, seller.slug)
    rows = Line.objects.filter(campaign=campaign, seller=seller)
    lines = {row.pk: row for row in rows.select_related("campaign", "recommendation", "seller")}
    seen: dict[uuid.UUID, list[Sighting]] = {}
    others: list[str] = []
    unknown: list[Finding] = []
    for row in held.lines:
        pk = _line_of_row(row, lines)
        if pk is not None:
            seen.setdefault(pk, []).append(of_held_line(lines[pk], row))
        elif mark := next((text for text in row.marks if OUR_LINE.match(text)), ""):
            said = (
                f"The line {row.line_id} carries our reference {mark}, which is no line of {campaign.name}."
            )
            unknown.append(Finding(DiscrepancyKind.UNKNOWN_OURS, row.line_id, said))
        else:
            others.append(row.line_id)
    where = f"lines in our order {order['order']} of {campaign.name}"
    for finding in [*bounded(order["order"], unknown), *foreign(order["order"], where, others)]:
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


def _deals_of_records(comparison: Comparison, chunk: list[dict[str, str]], cursor: dict[str, Any]) -> Part:
    """Deals that order records name for lines of ours, and that we do not know under this id."""
    rows = Line.objects.select_related("campaign", "recommendation", "seller")
    lines = rows.in_bulk([uuid.UUID(order["line"]) for order in chunk])
    named = [(lines[uuid.UUID(order["line"])], order["deal"]) for order in chunk]
    wanted = [(line, {"deal_id": deal}) for line, deal in named if line.refs.get("deal_id") != deal]
    return _read_each(comparison, wanted, cursor, known=False)


def read_known(comparison: Comparison) -> Part:
    """What we hold at this seller and no list has shown."""
    today = comparison.created_at.date()
    rows = Line.objects.filter(seller=comparison.seller, recommendation__end_date__gte=today)
    rows = rows.exclude(status__in=LINE_TO_SEND).order_by("pk")
    if comparison.cursor["after"]:
        rows = rows.filter(pk__gt=uuid.UUID(comparison.cursor["after"]))
    chunk = list(rows.select_related("campaign", "recommendation", "seller")[:LINES_A_PART])
    if not chunk:
        return Part({"phase": "end"})
    listed = {order.get("order") for order in comparison.orders}
    unseen = [
        line for line in chunk if line.seller_reference and line.refs.get("order_id", "-") not in listed
    ]
    wanted = [(line, dict(line.refs)) for line in unseen]
    return _read_each(comparison, wanted, {"phase": "known", "after": str(chunk[-1].pk)}, known=True)


def _read_each(
    comparison: Comparison, wanted: list[tuple[Line, dict[str, str]]], cursor: dict[str, Any], *, known: bool
) -> Part:
    seller = comparison.seller
    asked: list[Asked] = []
    intents = [(line, refs, terms.intent_for(line, "read")) for line, refs in wanted]

    async def question(dialect: SellerDialect) -> None:
        for line, refs, intent in intents:
            asked.append(await read_one(dialect, line, refs, intent))

    calls: list[ExchangeRecord] = []
    if intents:
        _, calls = ask(seller.connection(), question)

    def record(row: Comparison) -> None:
        save_exchanges(seller.pk, calls, correlation_id=row.correlation_id, flow_id=row.pk)
        for one in sorted(asked, key=lambda one: one.line.campaign_id.hex):
            _compare_one(one, known=known)

    return Part(cursor, {"lines": len(asked), "unread": unclear(asked)}, record=record)


def _compare_one(one: Asked, *, known: bool) -> None:
    line, answer = one.line, one.answer
    line.refresh_from_db()  # it may have been settled while the seller was read
    if one.gone and known and line.status not in LINE_LOST:
        findings.open_finding(line.seller, missing(line))
    if answer.outcome != Outcome.DONE:
        return
    sighting = Sighting(
        line,
        str(one.refs.get("deal_id") or one.refs.get("line_id") or ""),
        {**one.refs, **answer.refs},
        seller_status=answer.seller_status,
        line_status=SAME_AS.get(answer.line_status, answer.line_status),
        terms=answer.terms,
        bound=known,  # anybody can write an order record: there the deal itself must state everything
    )
    if known:
        act_on(line, [sighting])
    elif sighting.line_status not in LINE_LOST:
        act_on(line, [*_own(line), sighting])


def _own(line: Line) -> list[Sighting]:
    """The deal that we know, beside another one for the same quote. Its terms are compared elsewhere."""
    if line.status not in (LineStatus.BOOKED, LineStatus.PENDING_BOOKING):
        return []
    return [Sighting(line, line.seller_reference, line.refs, line_status=LineStatus.BOOKED)]
