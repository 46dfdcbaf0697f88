"""A plan with prices that are found wherever they are written, and the seal and forms of the client's page."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.urls import reverse

from approvals.models import ApprovalItem
from bookings.client_view.reading import client_view
from bookings.client_view.sharing import make_link
from bookings.models import Campaign
from bookings.proposals import fingerprint_of
from flows.actors import SYSTEM_ACTOR
from tests.agency import Agency
from tests.plans import waiting_campaign

# CPM, list CPM, cost and impressions of each line; nothing of them is a round number or part of another.
PRICES = (
    (Decimal("13.5713"), Decimal("17.3117"), Decimal("21437.19"), 1_579_600),
    (Decimal("8.2919"), Decimal("9.6743"), Decimal("14683.27"), 1_770_800),
)
SECRET_WORDS = (
    "qt-hidden",
    "Because it is cheapest",
    "Floor is low",
    "Kestrel",
    "deal-hidden",
    "note-hidden",
)


def priced_campaign(agency: Agency, **changes: Any) -> Campaign:
    """Two lines on two channels, at `PRICES`, of a seller called Kestrel."""
    campaign = waiting_campaign(agency, costs=(100, 200), **changes)
    for row, (cpm, list_cpm, cost, impressions), channel in zip(
        campaign.recommendations.select_related("seller"), PRICES, ("ctv", "branding"), strict=True
    ):
        row.cpm, row.list_cpm, row.cost, row.impressions, row.channel = (
            cpm,
            list_cpm,
            cost,
            impressions,
            channel,
        )
        row.quote_id, row.quote_note, row.explanation = (
            "qt-hidden",
            "Floor is low",
            ["Because it is cheapest"],
        )
        row.product = {"formats": ["ctv"], "inventory_type": "ctv", "list_cpm": str(list_cpm)}
        row.save()
        ApprovalItem.objects.filter(pk=row.pk).update(fingerprint=fingerprint_of(row), amount=cost)
    seller = campaign.recommendations.first().seller
    seller.name, seller.slug = "Kestrel Outlet", "kestrel"
    seller.save()
    for position, (channel, share, amount) in enumerate(
        (("branding", "0.405", 24_300), ("ctv", "0.595", 35_700))
    ):
        campaign.channels.create(channel=channel, position=position, share=share, amount=amount)
    return campaign


def spellings(value: Decimal) -> set[str]:
    """Every way in which somebody might write this number, from four digits on."""
    forms = {f"{value.normalize():f}", f"{value * 1_000_000:.0f}", f"{value / 1000:f}", f"{value:f}"}
    for places in (0, 1, 2, 3, 4):
        plain, grouped = f"{value:.{places}f}", f"{value:,.{places}f}"
        forms |= {plain, grouped, plain.replace(".", ","), plain.replace(".", "")}
        forms |= {grouped.translate(str.maketrans(",.", ".,")), grouped.replace(",", " ")}
    return {form for form in forms if len(re.sub(r"\D", "", form)) >= 4}


def secrets() -> dict[str, set[str]]:
    """What a client must never read, by what it is."""
    found: dict[str, set[str]] = {}
    for number, (cpm, list_cpm, cost, impressions) in enumerate(PRICES, 1):
        at_list = list_cpm * impressions / 1000
        amounts = {"cpm": cpm, "list cpm": list_cpm, "cost": cost, "cost at list": at_list}
        amounts |= {"saving": at_list - cost, "rebate": list_cpm - cpm}
        found |= {f"{name} {number}": spellings(value) for name, value in amounts.items()}
    total = sum(cost for _, _, cost, _ in PRICES)
    volume = sum(impressions for *_, impressions in PRICES)
    unspent, blended = Decimal(60_000) - total, total * 1000 / volume
    found |= {"total": spellings(total), "unspent": spellings(unspent), "blended": spellings(blended)}
    shares = {f"{cost * 100 / 60_000:.1f} %" for _, _, cost, _ in PRICES}
    return found | {"share of cost": shares, "words": set(SECRET_WORDS)}


def leaks(text: str) -> list[str]:
    """Which secrets stand in it. Ids, times and tokens are taken out: any short number turns up there one day."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "", text)
    text = re.sub(r"\b[A-Za-z0-9_-]{43,64}\b", "", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]*Z?", "", text)
    return [f"{name}: {form}" for name, forms in secrets().items() for form in forms if form in text]


def seal_of(campaign: Campaign) -> str:
    return client_view(campaign).seal


def new_link(agency: Agency, campaign: Campaign, **changes: Any) -> tuple[Any, str]:
    """A link and its address."""
    made = {"user": agency.person("manager"), "actor": SYSTEM_ACTOR} | changes
    link, token = make_link(campaign_id=campaign.pk, **made)
    return link, reverse("shared", args=[token])


def forget_openings() -> None:
    """Openings are counted per address in the cache of this process, which outlives a test."""
    cache.clear()
