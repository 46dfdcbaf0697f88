"""From the solver's fractions to whole impressions: taken back where over a limit, filled where money is left."""

from __future__ import annotations

from decimal import Decimal

from planning.candidates import Candidate, Limits, make_candidates, read_limits
from planning.rounding import Basket, Holding, settle
from planning.search import Choice
from planning.types import Brief, Constraints, Offer, Share
from tests.planning.factories import allocation, make_brief, make_offer, worth

STEADY = make_offer("steady", prices=[(100_000, "10.00")], available=900_000)
WEAK = make_offer("weak", prices=[(100_000, "10.00")], viewability=worth("0.4"), seller="south")


def prepared(offers: list[Offer], brief: Brief | None = None) -> tuple[list[Candidate], Limits]:
    brief = brief or make_brief()
    limits = read_limits(brief, [allocation("branding", "10000.00")], offers)
    candidates, refused = make_candidates(brief, limits, offers)
    assert refused == []
    return candidates, limits


def chosen(candidates: list[Candidate], *volumes: float) -> list[Choice]:
    return [Choice(index, candidates[index].rungs[0], volume) for index, volume in enumerate(volumes)]


def volumes(basket: Basket) -> dict[str, int]:
    return {key[2]: holding.impressions for key, holding in basket.holdings.items()}


def test_left_money_fills_the_best_line_first() -> None:
    candidates, limits = prepared([STEADY, WEAK])
    basket = settle(candidates, chosen(candidates, 700_000.4, 150_000.9), limits)
    assert volumes(basket) == {"steady": 850_000, "weak": 150_000}
    assert basket.spent(channel="branding") == Decimal("10000.00")


def test_a_hair_too_much_is_taken_from_the_worst_line() -> None:
    candidates, limits = prepared([STEADY, WEAK])
    basket = settle(candidates, chosen(candidates, 850_000, 150_040), limits)
    assert volumes(basket) == {"steady": 850_000, "weak": 150_000}


def test_a_line_that_cannot_shrink_leaves() -> None:
    candidates, limits = prepared([STEADY, WEAK])
    basket = settle(candidates, chosen(candidates, 900_000, 100_000), limits)
    assert volumes(basket) == {"steady": 900_000, "weak": 100_000}
    tight = Limits(limits.currency, limits.total, {"branding": Decimal("1999.99")}, {}, {}, limits.pools)
    assert volumes(settle(candidates, chosen(candidates, 100_000, 100_000), tight)) == {"steady": 199_999}


def test_filling_stops_at_a_sellers_cap() -> None:
    brief = make_brief(
        constraints=Constraints(seller_shares={"northlight": Share(Decimal(0), Decimal("0.05"))})
    )
    candidates, limits = prepared([STEADY, WEAK], brief)
    basket = settle(candidates, chosen(candidates, 200_000, 100_000), limits)
    assert basket.spent(seller="northlight") == Decimal("5000.00")
    assert basket.spent(channel="branding") == Decimal("10000.00")


def test_without_a_choice_money_goes_by_value_alone() -> None:
    candidates, limits = prepared([STEADY, WEAK])
    assert volumes(settle(candidates, (), limits)) == {"steady": 900_000, "weak": 100_000}


def test_money_left_goes_where_its_next_unit_counts_most() -> None:
    """Steady counts 1 up to 400,000, then 0.75, then 0.5 from 700,000 on; fine counts 0.6 and then 0.45."""
    fine = make_offer("fine", prices=[(1, "10.00")], seller="south", viewability=worth("0.6"))
    candidates, limits = prepared([STEADY, fine])
    basket = settle(candidates, chosen(candidates, 100_000, 20_000), limits)
    assert volumes(basket) == {"steady": 700_000, "fine": 300_000}


def test_the_value_of_a_line_falls_with_each_step() -> None:
    candidates, limits = prepared([STEADY])
    basket = Basket(limits)
    for volume, value, next_worth in [
        (300_000, "300000", 100),
        (400_000, "400000", 75),
        (700_000, "625000", 50),
        (900_000, "725000", 50),
    ]:
        holding = Holding(candidates[0], candidates[0].rungs[0], volume)
        assert basket.value(holding) == Decimal(value)
        assert basket.next_worth(holding) == next_worth
        assert basket.worth(holding) == Decimal(value) / (volume // 100)


def test_no_line_is_added_for_crumbs() -> None:
    crumbs = make_offer("crumbs", prices=[(1, "10.00")], seller="west", viewability=worth("0.1"))
    candidates, limits = prepared(
        [crumbs, make_offer("block", prices=[(999_500, "10.00")], available=999_500)]
    )
    by_name = {one.key[2]: index for index, one in enumerate(candidates)}
    block = candidates[by_name["block"]]
    basket = settle(candidates, [Choice(by_name["block"], block.rungs[0], 999_500)], limits)
    assert volumes(basket) == {"block": 999_500}


def test_half_up_rounding_never_pushes_a_channel_over() -> None:
    """Three lines of 0.005 over each would round up to a cent more than the channel has."""
    offers = [make_offer(f"p{n}", prices=[(1, "10.00")], available=333_334) for n in range(3)]
    candidates, limits = prepared(offers)
    basket = settle(candidates, chosen(candidates, 333_333.5, 333_333.5, 333_333.5), limits)
    assert basket.spent(channel="branding") <= Decimal("10000.00")
    assert sum(holding.exact for holding in basket.holdings.values()) <= Decimal("10000")
