from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.seller_agent.ladder import STRATEGIES, Position, respond
from simulator.seller_agent.pricing import TIER_DISCOUNTS, price_of

PRICES = [
    (0, (35.00, 33.25, 31.50, 29.75)),
    (4_999_999, (35.00, 33.25, 31.50, 29.75)),
    (5_000_000, (35.00, 33.25, 29.92, 28.26)),
    (10_000_000, (35.00, 33.25, 28.35, 26.78)),
    (20_000_000, (35.00, 33.25, 26.77, 25.29)),
    (50_000_000, (35.00, 33.25, 25.20, 23.80)),
]


@pytest.mark.parametrize(("volume", "expected"), PRICES)
def test_tier_and_volume_table_as_measured(volume: int, expected: tuple[float, ...]) -> None:
    assert tuple(price_of(35.0, tier, volume).final for tier in TIER_DISCOUNTS) == expected


def test_half_cents_fall_down() -> None:
    assert price_of(13.5, "advertiser", 0).final == 11.47


def test_price_never_falls_below_one_dollar() -> None:
    assert price_of(1.05, "advertiser", 50_000_000).final == 1.00


LADDERS = [
    (
        "public",
        35.00,
        [(29, "counter", 33.95), (30, "counter", 32.90), (31, "final_offer", 32.20), (32, "reject", 35)],
    ),
    (
        "seat",
        33.25,
        [(29, "counter", 31.92), (30, "counter", 31.15), (31, "counter", 31.09), (31.5, "accept", 31.5)],
    ),
    ("agency", 31.50, [(28.5, "counter", 30.0), (29, "counter", 29.5), (29.5, "accept", 29.5)]),
    (
        "advertiser",
        29.75,
        [
            (28.2, "counter", 28.74),
            (28.4, "counter", 28.52),
            (28.5, "counter", 28.51),
            (28.6, "accept", 28.6),
        ],
    ),
]


@pytest.mark.parametrize(("tier", "start", "rounds"), LADDERS)
def test_ladders_as_measured(tier: str, start: float, rounds: list[tuple[float, str, float]]) -> None:
    last = start
    for played, (offer, action, price) in enumerate(rounds):
        reply = respond(STRATEGIES[tier], Position(start, 28.0, last, played), offer)
        assert (reply.action, reply.price) == (action, price)
        last = reply.price


def test_an_offer_at_the_final_price_is_accepted() -> None:
    reply = respond(STRATEGIES["public"], Position(35.0, 28.0, 32.90, 2), 32.5)
    assert (reply.action, reply.price) == ("accept", 32.5)


@settings(max_examples=60)
@given(
    tier=st.sampled_from(sorted(STRATEGIES)),
    start=st.floats(10, 60),
    floor_share=st.floats(0.5, 1.0),
    offers=st.lists(st.floats(-5, 80), min_size=1, max_size=9),
)
def test_the_seller_never_goes_up_nor_below_its_floor(
    tier: str, start: float, floor_share: float, offers: list[float]
) -> None:
    start = round(start, 2)
    floor, last = round(start * floor_share, 2), start
    for played, offer in enumerate(offers):
        reply = respond(STRATEGIES[tier], Position(start, floor, last, played), offer)
        if reply.action == "accept":
            assert reply.price == offer
            assert offer >= floor
        if reply.action in ("accept", "reject"):
            return
        assert floor <= reply.price <= last
        last = reply.price
    assert len(offers) <= STRATEGIES[tier].rounds
