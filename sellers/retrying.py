"""When a call may be repeated: a budget per seller, so that retries never become the storm, and Retry-After."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from flows.clock import now

RETRY_SHARE = 0.2  # of all calls
RETRY_FLOOR = 10.0  # that may be repeated in a row when calls are few
RETRY_REFILL = 0.5  # per second, so that a quiet seller's budget comes back too
LONGEST_DIGITS = 6


class RetryBudget:
    """A bucket of retries: each call puts in a fifth of one, time a little, each retry takes one out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens = RETRY_FLOOR
        self._seen = time.monotonic()

    def call(self) -> None:
        """A call begins (not one of its retries)."""
        self._add(RETRY_SHARE)

    def take(self) -> bool:
        """Whether a retry may be made; it is paid for then."""
        self._add(0.0)
        with self._lock:
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True

    def _add(self, tokens: float) -> None:
        moment = time.monotonic()
        with self._lock:
            tokens += (moment - self._seen) * RETRY_REFILL
            self._seen = moment
            self._tokens = min(RETRY_FLOOR, self._tokens + tokens)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the seller asks us to wait (RFC 9110 section 10.2.3); None when it does not, or unreadably.

    A date is taken relative to the seller's own Date header, so that a wrong clock over there does no harm; without
    one relative to our clock. A date that has passed is 0.
    """
    value = headers.get("retry-after", "").strip()
    if value.isdecimal() and value.isascii():
        return float(value) if len(value) <= LONGEST_DIGITS else None
    until = _instant(value)
    if until is None:
        return None
    seconds = until - (_instant(headers.get("date", "")) or now().timestamp())
    return max(0.0, seconds) if seconds < 10**LONGEST_DIGITS else None


def _instant(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError, OverflowError):
        return None
