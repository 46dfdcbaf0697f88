"""Quiet hours and digest hours by the clock on the wall, also when the clocks change."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from notifications.quiet import Quiet, ends_at, next_hour

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def quiet(start: str, end: str, zone: ZoneInfo = BERLIN) -> Quiet:
    return Quiet(dt.time.fromisoformat(start), dt.time.fromisoformat(end), zone)


@pytest.mark.parametrize(
    ("start", "end", "moment", "until"),
    [
        ("22:00", "07:00", "2027-01-12T20:59", None),
        ("22:00", "07:00", "2027-01-12T21:00", "2027-01-13T06:00"),
        ("22:00", "07:00", "2027-01-13T05:59", "2027-01-13T06:00"),
        ("22:00", "07:00", "2027-01-13T06:00", None),
        ("12:00", "13:00", "2027-01-13T11:30", "2027-01-13T12:00"),
        # The night of 28 March 2027 is an hour shorter, that of 31 October an hour longer.
        ("22:00", "07:00", "2027-03-27T23:00", "2027-03-28T05:00"),
        ("22:00", "07:00", "2027-10-30T22:00", "2027-10-31T06:00"),
        # 02:30 does not exist in the short night: quiet until right after the gap.
        ("22:00", "02:30", "2027-03-28T00:30", "2027-03-28T01:30"),
        ("22:00", "02:30", "2027-03-28T01:30", None),
        # 02:30 comes twice in the long night: quiet until the second time, without a break in between.
        ("22:00", "02:30", "2027-10-31T00:45", "2027-10-31T01:30"),
        ("22:00", "02:30", "2027-10-31T01:15", "2027-10-31T01:30"),
        ("22:00", "02:30", "2027-10-31T01:30", None),
    ],
)
def test_quiet_hours(start: str, end: str, moment: str, until: str | None) -> None:
    assert ends_at(quiet(start, end), utc(moment)) == (utc(until) if until else None)


def test_quiet_is_by_the_persons_own_zone() -> None:
    moment = utc("2027-01-13T05:30")  # 00:30 in New York, 06:30 in Berlin
    assert ends_at(quiet("23:00", "06:00", NEW_YORK), moment) == utc("2027-01-13T11:00")
    assert ends_at(quiet("23:00", "06:00", BERLIN), moment) is None


def test_no_instant_of_a_year_ends_in_its_past() -> None:
    """Every half hour of 2027, for quiet hours that begin and end in the hour that is left out or comes twice."""
    for hours in (quiet("22:00", "02:30"), quiet("02:15", "02:45"), quiet("02:30", "08:00")):
        moment = utc("2027-01-01T00:00")
        while moment < utc("2028-01-01T00:00"):
            until = ends_at(hours, moment)
            assert until is None or moment < until <= moment + dt.timedelta(hours=11)
            moment += dt.timedelta(minutes=30)


@pytest.mark.parametrize(
    ("hour", "moment", "at"),
    [
        (8, "2027-01-12T06:59", "2027-01-12T07:00"),
        (8, "2027-01-12T07:00", "2027-01-13T07:00"),
        (8, "2027-03-27T12:00", "2027-03-28T06:00"),
        (8, "2027-10-30T12:00", "2027-10-31T07:00"),
        (2, "2027-10-30T12:00", "2027-10-31T00:00"),
        (2, "2027-10-31T00:00", "2027-11-01T01:00"),
    ],
)
def test_the_next_digest(hour: int, moment: str, at: str) -> None:
    assert next_hour(hour, BERLIN, utc(moment))[1] == utc(at)
