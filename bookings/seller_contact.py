"""What to write to a seller about a line, ready to send: everything that they need to find it, and no secret."""

from __future__ import annotations

import datetime as dt

from bookings import terms
from bookings.models import Line
from flows.clock import now

UTC_FORMAT = "%Y-%m-%d %H:%M UTC"


def about_line(line: Line, question: str, *, sent_at: dt.datetime | None = None, prices: bool = True) -> str:
    """Plain text. Without `prices` (a reader who may not see money) price and cost are left out."""
    row = line.recommendation
    facts: list[tuple[str, object]] = [
        ("Our reference", f"fd-{line.pk.hex}"),
        ("Our order name", terms.order_name(line)),
        ("Quote", row.quote_id),
        ("Your order", line.refs.get("order_id")),
        ("Your line", line.refs.get("line_id")),
        ("Your deal", line.refs.get("deal_id")),
        ("Product", f"{row.product_name} ({row.product_id})"),
        ("Deal type", row.deal_type),
        ("Volume", f"{line.impressions:,} impressions"),
        (
            "Price",
            f"{line.currency} {line.cpm:,.2f} CPM, {line.currency} {line.cost:,.2f} in total"
            if prices
            else "",
        ),
        ("Flight", f"{row.start_date} to {row.end_date}"),
        ("Sent to you", f"{sent_at.astimezone(dt.UTC):{UTC_FORMAT}}" if sent_at else ""),
        ("Quote valid until", f"{row.quote_expires_at.astimezone(dt.UTC):{UTC_FORMAT}}"),
        ("Written", f"{now().astimezone(dt.UTC):{UTC_FORMAT}}"),
    ]
    listed = "\n".join(f"{name}: {_one_line(value)}" for name, value in facts if value)
    return f"Hello,\n\n{question}\n\n{listed}\n"


def _one_line(value: object) -> str:
    return " ".join(str(value).split())


ASK_BOOKED = (
    "we sent you this booking and got no clear answer. Please tell us whether it exists on your side, "
    "under which id, and on which terms. Please do not book it a second time."
)
ASK_CANCEL = (
    "this booking must not stand. Please confirm that it is cancelled on your side, or why it cannot be."
)
ASK_RECORDS = (
    "your records and ours differ on this booking. Please tell us what you have, and on which terms."
)
ASK_CONFIRM = "you took this booking and have not confirmed it yet. Please tell us where it stands."
