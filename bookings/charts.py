"""Drawings of a campaign as plain geometry: what the templates turn into SVG, each with its table.

Coordinates are in a drawing of fixed size; the browser scales it. Lines differ by dash pattern as well as by colour,
and every drawn value stands in the table, so that nothing depends on seeing colours or the drawing at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from bookings.models import Campaign, Recommendation
from planning import codec
from planning.allocation import response, response_curve
from planning.types import AudiencePlan

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 30
ROW = 26
NAMES = 220  # width of the names beside a row


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Curve:
    """`style` numbers the dash pattern. The mark is where the plan stands; `rows` are the table's."""

    label: str
    style: int
    points: str
    mark_x: float
    mark_y: float
    rows: list[tuple[Decimal, Decimal]]
    amount: Decimal
    response: Decimal


@dataclass(frozen=True)
class CurveChart:
    width: int
    height: int
    left: int
    right: float
    top: int
    bottom: float
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    curves: list[Curve]


@dataclass(frozen=True)
class PriceRow:
    label: str
    y: float
    cpm_x: float
    list_x: float
    cpm: Decimal
    list_cpm: Decimal


@dataclass(frozen=True)
class PriceChart:
    """Each line's price against its list price; `ceiling` and `target` are the brief's, as upright lines."""

    width: int
    height: float
    left: int
    bottom: float
    ticks: list[Tick]
    rows: list[PriceRow]
    ceiling: Decimal | None
    ceiling_x: float | None
    target: Decimal | None
    target_x: float | None
    left_out: int


def responses(campaign: Campaign) -> CurveChart | None:
    """What each channel's money achieves, with diminishing returns, and where the plan stands on each curve."""
    if not campaign.audience_plan:
        return None
    brief, audience = campaign.read_brief(), codec.from_json(AudiencePlan, campaign.audience_plan)
    amounts = {row.channel: row.amount for row in campaign.channels.all()}
    found = {channel: response_curve(brief, audience, channel) for channel in brief.channels}
    top = round_up(max(value for rows in found.values() for _, value in rows) or Decimal(1))
    right, bottom = float(WIDTH - RIGHT), float(HEIGHT - BOTTOM)

    def x(amount: Decimal) -> float:
        return round(LEFT + float(amount / brief.budget) * (right - LEFT), 1)

    def y(value: Decimal) -> float:
        return round(bottom - float(value / top) * (bottom - TOP), 1)

    curves = []
    for number, (channel, rows) in enumerate(found.items()):
        amount = amounts.get(channel, Decimal(0))
        reached = response(brief, audience, channel, amount)
        points = " ".join(f"{x(money)},{y(value)}" for money, value in rows)
        curves.append(
            Curve(channel, number + 1, points, x(amount), y(reached), list(rows[::4]), amount, reached)
        )
    return CurveChart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=right,
        top=TOP,
        bottom=bottom,
        x_ticks=[Tick(x(brief.budget * part / 4), short(brief.budget * part / 4)) for part in range(5)],
        y_ticks=[Tick(y(top * part / 4), f"{float(top * part / 4):.2f}") for part in range(5)],
        curves=curves,
    )


def prices(campaign: Campaign, rows: Sequence[Recommendation], most: int = 40) -> PriceChart | None:
    """The dearest lines first, as many as can be read."""
    if not rows:
        return None
    shown = sorted(rows, key=lambda row: (-row.cost, row.rank))[:most]
    kpis = campaign.read_brief().kpis
    marks = [mark for mark in (kpis.max_cpm, kpis.target_cpm) if mark is not None]
    top = round_up(max([*marks, *(max(row.cpm, row.list_cpm) for row in shown)]))
    right = float(WIDTH - RIGHT)

    def x(cpm: Decimal) -> float:
        return round(NAMES + float(cpm / top) * (right - NAMES), 1)

    return PriceChart(
        width=WIDTH,
        height=TOP + ROW * len(shown) + BOTTOM,
        left=NAMES,
        bottom=TOP + ROW * len(shown),
        ticks=[Tick(x(top * part / 4), f"{float(top * part / 4):,.2f}") for part in range(5)],
        rows=[
            PriceRow(
                f"{row.rank}. {row.product_name}",
                TOP + ROW * number + ROW / 2,
                x(row.cpm),
                x(row.list_cpm),
                row.cpm,
                row.list_cpm,
            )
            for number, row in enumerate(shown)
        ],
        ceiling=kpis.max_cpm,
        ceiling_x=None if kpis.max_cpm is None else x(kpis.max_cpm),
        target=kpis.target_cpm,
        target_x=None if kpis.target_cpm is None else x(kpis.target_cpm),
        left_out=len(rows) - len(shown),
    )


def round_up(value: Decimal) -> Decimal:
    """To a number that divides well into four: 1, 2, 4 or 8 times a power of ten."""
    if value <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(value.adjusted())
    return next(power * step for step in (1, 2, 4, 8, 10) if power * step >= value)


def short(amount: Decimal) -> str:
    """Axis labels: 12,500 as "12.5k"."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if amount >= size:
            return f"{(amount / size).quantize(Decimal('0.1')).normalize():f}{unit}"
    return f"{amount.quantize(Decimal(1), ROUND_CEILING):f}"
