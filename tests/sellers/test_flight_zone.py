"""The days of a flight on the wires: as instants of its zone, or as days with the zone told beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sellers.dialects.base import LineIntent
from sellers.dialects.opendirect.lines import answer_of, line_body, terms_of
from sellers.dialects.seller_agent.dialect import notes_of
from sellers.dialects.values import day_or_none

Intent = Callable[..., LineIntent]
SHORT, LONG = date(2027, 3, 28), date(2027, 10, 31)  # days of 23 and 25 hours in Berlin


@pytest.mark.parametrize(
    ("day", "zone", "begin", "end"),
    [
        (SHORT, "UTC", "2027-03-28T00:00:00Z", "2027-03-28T23:59:59Z"),
        (SHORT, "Europe/Berlin", "2027-03-27T23:00:00Z", "2027-03-28T21:59:59Z"),
        (LONG, "Europe/Berlin", "2027-10-30T22:00:00Z", "2027-10-31T22:59:59Z"),
        (LONG, "Pacific/Kiritimati", "2027-10-30T10:00:00Z", "2027-10-31T09:59:59Z"),
    ],
)
def test_a_line_starts_and_ends_with_the_days_of_its_zone(
    intent: Intent, day: date, zone: str, begin: str, end: str
) -> None:
    line = intent(flight_start=day, flight_end=day, timezone=zone)
    body = line_body(line)
    assert (body["startdate"], body["enddate"]) == (begin, end)
    terms = terms_of(body, "USD", zone)
    assert (terms.flight_start, terms.flight_end) == (day, day)


def test_an_answer_is_read_in_the_zone_of_the_intent(intent: Intent) -> None:
    line = intent(timezone="Pacific/Kiritimati")
    answer = answer_of({**line_body(line), "id": "l1", "bookingstatus": "Booked"}, line)
    assert (answer.terms.flight_start, answer.terms.flight_end) == (line.flight_start, line.flight_end)


@pytest.mark.parametrize(
    ("value", "zone", "day"),
    [
        ("2027-03-28", "America/New_York", SHORT),
        ("20270328", "America/New_York", SHORT),
        ("2027-03-28T03:00:00Z", "America/New_York", date(2027, 3, 27)),
        ("2027-03-28T03:00:00", "UTC", SHORT),
        ("2027-03-27T23:00:00+00:00", "Europe/Berlin", SHORT),
    ],
)
def test_a_date_is_a_day_wherever_it_is_and_an_instant_is_one_of_the_zone(
    value: Any, zone: str, day: date
) -> None:
    assert day_or_none(value, "startdate", zone) == day


def test_pacing_goes_along_only_where_it_is_not_the_usual(intent: Intent) -> None:
    assert "ext" not in line_body(intent())
    assert line_body(intent(pacing="asap"))["ext"] == {"pacing": "asap"}
    assert "specialinstructions" not in line_body(intent(pacing="asap"))


def test_a_seller_agent_is_told_in_the_notes(intent: Intent) -> None:
    assert notes_of(intent()) == "fd-line-0001"
    told = notes_of(intent(timezone="Europe/Berlin", pacing="ahead"))
    assert told == "fd-line-0001 Flight days in Europe/Berlin. Pacing: ahead."
