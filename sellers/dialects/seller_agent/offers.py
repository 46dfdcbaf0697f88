"""Who we say we are to a seller agent, and what is free.

Avails answer at list price and never more than was asked, so they only tell how much is free; prices for our
identity are in `pricing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sellers.dialects.base import Connection, SellerError
from sellers.dialects.seller_agent.problems import error_of
from sellers.dialects.values import BadValue, whole
from sellers.http import SellerHttp

IDS_PER_CALL = 50
HEADROOM = (
    2  # asked on top of the largest volume: a price for us below list buys more than the list price does
)


def buyer_identity(connection: Connection) -> dict[str, str]:
    """Who we say we are. An advertiser id without its agency is worth nothing to this seller and is left out."""
    identity = {"seat_id": connection.seat_id, "agency_id": connection.agency_id}
    if connection.agency_id:
        identity["advertiser_id"] = connection.advertiser_id
    return {name: value for name, value in identity.items() if value}


def trusted_agent(connection: Connection) -> dict[str, str]:
    """Our agent URL, only where the operator says that the seller trusts it: elsewhere it lowers the tier."""
    url = connection.options.get("agent_url")
    return (
        {"agent_url": url}
        if isinstance(url, str) and connection.options.get("agent_url_trusted") is True
        else {}
    )


async def available(
    http: SellerHttp,
    connection: Connection,
    wanted: Mapping[str, int],
    *,
    start: date,
    end: date,
    currency: str,
) -> dict[str, int | SellerError]:
    """Free impressions per product id, asked at twice the wanted volume; an error where the seller gives none."""
    ids = sorted(wanted)
    chunks = [ids[at : at + IDS_PER_CALL] for at in range(0, len(ids), IDS_PER_CALL)]
    found: dict[str, int | SellerError] = {}
    for answers in await asyncio.gather(
        *(
            _of_chunk(http, connection, chunk, wanted, start=start, end=end, currency=currency)
            for chunk in chunks
        )
    ):
        found |= answers
    return found


async def _of_chunk(
    http: SellerHttp, connection: Connection, ids: Sequence[str], wanted: Mapping[str, int], **flight: Any
) -> dict[str, int | SellerError]:
    volume = max(wanted[product_id] for product_id in ids) * HEADROOM
    together = await _avails(http, _many(connection, ids, volume, **flight))
    if isinstance(together, SellerError):
        # One unpriced or unknown id fails the whole call, so the others are asked one by one.
        if len(ids) == 1 or together.retryable:
            return dict.fromkeys(ids, together)
        singles = await asyncio.gather(
            *(_of_chunk(http, connection, [product_id], wanted, **flight) for product_id in ids)
        )
        return {product_id: answer for single in singles for product_id, answer in single.items()}
    return {product_id: _volume_of(together.get(product_id)) for product_id in ids}


async def _avails(http: SellerHttp, body: dict[str, Any]) -> dict[str, Mapping[str, Any]] | SellerError:
    try:
        reply = await http.read("POST", "/products/avails", body)
    except SellerError as failed:
        return failed
    rows = reply.data.get("avails") if reply.ok and isinstance(reply.data, Mapping) else None
    if not isinstance(rows, list):
        return error_of(reply, "Asking for availability")
    return {str(row.get("productid")): row for row in rows if isinstance(row, Mapping)}


def _many(
    connection: Connection, ids: Sequence[str], volume: int, *, start: date, end: date, currency: str
) -> dict[str, Any]:
    who = connection.advertiser_id or connection.agency_id or connection.seat_id or "buyer"
    return {
        "productids": list(ids),
        "accountid": (connection.account_id or who)[:36],
        "advertiserbrandid": who[:36],
        "startdate": f"{start.isoformat()}T00:00:00Z",
        "enddate": f"{end.isoformat()}T23:59:59Z",
        "currency": currency,
        "producttargeting": [
            {
                "name": "Investment",
                "type": "Audience",
                "datasource": "flightdeck",
                "target": "requestedimpressions",
                "targetvalues": [str(volume)],
                "selectable": False,
            }
        ],
    }


def _volume_of(row: Mapping[str, Any] | None) -> int | SellerError:
    if row is None:
        return SellerError("no_avails", "The seller left the product out of its availability answer.")
    status = row.get("availsstatus")
    if isinstance(status, Mapping) and str(status.get("status", "")).lower() == "unavailable":
        return 0
    try:
        return whole(row.get("availability"), "availability")
    except BadValue as wrong:
        return SellerError("bad_answer", f"Availability is unusable: {wrong}.")
