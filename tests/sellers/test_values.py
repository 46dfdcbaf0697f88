"""Single values out of foreign JSON."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sellers.dialects import values
from sellers.dialects.values import BadValue


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"amount_micros": 35_000_000, "currency": "USD"}, (Decimal("35.00"), "USD")),
        ({"amount_micros": 29_925_000, "currency": "eur"}, (Decimal("29.925"), "EUR")),
        ({"amount_micros": Decimal("8000000"), "currency": "USD"}, (Decimal("8.00"), "USD")),
        (Decimal("28.26"), (Decimal("28.26"), "USD")),
        (15, (Decimal("15.00"), "USD")),
        ({"amount": Decimal("9.5"), "currency": "GBP"}, (Decimal("9.50"), "GBP")),
    ],
)
def test_both_money_dialects(value: Any, expected: tuple[Decimal, str]) -> None:
    assert values.money_cpm(value, currency="USD") == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "35.00",
        True,
        0,
        -5,
        Decimal("-0.01"),
        Decimal("1e400"),
        Decimal("1e-12"),
        10**9,
        float("nan"),
        [],
        {},
        {"amount_micros": "35000000"},
        {"amount_micros": Decimal("28500000.5")},
        {"amount_micros": -1},
        {"amount_micros": 2**63 * 1000},
        {"amount_micros": True},
        {"amount_micros": 35_000_000, "currency": "dollars"},
        {"amount_micros": 35_000_000, "currency": 7},
    ],
    ids=range(19),
)
def test_a_price_that_is_none(value: Any) -> None:
    with pytest.raises(BadValue):
        values.money_cpm(value, currency="USD")


@pytest.mark.parametrize("value", ["5", True, -1, Decimal("1.5"), 2**63, None, [], Decimal("1e400"), 10**13])
def test_a_count_that_is_none(value: Any) -> None:
    with pytest.raises(BadValue):
        values.whole(value, "impressions")


@pytest.mark.parametrize(
    "value", [None, "", " ", "a b", "a\nb", "a\u202eb", "x" * 256, ".", "..", True, [], 1.5]
)
def test_an_id_that_is_none(value: Any) -> None:
    with pytest.raises(BadValue):
        values.identifier(value)


@pytest.mark.parametrize("value", ["prod-1", "DEMO-1A2B", "a/b?c#d", "ключ", 17])
def test_an_id_is_kept_as_issued(value: Any) -> None:
    assert values.identifier(value) == str(value)


def test_an_id_in_a_path_cannot_leave_it() -> None:
    assert values.segment("a/../b?x#y") == "a%2F..%2Fb%3Fx%23y"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-01", date(2027, 1, 1)),
        ("2027-01-31T23:59:59Z", date(2027, 1, 31)),
        ("2027-01-31T23:59:59", date(2027, 1, 31)),
        ("2027-01-31T23:59:59-05:00", date(2027, 2, 1)),
        ("2027-02-01T00:30:00+01:00", date(2027, 1, 31)),
    ],
)
def test_days_are_utc_days(text: str, expected: date) -> None:
    assert values.day_or_none(text, "date") == expected


def test_a_naive_time_is_utc() -> None:
    assert values.instant("2026-11-22T00:08:17.98", "x") == datetime(2026, 11, 22, 0, 8, 17, 980000, UTC)


@pytest.mark.parametrize("text", ["soon", "2027-02-30", 5, "9" * 50, "0001-01-01T00:00:00+14:00", {}])
def test_a_date_that_is_none(text: Any) -> None:
    with pytest.raises(BadValue):
        values.day_or_none(text, "date")


def test_prose_loses_what_could_deceive_the_reader() -> None:
    assert values.prose("a\x00b\u202ecilbup\u200b\x1b[31m") == "abcilbup[31m"
    assert values.prose(7) == ""
    assert len(values.prose("x" * 5000)) == values.LONGEST_TEXT


def test_tags_as_text_and_as_list() -> None:
    assert values.words("ctv, news ,,ctv") == values.words(["ctv", "news", 7, None, "ctv"]) == ("ctv", "news")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(anything)
@settings(max_examples=60, deadline=None)
def test_reading_never_fails_in_another_way(value: Any) -> None:
    for read in (
        values.identifier,
        values.cpm,
        values.currency_code,
        lambda v: values.money_cpm(v, currency="USD"),
    ):
        with contextlib.suppress(BadValue):
            read(value)
    for read in (values.whole, values.amount, values.instant, values.share_or_none, values.day_or_none):
        with contextlib.suppress(BadValue):
            read(value, "x")
    values.prose(value), values.words(value), values.facets(value)
