"""Days in a place: where they begin and end, through clock changes and at the far ends of the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.brief import read_brief
from planning.types import InvalidBrief
from planning.zones import day_in, first_instant, last_instant, zone, zone_named, zone_names
from tests.planning.factories import wire_brief

KIRITIMATI = "Pacific/Kiritimati"  # 14 hours ahead


def hours(day: date, name: str) -> float:
    return (last_instant(day, name) + timedelta(seconds=1) - first_instant(day, name)).total_seconds() / 3600


def test_a_day_has_24_hours_but_where_the_clocks_change() -> None:
    assert hours(date(2027, 3, 28), "Europe/Berlin") == 23
    assert hours(date(2027, 10, 31), "Europe/Berlin") == 25
    assert hours(date(2027, 3, 29), "Europe/Berlin") == 24
    assert hours(date(2027, 10, 3), "Australia/Lord_Howe") == 23.5


def test_days_begin_at_local_midnight() -> None:
    assert first_instant(date(2027, 7, 1), "Europe/Berlin") == datetime(2027, 6, 30, 22, tzinfo=UTC)
    assert last_instant(date(2027, 7, 1), "Europe/Berlin") == datetime(2027, 7, 1, 21, 59, 59, tzinfo=UTC)
    assert first_instant(date(2027, 1, 1), KIRITIMATI) == datetime(2026, 12, 31, 10, tzinfo=UTC)
    assert first_instant(date(2027, 1, 1)) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_midnight_that_does_not_exist_is_the_instant_of_the_jump() -> None:
    """Cairo's clocks went from 23:59:59 on 27 April 2023 to 01:00 on the 28th."""
    begin = first_instant(date(2023, 4, 28), "Africa/Cairo")
    assert begin == datetime(2023, 4, 27, 22, tzinfo=UTC)
    assert day_in("Africa/Cairo", begin) == date(2023, 4, 28)
    assert day_in("Africa/Cairo", begin - timedelta(seconds=1)) == date(2023, 4, 27)


@given(
    day=st.dates(date(2000, 1, 2), date(2040, 12, 30)),
    name=st.sampled_from(
        [*("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Africa/Cairo"), KIRITIMATI]
    ),
)
def test_days_tile_time_without_gap_or_overlap(day: date, name: str) -> None:
    begin, end = first_instant(day, name), last_instant(day, name)
    assert end + timedelta(seconds=1) == first_instant(day + timedelta(days=1), name)
    assert day_in(name, begin) == day_in(name, end) == day


def test_names_are_found_in_any_case_and_only_where_they_exist() -> None:
    assert zone_named(" europe/berlin ") == "Europe/Berlin"
    for wrong in ("Mars/Olympus", "", "CEST", "../etc/passwd", "localtime", "Factory"):
        assert zone_named(wrong) is None, wrong
    assert "UTC" in zone_names()


def test_a_zone_that_left_the_database_counts_as_utc() -> None:
    assert zone("Mars/Olympus").key == "UTC"


# --- the brief -------------------------------------------------------------------------------------------------

LATE = datetime(2027, 1, 4, 23, 30, tzinfo=UTC)


def starting(day: str, **changes: object) -> list[tuple[str, str]]:
    try:
        read_brief(wire_brief(start_date=day, **changes), now=LATE)
    except InvalidBrief as refused:
        return [(error.field, error.code) for error in refused.errors]
    return []


def test_a_flight_may_start_on_the_day_that_it_is_in_its_zone() -> None:
    past = [("start_date", "in_the_past")]
    assert starting("2027-01-04") == []
    assert starting("2027-01-03") == past
    assert starting("2027-01-04", timezone=KIRITIMATI) == past
    assert starting("2027-01-05", timezone=KIRITIMATI) == []
    assert starting("2027-01-04", timezone="America/Los_Angeles") == []


def test_the_zone_of_the_client_holds_where_the_brief_names_none() -> None:
    assert read_brief(wire_brief(), now=LATE).timezone == "UTC"
    assert read_brief(wire_brief(), now=LATE, timezone="Asia/Tokyo").timezone == "Asia/Tokyo"
    named = read_brief(wire_brief(timeZone="europe/berlin"), now=LATE, timezone="Asia/Tokyo")
    assert named.timezone == "Europe/Berlin"


@pytest.mark.parametrize("wrong", ["Mars/Olympus", "CEST", 7, ["UTC"], True])
def test_a_zone_that_does_not_exist_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(InvalidBrief) as refused:
        read_brief(wire_brief(timezone=wrong), now=LATE)
    (error,) = refused.value.errors
    assert (error.field, error.code) == ("timezone", "unknown_timezone")
    assert "Europe/Berlin" in error.message


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, "even"),
        ("", "even"),
        ("even", "even"),
        ("AHEAD", "ahead"),
        ("front_loaded", "ahead"),
        ("asap", "asap"),
        ("as_soon_as_possible", "asap"),
        ("asSoonAsPossible", "asap"),
    ],
)
def test_pacing_is_read_in_the_words_of_the_trade(given: object, read: str) -> None:
    assert read_brief(wire_brief(pacing=given), now=LATE).pacing == read


@pytest.mark.parametrize("wrong", ["fast", 3, ["even"]])
def test_another_pacing_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidBrief) as refused:
        read_brief(wire_brief(pacing=wrong), now=LATE)
    assert [(error.field, error.code) for error in refused.value.errors] == [("pacing", "unknown_pacing")]
