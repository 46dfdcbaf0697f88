"""Plans that wait for a decision, built as rows: for tests of deciding that need no seller to be asked."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from bookings.models import Campaign, Recommendation
from bookings.proposals import ask_for_decision
from flows import lifecycle
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from planning import brief as briefs
from planning import codec
from planning.audience import plan_audience
from sellers.models import Seller
from tests.agency import Agency
from tests.briefs import brief


def make_seller(slug: str = "northlight") -> Seller:
    seller, _ = Seller.objects.get_or_create(
        slug=slug,
        defaults={"name": slug.title(), "base_url": f"https://{slug}.example", "dialect": "seller-agent"},
    )
    return seller


def waiting_campaign(
    agency: Agency, *, costs: tuple[int, ...] = (10_000, 20_000, 5_000), **changes: Any
) -> Campaign:
    """A campaign whose plan has one line per cost (in its currency), prepared by the manager."""
    read = briefs.read_brief(brief(**changes), now=now())
    campaign = Campaign.objects.create(
        name=read.name,
        organization=agency.client,
        prepared_by=agency.person("manager"),
        prepared_via="page",
        brief=briefs.brief_to_json(read),
        budget=read.budget,
        currency=read.currency,
        start_date=read.start_date,
        end_date=read.end_date,
    )
    _move(campaign, "receive_campaign_brief")
    _move(campaign, "allocate_budget", audience_plan=codec.to_json(plan_audience(read)))
    _move(campaign, "start_research")
    rows = Recommendation.objects.bulk_create(
        _row(campaign, rank, cost) for rank, cost in enumerate(costs, 1)
    )
    plan = {"value": "1", "bound": "1", "gap": "0", "cost": str(sum(costs)), "unspent": {}, "reasons": []}
    _move(campaign, "consolidate_recommendations", plan=plan | {"not_chosen": [], "digest": ""})
    ask_for_decision(campaign, rows)
    return campaign


def _move(campaign: Campaign, transition: str, **arguments: Any) -> None:
    lifecycle.apply(campaign, transition, actor=SYSTEM_ACTOR, subject_type="campaign", **arguments)


def _row(campaign: Campaign, rank: int, cost: int) -> Recommendation:
    return Recommendation(
        campaign=campaign,
        rank=rank,
        channel="ctv",
        seller=make_seller(),
        product_id=f"product-{rank}",
        product_name=f"Product {rank}",
        product={},
        deal_type="PG",
        guaranteed=True,
        impressions=cost * 100,
        cpm=Decimal(10),
        list_cpm=Decimal(12),
        cost=Decimal(cost),
        currency=campaign.currency,
        start_date=campaign.start_date,
        end_date=campaign.end_date,
        quote_id=f"qt-{campaign.pk.hex[:8]}-{rank}",
        quote_expires_at=now() + dt.timedelta(hours=24),
        score=Decimal(100),
        value=Decimal(1),
    )
