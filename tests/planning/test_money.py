"""Minor units, half-up rounding and splits that sum to the whole."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.money import (
    UnknownCurrency,
    affordable_impressions,
    currency_exponent,
    line_cost,
    minor_unit,
    round_money,
    split_money,
)

CURRENCIES = st.sampled_from(["USD", "JPY", "KWD"])
CPMS = st.decimals("0.000001", "500", places=6)


@pytest.mark.parametrize(
    ("code", "places"),
    [("USD", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("TND", 3), ("XOF", 0), ("CLP", 0)],
)
def test_minor_units_follow_iso_4217(code: str, places: int) -> None:
    assert currency_exponent(code) == places


@pytest.mark.parametrize("code", ["usd", "XXX", "XAU", "", "US"])
def test_what_is_no_circulating_currency_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        currency_exponent(code)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [("0.005", "USD", "0.01"), ("0.0049", "USD", "0.00"), ("2.5", "JPY", "3"), ("1.0005", "KWD", "1.001")],
)
def test_rounding_is_half_up(amount: str, currency: str, expected: str) -> None:
    assert str(round_money(Decimal(amount), currency)) == expected


def test_the_cost_of_the_open_direct_example() -> None:
    """OpenDirect 2.1: 3,000,000 impressions at 25.00 CPM; 2,853,232 delivered cost 71,330.80."""
    assert line_cost(3_000_000, Decimal("25.00"), "USD") == Decimal("75000.00")
    assert line_cost(2_853_232, Decimal("25.00"), "USD") == Decimal("71330.80")


@settings(max_examples=60)
@given(st.integers(0, 10**9), CPMS, CURRENCIES)
def test_the_affordable_volume_is_the_largest_one(units: int, cpm: Decimal, currency: str) -> None:
    amount = units * minor_unit(currency)
    volume = affordable_impressions(amount, cpm, currency)
    assert line_cost(volume, cpm, currency) <= amount < line_cost(volume + 1, cpm, currency)


@settings(max_examples=60)
@given(
    st.integers(0, 10**14),
    st.lists(st.decimals("0", "1000", places=4), min_size=1, max_size=8).filter(any),
    CURRENCIES,
)
def test_the_parts_sum_to_the_whole(units: int, weights: list[Decimal], currency: str) -> None:
    total = units * minor_unit(currency)
    parts = split_money(total, weights, currency)
    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / whole) <= minor_unit(currency)


def test_weights_without_a_sum_are_refused() -> None:
    with pytest.raises(ValueError, match="positive sum"):
        split_money(Decimal("1.00"), [Decimal(0)], "USD")
