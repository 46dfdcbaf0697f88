"""What the warnings of a brief compare it with: the client's other campaigns, and catalogues as they were last read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from bookings.models import Campaign, SellerReport
from bookings.states import CampaignStatus
from bookings.warnings import SellerFacts, Surroundings
from flows.clock import today
from planning.types import Brief
from planning.zones import zone
from sellers.models import Seller
from sellers.selectors import eligible_sellers

LOOKED_AT = 5  # campaigns, the newest
NAMED = 3
NEVER_RAN = (CampaignStatus.VALIDATION_FAILED, CampaignStatus.FAILED, CampaignStatus.CANCELLED)


def surroundings_of(brief: Brief, organization: Any, *, except_for: uuid.UUID | None = None) -> Surroundings:
    sellers = eligible_sellers(brief.constraints.sellers_included, brief.constraints.sellers_excluded)
    offers = _newest_offers(brief, sellers)
    return Surroundings(
        today=today(zone(brief.timezone)),
        sellers=tuple(_facts(seller, offers.get(seller.pk, []), brief.currency) for seller in sellers),
        overlapping=tuple(_overlapping(brief, organization, except_for)),
    )


def _overlapping(brief: Brief, organization: Any, except_for: uuid.UUID | None) -> list[str]:
    rows = Campaign.objects.filter(
        organization=organization, start_date__lte=brief.end_date, end_date__gte=brief.start_date
    ).exclude(status__in=NEVER_RAN)
    rows = rows.exclude(pk=except_for) if except_for else rows
    return list(rows.order_by("-created_at", "-id").values_list("name", flat=True)[:NAMED])


def _newest_offers(brief: Brief, sellers: Iterable[Seller]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """By seller, of its newest report on each channel of the brief. Old campaigns are not searched."""
    newest = list(Campaign.objects.order_by("-created_at", "-id").values_list("pk", flat=True)[:LOOKED_AT])
    reports = (
        SellerReport.objects.filter(campaign__in=newest, seller__in=list(sellers), channel__in=brief.channels)
        .exclude(offers=[])
        .order_by("-at")
        .values_list("seller_id", "channel", "offers")
    )
    seen: set[tuple[uuid.UUID, str]] = set()
    found: dict[uuid.UUID, list[dict[str, Any]]] = {}
    for seller_id, channel, offers in reports:
        if (seller_id, channel) not in seen:
            seen.add((seller_id, channel))
            found.setdefault(seller_id, []).extend(offers)
    return found


def _facts(seller: Seller, offers: list[dict[str, Any]], currency: str) -> SellerFacts:
    products = [offer.get("product") or {} for offer in offers]
    lead = [product.get("lead_days") or 0 for product in products]
    spend = [_amount(product.get("min_spend")) for product in products if product.get("currency") == currency]
    known = [amount for amount in spend if amount is not None]
    return SellerFacts(
        name=seller.name,
        currency=seller.currency,
        lead_days=min(lead, default=None),
        # A product without a smallest spend can be had for any.
        min_spend=min(known) if known and len(known) == len(spend) else None,
    )


def _amount(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
