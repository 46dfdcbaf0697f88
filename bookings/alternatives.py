"""The plan that waits against what other budgets would buy: the best value for each, and the proven bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bookings.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Tick, round_up, short
from bookings.models import Campaign, Recommendation
from bookings.what_if import explore, market_of
from planning.types import Infeasible
from planning.what_if import Change

PARTS = (Decimal("0.25"), Decimal("0.5"), Decimal("0.75"), Decimal(1), Decimal("1.25"), Decimal("1.5"))


@dataclass(frozen=True)
class Alternative:
    budget: Decimal
    cost: Decimal
    impressions: int
    value: Decimal
    bound: Decimal
    x: float
    y: float
    bound_y: float
    current: bool


@dataclass(frozen=True)
class AlternativesChart:
    width: int
    height: int
    left: int
    right: float
    top: int
    bottom: float
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    points: str
    bound_points: str
    rows: list[Alternative]


def chart(campaign: Campaign, rows: Sequence[Recommendation]) -> AlternativesChart | None:
    """None without a plan. Computed from the sellers' offers so far; no seller is asked."""
    if not rows or not campaign.audience_plan:
        return None
    found, market = [], market_of(campaign)
    for part in PARTS:
        budget = (campaign.budget * part).quantize(Decimal("0.01"))
        try:
            shown = explore(campaign, Change(budget=None if part == 1 else budget), market)
        except Infeasible:
            continue
        found.append((budget, shown.then, shown.answer.plan.bound, part == 1))
    if len(found) < 2:
        return None
    right, bottom = float(WIDTH - RIGHT), float(HEIGHT - BOTTOM)
    widest, top = max(budget for budget, *_ in found), round_up(max(bound for _, _, bound, _ in found))

    def x(amount: Decimal) -> float:
        return round(LEFT + float(amount / widest) * (right - LEFT), 1)

    def y(value: Decimal) -> float:
        return round(bottom - float(value / top) * (bottom - TOP), 1)

    drawn = [
        Alternative(
            budget, then.cost, then.impressions, then.value, bound, x(budget), y(then.value), y(bound), here
        )
        for budget, then, bound, here in found
    ]
    return AlternativesChart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=right,
        top=TOP,
        bottom=bottom,
        x_ticks=[Tick(one.x, short(one.budget)) for one in drawn],
        y_ticks=[Tick(y(top * part / 4), short(top * part / 4)) for part in range(5)],
        points=" ".join(f"{one.x},{one.y}" for one in drawn),
        bound_points=" ".join(f"{one.x},{one.bound_y}" for one in drawn),
        rows=drawn,
    )
