"""What is planned and what is confirmed, without anything from which a seller's price could be told.

Shares are those of the budget as it was allocated to channels, in whole percents: the cost of single lines, beside
their impressions, would tell their price.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from bookings.client_view.words import guarantee
from bookings.models import Campaign, ChannelBudget, Line, Recommendation
from bookings.states import LINE_OPEN, LineStatus, RecommendationState
from planning.types import CHANNELS

OUT = (RecommendationState.REJECTED, RecommendationState.WITHDRAWN)
INVENTORY = {
    "display": "Display",
    "video": "Video",
    "ctv": "Connected TV",
    "mobile_app": "In apps",
    "native": "Native",
    "linear_tv": "TV",
    "dooh": "Digital out of home",
    "audio": "Audio",
}
MOST_FORMATS = 6
STATES = {
    "planned": ("Planned", "neutral"),
    "booking": ("Being booked", "progress"),
    "confirmed": ("Confirmed", "good"),
    "not_booked": ("Not booked", "warn"),
    "not_bought": ("Not part of the booking", "neutral"),
}


@dataclass(frozen=True)
class Placement:
    """One line of the plan. `state`: planned, booking, confirmed, not_booked, not_bought."""

    id: uuid.UUID
    channel: str
    name: str
    format: str
    start: dt.date
    end: dt.date
    impressions: int
    guaranteed: bool
    terms: str
    state: str
    confirmed_at: dt.datetime | None

    @property
    def words(self) -> str:
        return STATES[self.state][0]

    @property
    def tone(self) -> str:
        return STATES[self.state][1]


@dataclass(frozen=True)
class ChannelPart:
    """`share`: whole percents of the budget; None where it has not been split."""

    channel: str
    share: int | None
    impressions: int
    placements: list[Placement]


@dataclass(frozen=True)
class Totals:
    """`allocated` in the campaign's currency: what of the budget the channels were given."""

    placements: int
    impressions: int
    guaranteed: int  # of the impressions
    confirmed: int  # placements
    confirmed_impressions: int
    allocated: Decimal | None

    @property
    def not_guaranteed(self) -> int:
        return self.impressions - self.guaranteed


def placements_of(
    campaign: Campaign, rows: Sequence[Recommendation], lines: Sequence[Line]
) -> list[Placement]:
    """In the plan's order, without what the agency has taken out of it."""
    by_row = {line.recommendation_id: line for line in lines}
    return [_placement(row, by_row.get(row.pk), campaign.is_over()) for row in rows if row.state not in OUT]


def _placement(row: Recommendation, line: Line | None, over: bool) -> Placement:
    state = _state(line, over)
    return Placement(
        id=row.pk,
        channel=row.channel,
        name=row.product_name,
        format=_format(row),
        start=row.start_date,
        end=row.end_date,
        impressions=row.impressions,
        guaranteed=row.guaranteed,
        terms=guarantee(row),
        state=state,
        confirmed_at=line.settled_at if line is not None and state == "confirmed" else None,
    )


def _state(line: Line | None, over: bool) -> str:
    if line is None:
        return "not_bought" if over else "planned"
    if line.status == LineStatus.BOOKED:
        return "confirmed"
    return "booking" if line.status in LINE_OPEN else "not_booked"


def _format(row: Recommendation) -> str:
    """The seller's names of formats, else the kind of inventory; empty where neither is known."""
    product = row.product if isinstance(row.product, dict) else {}
    named = [str(name).strip() for name in product.get("formats") or []]
    formats = [INVENTORY.get(name, name) for name in named if name and name != row.product_name]
    if not formats:
        return INVENTORY.get(str(product.get("inventory_type", "")), "")
    return ", ".join(dict.fromkeys(formats[:MOST_FORMATS])) + (", ..." if len(formats) > MOST_FORMATS else "")


def channels_of(budgets: Sequence[ChannelBudget], placements: Sequence[Placement]) -> list[ChannelPart]:
    """Channels that got money or hold a placement, in the order of the budget."""
    shares = dict(
        zip([row.channel for row in budgets], whole_percents([row.share for row in budgets]), strict=True)
    )
    funded = [row.channel for row in budgets if row.amount > 0]
    held = [name for name in CHANNELS if any(one.channel == name for one in placements)]
    return [
        _part(name, shares.get(name), [one for one in placements if one.channel == name])
        for name in dict.fromkeys([*funded, *held])
    ]


def _part(channel: str, share: int | None, placements: list[Placement]) -> ChannelPart:
    return ChannelPart(channel, share, sum(one.impressions for one in placements), placements)


def whole_percents(shares: Sequence[Decimal]) -> list[int]:
    """Parts of 0..1 as whole percents that sum to their rounded sum (largest remainder)."""
    exact = [share * 100 for share in shares]
    parts = [int(part.to_integral_value(ROUND_DOWN)) for part in exact]
    missing = int(sum(exact, Decimal(0)).to_integral_value(ROUND_HALF_UP)) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[:missing]:
        parts[index] += 1
    return parts


def totals_of(budgets: Sequence[ChannelBudget], placements: Sequence[Placement]) -> Totals:
    confirmed = [one for one in placements if one.state == "confirmed"]
    return Totals(
        placements=len(placements),
        impressions=sum(one.impressions for one in placements),
        guaranteed=sum(one.impressions for one in placements if one.guaranteed),
        confirmed=len(confirmed),
        confirmed_impressions=sum(one.impressions for one in confirmed),
        allocated=sum((row.amount for row in budgets), Decimal(0)) if budgets else None,
    )
