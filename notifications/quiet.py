"""Hours of a person's day, as instants: right also on the days when the clocks change."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Quiet:
    """From `start` until `end` by the clock on the wall; over midnight where `end` is the earlier one."""

    start: dt.time
    end: dt.time
    zone: ZoneInfo


def ends_at(quiet: Quiet, moment: dt.datetime) -> dt.datetime | None:
    """When the quiet that `moment` lies in is over; None when it lies in none."""
    today = moment.astimezone(quiet.zone).date()
    for day in (today - dt.timedelta(days=1), today):
        last_day = day if quiet.end > quiet.start else day + dt.timedelta(days=1)
        begin, end = _first(day, quiet.start, quiet.zone), _last(last_day, quiet.end, quiet.zone)
        if begin <= moment < end:
            return end
    return None


def next_hour(hour: int, zone: ZoneInfo, moment: dt.datetime) -> tuple[dt.date, dt.datetime]:
    """The next day on which the clock will show `hour`, and that instant: later than `moment`."""
    day = moment.astimezone(zone).date()
    while (at := _first(day, dt.time(hour), zone)) <= moment:
        day += dt.timedelta(days=1)
    return day, at


def _first(day: dt.date, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    return min(_both(day, at, zone))


def _last(day: dt.date, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    """An hour that comes twice ends with its second coming; one that is left out, right after the gap."""
    return max(_both(day, at, zone))


def _both(day: dt.date, at: dt.time, zone: ZoneInfo) -> list[dt.datetime]:
    local = dt.datetime.combine(day, at, tzinfo=zone)
    return [local.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1)]
