"""The commits of OpenDirect: order, line, book; and cancelling. Each is sent once and read back (C20, C21)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sellers.dialects.base import Answer, Connection, LineIntent, Outcome, SellerError
from sellers.dialects.opendirect import lines, orders
from sellers.dialects.opendirect.account import Account
from sellers.dialects.opendirect.answers import failed_write, not_started, refused_or_unknown
from sellers.dialects.opendirect.reading import entity, error_of
from sellers.dialects.values import prose, segment
from sellers.http import CallFailed, Reply, SellerHttp


async def create_order(
    http: SellerHttp, connection: Connection, account: Account, intent: LineIntent
) -> Answer:
    """The campaign's order: adopted when it is there already (several lines share it), else created."""
    asked = http.ahead(_publisher_of(http, connection, intent.product_id))
    present = await orders.find(http, account, intent)
    if present.outcome is not Outcome.NOTHING:
        return _not_written(present)
    try:
        publisher = await asked
    except SellerError as failed:
        return not_started(failed)
    body = orders.order_body(intent, connection, account, publisher)
    try:
        return orders.classify_create(await http.write("POST", f"{account.path}/orders", body))
    except CallFailed as failed:
        return failed_write(failed)


async def create_line(http: SellerHttp, account: Account, intent: LineIntent) -> Answer:
    """The line in Draft, as the seller saved it: its rate and cost may differ from what we sent.

    Adopted when it is there already: after a restore from a backup we know less than the seller does, and this wire
    has no idempotency keys.
    """
    present = await lines.find(http, account, intent)
    if present.outcome is not Outcome.NOTHING:
        return _not_written(present)
    try:
        reply = await http.write("POST", lines.lines_path(account, intent), lines.line_body(intent))
    except CallFailed as failed:
        return failed_write(failed)
    if not reply.ok:
        return refused_or_unknown(reply)
    row = entity(reply, "line")
    line_id = str(row["id"]) if row else reply.headers.get("location", "").rstrip("/").rsplit("/", 1)[-1]
    if not line_id:
        return Answer(Outcome.UNKNOWN, code="bad_answer", reason="The seller's answer names no line.")
    return await lines.read(http, account, replace(intent, refs={**intent.refs, "line_id": line_id}))


def _not_written(present: Answer) -> Answer:
    """What was found, adopted; or, if that could not be seen, safe to come again: nothing was written."""
    return replace(present, outcome=Outcome.NOT_SENT) if present.outcome is Outcome.UNKNOWN else present


async def book(http: SellerHttp, connection: Connection, account: Account, intent: LineIntent) -> Answer:
    """`?book`, then what the line says. Booked at once and PendingBooking are both fine (C27)."""
    reply = await _act(http, connection, account, intent, "book")
    if isinstance(reply, Answer):
        return reply
    if reply.ok:
        return booked(await lines.read(http, account, intent))
    refused = refused_or_unknown(reply)
    if reply.status == 400:
        # 400 also means 'not from this state': a line that is booked already is no refusal.
        now = await lines.read(http, account, intent)
        return now if now.line_status in lines.COMMITTED else refused
    return refused


def booked(line: Answer) -> Answer:
    """A line read after `?book` (or in doubt about it) as the outcome of the booking."""
    if line.outcome is not Outcome.DONE or line.line_status in lines.COMMITTED:
        return line
    if line.line_status in lines.OVER:
        reason = line.reason or f"The seller shows the line as {line.seller_status}."
        return replace(line, outcome=Outcome.REFUSED, code=line.line_status, reason=reason)
    return replace(
        line, outcome=Outcome.NOTHING, code="not_booked", reason=f"The line is still {line.seller_status}."
    )


async def cancel(http: SellerHttp, connection: Connection, account: Account, intent: LineIntent) -> Answer:
    """`?cancel` where the state allows it, DELETE for a draft; elsewhere nothing is sent (C31)."""
    line = await lines.read(http, account, intent)
    if line.outcome is not Outcome.DONE or line.line_status in ("canceled", "stopped"):
        return line
    if line.line_status == "draft":
        return await _delete(http, account, intent)
    if line.line_status not in lines.CANCELABLE:
        reason = f"A line that is {line.seller_status} cannot be cancelled at the seller."
        return replace(line, outcome=Outcome.REFUSED, code="not_cancelable", reason=reason)
    reply = await _act(http, connection, account, intent, "cancel")
    if isinstance(reply, Answer):
        return reply
    return await lines.read(http, account, intent) if reply.ok else refused_or_unknown(reply)


async def _delete(http: SellerHttp, account: Account, intent: LineIntent) -> Answer:
    try:
        reply = await http.write("DELETE", lines.line_path(account, intent))
    except CallFailed as failed:
        return failed_write(failed)
    if not reply.ok:
        return refused_or_unknown(reply)
    return Answer(Outcome.DONE, refs=intent.refs, seller_status="deleted", line_status="canceled")


async def _act(
    http: SellerHttp, connection: Connection, account: Account, intent: LineIntent, verb: str
) -> Reply | Answer:
    """PATCH or PUT, as the seller wants it, with the bare query key and no body (C22)."""
    method = str(connection.options.get("method", "PATCH")).upper()
    try:
        return await http.write(method, f"{lines.line_path(account, intent)}?{verb}")
    except CallFailed as failed:
        return failed_write(failed)


async def _publisher_of(http: SellerHttp, connection: Connection, product_id: str) -> str:
    configured = connection.options.get("publisherid")
    if configured:
        return str(configured)
    reply = await http.read("GET", f"/products/{segment(product_id)}")
    row: dict[str, Any] | None = entity(reply, "product")
    if row is None:
        raise error_of(reply, f"Reading product {product_id}")
    return prose(row.get("publisherid"), 36)
