"""Catalogue rows are judged before any seller is asked, each refusal with its own code."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from planning.eligibility import channels_for, price_probe_volumes, screen, shortlist
from planning.types import Brief, Constraints, Kpis
from tests.planning.factories import TODAY, make_brief, make_product

START, END = date(2027, 3, 1), date(2027, 3, 31)
NOTICE = (START - TODAY).days


@pytest.mark.parametrize(
    ("inventory", "formats", "channels"),
    [
        ("display", (), ("branding", "performance")),
        ("video", (), ("branding",)),
        ("dooh", (), ("branding",)),
        ("audio", (), ("branding",)),
        ("ctv", (), ("ctv",)),
        ("mobile_app", (), ("mobile",)),
        ("native", (), ("performance",)),
        ("linear_tv", (), ()),
        ("linear_tv", ("30s spot",), ()),
        ("linear_tv", ("Addressable",), ("ctv",)),
        ("other", (), ()),
        ("hologram", (), ()),
    ],
)
def test_inventory_belongs_to_channels(
    inventory: str, formats: tuple[str, ...], channels: tuple[str, ...]
) -> None:
    assert channels_for(make_product(inventory_type=inventory, formats=formats)) == channels


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"inventory_type": "ctv"}, "wrong_channel"),
    ({"currency": "EUR"}, "currency"),
    ({"list_cpm": Decimal(0)}, "unpriced"),
    ({"list_cpm": Decimal("45")}, "max_cpm"),
    ({"lead_days": NOTICE + 1}, "lead_time"),
    ({"min_flight_days": 32}, "flight_too_short"),
    ({"max_flight_days": 30}, "flight_too_long"),
    ({"active_from": START + timedelta(days=1)}, "not_yet_active"),
    ({"retired_on": END}, "retired"),
    ({"min_spend": Decimal("10000.01")}, "below_minimum"),
    ({"min_impressions": 1_000_000}, "below_minimum"),
    ({"min_impressions": 5_000, "available_cap": 4_999}, "unavailable"),
    ({"available_cap": 0}, "unavailable"),
]
ACCEPTED: list[dict[str, Any]] = [
    {},
    {"lead_days": NOTICE},
    {"min_flight_days": 31, "max_flight_days": 31},
    {"active_from": START, "retired_on": END + timedelta(days=1)},
    {"min_spend": Decimal("10000.00")},
    {"min_impressions": 500_000},
    {"list_cpm": Decimal("44"), "floor_cpm": Decimal("20")},
    {"min_impressions": 5_000, "available_cap": 5_000},
]


def judge(brief: Brief | None = None, **changes: Any) -> list[str]:
    brief = brief or make_brief(kpis=Kpis(max_cpm=Decimal("30")))
    product = make_product(**changes)
    return [one.code for one in screen(brief, product, "branding", today=TODAY, budget=Decimal("10000.00"))]


@pytest.mark.parametrize(("changes", "code"), REFUSED, ids=lambda value: str(value)[:50])
def test_a_row_that_cannot_serve_is_refused(changes: dict[str, Any], code: str) -> None:
    assert judge(**changes) == [code]


@pytest.mark.parametrize("changes", ACCEPTED, ids=lambda value: str(value)[:50])
def test_a_row_on_the_boundary_is_kept(changes: dict[str, Any]) -> None:
    assert judge(**changes) == []


def test_sellers_are_included_and_excluded() -> None:
    excluded = make_brief(constraints=Constraints(sellers_excluded=("northlight",)))
    others = make_brief(constraints=Constraints(sellers_included=("south",)))
    assert judge(excluded) == ["seller_excluded"]
    assert judge(others) == ["seller_excluded"]


def test_several_problems_are_all_named() -> None:
    assert set(judge(currency="EUR", lead_days=999, list_cpm=Decimal("99"))) == {
        "currency",
        "lead_time",
        "max_cpm",
    }


def test_the_shortlist_prefers_value_for_money_and_ignores_the_order() -> None:
    products = [make_product(f"p{n}", list_cpm=Decimal(10 + n)) for n in range(6)]
    shuffled = random.Random(3).sample(products, len(products))
    chosen, rest = shortlist(make_brief(), shuffled, "branding", Decimal("10000"), 3, today=TODAY)
    assert [one.product_id for one in chosen] == ["p0", "p1", "p2"]
    assert [one.code for one in rest] == ["not_shortlisted"] * 3
    assert (chosen, rest) == shortlist(make_brief(), products, "branding", Decimal("10000"), 3, today=TODAY)


def test_the_shortlist_keeps_the_best_of_each_seller() -> None:
    cheap = [make_product(f"p{n}", list_cpm=Decimal(5)) for n in range(5)]
    other = make_product("x", seller="south", list_cpm=Decimal(15))
    chosen, _ = shortlist(make_brief(), [*cheap, other], "branding", Decimal("10000"), 2, today=TODAY)
    assert {one.seller for one in chosen} == {"northlight", "south"}


def test_a_product_too_small_for_a_line_goes_last() -> None:
    """9,999 x 20.00 / 1000 = 199.98, below 2 % of 10,000; 10,000 impressions just reach it."""
    sliver = make_product("a", available_cap=9_999, seller="south")
    enough = make_product("b", available_cap=10_000, list_cpm=Decimal("20.00"), viewability=Decimal("0.35"))
    chosen, rest = shortlist(make_brief(), [sliver, enough], "branding", Decimal("10000"), 1, today=TODAY)
    assert [one.product_id for one in chosen] == ["b"]
    assert [one.product_id for one in rest] == ["a"]
    both, _ = shortlist(make_brief(), [sliver, enough], "branding", Decimal("10000"), 2, today=TODAY)
    assert [one.product_id for one in both] == ["b", "a"]


def test_many_products_share_few_volumes() -> None:
    products = [make_product(f"p{n}", list_cpm=Decimal(900 + 7 * n) / 100) for n in range(200)]
    asked = {volume for one in products for volume in price_probe_volumes(one, Decimal("30000"))}
    assert len(asked) <= 10


def test_the_shortlist_reports_what_it_screened_out() -> None:
    chosen, rest = shortlist(
        make_brief(), [make_product(currency="EUR")], "branding", Decimal("10000"), 5, today=TODAY
    )
    assert chosen == ()
    assert [one.code for one in rest] == ["currency"]


@pytest.mark.parametrize(
    ("changes", "budget", "volumes"),
    [
        ({}, "10000", (1_000, 200_000, 500_000)),
        ({"min_impressions": 10_000}, "10000", (10_000, 200_000, 500_000)),
        ({"min_impressions": 10_001}, "10000", (11_000, 200_000, 500_000)),
        ({"min_impressions": 10_000, "min_spend": Decimal("4000")}, "10000", (200_000, 500_000)),
        ({}, "11999", (1_000, 200_000, 500_000)),
        ({}, "250000", (1_000, 5_000_000, 10_000_000)),
        ({}, "399999", (1_000, 5_000_000, 7_000_000, 10_000_000, 20_000_000)),
        ({"available_cap": 6_000_000}, "250000", (1_000, 5_000_000, 6_000_000)),
        ({"available_cap": 6_543_210}, "250000", (1_000, 5_000_000, 6_000_000)),
        ({"min_impressions": 456_789}, "10000", (460_000, 500_000)),
        ({"min_impressions": 900_000}, "10000", ()),
        ({"min_impressions": 600_000}, "10000", (600_000,)),
        ({"available_cap": 500}, "10000", ()),
        ({"min_impressions": 6_501, "available_cap": 6_543}, "10000", (6_501,)),
        ({"min_impressions": 6_501, "available_cap": 6_999}, "10000", (6_600,)),
    ],
)
def test_prices_are_asked_at_volumes_worth_asking(
    changes: dict[str, Any], budget: str, volumes: tuple[int, ...]
) -> None:
    assert price_probe_volumes(make_product(**changes), Decimal(budget)) == volumes
