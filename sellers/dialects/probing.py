"""What a probe learns from any answer."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from flows.clock import now
from sellers.http import Reply


def clock_offset(reply: Reply) -> float | None:
    """Seconds by which the seller's clock is ahead of ours, by its Date header (whole seconds); None if it has none."""
    try:
        stated = parsedate_to_datetime(reply.headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    if stated.tzinfo is None:
        return None
    return round((stated - now()).total_seconds(), 1)
