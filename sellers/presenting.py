"""What a person or a program is told about a seller. The key is never part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sellers.models import Seller, SellerOutage
from sellers.outages import last_outages, open_outage

REASONS = {
    "connect": "it cannot be reached",
    "deadline": "it does not answer in time",
    "protocol": "it breaks off, or does not speak HTTP",
    "reset": "it closes the connection in the middle of a call",
    "transport": "calls to it fail",
}


def status_of(seller: Seller) -> str:
    """One word: disabled, out, unprobed, ok or failing."""
    if not seller.enabled:
        return "disabled"
    if open_outage(seller) is not None:
        return "out"
    if seller.probed_at is None:
        return "unprobed"
    return "ok" if seller.probe_result.get("ok") else "failing"


def why_out(outage: SellerOutage) -> str:
    """Half a sentence: the reason of an outage in words."""
    if outage.reason.startswith("http_"):
        return f"it answers HTTP {outage.reason.removeprefix('http_')}"
    return REASONS.get(outage.reason, "calls to it fail")


@dataclass(frozen=True)
class SellerRow:
    """A seller as the page shows it."""

    seller: Seller
    outage: SellerOutage | None  # the one that is not over
    why: str
    past: list[SellerOutage]


def seller_row(seller: Seller) -> SellerRow:
    outage = open_outage(seller)
    past = [one for one in last_outages(seller) if one.ended_at is not None]
    return SellerRow(seller, outage, why_out(outage) if outage else "", past)


def outage_as_json(outage: SellerOutage) -> dict[str, Any]:
    return {
        "began_at": outage.began_at.isoformat(),
        "ended_at": outage.ended_at.isoformat() if outage.ended_at else None,
        "reason": outage.reason,
        "calls_failed": outage.calls_failed,
    }


def seller_as_json(seller: Seller) -> dict[str, Any]:
    return {
        "id": str(seller.pk),
        "slug": seller.slug,
        "name": seller.name,
        "base_url": seller.base_url,
        "dialect": seller.dialect,
        "seat_id": seller.seat_id,
        "agency_id": seller.agency_id,
        "advertiser_id": seller.advertiser_id,
        "account_id": seller.account_id,
        "currency": seller.currency,
        "options": seller.options,
        "has_key": bool(seller.key_origin),
        "enabled": seller.enabled,
        "status": status_of(seller),
        "outages": [outage_as_json(outage) for outage in last_outages(seller)],
        "probe": seller.probe_result or None,
        "probed_at": seller.probed_at.isoformat() if seller.probed_at else None,
        "created_at": seller.created_at.isoformat(),
    }
