"""A good brief is read in either spelling, normalised, and stored without loss."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.brief import brief_from_json, brief_to_json, read_brief, unused_fields
from planning.types import CHANNELS, Brief, FieldError, FrequencyCap, InvalidBrief, Share
from tests.planning.factories import NOW, TODAY, wire_brief


def read(**changes: Any) -> Brief:
    return read_brief(wire_brief(**changes), now=NOW)


def test_camel_case_and_snake_case_are_the_same_brief() -> None:
    snake = read(
        auto_approve=True,
        kpis={"max_cpm": 25, "completion_rate": 0.8},
        constraints={"sellers_included": ["north"], "frequency_cap": {"count": 3, "interval": "day"}},
    )
    camel = read_brief(
        {
            "campaignName": "Spring launch",
            "objectives": "brand awareness",
            "budget": {"amount": "100000.00", "currency": "usd"},
            "flightStart": "2027-03-01",
            "flightEnd": "2027-03-31",
            "targetAudience": {"ageRange": {"min": 25, "max": 54}, "geo": "US"},
            "kpis": {"maxCpmUsd": "25", "videoCompletionRate": "80%"},
            "constraints": {
                "includeSellers": ["north"],
                "frequencyCap": {"impressions": 3, "per": "Day"},
            },
            "autoApprove": True,
        },
        now=NOW,
    )
    assert camel == snake


def test_two_spellings_with_the_same_value_are_accepted() -> None:
    brief = read(start_date="2027-03-01", startDate="2027-03-01", kpis={"max_cpm": 5, "maxCpm": "5.0"})
    assert brief.start_date == date(2027, 3, 1)
    assert brief.kpis.max_cpm == 5


@pytest.mark.parametrize(
    ("budget", "currency", "expected"),
    [
        (0.1, "USD", "0.10"),
        ("25000", "USD", "25000.00"),
        ("7.125", "KWD", "7.125"),
        (1500, "JPY", "1500"),
        (Decimal("1E+5"), "EUR", "100000.00"),
        ("999999999999.99", "USD", "999999999999.99"),
    ],
)
def test_the_budget_is_exact_money_of_its_currency(budget: Any, currency: str, expected: str) -> None:
    assert str(read(budget=budget, currency=currency).budget) == expected


@pytest.mark.parametrize(
    ("given_rate", "expected"),
    [(0.7, "0.7"), (70, "0.7"), ("70%", "0.7"), ("0.7%", "0.007"), (1, "1"), (0, "0")],
)
def test_a_rate_above_one_is_a_percentage(given_rate: Any, expected: str) -> None:
    assert read(kpis={"viewability": given_rate}).kpis.viewability == Decimal(expected)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("25-54", (25, 54)),
        ("55+", (55, None)),
        ([18, 34], (18, 34)),
        ({"max": 30}, (None, 30)),
        ("all", (None, None)),
    ],
)
def test_ages_are_read_in_the_trades_notations(age: Any, expected: tuple[int | None, int | None]) -> None:
    audience = read(target_audience={"age": age}).audience
    assert (audience.age_min, audience.age_max) == expected


def test_demographics_may_be_an_object() -> None:
    audience = read(
        target_audience={"demographics": {"age": "18-34", "gender": "women", "income": ["high", 100]}}
    ).audience
    assert (audience.age_min, audience.age_max, audience.genders) == (18, 34, ("female",))
    assert audience.demographics == ("income: high", "income: 100")


def test_channels_are_normalised_and_default_to_all() -> None:
    assert read().channels == CHANNELS
    assert read(channels=["mobileApp", "CTV", "mobile_app"]).channels == ("ctv", "mobile")
    assert read(channels="mobile").channels == ("mobile",)


def test_what_is_not_known_is_kept_aside_and_named() -> None:
    data = wire_brief(
        mood="bright",
        target_audience={"horoscope": "leo"},
        kpis={"roas": 3.5, "viewability": 0.6},
        constraints={"colour": ["red"]},
    )
    brief = read_brief(data, now=NOW)
    assert unused_fields(data) == ("mood",)
    assert brief.audience.unused == {"horoscope": "leo"}
    assert brief.kpis.unused == {"roas": 3.5}
    assert brief.constraints.unused == {"colour": ["red"]}


def test_constraints_are_read() -> None:
    constraints = read(
        constraints={
            "sellers_excluded": ["south"],
            "channel_shares": {"CTV": {"min": 20, "max": 0.6}},
            "seller_shares": {"north": {"max": "40%"}},
            "max_seller_share": 0.5,
            "frequency_cap": {"count": "4", "interval": "line_duration"},
        }
    ).constraints
    assert constraints.channel_shares == {"ctv": Share(Decimal("0.2"), Decimal("0.6"))}
    assert constraints.seller_shares == {"north": Share(Decimal(0), Decimal("0.4"))}
    assert constraints.max_seller_share == Decimal("0.5")
    assert constraints.frequency_cap == FrequencyCap(4, "LineDuration")


def test_a_flight_may_be_one_day_and_start_today() -> None:
    brief = read(start_date=TODAY.isoformat(), end_date=TODAY.isoformat())
    assert brief.start_date == brief.end_date == TODAY


def test_the_stored_form_round_trips_through_json_text() -> None:
    brief = read(
        notes="line one\nline two",
        kpis={"max_cpm": "12.3456", "x": {"y": [1, 2.5, None, True]}},
        constraints={
            "channel_shares": {"ctv": {"min": "0.25"}},
            "frequency_cap": {"count": 1, "interval": "Hour"},
        },
    )
    assert brief_from_json(json.loads(json.dumps(brief_to_json(brief)))) == brief


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(sorted(wire_brief(currency="USD", kpis={}, channels=None, constraints={}, notes="")))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(FIELDS, JSON_VALUES, max_size=4))
def test_any_json_gives_a_brief_or_named_errors(changes: dict[str, Any]) -> None:
    brief, errors = outcome({**wire_brief(), **changes})
    assert (brief is None) == bool(errors)
    assert all(error.code and error.message for error in errors)
    if brief is not None:
        assert brief_from_json(json.loads(json.dumps(brief_to_json(brief)))) == brief


def outcome(data: dict[str, Any]) -> tuple[Brief | None, list[FieldError]]:
    try:
        return read_brief(data, now=NOW), []
    except InvalidBrief as refused:
        return None, refused.errors
