"""The seller's own clock, which a test may set wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


@dataclass
class SellerClock:
    """UTC plus `offset` seconds. The Date header and every timestamp of the seller come from here."""

    offset: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def http_date(self) -> str:
        return format_datetime(self.now(), usegmt=True)


def stamp(moment: datetime) -> str:
    """UTC with microseconds and a `Z`, as quotes and deals print it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_stamp(text: str) -> datetime:
    """Reads what `stamp` wrote, and any ISO 8601 text with a zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return moment.astimezone(UTC)
