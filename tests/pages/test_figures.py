"""How numbers are written, and the sums under the table."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.comparison import Feasibility, Weighed
from bookings.models import Recommendation
from bookings.page_context import Choice
from bookings.templatetags import figures
from bookings.templatetags.deciding import selection

amounts = st.decimals(min_value=0, max_value=10**9, places=3, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (Decimal("1234.5"), "USD", "USD 1,234.50"),
        (Decimal("1234"), "JPY", "JPY 1,234"),
        (Decimal("0"), "USD", "USD 0.00"),
        (Decimal("1.234"), "KWD", "KWD 1.234"),
        (None, "USD", ""),
        ("nonsense", "USD", ""),
        (Decimal("NaN"), "USD", ""),
    ],
)
def test_money(value: object, currency: str, text: str) -> None:
    assert figures.money(value, currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2.020000", "2.02"),
        ("18.7", "18.70"),
        ("2.125", "2.125"),
        ("1234.000001", "1,234.000001"),
        (None, ""),
    ],
)
def test_a_cpm_is_never_cut(value: object, text: str) -> None:
    assert figures.cpm(value) == text


def test_a_percentage_never_claims_all_of_it_too_soon() -> None:
    assert figures.percent(Decimal("99.99")) == "99.9 %"
    assert figures.percent(Decimal("100")) == "100.0 %"
    assert figures.share(Decimal(1), Decimal(0)) == ""
    assert figures.share(Decimal(1), Decimal(3)) == "33.3 %"


WEIGHED = Weighed(Decimal(1), Feasibility("easy", "good", ""), ())


def choice(cost: Decimal, impressions: int, *, can_tick: bool = True) -> Choice:
    return Choice(Recommendation(cost=cost, impressions=impressions), "f", not can_tick, can_tick, 0, WEIGHED)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(amounts, st.integers(1, 10**9), st.booleans(), st.booleans()), max_size=8),
    budget=st.decimals(min_value=1, max_value=10**9, places=2, allow_nan=False),
    approved=st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False),
)
def test_the_sums_are_those_of_the_ticked_lines(
    rows: list[tuple[Decimal, int, bool, bool]], budget: Decimal, approved: Decimal
) -> None:
    choices = [choice(cost, impressions, can_tick=can) for cost, impressions, can, _ in rows]
    ticked = {str(one.row.pk) for one, (_, _, _, is_ticked) in zip(choices, rows, strict=True) if is_ticked}
    chosen = selection(choices, ticked, budget, approved)
    wanted = [row for row in rows if row[2] and row[3]]
    assert chosen.count == len(wanted)
    assert chosen.cost == sum((row[0] for row in wanted), Decimal(0))
    assert chosen.impressions == sum(row[1] for row in wanted)
    assert chosen.remaining == budget - approved - chosen.cost
    assert (chosen.over is not None) == (approved + chosen.cost > budget)
    assert 0 <= chosen.approved_width + chosen.selected_width <= 1000
