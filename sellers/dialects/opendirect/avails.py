"""Availability and price at exact quantities: one call answers for many products at one quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from planning.types import FrequencyCap
from planning.zones import UTC_NAME, first_instant, last_instant
from sellers.dialects.base import SellerError
from sellers.dialects.opendirect.account import Account
from sellers.dialects.opendirect.paging import collect
from sellers.dialects.values import BadValue, cpm, whole
from sellers.http import SellerHttp

IDS_PER_CALL = 50


@dataclass(frozen=True)
class Avail:
    """What the seller says about one product at `quantity`. `cpm` is None when no usable price came with it."""

    quantity: int
    available: int
    cpm: Decimal | None
    currency: str
    problem: str = ""

    @property
    def fits(self) -> bool:
        return self.available >= self.quantity and self.cpm is not None


@dataclass(frozen=True)
class Flight:
    start: date
    end: date
    currency: str
    frequency_cap: FrequencyCap | None = None
    timezone: str = UTC_NAME


def starts_at(day: date, timezone: str) -> str:
    """The wire leaves the zone of a naive date open (D31), so the first instant of the day goes out in UTC."""
    return f"{first_instant(day, timezone):%Y-%m-%dT%H:%M:%SZ}"


def ends_at(day: date, timezone: str) -> str:
    """The end date is part of the flight."""
    return f"{last_instant(day, timezone):%Y-%m-%dT%H:%M:%SZ}"


async def ask(
    http: SellerHttp, account: Account, product_ids: Sequence[str], quantity: int, flight: Flight
) -> dict[str, Avail]:
    """Avails per product id (C15, C16). A product that the answer leaves out cannot cover the quantity."""
    body: dict[str, Any] = {
        "productids": list(product_ids),
        "accountid": account.id,
        "advertiserbrandid": account.brand_id,
        "startdate": starts_at(flight.start, flight.timezone),
        "enddate": ends_at(flight.end, flight.timezone),
        "qty": quantity,
        "currency": flight.currency,
    }
    if flight.frequency_cap:
        body |= {
            "frequencycount": flight.frequency_cap.count,
            "frequencyinterval": flight.frequency_cap.interval,
        }
    listing = await collect(
        http, "/products/avails", "avails", body=body, key="productid", doing="Asking for availability"
    )
    wanted = set(product_ids)
    return {
        row["productid"]: _read(row, quantity, flight.currency)
        for row in listing.items
        if row.get("productid") in wanted  # D13: an answer about another product is dropped
    }


def _read(row: Mapping[str, Any], quantity: int, currency: str) -> Avail:
    stated = row.get("currency") or currency
    status = row.get("availsstatus")
    status = status[0] if isinstance(status, list) and status else status
    word = str(status.get("status", "")).lower() if isinstance(status, Mapping) else ""
    if word == "unavailable":
        return Avail(quantity, 0, None, str(stated)[:3], "unavailable in this flight")
    try:
        available = whole(row.get("availability"), "availability")
        price = cpm(row.get("price"), "price")
    except BadValue as wrong:
        return Avail(quantity, 0, None, str(stated)[:3], str(wrong))
    if stated != currency:
        return Avail(quantity, available, None, str(stated)[:3], f"priced in {str(stated)[:3]}")
    return Avail(quantity, available, price, currency)


def chunked(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + IDS_PER_CALL] for at in range(0, len(ids), IDS_PER_CALL)]


def error_unless_fits(found: Avail | None, quantity: int) -> Decimal:
    """The CPM at exactly this quantity. Raises `SellerError`."""
    if found is None:
        raise SellerError(
            "not_available", f"The seller does not have {quantity:,} impressions in this flight."
        )
    if found.problem:
        raise SellerError("not_available", f"The seller's availability cannot be used: {found.problem}.")
    if found.cpm is None or found.available < quantity:
        raise SellerError("not_available", f"The seller has {found.available:,} of {quantity:,} impressions.")
    return found.cpm
