"""The frozen types survive JSON exactly, and equal objects give equal bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from planning.allocation import allocate
from planning.audience import plan_audience
from planning.codec import canonical_bytes, from_json, to_json
from planning.selection import select
from planning.types import Allocation, AudiencePlan, Offer, Plan, Product, Share
from tests.planning.factories import make_brief, make_offer, make_product, random_instance


def test_an_offer_round_trips_through_json_text() -> None:
    offer = make_offer(
        available=5_000,
        prices=((1000, "12.3450"), (5_000_000, "11.00")),
        floor_cpm=Decimal("0.10"),
        active_from=date(2027, 1, 1),
        formats=("video", "größe"),
    )
    assert from_json(Offer, json.loads(json.dumps(to_json(offer)))) == offer


def test_a_plan_round_trips_through_its_bytes() -> None:
    plan = select(*random_instance(7, 20))
    again = from_json(Plan, json.loads(canonical_bytes(plan)))
    assert again == plan
    assert canonical_bytes(again) == canonical_bytes(plan)


def test_audience_and_allocation_round_trip() -> None:
    audience = plan_audience(make_brief())
    parts = allocate(make_brief(), audience)
    assert from_json(AudiencePlan, to_json(audience)) == audience
    assert tuple(from_json(Allocation, to_json(part)) for part in parts) == parts


def test_the_bytes_do_not_depend_on_the_order_of_keys() -> None:
    brief = make_brief()
    one, other = Share(maximum=Decimal("0.5")), Share(minimum=Decimal("0.1"))
    shares = {"a": one, "b": other}
    reverse = {"b": other, "a": one}
    first = replace(brief, constraints=replace(brief.constraints, seller_shares=shares))
    second = replace(brief, constraints=replace(brief.constraints, seller_shares=reverse))
    assert canonical_bytes(first) == canonical_bytes(second)


def test_decimals_travel_as_plain_text() -> None:
    assert to_json(Decimal("1E+5")) == "100000"
    assert to_json(Decimal("0.00001")) == "0.00001"


def test_absent_fields_take_defaults_and_strange_ones_are_ignored() -> None:
    stored = to_json(make_product())
    del stored["lead_days"]
    assert from_json(Product, {**stored, "later": 1}) == make_product()


@pytest.mark.parametrize(
    ("field", "value"), [("list_cpm", 20.0), ("min_impressions", "5"), ("guaranteed", 1), ("active_from", 5)]
)
def test_a_value_of_the_wrong_kind_is_refused(field: str, value: object) -> None:
    with pytest.raises(TypeError):
        from_json(Product, {**to_json(make_product()), field: value})


def test_infinity_and_foreign_objects_have_no_bytes() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_bytes({"x": float("inf")})
    with pytest.raises(TypeError):
        canonical_bytes({"x": object()})
