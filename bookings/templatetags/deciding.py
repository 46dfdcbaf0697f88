"""The sums under the table of recommendations, for the lines that are ticked when the page is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template

from bookings.page_context import Choice, Lane
from bookings.states import RecommendationState
from bookings.templatetags.wording import channel_name
from bookings.wish_fields import field_of, text_of
from planning.types import LineWish

register = template.Library()
SCALE = 1000  # of the drawn bar


@dataclass(frozen=True)
class Selection:
    """Amounts in the campaign's currency; widths in thousandths of the drawn bar."""

    count: int
    cost: Decimal
    impressions: int
    cpm: Decimal | None
    remaining: Decimal
    over: Decimal | None
    approved_width: int
    selected_width: int


@dataclass(frozen=True)
class Split:
    """What one channel or seller has of the money: `limit` is a channel's allocation; a seller has none of its own."""

    name: str
    before: Decimal  # approved earlier
    limit: Decimal | None


@register.simple_tag
def by_channel(choices: Collection[Choice], lanes: Collection[Lane]) -> list[Split]:
    return [
        Split(
            channel_name(lane.row.channel),
            _approved(choice for choice in choices if choice.row.channel == lane.row.channel),
            lane.row.amount,
        )
        for lane in lanes
        if lane.row.amount
    ]


@register.simple_tag
def by_seller(choices: Collection[Choice]) -> list[Split]:
    names = sorted({choice.row.seller.name for choice in choices})
    return [
        Split(name, _approved(choice for choice in choices if choice.row.seller.name == name), None)
        for name in names
    ]


def _approved(choices: Iterable[Choice]) -> Decimal:
    return sum((one.row.cost for one in choices if one.row.state == RecommendationState.APPROVED), Decimal(0))


register.filter("wish_words", text_of)


@register.simple_tag
def take_in(one: dict[str, Any]) -> str:
    """The what-if address of a plan that holds this product."""
    wish = LineWish(one["channel"], one["seller"], one["product_id"])
    return urlencode({"wish": field_of(wish)})


@register.simple_tag
def selection(choices: Collection[Choice], ticked: Any, budget: Decimal, approved: Decimal) -> Selection:
    chosen = [one for one in choices if one.can_tick and str(one.row.pk) in (ticked or ())]
    cost = sum((one.row.cost for one in chosen), Decimal(0))
    impressions = sum(one.row.impressions for one in chosen)
    remaining = budget - approved - cost
    scale = max(budget, approved + cost)
    return Selection(
        count=len(chosen),
        cost=cost,
        impressions=impressions,
        cpm=(cost * 1000 / impressions).quantize(Decimal("0.01")) if impressions else None,
        remaining=remaining,
        over=-remaining if remaining < 0 else None,
        approved_width=int(approved * SCALE / scale),
        selected_width=int(cost * SCALE / scale),
    )
