"""Lines: written in Draft, read again after every write, because rate and cost are the seller's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planning.brief_delivery import EVEN
from planning.zones import UTC_NAME
from sellers.dialects.base import Answer, LineIntent, Outcome, SellerError, Terms
from sellers.dialects.opendirect.account import Account
from sellers.dialects.opendirect.answers import failed_read
from sellers.dialects.opendirect.avails import ends_at, starts_at
from sellers.dialects.opendirect.paging import collect
from sellers.dialects.opendirect.reading import entity, errors_of, line_status, state_reason
from sellers.dialects.values import (
    BadValue,
    amount,
    cpm,
    currency_code,
    day_or_none,
    identifier,
    prose,
    segment,
    whole_or_none,
)
from sellers.http import CallFailed, SellerHttp

COMMITTED = frozenset({"pending_booking", "booked", "in_flight", "paused", "finished", "change_pending"})
NOT_BOOKED = frozenset({"draft", "reserved", "pending_reservation"})
OVER = frozenset({"declined", "expired", "canceled", "stopped"})
CANCELABLE = frozenset({"reserved", "booked", "in_flight"})


def line_body(intent: LineIntent) -> dict[str, Any]:
    """The line as we create it (C19): volume and dates are ours, rate and cost what the person approved."""
    body: dict[str, Any] = {
        "name": intent.line_name[:200],
        "productid": intent.product_id,
        "startdate": starts_at(intent.flight_start, intent.timezone),
        "enddate": ends_at(intent.flight_end, intent.timezone),
        "ratetype": "CPM",
        "rate": intent.cpm,
        "qty": intent.impressions,
        "cost": intent.cost,
        "comment": intent.reference[:255],
        "providerdata": {"campaignid": intent.reference[:255], "campaignname": intent.campaign_name[:255]},
    }
    if intent.frequency_cap:
        body |= {
            "frequencycount": intent.frequency_cap.count,
            "frequencyinterval": intent.frequency_cap.interval,
        }
    if intent.pacing != EVEN:
        # The text has no field for it, and `specialinstructions` would hold the line back for a person (1.3).
        body["ext"] = {"pacing": intent.pacing}
    return body


def lines_path(account: Account, intent: LineIntent) -> str:
    return f"{account.path}/orders/{segment(intent.refs['order_id'])}/lines"


def line_path(account: Account, intent: LineIntent) -> str:
    return f"{lines_path(account, intent)}/{segment(intent.refs['line_id'])}"


async def find(http: SellerHttp, account: Account, intent: LineIntent) -> Answer:
    """Our line in the order, by our reference; by name and product where the seller keeps no reference."""
    try:
        listing = await collect(http, lines_path(account, intent), "lines", doing="Looking for the line")
    except SellerError as failed:
        return failed_read(failed)
    ours = [row for row in listing.items if is_ours(row, intent)]
    if len(ours) > 1:
        return Answer(Outcome.UNKNOWN, code="many_lines", reason=f"{len(ours)} lines carry our reference.")
    if ours:
        return answer_of(ours[0], intent)
    if not listing.complete:
        return Answer(
            Outcome.UNKNOWN, code="list_incomplete", reason="The list of lines could not be read to its end."
        )
    return Answer(Outcome.NOTHING, code="no_line", reason="The order has no line with our reference.")


def is_ours(row: Mapping[str, Any], intent: LineIntent) -> bool:
    provider = row.get("providerdata")
    stated = [provider.get("campaignid") if isinstance(provider, Mapping) else None, row.get("comment")]
    references = [reference for reference in stated if reference]
    if references:
        return intent.reference[:255] in references
    return row.get("name") == intent.line_name[:200] and row.get("productid") == intent.product_id


async def read(http: SellerHttp, account: Account, intent: LineIntent) -> Answer:
    """The line as the seller shows it now; UNKNOWN when it cannot be read."""
    try:
        reply = await http.read("GET", line_path(account, intent))
    except CallFailed as failed:
        return failed_read(failed)
    row = entity(reply, "line")
    if row is None:
        code, words = errors_of(reply)
        if reply.ok:
            return Answer(Outcome.UNKNOWN, code="bad_answer", reason="The seller's line cannot be read.")
        return Answer(
            Outcome.UNKNOWN, code=code, reason=words or f"Reading the line gave HTTP {reply.status}."
        )
    if row.get("id") != intent.refs["line_id"]:
        return Answer(Outcome.UNKNOWN, code="wrong_line", reason="The seller answered with another line.")
    return answer_of(row, intent)


def answer_of(row: Mapping[str, Any], intent: LineIntent) -> Answer:
    """What is there: DONE with status and terms, or UNKNOWN for a line or a status that we cannot read (C32)."""
    word = prose(row.get("bookingstatus"), 40)
    status = line_status(word)
    try:
        refs = {**intent.refs, "line_id": identifier(row.get("id"), "line id")}
        terms = terms_of(row, intent.currency, intent.timezone)
    except BadValue as wrong:
        return Answer(Outcome.UNKNOWN, code="bad_answer", reason=f"The seller's line is unreadable: {wrong}.")
    if not status:
        reason = f'The seller shows the status "{word}", which we do not know.'
        return Answer(Outcome.UNKNOWN, "unknown_status", reason, refs, word, terms=terms)
    return Answer(Outcome.DONE, "", state_reason(row), refs, word, status, terms)


def terms_of(row: Mapping[str, Any], currency: str, timezone: str = UTC_NAME) -> Terms:
    """Raises `BadValue`. A line carries no currency of its own: the order's holds."""
    ratetype = prose(row.get("ratetype"), 20)
    return Terms(
        product_id=None if row.get("productid") is None else identifier(row["productid"], "productid"),
        impressions=whole_or_none(row.get("qty", row.get("quantity")), "qty"),
        cpm=None
        if row.get("rate") is None or ratetype.upper() not in ("", "CPM")
        else cpm(row["rate"], "rate"),
        cost=None if row.get("cost") is None else amount(row["cost"], "cost"),
        currency=currency_code(row["currency"]) if row.get("currency") else currency,
        flight_start=day_or_none(row.get("startdate"), "startdate", timezone),
        flight_end=day_or_none(row.get("enddate"), "enddate", timezone),
    )
