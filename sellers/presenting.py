"""What a person or a program is told about a seller. The key is never part of it."""

from __future__ import annotations

from typing import Any

from sellers.models import Seller


def status_of(seller: Seller) -> str:
    """One word: disabled, unprobed, ok or failing."""
    if not seller.enabled:
        return "disabled"
    if seller.probed_at is None:
        return "unprobed"
    return "ok" if seller.probe_result.get("ok") else "failing"


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
        "probe": seller.probe_result or None,
        "probed_at": seller.probed_at.isoformat() if seller.probed_at else None,
        "created_at": seller.created_at.isoformat(),
    }
