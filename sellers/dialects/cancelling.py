"""Until when a booking can be cancelled without a penalty. No wire says it; the trade's standard terms do.

Source: contracts/opendirect.md 6.3 (IAB/4A's terms 3.0): 14 days before the start for guaranteed buys, 7 for others.
Sellers amend this: the options `free_cancel_days` and `non_cancelable` of a seller say how.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sellers.dialects.registry import can_cancel

NOTICE_DAYS_GUARANTEED = 14
NOTICE_DAYS = 7


def free_cancel_until(
    dialect: str, options: Mapping[str, Any], *, guaranteed: bool, start: dt.date, today: dt.date
) -> dt.date | None:
    """The last day of free cancellation for a flight from `start`; None when there is none, or it has passed."""
    if not can_cancel(dialect) or options.get("non_cancelable") is True:
        return None
    last = start - dt.timedelta(days=_notice_days(options, guaranteed))
    return last if last >= today else None


def _notice_days(options: Mapping[str, Any], guaranteed: bool) -> int:
    stated = options.get("free_cancel_days")
    if isinstance(stated, int) and not isinstance(stated, bool) and stated >= 0:
        return stated
    return NOTICE_DAYS_GUARANTEED if guaranteed else NOTICE_DAYS
