"""What helps a person to weigh one line against the others: its share of the budget, whether its volume is likely to be
delivered, and what is unusual about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bookings.models import Campaign, Line, Recommendation
from bookings.states import LineStatus
from planning.types import Brief

COMFORTABLE, TIGHT = Decimal("0.5"), Decimal("0.85")
"""Parts of what is free in the flight up to which a volume is easy, and up to which it is possible. House rule: the
forecasts of sellers are off by some ten percent, and others buy from the same inventory meanwhile."""
MOST_SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Feasibility:
    label: str
    tone: str
    text: str


@dataclass(frozen=True)
class Weighed:
    share: Decimal  # of the campaign's budget, in percent
    feasibility: Feasibility
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """One row of the side-by-side table; `differs` where the values are not all the same."""

    name: str
    kind: str  # text, number, money, cpm, date: how the page writes the values
    values: tuple[object, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


def weigh(campaign: Campaign, rows: Sequence[Recommendation]) -> dict[object, Weighed]:
    """By the line's id, with one query for all."""
    brief = campaign.read_brief()
    known = _sellers_known([row.seller_id for row in rows])
    return {
        row.pk: Weighed(
            share=row.cost / campaign.budget * 100,
            feasibility=feasibility(row.impressions, row.available),
            flags=tuple(_flags(row, brief, row.seller_id in known)),
        )
        for row in rows
    }


def feasibility(impressions: int, available: int | None) -> Feasibility:
    """How much of what is free the line takes."""
    if available is None:
        return Feasibility("not stated", "neutral", "The seller does not say how much is free in the flight.")
    part = Decimal(impressions) / available if available else Decimal(1)
    text = f"{part:.0%} of the {available:,} impressions that are free in the flight"
    if part <= COMFORTABLE:
        return Feasibility("easy", "good", text)
    if part <= TIGHT:
        return Feasibility("possible", "warn", text)
    return Feasibility("tight", "bad", text)


def _flags(row: Recommendation, brief: Brief, known: bool) -> list[str]:
    set_by_hand = brief.constraints.wish_for((row.channel, row.seller.slug, row.product_id)) is not None
    found = ["set by hand"] if set_by_hand else []
    target = brief.kpis.target_cpm
    if target is not None and row.cpm > target:
        found.append(f"{row.cpm - target:,.2f} above the target CPM")
    if not known:
        found.append("new seller")
    minimum = row.product.get("min_impressions") if isinstance(row.product, dict) else None
    if minimum and row.impressions <= int(minimum):
        found.append("smallest volume")
    if row.start_date > brief.start_date or row.end_date < brief.end_date:
        found.append("shorter than the flight")
    return found


def _sellers_known(seller_ids: Sequence[object]) -> set[object]:
    """Those at which something was ever booked."""
    booked = Line.objects.filter(seller__in=set(seller_ids), status=LineStatus.BOOKED)
    return set(booked.order_by().values_list("seller_id", flat=True).distinct())


def side_by_side(rows: Sequence[Recommendation], weighed: dict[object, Weighed]) -> list[Attribute]:
    """Two to four lines, attribute by attribute."""

    def of(name: str, kind: str, values: Sequence[object]) -> Attribute:
        return Attribute(name, kind, tuple(values))

    return [
        of("Seller", "text", [row.seller.name for row in rows]),
        of("Channel", "channel", [row.channel for row in rows]),
        of("Deal", "deal", [row.deal_type for row in rows]),
        of("Guaranteed", "text", ["yes" if row.guaranteed else "no" for row in rows]),
        of("Impressions", "number", [row.impressions for row in rows]),
        of("Free in the flight", "number", [row.available for row in rows]),
        of("Delivery", "text", [weighed[row.pk].feasibility.label for row in rows]),
        of("CPM", "cpm", [row.cpm for row in rows]),
        of("List CPM", "cpm", [row.list_cpm for row in rows]),
        of("Cost", "money", [row.cost for row in rows]),
        of("Saved against list", "money", [row.saving for row in rows]),
        of("Share of the budget", "percent", [weighed[row.pk].share for row in rows]),
        of("Score", "text", [row.score for row in rows]),
        of("Value per 1,000 spent", "number", [_value_for_money(row) for row in rows]),
        of("From", "date", [row.start_date for row in rows]),
        of("To", "date", [row.end_date for row in rows]),
        of("Price holds until", "instant", [row.quote_expires_at for row in rows]),
        of("To note", "text", ["; ".join(weighed[row.pk].flags) or "nothing" for row in rows]),
    ]


def _value_for_money(row: Recommendation) -> Decimal | None:
    return (row.value * 1000 / row.cost).quantize(Decimal(1)) if row.cost else None
