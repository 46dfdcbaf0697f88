"""Another budget, price ceiling or channel split on a plan that waits, computed from what the sellers have said.
Nothing is asked, written or promised; the sellers' binding prices come when the plan is made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bookings.models import Campaign, Recommendation
from bookings.states import CampaignStatus
from bookings.wish_fields import shown as shown_wishes
from planning import codec
from planning.quoted import Heard, key_of
from planning.types import AudiencePlan, Offer, PlanLine
from planning.what_if import Answer, Change, Difference, difference, what_if
from sellers.models import Seller


@dataclass(frozen=True)
class Figures:
    """One side of the comparison; money in the campaign's currency."""

    budget: Decimal
    cost: Decimal
    impressions: int
    cpm: Decimal | None
    value: Decimal
    lines: int


@dataclass(frozen=True)
class ChannelPair:
    """Planned cost of one channel in both plans, and what is allocated to it."""

    channel: str
    allocated: Decimal
    allocated_then: Decimal
    cost: Decimal
    cost_then: Decimal


@dataclass(frozen=True)
class Shown:
    answer: Answer
    now: Figures
    then: Figures
    quality: Decimal | None  # percent of the proven bound that the new plan reaches
    channels: list[ChannelPair]
    changes: Difference
    names: dict[tuple[str, str], str]  # product names by seller and product id
    change: Change


@dataclass(frozen=True)
class Market:
    """What is known of a campaign: its waiting lines, what sellers have offered, what each channel was given."""

    current: list[PlanLine]
    offers: list[Offer]
    amounts: dict[str, Decimal]


def market_of(campaign: Campaign) -> Market:
    """Read once for any number of changes."""
    rows = campaign.recommendations.select_related("seller").order_by("rank")
    amounts = {row.channel: row.amount for row in campaign.channels.all()}
    return Market([_line(row) for row in rows], offers_of(campaign), amounts)


def explore(campaign: Campaign, change: Change, market: Market | None = None) -> Shown:
    """The plan under `change` beside the one that waits. Raises `planning.types.Infeasible`, naming the fields."""
    market = market or market_of(campaign)
    current, offers = market.current, market.offers
    answer = what_if(
        campaign.read_brief(),
        codec.from_json(AudiencePlan, campaign.audience_plan or {}),
        offers,
        change,
        [Heard(key_of(line), line.impressions, line.cpm) for line in current],
    )
    plan = answer.plan
    return Shown(
        answer=answer,
        now=_figures(campaign.budget, current),
        then=_figures(answer.brief.budget, plan.lines),
        quality=(1 - plan.gap) * 100 if plan.bound else None,
        channels=_channels(market, answer),
        changes=difference(current, plan.lines),
        names=_names(offers),
        change=change,
    )


def fields_of(campaign: Campaign, given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The panel's fields as they were sent, or as the campaign has them; shares as (channel, typed, percent now)."""
    brief, sent = campaign.read_brief(), given or {}
    ceiling = brief.kpis.max_cpm
    return {
        "budget": sent.get("budget", f"{campaign.budget:f}"),
        "max_cpm": sent.get("max_cpm", f"{ceiling:f}" if ceiling else ""),
        "channels": [
            (row.channel, sent.get(f"share_{row.channel}", ""), row.share * 100)
            for row in campaign.channels.all()
        ],
        "waiting": campaign.status == CampaignStatus.AWAITING_APPROVAL,
        "set": shown_wishes(
            brief.constraints.lines, _names(offers_of(campaign)) if brief.constraints.lines else {}
        ),
    }


def offers_of(campaign: Campaign) -> list[Offer]:
    """What sellers that are still in use have offered for this campaign."""
    enabled = set(Seller.objects.filter(enabled=True).values_list("slug", flat=True))
    heard = (
        codec.from_json(Offer, row)
        for offers in campaign.reports.values_list("offers", flat=True)
        for row in offers
    )
    return [offer for offer in heard if offer.product.seller in enabled]


def _names(offers: Sequence[Offer]) -> dict[tuple[str, str], str]:
    return {(offer.product.seller, offer.product.product_id): offer.product.name for offer in offers}


def _line(row: Recommendation) -> PlanLine:
    return PlanLine(
        channel=row.channel,
        seller=row.seller.slug,
        product_id=row.product_id,
        impressions=row.impressions,
        cpm=row.cpm,
        cost=row.cost,
        value=row.value,
        score=row.score,
        rank=row.rank,
        explanation=(),
    )


def _figures(budget: Decimal, lines: Sequence[PlanLine]) -> Figures:
    cost = sum((line.cost for line in lines), Decimal(0))
    impressions = sum(line.impressions for line in lines)
    return Figures(
        budget=budget,
        cost=cost,
        impressions=impressions,
        cpm=(cost * 1000 / impressions).quantize(Decimal("0.01")) if impressions else None,
        value=sum((line.value for line in lines), Decimal(0)),
        lines=len(lines),
    )


def _channels(market: Market, answer: Answer) -> list[ChannelPair]:
    return [
        ChannelPair(
            channel=part.channel,
            allocated=market.amounts.get(part.channel, Decimal(0)),
            allocated_then=part.amount,
            cost=_cost(market.current, part.channel),
            cost_then=_cost(answer.plan.lines, part.channel),
        )
        for part in answer.allocations
    ]


def _cost(lines: Sequence[PlanLine], channel: str) -> Decimal:
    return sum((line.cost for line in lines if line.channel == channel), Decimal(0))
