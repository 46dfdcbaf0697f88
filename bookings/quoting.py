"""Asking one seller to stand by its prices: the binding quotes of a plan."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from bookings.models import Campaign
from flows.fingerprint import digest
from planning.quoted import Key, key_of
from planning.types import Brief, Offer, PlanLine
from sellers.dialects.base import Quote, QuoteAsk, SellerError
from sellers.models import Seller
from sellers.services import dialect_for


@dataclass
class QuoteTalk:
    """All quotes that one seller is asked for, at the same time."""

    campaign: Campaign
    brief: Brief
    seller: Seller
    asked: list[tuple[PlanLine, Offer]]
    quotes: dict[Key, Quote] = field(default_factory=dict)
    refusals: dict[Key, str] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = self.seller.connection()  # read here: a conversation touches no database

    async def hold(self) -> None:
        async with dialect_for(self.connection) as dialect:
            self.calls = dialect.http.exchanges

            async def one(line: PlanLine, offer: Offer) -> None:
                try:
                    quote = await dialect.quote(self._ask_for(line, offer))
                except SellerError as error:
                    self.refusals[key_of(line)] = error.message
                else:
                    self.quotes[key_of(line)] = quote

            await asyncio.gather(*(one(line, offer) for line, offer in self.asked))

    def _ask_for(self, line: PlanLine, offer: Offer) -> QuoteAsk:
        terms = [str(self.campaign.pk), *key_of(line), line.impressions]
        return QuoteAsk(
            product_id=line.product_id,
            deal_type=deal_type_for(offer),
            impressions=line.impressions,
            flight_start=self.brief.start_date,
            flight_end=self.brief.end_date,
            currency=self.brief.currency,
            # The same question after a crash has the same key, so it finds the same quote.
            idempotency_key="fdq-" + digest(terms)[:40],
            frequency_cap=self.brief.constraints.frequency_cap,
            timezone=self.brief.timezone,
        )


def deal_type_for(offer: Offer) -> str:
    """Guaranteed where the seller offers it, else preferred at a fixed price. Auctions were left out before."""
    return "PG" if "PG" in offer.product.deal_types or not offer.product.deal_types else "PD"
