"""The booking confirmation: what was approved beside what the sellers confirmed, as a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from approvals.models import Decision
from approvals.states import Verdict
from bookings.csv_cells import row
from bookings.models import Campaign, Line
from bookings.selectors import CampaignView
from bookings.states import LINE_LOST, LineStatus

COLUMNS = (
    *("product", "seller", "channel", "status", "seller_reference", "currency"),
    *("approved_impressions", "approved_cpm", "approved_cost", "confirmed_cost", "difference", "note"),
)


@dataclass(frozen=True)
class Sums:
    """In the campaign's currency. `released` was approved and is not booked; `open` may still be."""

    approved: Decimal
    confirmed: Decimal
    open: Decimal
    released: Decimal
    booked: int
    lines: int


@dataclass(frozen=True)
class Confirmation:
    campaign: Campaign
    lines: list[Line]
    sums: Sums
    decisions: list[Decision]
    final: bool  # nothing in it will change by itself


def confirmation(view: CampaignView) -> Confirmation:
    lines = view.lines
    decisions = view.request.decisions.select_related("undone_by").order_by("at") if view.request else []
    return Confirmation(
        campaign=view.campaign,
        lines=lines,
        sums=_sums(lines),
        decisions=[row for row in decisions if row.verdict == Verdict.APPROVE and not row.is_undone],
        final=view.campaign.is_over(),
    )


def _sums(lines: list[Line]) -> Sums:
    booked = [line for line in lines if line.status == LineStatus.BOOKED]
    lost = [line for line in lines if line.status in LINE_LOST]
    approved = _cost(lines)
    return Sums(
        approved=approved,
        confirmed=sum((confirmed_cost(line) for line in booked), Decimal(0)),
        open=approved - _cost(booked) - _cost(lost),
        released=_cost(lost),
        booked=len(booked),
        lines=len(lines),
    )


def confirmed_cost(line: Line) -> Decimal:
    return line.cost if line.confirmed_cost is None else line.confirmed_cost


def _cost(lines: list[Line]) -> Decimal:
    return sum((line.cost for line in lines), Decimal(0))


def as_csv(document: Confirmation) -> Iterator[str]:
    """One row per line. Numbers stay numbers; a text that a spreadsheet would compute is marked as text."""
    yield row(COLUMNS)
    for line in document.lines:
        confirmed = confirmed_cost(line) if line.status == LineStatus.BOOKED else None
        texts = (
            line.recommendation.product_name,
            line.seller.name,
            line.recommendation.channel,
            line.get_status_display(),
            line.seller_reference,
            line.currency,
        )
        numbers = (
            line.impressions,
            Decimal(f"{line.cpm.normalize():f}"),
            line.cost,
            "" if confirmed is None else confirmed,
            "" if confirmed is None else confirmed - line.cost,
        )
        yield row((*texts, *numbers, line.note))
