"""The sums under the table of recommendations, for the lines that are ticked when the page is sent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template

from bookings.page_context import Choice
from bookings.wish_fields import field_of
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
