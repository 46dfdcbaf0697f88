"""The one clock, so that tests can hold it and every deadline agrees with every other."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone


def now() -> dt.datetime:
    """The current instant, aware, UTC."""
    return timezone.now()


def today(zone: dt.tzinfo = dt.UTC) -> dt.date:
    """The current date, in UTC unless the day belongs to a place."""
    return now().astimezone(zone).date()


def in_seconds(seconds: float) -> dt.datetime:
    return now() + dt.timedelta(seconds=seconds)
