"""Opening a conversation with a seller, and keeping what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from sellers.dialects.base import Connection, SellerDialect
from sellers.dialects.registry import open_dialect
from sellers.exchange import ExchangeRecord
from sellers.http import SellerHttp
from sellers.models import Exchange, Seller


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


def save_exchanges(
    seller_id: UUID,
    records: Sequence[ExchangeRecord],
    correlation_id: UUID | None = None,
    flow_id: UUID | None = None,
) -> None:
    """Store what was said, in one statement. Never call it in a coroutine."""
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


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd")  # PostgreSQL stores no NUL
