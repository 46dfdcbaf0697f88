"""Until when a booking can be cancelled free of charge: the standard terms, and what a seller changes in them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from sellers.dialects.cancelling import free_cancel_until
from sellers.dialects.registry import DIALECTS
from sellers.validation import InvalidSeller, NewSeller, read_new_seller

START = dt.date(2027, 6, 30)


def until(today: dt.date, *, guaranteed: bool = True, **options: Any) -> dt.date | None:
    return free_cancel_until("opendirect", options, guaranteed=guaranteed, start=START, today=today)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_guaranteed_lines_need_fourteen_days_and_others_seven(dialect: str) -> None:
    early = dt.date(2027, 1, 1)
    found = [
        free_cancel_until(dialect, {}, guaranteed=guaranteed, start=START, today=early)
        for guaranteed in (True, False)
    ]
    assert found == [dt.date(2027, 6, 16), dt.date(2027, 6, 23)]


def test_the_last_free_day_itself_still_counts() -> None:
    assert until(dt.date(2027, 6, 16)) == dt.date(2027, 6, 16)
    assert until(dt.date(2027, 6, 17)) is None
    assert until(dt.date(2027, 6, 17), guaranteed=False) == dt.date(2027, 6, 23)


def test_a_seller_may_have_its_own_terms() -> None:
    assert until(dt.date(2027, 6, 28), free_cancel_days=2) == dt.date(2027, 6, 28)
    assert until(dt.date(2027, 6, 1), free_cancel_days=30) is None
    assert until(dt.date(2027, 1, 1), non_cancelable=True) is None


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("free_cancel_days", -1),
        ("free_cancel_days", 366),
        ("free_cancel_days", "7"),
        ("free_cancel_days", True),
        ("non_cancelable", "yes"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused(db: None, option: str, value: Any) -> None:
    with pytest.raises(InvalidSeller) as refused:
        read_new_seller(NewSeller(url="", dialect="opendirect", options={option: value}))
    assert f"options.{option}" in [error.field for error in refused.value.errors]
