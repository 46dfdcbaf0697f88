"""IANA time zones, and the instants at which a flight's days begin and end in one of them."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

UTC_NAME = "UTC"
NO_PLACES = frozenset({"Factory", "localtime"})  # in the database of some systems, and nowhere on earth


@cache
def zone_names() -> tuple[str, ...]:
    """Every name of the IANA database, in alphabetical order."""
    return tuple(sorted(zoneinfo.available_timezones() - NO_PLACES))


def zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """For a select: by region, as a long list is quicker to go through in parts. Names without one come first."""
    regions: dict[str, list[tuple[str, str]]] = {"General": []}
    for name in zone_names():
        region = name.split("/")[0] if "/" in name else "General"
        regions.setdefault(region, []).append((name, name.replace("_", " ")))
    return list(regions.items())


def zone_named(text: str) -> str | None:
    """The name as the database spells it, in whatever case it was typed; None where there is none."""
    return _spelled().get(text.strip().lower())


def zone(name: str) -> zoneinfo.ZoneInfo:
    """UTC where the name has left the database since it was stored."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return zoneinfo.ZoneInfo(UTC_NAME)


def day_in(name: str, moment: datetime) -> date:
    """The calendar day of this instant in the zone."""
    return moment.astimezone(zone(name)).date()


def first_instant(day: date, name: str = UTC_NAME) -> datetime:
    """The first instant of a day, in UTC. Where the clocks jump over midnight, the instant of the jump."""
    return datetime.combine(day, time(), zone(name)).astimezone(UTC)


def last_instant(day: date, name: str = UTC_NAME) -> datetime:
    """The last whole second of a day, in UTC: a day of 23 or 25 hours ends where the next one begins."""
    return first_instant(day + timedelta(days=1), name) - timedelta(seconds=1)


@cache
def _spelled() -> dict[str, str]:
    return {name.lower(): name for name in zone_names()}
