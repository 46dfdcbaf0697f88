"""The booking policy: read strictly, and decided by a rule that holds for every set of lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.booking_policy import (
    KINDS,
    Stake,
    can_still_be_kept,
    consequence,
    needed_cost,
    possible_cost,
)
from planning.brief import brief_from_json, brief_to_json, read_brief
from planning.types import BookingPolicy, FieldError, InvalidBrief
from tests.planning.factories import NOW, wire_brief


def read(policy: Any) -> BookingPolicy:
    return read_brief(wire_brief(booking_policy=policy), now=NOW).booking_policy


def errors(policy: Any) -> list[FieldError]:
    with pytest.raises(InvalidBrief) as refused:
        read(policy)
    return refused.value.errors


# --- reading -------------------------------------------------------------------------------------------------------


def test_without_a_policy_what_is_booked_is_kept() -> None:
    assert read_brief(wire_brief(), now=NOW).booking_policy == BookingPolicy("keep_partial")


def test_a_brief_that_was_stored_before_there_were_policies_keeps_what_is_booked() -> None:
    stored = brief_to_json(read_brief(wire_brief(), now=NOW))
    del stored["booking_policy"]
    assert brief_from_json(stored).booking_policy == BookingPolicy("keep_partial")


@pytest.mark.parametrize(
    ("given_policy", "expected"),
    [
        ({"kind": "keep_partial"}, BookingPolicy("keep_partial")),
        ({"kind": "allOrNothing"}, BookingPolicy("all_or_nothing")),
        ({"kind": "at_least", "share": 0.8}, BookingPolicy("at_least", Decimal("0.8"))),
        ({"kind": "at_least", "share": "0.8"}, BookingPolicy("at_least", Decimal("0.8"))),
        ({"kind": "at_least", "share": 80}, BookingPolicy("at_least", Decimal("0.8"))),
        ({"kind": "at_least", "share": "80 %"}, BookingPolicy("at_least", Decimal("0.8"))),
        ({"kind": "at_least", "share": 1}, BookingPolicy("at_least", Decimal(1))),
        ({"kind": "all_or_nothing", "share": None}, BookingPolicy("all_or_nothing")),
    ],
)
def test_a_policy_is_read_like_the_rest_of_the_brief(
    given_policy: dict[str, Any], expected: BookingPolicy
) -> None:
    brief = read_brief(wire_brief(bookingPolicy=given_policy), now=NOW)
    assert brief.booking_policy == expected
    assert brief_from_json(brief_to_json(brief)) == brief


@pytest.mark.parametrize(
    ("given_policy", "field", "code"),
    [
        ("all_or_nothing", "booking_policy", "invalid_type"),
        ({}, "booking_policy.kind", "required"),
        ({"kind": "some"}, "booking_policy.kind", "unknown_policy"),
        ({"kind": 3}, "booking_policy.kind", "unknown_policy"),
        ({"kind": "at_least"}, "booking_policy.share", "required"),
        ({"kind": "at_least", "share": 0}, "booking_policy.share", "out_of_range"),
        ({"kind": "at_least", "share": "0.0000001"}, "booking_policy.share", "out_of_range"),
        ({"kind": "at_least", "share": -0.1}, "booking_policy.share", "out_of_range"),
        ({"kind": "at_least", "share": 101}, "booking_policy.share", "out_of_range"),
        ({"kind": "at_least", "share": "most"}, "booking_policy.share", "not_a_number"),
        ({"kind": "at_least", "share": True}, "booking_policy.share", "not_a_number"),
        ({"kind": "all_or_nothing", "share": 0.5}, "booking_policy.share", "not_allowed"),
        ({"kind": "keep_partial", "share": 0.5}, "booking_policy.share", "not_allowed"),
        ({"kind": "all_or_nothing", "retries": 2}, "booking_policy.retries", "unknown_field"),
    ],
)
def test_a_wrong_policy_names_its_field_and_the_fix(given_policy: Any, field: str, code: str) -> None:
    (error,) = errors(given_policy)
    assert (error.field, error.code) == (field, code)
    assert error.message[0].isupper()
    assert error.message.endswith(".")


def test_each_policy_says_in_one_sentence_what_an_approval_agrees_to() -> None:
    shares = {"at_least": Decimal("0.125")}
    said = [consequence(BookingPolicy(kind, shares.get(kind))) for kind in KINDS]
    assert len(set(said)) == len(KINDS)
    assert "12.5 %" in said[-1]


# --- deciding ------------------------------------------------------------------------------------------------------

cents = st.integers(0, 10**9).map(lambda n: Decimal(n) / 100)
stakes = st.lists(st.builds(Stake, cost=cents, lost=st.booleans()), min_size=1, max_size=12)
shares = st.integers(1, 1_000_000).map(lambda n: Decimal(n) / 1_000_000)
policies = st.one_of(
    st.just(BookingPolicy()),
    st.just(BookingPolicy("all_or_nothing")),
    shares.map(lambda share: BookingPolicy("at_least", share)),
)


@settings(max_examples=200, deadline=None)
@given(policies, stakes, st.data())
def test_losing_one_more_line_never_saves_a_policy(
    policy: BookingPolicy, lines: list[Stake], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    worse = [*lines[:at], Stake(lines[at].cost, lost=True), *lines[at + 1 :]]
    assert can_still_be_kept(policy, lines) or not can_still_be_kept(policy, worse)


@settings(max_examples=200, deadline=None)
@given(shares, stakes)
def test_a_share_is_kept_exactly_to_the_cent(share: Decimal, lines: list[Stake]) -> None:
    """In whole numbers: possible cents x 10^6 against share in millionths x approved cents."""
    possible = sum(int(line.cost * 100) for line in lines if not line.lost)
    approved = sum(int(line.cost * 100) for line in lines)
    kept = possible * 1_000_000 >= int(share * 1_000_000) * approved
    assert can_still_be_kept(BookingPolicy("at_least", share), lines) == kept


@settings(max_examples=200, deadline=None)
@given(stakes)
def test_all_or_nothing_is_kept_only_with_every_line(lines: list[Stake]) -> None:
    assert can_still_be_kept(BookingPolicy("all_or_nothing"), lines) == all(not line.lost for line in lines)


@settings(max_examples=200, deadline=None)
@given(policies, stakes)
def test_with_nothing_lost_every_policy_holds(policy: BookingPolicy, lines: list[Stake]) -> None:
    assert can_still_be_kept(policy, [Stake(line.cost, lost=False) for line in lines])


@settings(max_examples=200, deadline=None)
@given(stakes)
def test_what_is_booked_is_always_enough_for_keep_partial(lines: list[Stake]) -> None:
    assert can_still_be_kept(BookingPolicy(), lines)


@settings(max_examples=200, deadline=None)
@given(shares, shares, stakes)
def test_a_higher_share_is_never_easier(one: Decimal, other: Decimal, lines: list[Stake]) -> None:
    low, high = sorted((one, other))
    kept = can_still_be_kept(BookingPolicy("at_least", high), lines)
    assert not kept or can_still_be_kept(BookingPolicy("at_least", low), lines)


def test_one_cent_decides() -> None:
    policy = BookingPolicy("at_least", Decimal("0.8"))
    lost = Stake(Decimal("20.00"), lost=True)
    assert can_still_be_kept(policy, [Stake(Decimal("80.00"), lost=False), lost])
    assert not can_still_be_kept(policy, [Stake(Decimal("79.99"), lost=False), lost])
    assert needed_cost(policy, Decimal("0.03")) == Decimal("0.024")
    assert possible_cost([lost]) == 0


def test_a_line_that_costs_nothing_counts_for_all_or_nothing() -> None:
    lines = [Stake(Decimal(10), lost=False), Stake(Decimal(0), lost=True)]
    assert not can_still_be_kept(BookingPolicy("all_or_nothing"), lines)
