"""Approved terms, the intent that is sent, and how an answer differs from what was approved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bookings.models import Line
from flows.fingerprint import digest
from planning.brief_delivery import EVEN
from planning.money import round_money
from planning.zones import UTC_NAME
from sellers.dialects.base import LineIntent, Terms
from sellers.dialects.registry import write_kinds

OWN_REFERENCES = ("deal_id", "line_id")  # the seller's ids that belong to one line only
ORDER_KINDS = frozenset({"order"})  # written once per campaign and seller; everything else once per line


def line_kind(line: Line) -> str:
    """The write that makes the line itself at its seller."""
    return next(kind for kind in write_kinds(line.seller.dialect) if kind not in ORDER_KINDS)


def order_name(line: Line) -> str:
    """Unique per account at the seller and at most 100 characters: the natural key of OpenDirect 2.1."""
    return f"FD {line.campaign_id.hex[:12]} {line.campaign.name}"[:100]


def claim_key(line: Line, kind: str) -> str:
    """The idempotency key: the same for the same approved content, for ever."""
    if kind in ORDER_KINDS:
        return f"fd-{kind}-{line.campaign_id.hex}-{line.seller_id.hex}"
    return f"fd-{kind}-{line.pk.hex}-{line.fingerprint[:16]}"


def intent_for(line: Line, kind: str) -> LineIntent:
    row, campaign = line.recommendation, line.campaign
    brief = campaign.read_brief()
    return LineIntent(
        reference=f"fd-{line.pk.hex}",
        campaign_name=campaign.name,
        order_name=order_name(line),
        line_name=f"{line.pk.hex[:12]} {row.product_name}"[:200],
        product_id=row.product_id,
        product_name=row.product_name,
        deal_type=row.deal_type,
        impressions=line.impressions,
        cpm=line.cpm,
        cost=line.cost,
        currency=line.currency,
        flight_start=row.start_date,
        flight_end=row.end_date,
        quote_id=row.quote_id,
        idempotency_key=claim_key(line, kind),
        order_budget=campaign.budget,
        frequency_cap=brief.constraints.frequency_cap,
        timezone=brief.timezone,
        pacing=brief.pacing,
        refs=dict(line.refs),
    )


def intent_hash(intent: LineIntent, kind: str) -> str:
    """Digest of what is committed outside. References that the seller gives on the way are not part of it."""
    if kind in ORDER_KINDS:
        return digest({"order": intent.order_name, "currency": intent.currency})
    return digest(
        {
            "kind": kind,
            "reference": intent.reference,
            "product": intent.product_id,
            "impressions": intent.impressions,
            "cpm": intent.cpm,
            "cost": intent.cost,
            "currency": intent.currency,
            "flight": [intent.flight_start, intent.flight_end],
            "quote": intent.quote_id,
            **_spread(intent),
        }
    )


def _spread(intent: LineIntent) -> dict[str, str]:
    """Only what is not the usual: claims of lines approved before there was a choice keep their digest."""
    usual = {"timezone": UTC_NAME, "pacing": EVEN}
    return {name: value for name, other in usual.items() if (value := getattr(intent, name)) != other}


def differences(line: Line, terms: Terms) -> list[str]:
    """In words, where the seller's terms are not the approved ones. A lower price at the same volume is fine."""
    row, found = line.recommendation, []
    if terms.product_id is not None and terms.product_id != row.product_id:
        found.append(f"product {terms.product_id} instead of {row.product_id}")
    if terms.currency is not None and terms.currency != line.currency:
        found.append(f"currency {terms.currency} instead of {line.currency}")
    if terms.cpm is not None and terms.cpm > line.cpm:
        found.append(f"CPM {terms.cpm:,.2f} instead of {line.cpm:,.2f}")
    if terms.cost is not None and round_money(terms.cost, line.currency) > line.cost:
        found.append(f"cost {terms.cost:,.2f} instead of {line.cost:,.2f}")
    if terms.impressions is not None and terms.impressions != line.impressions:
        found.append(f"{terms.impressions:,} impressions instead of {line.impressions:,}")
    if terms.flight_start is not None and terms.flight_start != row.start_date:
        found.append(f"start {terms.flight_start} instead of {row.start_date}")
    if terms.flight_end is not None and terms.flight_end != row.end_date:
        found.append(f"end {terms.flight_end} instead of {row.end_date}")
    return found


def confirmed_cost(line: Line, terms: Terms) -> Decimal:
    """What the line commits: the seller's cost where it says one, else volume x confirmed CPM / 1000; never more
    than approved, because a dearer answer is a difference and not a booking."""
    if terms.cost is not None:
        return round_money(terms.cost, line.currency)
    if terms.cpm is not None:
        return round_money(terms.cpm * line.impressions / 1000, line.currency)
    return line.cost


def terms_as_json(terms: Terms) -> dict[str, Any]:
    return {name: str(value) for name, value in vars(terms).items() if value is not None}
