"""JSON in and out: exact, bounded, nothing that is not JSON."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sellers import wire


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        '{"price": NaN}',
        '{"price": Infinity}',
        '{"price": -Infinity}',
        "{bad",
        "",
        "Internal Server Error",
        '{"a": 1} trailing',
        "[" * 51 + "]" * 51,
        "[" * 10_000 + "]" * 10_000,
        '{"a":' * 200_000 + "1" + "}" * 200_000,
        "1" * 5000,
        "0." + "1" * 5000,
        "1e" + "9" * 40,
    ],
    ids=range(14),
)
def test_it_refuses(text: str) -> None:
    with pytest.raises(wire.NotJson):
        wire.loads(text)


def test_numbers_are_exact() -> None:
    value, _ = wire.loads('{"cpm": 28.26, "big": 12345678901234567890, "tiny": 0.1}')
    assert value == {"cpm": Decimal("28.26"), "big": 12345678901234567890, "tiny": Decimal("0.1")}


def test_a_key_named_twice_is_noted_and_the_last_counts() -> None:
    assert wire.loads('{"a": 1, "a": 2}') == ({"a": 2}, True)
    assert wire.loads('{"a": 1, "b": {"a": 2}}') == ({"a": 1, "b": {"a": 2}}, False)


def test_depth_50_is_still_read() -> None:
    wire.loads("[" * 50 + "]" * 50)


def test_decimals_leave_with_exactly_their_digits() -> None:
    sent = wire.dumps(
        {"rate": Decimal("25.50"), "cost": Decimal("1E+3"), "qty": 3, "tags": ("a", None, True)}
    )
    assert sent == '{"rate":25.50,"cost":1000,"qty":3,"tags":["a",null,true]}'


@pytest.mark.parametrize("value", [1.5, {"a": [0.1]}, Decimal("NaN"), Decimal("Infinity")])
def test_no_float_and_no_unreal_amount_leaves(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        wire.dumps(value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
@settings(max_examples=60, deadline=None)
def test_what_is_sent_reads_back_the_same(value: object) -> None:
    assert wire.loads(wire.dumps(value))[0] == value == json.loads(wire.dumps(value))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
@settings(max_examples=60, deadline=None)
def test_amounts_read_back_exactly(amount: Decimal) -> None:
    assert Decimal(wire.loads(f"[{wire.dumps(amount)}]")[0][0]) == amount
