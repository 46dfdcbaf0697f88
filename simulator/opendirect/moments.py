"""Date-times on the wire: always full UTC with a Z."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def read_utc(text: object) -> datetime | None:
    """The moment, or None unless the text is a full UTC date-time."""
    if not isinstance(text, str) or not _UTC.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def must_read(text: str) -> datetime:
    found = read_utc(text)
    if found is None:
        raise ValueError(f"not a UTC date-time: {text!r}")
    return found


def write_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def flight_days(start: datetime, end: datetime) -> int:
    """Calendar days touched, both ends included."""
    return (end.date() - start.date()).days + 1
