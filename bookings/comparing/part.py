"""What one visit of a comparison hands back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bookings.discrepancies import Comparison, DiscrepancyKind
from bookings.findings import Finding
from sellers.dialects.base import HeldLines, HeldOrders

MOST_NAMED = 20  # foreign things that are named; the rest is counted
MOST_ALIKE = 50  # findings of one kind from one list: where anybody can write, anybody can write our mark


def _nothing(comparison: Comparison) -> None:
    """Nothing was found that must be kept."""


@dataclass(frozen=True)
class Part:
    """`record` runs in the step's transaction; `orders` replaces the run's list of orders, if given."""

    cursor: dict[str, Any]
    counts: dict[str, int] = field(default_factory=dict)
    orders: list[dict[str, str]] | None = None
    record: Callable[[Comparison], None] = _nothing


def unread_rows(held: HeldOrders | HeldLines) -> int:
    """Rows that could not be read, and one more for a list that did not come to its end."""
    return sum(row.reason != "duplicate" for row in held.skipped) + (not held.complete)


def foreign(reference: str, where: str, ids: list[str]) -> list[Finding]:
    """One finding for everything in `where` that does not carry our reference: told, and otherwise left alone."""
    if not ids:
        return []
    said = f"{len(ids)} {where} carry no reference of ours. Somebody else may have booked them for us."
    named = tuple(one[:100] for one in sorted(ids)[:MOST_NAMED])
    return [Finding(DiscrepancyKind.FOREIGN, reference, said, named)]


def bounded(reference: str, found: list[Finding]) -> list[Finding]:
    """Things with our mark that nobody here knows, each by itself, but never more than a person can look at."""
    if len(found) <= MOST_ALIKE:
        return found
    rest = f"{len(found) - MOST_ALIKE} more carry a mark like ours and are unknown here."
    return [*found[:MOST_ALIKE], Finding(DiscrepancyKind.UNKNOWN_OURS, f"{reference} and more", rest)]
