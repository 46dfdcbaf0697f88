"""What a person or an API client can do with the registry. Each command is one transaction with its event."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from flows import events
from flows.actors import Actor
from flows.clock import now
from planning.types import FieldError
from sellers.dialects.base import ProbeResult, SellerDialect, SellerError
from sellers.gate import MOST_CONCURRENT
from sellers.models import Seller
from sellers.sessions import converse, dialect_for, save_exchanges
from sellers.validation import InvalidSeller, NewSeller, free_slug, key_problem, read_new_seller

__all__ = [
    "InvalidSeller",
    "add_seller",
    "dialect_for",
    "disable_seller",
    "enable_seller",
    "key_problem",
    "limit_calls",
    "probe_seller",
    "reencrypt_all",
    "rotate_key",
    "save_exchanges",
]

PROBE_SECONDS = 15.0


def add_seller(
    *,
    actor: Actor,
    url: str,
    dialect: str,
    name: str = "",
    key: str = "",
    seat_id: str = "",
    agency_id: str = "",
    advertiser_id: str = "",
    account_id: str = "",
    slug: str = "",
    currency: str = "USD",
    options: dict[str, Any] | None = None,
    created_by: Any = None,
) -> Seller:
    """Register a seller, enabled. Raises `InvalidSeller` with every field error found, and stores nothing then."""
    given = NewSeller(
        url=url,
        dialect=dialect,
        name=name,
        key=key,
        seat_id=seat_id,
        agency_id=agency_id,
        advertiser_id=advertiser_id,
        account_id=account_id,
        slug=slug,
        currency=currency,
        options=options or {},
    )
    checked = read_new_seller(given)
    try:
        with transaction.atomic():
            seller = Seller.objects.create(
                slug=checked.slug or free_slug(checked.name),
                name=checked.name,
                base_url=checked.url,
                dialect=checked.dialect,
                api_key=checked.key,
                seat_id=checked.seat_id,
                agency_id=checked.agency_id,
                advertiser_id=checked.advertiser_id,
                account_id=checked.account_id,
                currency=checked.currency,
                options=checked.options,
                created_by=created_by,
            )
            _tell(seller, "seller.added", actor, {"base_url": seller.base_url, "dialect": seller.dialect})
    except IntegrityError as taken:  # another request registered it between our check and our insert
        error = FieldError("url", "duplicate", "This seller is registered already.")
        raise InvalidSeller([error]) from taken
    return seller


def disable_seller(*, seller_id: UUID, actor: Actor) -> Seller:
    """Take the seller out of research. Lines that it has sold stay and are still read and settled."""
    return _set_enabled(seller_id, actor, enabled=False)


def enable_seller(*, seller_id: UUID, actor: Actor) -> Seller:
    return _set_enabled(seller_id, actor, enabled=True)


def limit_calls(*, seller_id: UUID, calls: int | None, actor: Actor) -> Seller:
    """How many calls may run at this seller at once; None: as many as at any other. Raises `InvalidSeller`."""
    if calls is not None and not 1 <= calls <= MOST_CONCURRENT:
        message = f"Give a whole number of calls at once, from 1 to {MOST_CONCURRENT}."
        raise InvalidSeller([FieldError("options.concurrency", "invalid", message)])
    with transaction.atomic():
        seller = Seller.objects.select_for_update().get(pk=seller_id)
        others = {name: value for name, value in seller.options.items() if name != "concurrency"}
        seller.options = others if calls is None else {**others, "concurrency": calls}
        seller.save(update_fields=["options"])
        _tell(seller, "seller.calls_limited", actor, {"concurrency": calls})
    return seller


def rotate_key(*, seller_id: UUID, key: str, actor: Actor) -> Seller:
    """Replace the key; the event says that it changed, never what it is. Raises `InvalidSeller`."""
    problem = key_problem(key)
    if problem:
        raise InvalidSeller([problem])
    with transaction.atomic():
        seller = Seller.objects.select_for_update().get(pk=seller_id)
        seller.api_key, seller.key_origin = key, ""
        seller.save(update_fields=["api_key", "key_origin", "origin"])
        _tell(seller, "seller.key_rotated", actor, {})
    return seller


def probe_seller(*, seller_id: UUID, actor: Actor) -> ProbeResult:
    """Call the seller and store what came of it. A seller that fails is a result, not an exception."""
    seller = Seller.objects.get(pk=seller_id)
    result, records = converse(seller.connection(), _probe, seconds=PROBE_SECONDS)
    save_exchanges(seller.pk, records)
    with transaction.atomic():
        seller = Seller.objects.select_for_update().get(pk=seller_id)
        seller.probe_result, seller.probed_at = asdict(result), now()
        seller.save(update_fields=["probe_result", "probed_at"])
        _tell(seller, "seller.probed", actor, {"ok": result.ok, "summary": result.summary})
    return result


def reencrypt_all() -> int:
    """Write every stored key with the newest encryption key; returns how many."""
    sellers = list(Seller.objects.exclude(key_origin=""))
    for seller in sellers:
        with transaction.atomic():
            fresh = Seller.objects.select_for_update().get(pk=seller.pk)
            fresh.save(update_fields=["api_key"])
    return len(sellers)


async def _probe(dialect: SellerDialect) -> ProbeResult:
    try:
        return await dialect.probe()
    except SellerError as failed:
        return ProbeResult(ok=False, summary=failed.message, detail={"code": failed.code})


def _set_enabled(seller_id: UUID, actor: Actor, *, enabled: bool) -> Seller:
    with transaction.atomic():
        seller = Seller.objects.select_for_update().get(pk=seller_id)
        if seller.enabled != enabled:
            seller.enabled = enabled
            seller.save(update_fields=["enabled"])
            _tell(seller, "seller.enabled" if enabled else "seller.disabled", actor, {})
    return seller


def _tell(seller: Seller, type: str, actor: Actor, payload: dict[str, Any]) -> None:
    events.record(
        subject_type="seller",
        subject_id=seller.pk,
        type=type,
        actor=actor,
        payload={"slug": seller.slug, "name": seller.name} | _plain(payload),
    )


def _plain(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in payload.items()}
