"""Retry-After in both forms, and the budget of retries."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine

from sellers.retrying import RETRY_FLOOR, RetryBudget, retry_after

NOW = dt.datetime(2027, 3, 1, 12, 0, 0, tzinfo=dt.UTC)
AHEAD = "Mon, 01 Mar 2027 12:10:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 17 "}, 17.0),
        ({"retry-after": "Mon, 01 Mar 2027 12:00:20 GMT"}, 20.0),
        ({"retry-after": "Mon, 01 Mar 2027 11:00:00 GMT"}, 0.0),
        # The seller's clock is ten minutes ahead: what it means is 5 seconds.
        ({"retry-after": "Mon, 01 Mar 2027 12:10:05 GMT", "date": AHEAD}, 5.0),
        ({"retry-after": "Mon, 01 Mar 2027 12:00:20 GMT", "date": "yesterday"}, 20.0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "\u0663"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    with time_machine.travel(NOW, tick=False):
        assert retry_after(headers) == seconds


def test_a_storm_gets_a_fifth_of_its_calls_as_retries() -> None:
    budget = RetryBudget()
    allowed = 0
    for _ in range(1000):
        budget.call()
        allowed += budget.take() + budget.take()
    assert 190 <= allowed <= 1000 * 0.2 + RETRY_FLOOR + 10  # the last ten: what time adds on a slow machine


def test_a_few_calls_may_be_repeated_freely() -> None:
    budget = RetryBudget()
    assert [budget.take() for _ in range(int(RETRY_FLOOR))] == [True] * int(RETRY_FLOOR)
    assert not budget.take()
