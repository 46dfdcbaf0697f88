"""Single products that a person sets: exactly so much, any volume, or none."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.brief import brief_from_json, brief_to_json, read_brief
from planning.granting import select_as_wished
from planning.selection import select
from planning.types import Brief, Infeasible, InvalidBrief, LineWish, Offer, Plan, PriceStep
from tests.planning.factories import (
    NOW,
    Instance,
    allocation,
    make_brief,
    make_offer,
    random_instance,
    wire_brief,
)
from tests.planning.test_selection import assert_lawful


def wishing(brief: Brief, *wishes: LineWish) -> Brief:
    return replace(brief, constraints=replace(brief.constraints, lines=wishes))


def wish_for(offer: Offer, impressions: int | None) -> LineWish:
    return LineWish(offer.channel, offer.product.seller, offer.product.product_id, impressions)


def volumes(plan: Plan) -> dict[tuple[str, str, str], int]:
    return {(line.channel, line.seller, line.product_id): line.impressions for line in plan.lines}


def with_wishes(instance: Instance, *wishes: LineWish) -> Plan:
    brief, allocations, offers = instance
    return select(wishing(brief, *wishes), allocations, offers)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0.2, 1.0))
def test_a_set_volume_is_exactly_bought_and_the_rest_is_still_a_lawful_plan(
    seed: int, pick: int, part: float
) -> None:
    instance = random_instance(seed, 70)
    free = select(*instance)
    if not free.lines:
        return
    line = free.lines[pick % len(free.lines)]
    money = next(one.amount for one in instance[1] if one.channel == line.channel)
    part = (
        part if line.cost * Decimal(part) > money / 50 else 1.0
    )  # smaller than the house's rule is another test
    wish = LineWish(line.channel, line.seller, line.product_id, int(line.impressions * part))
    try:
        plan = with_wishes(instance, wish)
    except Infeasible as problem:
        (error,) = problem.errors
        assert error.code == "volume_not_sold"  # below the seller's smallest: nothing else can be in the way
        return
    assert volumes(plan)[wish.key] == wish.impressions
    assert plan.value <= free.bound
    assert plan.value <= plan.bound
    assert_lawful(instance, plan)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_what_is_left_out_is_not_bought_and_costs_value_at_most(seed: int) -> None:
    instance = random_instance(seed, 70)
    free = select(*instance)
    if not free.lines:
        return
    line = free.lines[0]
    plan = with_wishes(instance, LineWish(line.channel, line.seller, line.product_id, 0))
    assert (line.channel, line.seller, line.product_id) not in volumes(plan)
    assert plan.value <= free.bound
    left = [
        one for one in plan.not_chosen if one.product_id == line.product_id and one.channel == line.channel
    ]
    assert [one.code for one in left] == ["left_out"]


def market() -> tuple[Brief, list[Offer]]:
    brief = make_brief(channels=("ctv",), budget=Decimal(10_000))
    cheap = make_offer("cheap", channel="ctv", prices=((1_000, "10.00"),), inventory_type="ctv")
    dear = make_offer("dear", channel="ctv", prices=((1_000, "40.00"),), inventory_type="ctv")
    return brief, [cheap, dear]


def test_a_product_that_the_plan_would_not_choose_is_taken_in() -> None:
    brief, (cheap, dear) = market()
    money = [allocation("ctv", "10000.00", "10000.00")]
    assert ("ctv", dear.product.seller, "dear") not in volumes(select(brief, money, [cheap, dear]))
    plan = select(wishing(brief, wish_for(dear, None)), money, [cheap, dear])
    assert volumes(plan)[wish_for(dear, None).key] >= 1
    assert plan.value > 0
    exact = select(wishing(brief, wish_for(dear, 50_000)), money, [cheap, dear])
    line = next(line for line in exact.lines if line.product_id == "dear")
    assert line.impressions == 50_000
    assert line.cost == Decimal("2000.00")
    assert any("set it to 50,000" in reason for reason in line.explanation)


@pytest.mark.parametrize(
    ("volume", "code", "words"),
    [
        (10**9, "volume_not_sold", "cannot be bought"),
        (400_000, "volume_not_sold", "cannot be bought"),  # 16,000 of 10,000
    ],
)
def test_a_volume_that_nobody_sells_or_nobody_pays_is_refused_with_what_fits(
    volume: int, code: str, words: str
) -> None:
    brief, (cheap, dear) = market()
    with pytest.raises(Infeasible) as refused:
        select(
            wishing(brief, wish_for(dear, volume)), [allocation("ctv", "10000.00", "10000.00")], [cheap, dear]
        )
    (error,) = refused.value.errors
    assert (error.code, error.field.startswith("constraints.lines.ctv.")) == (code, True)
    assert words in error.message


def test_lines_that_cost_more_than_their_channel_name_the_channel() -> None:
    brief, (cheap, dear) = market()
    both = wishing(brief, wish_for(cheap, 600_000), wish_for(dear, 200_000))  # 6,000 and 8,000
    with pytest.raises(Infeasible) as refused:
        select(both, [allocation("ctv", "10000.00", "10000.00")], [cheap, dear])
    (error,) = refused.value.errors
    assert error.code == "lines_above_channel"
    assert "14,000.00" in error.message
    assert "larger share" in error.message


def test_what_no_longer_holds_does_not_end_the_plan() -> None:
    brief, (cheap, dear) = market()
    money = [allocation("ctv", "10000.00", "10000.00")]
    gone = wishing(brief, LineWish("ctv", "nobody", "gone", 5_000), wish_for(cheap, 100_000))
    plan = select_as_wished(gone, money, [cheap, dear])
    assert volumes(plan)[wish_for(cheap, 1).key] == 100_000
    assert "gone of nobody in ctv is offered no more" in plan.reasons[0]
    dearer = replace(dear, prices=(PriceStep(1_000, Decimal(90)),))
    plan = select_as_wished(wishing(brief, wish_for(dear, 200_000)), money, [cheap, dearer])
    assert "could not be held" in plan.reasons[0]
    assert plan.lines


def test_without_any_wish_what_cannot_hold_is_still_refused() -> None:
    brief, offers = market()
    share = {"constraints": {"seller_shares": {"nobody": {"min": "0.5"}}}}
    hard = replace(brief, constraints=read_brief(wire_brief(**share), now=NOW).constraints)
    with pytest.raises(Infeasible):
        select_as_wished(hard, [allocation("ctv", "10000.00", "10000.00")], offers)


# --- in a brief ----------------------------------------------------------------------------------------------------


def test_a_brief_may_set_lines_and_keeps_them() -> None:
    lines = [
        {"channel": "CTV", "seller": "north", "product_id": "p-1", "impressions": 200_000},
        {"channel": "ctv", "seller": "north", "product": "p-2", "impressions": 0},
        {"channel": "ctv", "seller": "south", "product_id": "p-1"},
    ]
    brief = read_brief(wire_brief(constraints={"lines": lines}), now=NOW)
    assert brief.constraints.lines == (
        LineWish("ctv", "north", "p-1", 200_000),
        LineWish("ctv", "north", "p-2", 0),
        LineWish("ctv", "south", "p-1", None),
    )
    assert brief_from_json(brief_to_json(brief)) == brief


ONE: dict[str, Any] = {"channel": "ctv", "seller": "north", "product_id": "p"}


@pytest.mark.parametrize(
    ("lines", "field", "code"),
    [
        ([{"channel": "ctv"}], "constraints.lines.0", "required"),
        ([ONE | {"channel": "radio"}], "constraints.lines.0.channel", "channel_not_requested"),
        ([ONE | {"channel": 5}], "constraints.lines.0.channel", "channel_not_requested"),
        ([ONE | {"seller": "no such"}], "constraints.lines.0.seller", "invalid_seller"),
        ([ONE | {"product_id": ""}], "constraints.lines.0.product_id", "blank"),
        ([ONE | {"impressions": -1}], "constraints.lines.0.impressions", "out_of_range"),
        ([ONE | {"impressions": "many"}], "constraints.lines.0.impressions", "out_of_range"),
        ([ONE, ONE], "constraints.lines.1", "conflicting_field"),
        ("p", "constraints.lines", "invalid_type"),
        ([ONE] * 101, "constraints.lines", "too_many"),
    ],
)
def test_a_line_that_says_nothing_clear_is_refused_by_name(lines: Any, field: str, code: str) -> None:
    with pytest.raises(InvalidBrief) as refused:
        read_brief(wire_brief(constraints={"lines": lines}), now=NOW)
    assert (field, code) in [(error.field, error.code) for error in refused.value.errors]
