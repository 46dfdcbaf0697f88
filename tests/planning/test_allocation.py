"""The budget is split to the minor unit, within the shares, for reasons; more coverage never earns less money."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.allocation import allocate, response, response_curve
from planning.audience import plan_audience
from planning.money import minor_unit
from planning.objectives import OBJECTIVE_WEIGHTS, channel_weights, read_objectives
from planning.types import (
    CHANNELS,
    Audience,
    AudiencePlan,
    Brief,
    ChannelCoverage,
    Constraints,
    Infeasible,
    Share,
)
from tests.planning.factories import make_brief

OBJECTIVES = st.lists(
    st.sampled_from(["brand awareness", "app installs", "drive sales", "video views", "zzz"]),
    min_size=1,
    max_size=3,
)
COVERAGES = st.lists(st.decimals("0", "1", places=4), min_size=4, max_size=4)
PERMILLE = st.integers(0, 1000)


def covered(brief: Brief, values: list[Decimal]) -> AudiencePlan:
    known = zip(CHANNELS, values, strict=True)
    rows = [ChannelCoverage(name, value, (), ()) for name, value in known if name in brief.channels]
    return AudiencePlan(tuple(rows), (), ())


@st.composite
def shared_briefs(draw: st.DrawFn) -> Brief:
    channels = tuple(draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=4, unique=True)))
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    units = draw(st.integers(1, 10**9))
    lows = [draw(st.integers(0, 1000 // len(channels))) for _ in channels]
    highs = [draw(st.integers(low, 1000)) for low in lows]
    if sum(highs) < 1000:
        highs[0] = 1000
    shares = {
        channel: Share(Decimal(low) / 1000, Decimal(high) / 1000)
        for channel, low, high in zip(channels, lows, highs, strict=True)
    }
    return make_brief(
        budget=units * minor_unit(currency),
        currency=currency,
        channels=tuple(channel for channel in CHANNELS if channel in channels),
        objectives=tuple(draw(OBJECTIVES)),
        constraints=Constraints(channel_shares=shares),
    )


@settings(max_examples=60, deadline=None)
@given(shared_briefs(), COVERAGES)
def test_the_parts_sum_to_the_budget_and_keep_the_shares(brief: Brief, values: list[Decimal]) -> None:
    parts = allocate(brief, covered(brief, values))
    unit = minor_unit(brief.currency)
    assert [part.channel for part in parts] == list(brief.channels)
    assert sum(part.amount for part in parts) == brief.budget
    assert sum(part.share for part in parts) == 1
    for part in parts:
        bounds = brief.constraints.channel_shares[part.channel]
        assert part.amount > brief.budget * bounds.minimum - unit
        assert part.amount < brief.budget * bounds.maximum + unit
        assert part.amount % unit == 0


@settings(max_examples=60, deadline=None)
@given(shared_briefs(), COVERAGES, st.integers(0, 3), st.decimals("0", "1", places=4))
def test_more_coverage_never_earns_less_money(
    brief: Brief, values: list[Decimal], at: int, more: Decimal
) -> None:
    channel = CHANNELS[at]
    raised = [max(value, more) if index == at else value for index, value in enumerate(values)]
    before = {part.channel: part.amount for part in allocate(brief, covered(brief, values))}
    after = {part.channel: part.amount for part in allocate(brief, covered(brief, raised))}
    if channel in before:
        # One minor unit may fall to either side of a largest-remainder tie.
        assert after[channel] >= before[channel] - minor_unit(brief.currency)


@settings(max_examples=25, deadline=None)
@given(shared_briefs(), COVERAGES, st.data())
def test_no_small_move_between_two_channels_helps(
    brief: Brief, values: list[Decimal], data: st.DataObject
) -> None:
    plan = covered(brief, values)
    amounts = {part.channel: part.amount for part in allocate(brief, plan)}
    if len(amounts) < 2 or brief.budget < 10_000 * minor_unit(brief.currency):
        return
    giver, taker = data.draw(st.permutations(brief.channels))[:2]
    step = brief.budget / 100
    bounds = brief.constraints.channel_shares
    if amounts[giver] - step < brief.budget * bounds[giver].minimum:
        return
    if amounts[taker] + step > brief.budget * bounds[taker].maximum:
        return
    lost = response(brief, plan, giver, amounts[giver]) - response(brief, plan, giver, amounts[giver] - step)
    won = response(brief, plan, taker, amounts[taker] + step) - response(brief, plan, taker, amounts[taker])
    assert won <= lost + Decimal("0.00001")


def test_objectives_move_the_money() -> None:
    def split(*objectives: str) -> dict[str, Decimal]:
        brief = make_brief(objectives=objectives)
        return {part.channel: part.amount for part in allocate(brief, plan_audience(brief))}

    assert max(split("app installs").items(), key=lambda pair: pair[1])[0] == "mobile"
    assert max(split("retargeting").items(), key=lambda pair: pair[1])[0] == "performance"
    assert split("video completion")["ctv"] > split("brand awareness")["ctv"]
    assert split("drive sales") != split("brand awareness")


def test_coverage_moves_the_money() -> None:
    brief = make_brief(objectives=("consideration",))
    shoppers = replace(brief, audience=Audience(behaviors=("cart abandoners",)))
    plain = {part.channel: part.amount for part in allocate(brief, plan_audience(brief))}
    moved = {part.channel: part.amount for part in allocate(shoppers, plan_audience(shoppers))}
    assert moved["ctv"] < plain["ctv"]
    assert moved["performance"] > plain["performance"]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Increase brand awareness", ("awareness",)),
        ("drive app installs", ("app installs",)),
        ("VIDEO_COMPLETION", ("video completion",)),
        ("Retargeting of cart abandoners", ("retargeting",)),
        ("more leads and sales", ("conversions",)),
        ("make everyone smile", ()),
    ],
)
def test_objectives_are_recognised_in_free_text(text: str, known: tuple[str, ...]) -> None:
    assert read_objectives([text])[0].known == known


def test_objective_weights_sum_to_one() -> None:
    for row in [*OBJECTIVE_WEIGHTS.values(), channel_weights(read_objectives(["reach", "zzz"]))]:
        assert sum(row.values()) == 1


def test_a_binding_share_is_named() -> None:
    shares = {"ctv": Share(Decimal("0.6")), "branding": Share(Decimal(0), Decimal("0.05"))}
    brief = make_brief(constraints=Constraints(channel_shares=shares))
    parts = {part.channel: part for part in allocate(brief, plan_audience(brief))}
    assert parts["ctv"].amount == Decimal("60000.00")
    assert parts["branding"].amount == Decimal("5000.00")
    assert any("minimum share 0.6" in reason for reason in parts["ctv"].reasons)
    assert any("maximum share 0.05" in reason for reason in parts["branding"].reasons)


@pytest.mark.parametrize(
    ("shares", "code"),
    [
        ({"ctv": Share(Decimal("0.6")), "mobile": Share(Decimal("0.6"))}, "minimums_above_whole"),
        ({name: Share(Decimal(0), Decimal("0.2")) for name in CHANNELS}, "maximums_below_whole"),
        ({"ctv": Share(Decimal("0.6"), Decimal("0.5"))}, "min_above_max"),
    ],
)
def test_impossible_shares_are_named(shares: dict[str, Share], code: str) -> None:
    brief = make_brief(constraints=Constraints(channel_shares=shares))
    with pytest.raises(Infeasible) as refused:
        allocate(brief, plan_audience(brief))
    assert code in [error.code for error in refused.value.errors]
    assert all(error.field.startswith("constraints.channel_shares") for error in refused.value.errors)


def test_one_yen_over_four_channels_is_placed() -> None:
    brief = make_brief(budget=Decimal(1), currency="JPY")
    assert sum(part.amount for part in allocate(brief, plan_audience(brief))) == 1


def test_thirds_that_meet_between_two_cents_are_placed() -> None:
    third = Share(Decimal("0.333333"), Decimal("0.333334"))
    shares = dict.fromkeys(("branding", "ctv", "mobile"), third)
    brief = make_brief(
        budget=Decimal("100.00"),
        channels=("branding", "ctv", "mobile"),
        constraints=Constraints(channel_shares=shares),
    )
    amounts = sorted(part.amount for part in allocate(brief, plan_audience(brief)))
    assert amounts == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]


def test_the_response_is_the_stated_curve() -> None:
    """weight x coverage x (1 - exp(-share / saturation)), here for ctv at its saturation of 55 %."""
    brief = make_brief(objectives=("brand awareness",))
    plan = covered(brief, [Decimal("0.5")] * 4)
    expected = Decimal("0.35") * Decimal("0.5") * (1 - Decimal(-1).exp())
    assert abs(response(brief, plan, "ctv", Decimal("55000.00")) - expected) < Decimal("0.000001")


def test_free_channels_earn_the_same_for_their_next_money() -> None:
    brief = make_brief(objectives=("consideration",))
    plan = plan_audience(brief)
    step = Decimal("100.00")
    gains = [
        response(brief, plan, part.channel, part.amount + step)
        - response(brief, plan, part.channel, part.amount)
        for part in allocate(brief, plan)
    ]
    assert all(part.amount > 0 for part in allocate(brief, plan))
    assert max(gains) - min(gains) <= Decimal("0.000003")


def test_the_response_curve_rises_and_bends_down() -> None:
    brief = make_brief()
    plan = plan_audience(brief)
    points = response_curve(brief, plan, "ctv", points=11)
    assert points[0] == (0, 0)
    assert points[-1][0] == brief.budget
    gains = [after[1] - before[1] for before, after in pairwise(points)]
    assert all(gain > 0 for gain in gains)
    assert all(later < earlier for earlier, later in pairwise(gains))
