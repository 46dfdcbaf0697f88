"""Conversations with sellers, and what is kept of them: exchanges with secrets removed, and an event per call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bookings.models import Campaign
from flows import events
from flows.actors import SELLER, Actor
from sellers.dialects.base import Connection, SellerDialect
from sellers.exchange import ExchangeRecord
from sellers.models import Seller
from sellers.sessions import converse, save_exchanges

T = TypeVar("T")


def seller_actor(seller: Seller) -> Actor:
    return Actor(SELLER, seller.slug, seller.name)


def ask(
    connection: Connection, question: Callable[[SellerDialect], Awaitable[T]]
) -> tuple[T, list[ExchangeRecord]]:
    """One short conversation from a worker thread: the answer and every call that it took."""

    return converse(connection, question)


def keep_calls(campaign: Campaign, seller: Seller, calls: Sequence[ExchangeRecord]) -> None:
    """Inside the step's transaction: the calls become exchanges and events of the campaign."""
    if not calls:
        return
    save_exchanges(seller.pk, calls, correlation_id=campaign.correlation_id, flow_id=campaign.pk)
    events.record_many(
        subject_type="campaign",
        subject_id=campaign.pk,
        actor=seller_actor(seller),
        correlation_id=campaign.correlation_id,
        facts=[
            events.Fact(
                "seller.called",
                {
                    "seller": seller.slug,
                    "method": call.method,
                    "path": call.path,
                    "status": call.status,
                    "elapsed_ms": round(call.elapsed_ms),
                    "error": call.error,
                },
            )
            for call in calls
        ],
    )
