"""Orders: one per campaign and account, found again by their unique name (C18, C20)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sellers.dialects.base import Answer, Connection, LineIntent, Outcome, SellerError
from sellers.dialects.opendirect.account import Account
from sellers.dialects.opendirect.answers import failed_read, refused_or_unknown
from sellers.dialects.opendirect.avails import ends_at, starts_at
from sellers.dialects.opendirect.paging import collect
from sellers.dialects.opendirect.reading import entity
from sellers.dialects.values import BadValue, identifier, prose
from sellers.http import Reply, SellerHttp


def order_body(
    intent: LineIntent, connection: Connection, account: Account, publisher_id: str
) -> dict[str, Any]:
    """The order as we create it. `budget` is directional on this wire, never a limit."""
    body: dict[str, Any] = {
        "accountid": account.id,
        "publisherid": publisher_id,
        "advertiserbrandid": account.brand_id,
        "name": intent.order_name[:100],
        "currency": intent.currency,
        "budget": intent.order_budget or intent.cost,
        "startdate": starts_at(intent.flight_start, intent.timezone),
        "enddate": ends_at(intent.flight_end, intent.timezone),
        "providerdata": {
            "campaignid": intent.order_name[:255],
            "campaignname": intent.campaign_name[:255],
        },
    }
    if connection.options.get("brand"):
        body["brand"] = str(connection.options["brand"])[:25]
    return body


async def find(http: SellerHttp, account: Account, intent: LineIntent) -> Answer:
    """Our order by name, filtered by the seller and again by us; then by our campaign id in the whole list."""
    try:
        listing = await collect(
            http,
            f"{account.path}/orders",
            "orders",
            filters={"name": intent.order_name[:100]},
            doing="Looking for the order",
        )
        ours = [row for row in listing.items if is_ours(row, intent)]
        if not ours:
            listing = await collect(http, f"{account.path}/orders", "orders", doing="Looking for the order")
            ours = [row for row in listing.items if is_ours(row, intent)]
    except SellerError as failed:
        return failed_read(failed)
    if len(ours) > 1:
        return Answer(Outcome.UNKNOWN, code="many_orders", reason=f"{len(ours)} orders carry our name.")
    if ours:
        return answer_of(ours[0])
    if not listing.complete:
        return Answer(
            Outcome.UNKNOWN, code="list_incomplete", reason="The list of orders could not be read to its end."
        )
    return Answer(Outcome.NOTHING, code="no_order", reason="The seller has no order of this name.")


def is_ours(row: Mapping[str, Any], intent: LineIntent) -> bool:
    """The natural key, or our campaign id where the seller changed the name. Another campaign id means not ours."""
    provider = row.get("providerdata")
    campaign = provider.get("campaignid") if isinstance(provider, Mapping) else None
    if campaign:
        return bool(campaign == intent.order_name[:255])
    return bool(row.get("name") == intent.order_name[:100])


def classify_create(reply: Reply) -> Answer:
    """The outcome of POST order: 200, 201 and 202 alike, the body's id first, Location as fallback (C06)."""
    if not reply.ok:
        return refused_or_unknown(reply)
    return answer_of(entity(reply, "order") or {"id": _id_in_location(reply)})


def answer_of(row: Mapping[str, Any]) -> Answer:
    try:
        order_id = identifier(row.get("id"), "order id")
    except BadValue as wrong:
        return Answer(
            Outcome.UNKNOWN, code="bad_answer", reason=f"The seller's order is unreadable: {wrong}."
        )
    status = prose(row.get("orderstatus"), 40)
    if status.upper() == "REJECTED":
        return Answer(
            Outcome.REFUSED,
            "order_rejected",
            "The seller rejected the order.",
            {"order_id": order_id},
            status,
        )
    return Answer(Outcome.DONE, refs={"order_id": order_id}, seller_status=status)


def _id_in_location(reply: Reply) -> str | None:
    return reply.headers.get("location", "").rstrip("/").rsplit("/", 1)[-1] or None
