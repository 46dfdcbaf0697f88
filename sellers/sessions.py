"""Opening a conversation with a seller, and keeping what was said."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from flows import watch
from sellers import outages
from sellers.calls import PROBED
from sellers.dialects.base import Connection, SellerDialect
from sellers.dialects.registry import open_dialect
from sellers.exchange import ExchangeRecord
from sellers.http import SellerHttp
from sellers.models import Exchange, Seller

T = TypeVar("T")


@asynccontextmanager
async def dialect_for(
    seller: Seller | Connection, *, seconds: float | None = None
) -> AsyncIterator[SellerDialect]:
    """A dialect with its HTTP client; the whole conversation ends after `seconds` (default: the seller deadline).

    `dialect.http.exchanges` holds the records afterwards; `save_exchanges` stores them in a sync context.
    """
    connection = seller.connection() if isinstance(seller, Seller) else seller
    async with SellerHttp(connection, total_seconds=seconds) as http:
        yield open_dialect(connection, http)


def converse(
    connection: Connection,
    question: Callable[[SellerDialect], Awaitable[T]],
    *,
    seconds: float | None = None,
) -> tuple[T, list[ExchangeRecord]]:
    """One conversation from a worker thread, outside any transaction: the answer and every call that it took.

    When the question raises, nobody is left to store the calls with what they led to: they are stored here, then the
    exception goes on.
    """
    calls: list[ExchangeRecord] = []

    async def hold() -> T:
        nonlocal calls
        async with dialect_for(connection, seconds=seconds) as dialect:
            calls = dialect.http.exchanges
            return await question(dialect)

    try:
        answer = asyncio.run(hold())
    except Exception:
        _keep_unanswered(connection.slug, calls)
        raise
    return answer, calls


def save_exchanges(
    seller_id: UUID,
    records: Sequence[ExchangeRecord],
    correlation_id: UUID | None = None,
    flow_id: UUID | None = None,
) -> None:
    """Store what was said, in one statement, and the seller's health when it was. Never call it in a coroutine."""
    Exchange.objects.bulk_create(
        Exchange(
            seller_id=seller_id,
            correlation_id=correlation_id,
            flow_id=flow_id,
            method=record.method,
            path=record.path,
            request_headers=dict(record.request_headers),
            request_body=_storable(record.request_body),
            request_digest=record.request_digest,
            response_headers=dict(record.response_headers),
            response_body=_storable(record.response_body),
            status=record.status,
            elapsed_ms=record.elapsed_ms,
            error=record.error[:60],
            sent=record.sent,
            notes=list(record.notes),
            at=record.at,
        )
        for record in records
    )
    if any(_tells_of_health(record) for record in records):
        # A transaction of its own: rows of a seller must not wait for, or fall with, the step of one campaign.
        transaction.on_commit(functools.partial(outages.note, seller_id), robust=True)


def _tells_of_health(record: ExchangeRecord) -> bool:
    return bool(record.error) or (record.status or 0) >= 500 or PROBED in record.notes


def _keep_unanswered(slug: str, calls: Sequence[ExchangeRecord]) -> None:
    seller_id = Seller.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if not calls or seller_id is None:
        return
    visit = watch.current()
    save_exchanges(seller_id, calls, flow_id=visit.step.flow_id if visit else None)


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd")  # PostgreSQL stores no NUL
