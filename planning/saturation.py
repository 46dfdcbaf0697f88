"""What more money on one product still counts: the more of a channel's money one product takes, the more often
it meets people whom it has met already.

The steps are in money, not in impressions, so that they hold alike for every price step of a product and can
be checked against the channel's allocation by eye.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from planning.money import ARITHMETIC

DROPS: tuple[tuple[Decimal, Decimal], ...] = (
    (Decimal("0.40"), Decimal("0.25")),
    (Decimal("0.70"), Decimal("0.25")),
)
"""From this share of its channel's allocation on, each further unit of money on one product counts this much
less: fully up to 40 %, 0.75 up to 70 %, then 0.5. House planning assumption, not a measurement: repeated
contacts add less than first ones, and a buyer does not lay a channel on one product. Where a house measures
reach against frequency per product, these steps are what to replace."""


def edges(channel_money: Decimal) -> Iterator[tuple[Decimal, Decimal]]:
    """Each amount at which the next money on one product begins to count less, and by how much."""
    for share, drop in DROPS:
        yield ARITHMETIC.multiply(channel_money, share), drop


def counted(money: Decimal, channel_money: Decimal) -> Decimal:
    """How much of `money` on one product counts, in the same currency; concave, and all of it at first."""
    return money - sum(
        (drop * (money - edge) for edge, drop in edges(channel_money) if money > edge), Decimal(0)
    )


def next_counts(money: Decimal, channel_money: Decimal) -> Decimal:
    """What the next unit of money counts after `money`, 0..1."""
    return 1 - sum((drop for edge, drop in edges(channel_money) if money >= edge), Decimal(0))


def tranches(money: Decimal, channel_money: Decimal) -> list[tuple[Decimal, Decimal]]:
    """`money` in parts from the first to the last, each with what a unit of it counts; empty parts left out."""
    parts: list[tuple[Decimal, Decimal]] = []
    start, counts = Decimal(0), Decimal(1)
    for edge, drop in edges(channel_money):
        parts.append((min(money, edge) - start, counts))
        start, counts = min(money, edge), counts - drop
    parts.append((money - start, counts))
    return [(amount, counts) for amount, counts in parts if amount > 0]
