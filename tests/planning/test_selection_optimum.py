"""The plan against the optimum found by trying everything, on instances made to mislead a greedy buyer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest

from planning.money import minor_unit
from planning.selection import select
from planning.types import Allocation, Brief, Constraints, Infeasible, Offer, Plan, Share
from tests.planning.factories import allocation, make_brief, make_offer, worth
from tests.planning.reference_optimum import all_or_nothing_optimum, one_channel_optimum

RELATIVE = Fraction(1, 10**6)


def rounding_slack(brief: Brief, plan: Plan) -> Fraction:
    """Whole impressions and whole minor units: two impressions a line, and one minor unit's worth a line."""
    unit = Fraction(minor_unit(brief.currency))
    return sum((2 + unit * 1000 / Fraction(line.cpm) for line in plan.lines), Fraction(4))


def assert_optimal(brief: Brief, plan: Plan, optimum: Fraction) -> None:
    assert Fraction(plan.value) >= optimum * (1 - RELATIVE) - rounding_slack(brief, plan)
    assert Fraction(plan.bound) >= optimum * (1 - RELATIVE)
    assert plan.value <= plan.bound
    assert plan.gap <= Decimal("0.0001")


def one_channel(seed: int, size: int, *, breaks: bool, caps: bool) -> tuple[Brief, Allocation, list[Offer]]:
    rng = random.Random(seed)
    offers = []
    for index in range(size):
        cpm = Decimal(rng.randint(500, 2500)) / 100
        low = rng.randint(100_000, 1_500_000)
        prices = [(low, str(cpm))]
        if breaks:
            prices.append(
                (low + rng.randint(1, 900_000), str(cpm * rng.choice([Decimal("0.5"), Decimal("0.9")])))
            )
        offers.append(
            make_offer(
                f"p{index}",
                prices=prices,
                seller=f"s{rng.randint(0, 2)}",
                available=rng.randint(low, 3 * low),
                min_spend=Decimal(rng.randint(1000, 8000)) if rng.random() < 0.3 else None,
                viewability=worth(f"0.{rng.randint(20, 99)}"),
            )
        )
    shares = (
        {"s0": Share(Decimal(0), Decimal("0.15")), "s1": Share(Decimal(0), Decimal("0.3"))} if caps else {}
    )
    brief = make_brief(constraints=Constraints(seller_shares=shares))
    return brief, allocation("branding", f"{rng.randint(10_000, 60_000)}.00"), offers


@pytest.mark.parametrize("seed", range(12))
def test_minimum_buys_that_bind(seed: int) -> None:
    brief, part, offers = one_channel(seed, 8, breaks=False, caps=False)
    assert_optimal(brief, select(brief, [part], offers), one_channel_optimum(brief, part, offers))


@pytest.mark.parametrize("seed", range(12))
def test_price_breaks_for_all_units(seed: int) -> None:
    brief, part, offers = one_channel(100 + seed, 6, breaks=True, caps=False)
    assert_optimal(brief, select(brief, [part], offers), one_channel_optimum(brief, part, offers))


@pytest.mark.parametrize("seed", range(12))
def test_caps_on_sellers(seed: int) -> None:
    brief, part, offers = one_channel(200 + seed, 6, breaks=True, caps=True)
    assert_optimal(brief, select(brief, [part], offers), one_channel_optimum(brief, part, offers))


def whole_blocks(seed: int, size: int = 10) -> tuple[Brief, list[Allocation], list[Offer]]:
    """All-or-nothing blocks over two channels, a floor and a cap per seller, products shared by both channels."""
    rng = random.Random(seed)
    offers = []
    volume = 0
    for index in range(size):
        shared = index % 4 == 3
        volume = volume if shared else rng.randint(200, 2_000) * 1000
        channel = "performance" if shared or rng.random() < 0.5 else "branding"
        number = index - 1 if shared else index
        offers.append(
            make_offer(
                f"p{number}",
                channel=channel,
                prices=[(volume, str(Decimal(rng.randint(500, 2000)) / 100))],
                available=volume,
                seller=f"s{number % 3}",
                viewability=worth(f"0.{rng.randint(20, 99)}"),
            )
        )
    keys = {(one.channel, one.product.seller, one.product.product_id): one for one in offers}
    floor, cap = rng.choice(["0.05", "0.10", "0.15"]), rng.choice(["0.2", "0.4"])
    shares = {"s0": Share(Decimal(floor)), "s1": Share(Decimal(0), Decimal(cap))}
    brief = make_brief(constraints=Constraints(seller_shares=shares))
    parts = [allocation("branding", "40000.00"), allocation("performance", "60000.00")]
    return brief, parts, list(keys.values())


@pytest.mark.parametrize("seed", range(20))
def test_floors_caps_and_shared_products(seed: int) -> None:
    brief, parts, offers = whole_blocks(seed)
    optimum = all_or_nothing_optimum(brief, parts, _with_pools(offers))
    if optimum is None:
        with pytest.raises(Infeasible):
            select(brief, parts, offers)
    else:
        assert_optimal(brief, select(brief, parts, offers), optimum)


def _with_pools(offers: Sequence[Offer]) -> list[Offer]:
    """Each offer with the least availability stated for its product anywhere, which is what may be bought of it."""
    least: dict[tuple[str, str], int] = {}
    for one in offers:
        key = (one.product.seller, one.product.product_id)
        least[key] = min(least.get(key, 10**15), one.available or 0)
    return [
        Offer(one.product, one.channel, least[one.product.seller, one.product.product_id], one.prices)
        for one in offers
    ]


def test_value_for_money_alone_would_be_the_wrong_choice() -> None:
    """The best per money is a small block that leaves no room for the two that fill the budget."""
    offers = [
        make_offer("tempting", prices=[(600_000, "10.00")], available=600_000),
        make_offer("steady", prices=[(500_000, "10.00")], available=500_000, viewability=worth("0.95")),
        make_offer("calm", prices=[(500_000, "10.00")], available=500_000, viewability=worth("0.95")),
    ]
    plan = select(make_brief(), [allocation("branding", "10000.00")], offers)
    assert {line.product_id for line in plan.lines} == {"steady", "calm"}
    assert plan.value == 2 * Decimal("0.95") * (400_000 + Decimal("0.75") * 100_000)


def test_it_pays_to_buy_more_when_the_break_covers_all_units() -> None:
    """900,000 at 10.00 cost 9,000; 1,000,000 at 8.00 cost 8,000 and leave money for another."""
    offers = [
        make_offer("deep", prices=[(100_000, "10.00"), (1_000_000, "8.00")], available=1_000_000),
        make_offer("other", prices=[(1, "9.00")], viewability=worth("0.50")),
    ]
    plan = select(make_brief(), [allocation("branding", "9000.00")], offers)
    lines = {line.product_id: line for line in plan.lines}
    assert (lines["deep"].impressions, lines["deep"].cpm) == (1_000_000, Decimal("8.00"))
    assert lines["other"].cost == Decimal("1000.00")
