"""The first part: which of the seller's orders concern us."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable

from bookings import findings
from bookings.adopting import OUR_LINE
from bookings.comparing.part import Part, bounded, foreign, unread_rows
from bookings.discrepancies import Comparison, DiscrepancyKind
from bookings.findings import Finding
from bookings.models import Line, Recommendation
from bookings.talk import ask
from sellers.dialects.base import HeldOrder, HeldOrders, SellerDialect
from sellers.dialects.registry import lists_lines
from sellers.services import save_exchanges

OUR_ORDER = re.compile(r"\AFD ([0-9a-f]{12}) ")
IDS_A_QUERY = 500


def read_orders(comparison: Comparison) -> Part:
    """The list of orders, sorted into ours and others'. Raises `SellerError` when it cannot be read at all."""
    seller = comparison.seller

    async def question(dialect: SellerDialect) -> HeldOrders:
        return await dialect.held_orders()

    held, calls = ask(seller.connection(), question)
    ours, found = (
        _our_orders(comparison, held) if lists_lines(seller.dialect) else _our_deals(comparison, held)
    )

    def record(row: Comparison) -> None:
        save_exchanges(seller.pk, calls, correlation_id=row.correlation_id, flow_id=row.pk)
        for finding in found:
            findings.open_finding(seller, finding)

    counts = {"orders": len(held.orders), "unread": unread_rows(held)}
    return Part({"phase": "lines", "at": 0}, counts, ours, record)


def _our_orders(comparison: Comparison, held: HeldOrders) -> tuple[list[dict[str, str]], list[Finding]]:
    campaigns = _campaigns_at(comparison)
    ours, found, others, names = [], [], [], set()
    for order in held.orders:
        mark = next((match[1] for text in (order.name, *order.marks) if (match := OUR_ORDER.match(text))), "")
        if not mark:
            others.append(order.order_id)
        elif mark not in campaigns:
            said = f"The order {order.order_id} ({order.name[:100]}) carries our mark; no campaign of ours has it."
            found.append(Finding(DiscrepancyKind.UNKNOWN_OURS, order.order_id, said))
        else:
            if mark in names:
                said = f"The order {order.order_id} ({order.name[:100]}) stands at the seller a second time."
                found.append(Finding(DiscrepancyKind.DOUBLED, order.order_id, said))
            names.add(mark)
            ours.append({"order": order.order_id, "campaign": campaigns[mark], "status": order.status[:40]})
    return ours, [*bounded("account", found), *foreign("account", "orders in our account", others)]


def _campaigns_at(comparison: Comparison) -> dict[str, str]:
    """Campaigns with lines at this seller, by the twelve digits of their id that our order names carry."""
    ids = Line.objects.filter(seller=comparison.seller).order_by().values_list("campaign_id", flat=True)
    return {pk.hex[:12]: str(pk) for pk in ids.distinct().iterator()}


def _our_deals(comparison: Comparison, held: HeldOrders) -> tuple[list[dict[str, str]], list[Finding]]:
    """Order records are open to everybody: ours are those with our reference, or for a quote of ours."""
    lines = _lines_by_quote(comparison, held.orders)
    ours, found = [], []
    for order in held.orders:
        mark = next((match[1] for text in order.marks if (match := OUR_LINE.match(text))), "")
        line = _line_of_mark(comparison, mark) if mark else lines.get(order.quote_id, "")
        if mark and not line:
            said = f"The order record {order.order_id} carries our mark; no line of ours has it."
            found.append(Finding(DiscrepancyKind.UNKNOWN_OURS, order.order_id, said))
        if line and order.deal_id:
            ours.append({"deal": order.deal_id, "line": line})
    return ours, bounded("order records", found)


def _lines_by_quote(comparison: Comparison, orders: Iterable[HeldOrder]) -> dict[str, str]:
    quotes = sorted({order.quote_id for order in orders if order.quote_id})
    found: dict[str, str] = {}
    for at in range(0, len(quotes), IDS_A_QUERY):
        rows = Recommendation.objects.filter(
            seller=comparison.seller, quote_id__in=quotes[at : at + IDS_A_QUERY]
        )
        known = rows.exclude(line=None).values_list("quote_id", "line__pk")
        found |= {quote: str(pk) for quote, pk in known}
    return found


def _line_of_mark(comparison: Comparison, mark: str) -> str:
    line = Line.objects.filter(pk=uuid.UUID(mark), seller=comparison.seller).first()
    return str(line.pk) if line else ""
