"""Another budget, ceiling or split, computed from known offers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.allocation import allocate
from planning.audience import plan_audience
from planning.quoted import Heard, key_of, repriced
from planning.selection import select
from planning.types import Audience, Brief, Constraints, Infeasible, Kpis, Offer, PriceStep, Product
from planning.what_if import Change, changed_brief, difference, what_if

BRIEF = Brief(
    name="Autumn",
    objectives=("awareness",),
    budget=Decimal(50_000),
    currency="USD",
    start_date=dt.date(2027, 3, 1),
    end_date=dt.date(2027, 3, 31),
    audience=Audience(geo=("US",)),
    kpis=Kpis(),
    channels=("branding", "ctv"),
    constraints=Constraints(),
)


def offer(seller: str, number: int, channel: str, cpm: int) -> Offer:
    kind = "ctv" if channel == "ctv" else "display"
    product = Product(seller, f"{channel}-{number}", f"Product {number}", "USD", Decimal(cpm), kind)
    return Offer(product, channel, 3_000_000, (PriceStep(1_000, Decimal(cpm)),))


OFFERS = [
    offer(seller, number, channel, 8 + 3 * number + bonus)
    for seller, bonus in (("north", 0), ("south", 2))
    for channel in ("branding", "ctv")
    for number in range(3)
]
AUDIENCE = plan_audience(BRIEF)


def test_no_change_is_the_plan_itself() -> None:
    plain = select(BRIEF, allocate(BRIEF, AUDIENCE), OFFERS)
    assert what_if(BRIEF, AUDIENCE, OFFERS, Change()).plan == plain


@settings(deadline=None, max_examples=25)
@given(st.integers(1_000, 200_000))
def test_more_money_never_buys_less(budget: int) -> None:
    """A budget is spent within itself, and half as much again is worth at least as much to within the gaps."""
    one = what_if(BRIEF, AUDIENCE, OFFERS, Change(budget=Decimal(budget))).plan
    more = what_if(BRIEF, AUDIENCE, OFFERS, Change(budget=Decimal(budget) * 3 / 2)).plan
    assert sum(line.cost for line in one.lines) <= budget
    assert more.bound >= one.value


def test_a_ceiling_keeps_dearer_offers_out() -> None:
    plan = what_if(BRIEF, AUDIENCE, OFFERS, Change(max_cpm=Decimal(9))).plan
    assert plan.lines
    assert all(line.cpm <= 9 for line in plan.lines)


def test_a_share_is_exact_and_the_rest_goes_to_the_others() -> None:
    answer = what_if(BRIEF, AUDIENCE, OFFERS, Change(shares={"ctv": Decimal("0.3")}))
    assert {part.channel: part.amount for part in answer.allocations} == {"branding": 35_000, "ctv": 15_000}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (Change(budget=Decimal(0)), "budget"),
        (Change(budget=Decimal(-5)), "budget"),
        (Change(max_cpm=Decimal(0)), "max_cpm"),
        (Change(shares={"mobile": Decimal("0.1")}), "share.mobile"),
        (Change(shares={"ctv": Decimal("1.2")}), "share.ctv"),
        (Change(shares={"ctv": Decimal("0.7"), "branding": Decimal("0.6")}), "shares"),
        (Change(shares={"ctv": Decimal("0.3"), "branding": Decimal("0.6")}), "shares"),
    ],
)
def test_a_change_that_cannot_be_names_its_field(change: Change, field: str) -> None:
    with pytest.raises(Infeasible) as caught:
        changed_brief(BRIEF, change)
    assert field in [error.field for error in caught.value.errors]


def test_a_quote_overrules_the_catalogue_at_its_volume() -> None:
    one = OFFERS[0]
    known = repriced(one, Heard(key_of(one), 500_000, Decimal(6)))
    assert [(step.from_impressions, step.cpm) for step in known.prices] == [(1_000, 8), (500_000, 6)]
    assert repriced(one, None) is one
    cheaper = what_if(BRIEF, AUDIENCE, OFFERS, Change(), [Heard(key_of(one), 100_000, Decimal(2))]).plan
    line = next(line for line in cheaper.lines if key_of(line) == key_of(one))
    assert line.cpm == 2


def test_the_difference_names_each_line_once() -> None:
    before = what_if(BRIEF, AUDIENCE, OFFERS, Change()).plan.lines
    after = what_if(BRIEF, AUDIENCE, OFFERS, Change(budget=Decimal(20_000), max_cpm=Decimal(12))).plan.lines
    found = difference(before, after)
    assert len(found.added) + len(found.moved) + found.same == len(after)
    assert len(found.removed) + len(found.moved) + found.same == len(before)
    assert difference(before, before).same == len(before)
