"""Reads of the registry."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from sellers.models import Exchange, Seller, SellerOutage


def list_sellers() -> QuerySet[Seller]:
    """Every seller by name, disabled ones too, each with `last_outages`, newest first."""
    newest = SellerOutage.objects.order_by("-began_at")[:5]
    outages = Prefetch("outages", queryset=newest, to_attr="last_outages")
    return Seller.objects.order_by("name", "slug").prefetch_related(outages)


def eligible_sellers(included: Sequence[str] = (), excluded: Sequence[str] = ()) -> list[Seller]:
    """Enabled sellers by slug: those included (empty = all) without those excluded."""
    sellers = Seller.objects.filter(enabled=True).exclude(slug__in=excluded)
    if included:
        sellers = sellers.filter(slug__in=included)
    return list(sellers.order_by("slug"))


def seller_by_slug(slug: str) -> Seller:
    """Raises `Seller.DoesNotExist`."""
    return Seller.objects.get(slug=slug)


def exchanges_of_flow(flow_id: UUID) -> QuerySet[Exchange]:
    """What was said for one flow, in order."""
    return Exchange.objects.filter(flow_id=flow_id).select_related("seller").order_by("at")
