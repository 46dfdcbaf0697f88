"""Order records of the seller agent. It lists no deals; its order records name deals and are open to everybody, so
whoever reads them must pick out what concerns us and leave the rest alone (contracts/seller-agent.md section 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sellers.dialects.base import HeldOrder, HeldOrders, SkippedRow
from sellers.dialects.rows import Rows
from sellers.dialects.seller_agent.problems import error_of, route_is_absent
from sellers.dialects.values import BadValue, identifier, prose
from sellers.http import SellerHttp

LONGEST_MARK = 255
MOST_MARKS = 20


async def held_orders(http: SellerHttp) -> HeldOrders:
    """Every order record, of all buyers. A seller without the route holds none. Raises `SellerError`."""
    reply = await http.read("GET", "/api/v1/orders")
    if route_is_absent(reply):
        return HeldOrders(())
    listed = reply.data.get("orders") if reply.ok and isinstance(reply.data, Mapping) else None
    if not isinstance(listed, list):
        raise error_of(reply, "Listing order records")
    rows = Rows(key="order_id")
    rows.add(listed)
    found: list[HeldOrder] = []
    skipped = list(rows.skipped)
    for reference, row in rows.unique:
        try:
            found.append(_order(row))
        except BadValue as wrong:
            skipped.append(SkippedRow(reference, str(wrong)))
    return HeldOrders(tuple(found), tuple(skipped))


def _order(row: Mapping[str, Any]) -> HeldOrder:
    return HeldOrder(
        order_id=identifier(row.get("order_id"), "order_id"),
        marks=_marks(row.get("metadata")),
        status=prose(row.get("status"), 40),
        deal_id=_id_or_empty(row, "deal_id"),
        quote_id=_id_or_empty(row, "quote_id"),
    )


def _id_or_empty(row: Mapping[str, Any], name: str) -> str:
    return "" if row.get(name) is None else identifier(row[name], name)


def _marks(metadata: Any) -> tuple[str, ...]:
    if not isinstance(metadata, Mapping):
        return ()
    texts = [value for value in metadata.values() if isinstance(value, str) and value]
    return tuple(prose(text, LONGEST_MARK) for text in texts[:MOST_MARKS])
