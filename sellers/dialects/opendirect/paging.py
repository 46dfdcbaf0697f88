"""Lists with `count` and `offset`, to their end, each row once (C07)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sellers.dialects.base import SellerError
from sellers.dialects.opendirect.reading import error_of, listed
from sellers.dialects.rows import Rows
from sellers.http import SellerHttp

PAGE = 250  # the largest page that the specification recommends
MOST_PAGES = 80


@dataclass(frozen=True)
class Listing:
    rows: Rows
    complete: bool

    @property
    def items(self) -> list[dict[str, Any]]:
        return [dict(row) for _, row in self.rows.unique]


async def collect(
    http: SellerHttp,
    path: str,
    name: str,
    *,
    body: Any = None,
    filters: dict[str, str] | None = None,
    key: str = "id",
    doing: str = "",
) -> Listing:
    """Every row of the collection. Raises `SellerError` when the first page fails; a later failure ends it incomplete.

    With a `body` the list is asked by POST (product search, avails).
    """
    rows = Rows(key)
    for number in range(MOST_PAGES):
        query = urlencode({**(filters or {}), "count": PAGE, "offset": rows.seen})
        try:
            reply = await http.read("POST" if body is not None else "GET", f"{path}?{query}", body)
            page = listed(reply, name)
            if page is None:
                raise error_of(reply, doing or f"Reading {name}")
        except SellerError:
            if number == 0:
                raise
            return Listing(rows, complete=False)
        found, total = page
        fresh = rows.add(found)
        if not found or not fresh or _ended(rows.seen, len(found), total):
            return Listing(rows, complete=True)
    return Listing(rows, complete=False)


def _ended(seen: int, page: int, total: int | None) -> bool:
    return seen >= total if total is not None else page < PAGE
