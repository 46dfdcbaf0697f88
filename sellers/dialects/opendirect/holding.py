"""What the seller holds for our account: its orders and their lines. Only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sellers.dialects.base import HeldLine, HeldLines, HeldOrder, HeldOrders, SkippedRow
from sellers.dialects.opendirect.account import Account
from sellers.dialects.opendirect.lines import terms_of
from sellers.dialects.opendirect.paging import collect
from sellers.dialects.opendirect.reading import line_status
from sellers.dialects.values import BadValue, identifier, prose, segment
from sellers.http import SellerHttp

LONGEST_MARK = 255


async def held_orders(http: SellerHttp, account: Account) -> HeldOrders:
    """Every order of our account. Raises `SellerError` when the first page cannot be read."""
    listing = await collect(http, f"{account.path}/orders", "orders", doing="Listing our orders")
    found: list[HeldOrder] = []
    skipped = list(listing.rows.skipped)
    for reference, row in listing.rows.unique:
        try:
            found.append(_order(row))
        except BadValue as wrong:
            skipped.append(SkippedRow(reference, str(wrong)))
    return HeldOrders(tuple(found), tuple(skipped), listing.complete)


async def held_lines(
    http: SellerHttp, account: Account, order_id: str, currency: str, timezone: str
) -> HeldLines:
    """Every line of one order, unreadable terms told as such. Raises `SellerError` as `held_orders` does."""
    path = f"{account.path}/orders/{segment(order_id)}/lines"
    listing = await collect(http, path, "lines", doing="Listing the lines of an order")
    found: list[HeldLine] = []
    skipped = list(listing.rows.skipped)
    for reference, row in listing.rows.unique:
        try:
            found.append(_line(row, order_id, currency, timezone))
        except BadValue as wrong:
            skipped.append(SkippedRow(reference, str(wrong)))
    return HeldLines(tuple(found), tuple(skipped), listing.complete)


def _order(row: Mapping[str, Any]) -> HeldOrder:
    return HeldOrder(
        order_id=identifier(row.get("id"), "order id"),
        name=prose(row.get("name"), LONGEST_MARK),
        marks=_marks(row),
        status=prose(row.get("orderstatus"), 40),
    )


def _line(row: Mapping[str, Any], order_id: str, currency: str, timezone: str) -> HeldLine:
    word = prose(row.get("bookingstatus"), 40)
    known = HeldLine(
        line_id=identifier(row.get("id"), "line id"),
        order_id=order_id,
        name=prose(row.get("name"), LONGEST_MARK),
        marks=_marks(row),
        seller_status=word,
        line_status=line_status(word),
    )
    try:
        return HeldLine(**{**vars(known), "terms": terms_of(row, currency, timezone)})
    except BadValue as wrong:
        return HeldLine(**{**vars(known), "problem": str(wrong)})


def _marks(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The free texts in which we leave our reference (reliability.md 6.4 step 6)."""
    provider = row.get("providerdata")
    stated = [provider.get("campaignid") if isinstance(provider, Mapping) else None, row.get("comment")]
    return tuple(prose(text, LONGEST_MARK) for text in stated if isinstance(text, str) and text)
