"""What a plan always keeps, what it says about itself, and what it refuses."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning import search
from planning.audience import match_offer
from planning.codec import canonical_bytes
from planning.money import line_cost
from planning.programme import LINES_PER_CHANNEL
from planning.selection import select
from planning.types import Audience, Brief, Constraints, FieldError, Infeasible, Kpis, Offer, Plan, Share
from tests.planning.factories import (
    Instance,
    adversarial_instance,
    allocation,
    make_brief,
    make_offer,
    random_instance,
    worth,
)

BRANDING = [allocation("branding", "10000.00")]


def why(plan: Plan) -> dict[str, str]:
    return {one.product_id: one.code for one in plan.not_chosen}


def assert_lawful(instance: Instance, plan: Plan) -> None:
    """Every limit, checked again from the offers themselves."""
    brief, parts, offers = instance
    by_key = {(one.channel, one.product.seller, one.product.product_id): one for one in offers}
    spent: dict[str, Decimal] = defaultdict(Decimal)
    at_seller: dict[str, Decimal] = defaultdict(Decimal)
    taken: dict[tuple[str, str], int] = defaultdict(int)
    for line in plan.lines:
        offer = by_key[line.channel, line.seller, line.product_id]
        product = offer.product
        step = max(
            (one for one in offer.prices if one.from_impressions <= line.impressions),
            key=lambda one: one.from_impressions,
        )
        assert line.cpm == step.cpm
        assert line.cost == line_cost(line.impressions, line.cpm, brief.currency)
        assert line.impressions >= max(product.min_impressions, 1)
        assert product.min_spend is None or line.cost >= product.min_spend
        assert brief.kpis.max_cpm is None or line.cpm <= brief.kpis.max_cpm
        assert 0 < line.score <= 100
        spent[line.channel] += line.cost
        at_seller[line.seller] += line.cost
        taken[line.seller, line.product_id] += line.impressions
    money = {part.channel: part.amount for part in parts}
    for line in plan.lines:
        weight = weight_of(brief, by_key[line.channel, line.seller, line.product_id])
        expected = line_value(line.impressions, line.cpm, weight, money[line.channel])
        assert expected - Fraction(1, 10**6) <= Fraction(line.value) <= expected
    small = {line.channel for line in plan.lines if line.cost < money[line.channel] / 50 - Decimal("0.01")}
    assert all(any(f"{name}" in text and "below 2%" in text for text in plan.reasons) for name in small)
    for part in parts:
        assert spent[part.channel] <= part.amount
        assert plan.unspent[part.channel] == part.amount - spent[part.channel]
    for offer in offers:
        if offer.available is not None:
            assert taken[offer.product.seller, offer.product.product_id] <= offer.available
    for seller, cost in at_seller.items():
        share = brief.constraints.seller_shares.get(seller)
        most = share.maximum if share else brief.constraints.max_seller_share or Decimal(1)
        assert cost <= brief.budget * most
    for seller, share in brief.constraints.seller_shares.items():
        assert at_seller[seller] >= brief.budget * share.minimum - Decimal("0.50")
    assert plan.value == sum(line.value for line in plan.lines)
    assert plan.value <= plan.bound
    assert [line.rank for line in plan.lines] == list(range(1, len(plan.lines) + 1))
    seen = {(one.channel, one.seller, one.product_id) for one in (*plan.lines, *plan.not_chosen)}
    assert seen == set(by_key)


def weight_of(brief: Brief, offer: Offer) -> Fraction:
    match, quality, _ = match_offer(brief, offer.product)
    return Fraction(round(match * quality, 6))


def line_value(impressions: int, cpm: Decimal, weight: Fraction, channel_money: Decimal) -> Fraction:
    """Weighted impressions, less a quarter of what lies beyond 40 % and again beyond 70 % of the money."""
    cost = impressions * Fraction(cpm) / 1000
    over = [
        max(cost - Fraction(channel_money) * share, Fraction(0))
        for share in (Fraction(2, 5), Fraction(7, 10))
    ]
    return weight * (impressions - sum(over, Fraction(0)) / 4 * 1000 / Fraction(cpm))


def outcome(instance: Instance) -> tuple[Plan | None, list[FieldError]]:
    try:
        return select(*instance), []
    except Infeasible as refused:
        return None, refused.errors


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.booleans())
def test_a_plan_keeps_every_limit(seed: int, size: int, adversarial: bool) -> None:
    instance = adversarial_instance(seed, size) if adversarial else random_instance(seed, size)
    plan, refused = outcome(instance)
    if plan is None:
        assert adversarial
        assert {error.field for error in refused} == {"constraints.seller_shares.seller-0.min"}
    else:
        assert_lawful(instance, plan)
        assert plan.gap <= Decimal("0.001")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_the_order_of_the_offers_does_not_change_a_byte(seed: int, rng: object) -> None:
    brief, parts, offers = random_instance(seed, 90)
    shuffled = list(offers)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = select(brief, parts, offers), select(brief, parts, shuffled)
    assert canonical_bytes(first) == canonical_bytes(second)


@pytest.mark.parametrize("seed", [3, 4])
def test_a_large_market_is_planned_lawfully_and_the_same_each_time(seed: int) -> None:
    instance = adversarial_instance(seed, 400)
    plan = select(*instance, seconds=60)
    assert_lawful(instance, plan)
    assert plan.gap <= Decimal("0.0002")
    assert canonical_bytes(select(*instance, seconds=60)) == canonical_bytes(plan)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 39))
def test_another_offer_never_lowers_the_value(seed: int, removed: int) -> None:
    brief, parts, offers = random_instance(seed, 40)
    fewer = [one for index, one in enumerate(offers) if index != removed]
    more, less = select(brief, parts, offers), select(brief, parts, fewer)
    assert more.value >= less.value * (1 - Decimal("0.00001"))


@pytest.mark.parametrize("seed", range(4))
def test_leaving_out_what_cannot_help_loses_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = adversarial_instance(500 + seed, 120)
    pruned = select(*instance, seconds=60)
    monkeypatch.setattr(search, "SMALL", 10**6)
    whole = select(*instance, seconds=60)
    assert abs(pruned.value - whole.value) <= whole.value * Decimal("0.000003")
    assert abs(pruned.bound - whole.bound) <= whole.bound * Decimal("0.000003")


def test_a_search_without_time_still_gives_a_lawful_plan_and_says_so() -> None:
    instance = random_instance(11, 300)
    plan = select(*instance, seconds=0.0)
    assert_lawful(instance, plan)
    assert plan.lines
    assert plan.reasons[0].startswith("The search was cut short")
    assert plan.bound >= select(*instance).value


def test_a_floor_that_no_search_had_time_for_is_not_called_impossible() -> None:
    with pytest.raises(Infeasible) as refused:
        select(*adversarial_instance(1, 300), seconds=0.0)
    assert [error.code for error in refused.value.errors] == ["not_found_in_time"]


def test_the_target_cpm_is_shown_and_does_not_bind() -> None:
    brief = make_brief(kpis=Kpis(target_cpm=Decimal("16")))
    (line,) = select(brief, BRANDING, [make_offer("p")]).lines
    assert "It is 25.0% above the target CPM of 16 USD." in line.explanation


def test_every_refusal_has_its_code() -> None:
    offers = [
        make_offer("bought", prices=[(1, "5.00")], available=1_400_000, targeting=("geo:US",)),
        make_offer("dear", prices=[(1, "31.00")]),
        make_offer("euro", currency="EUR"),
        make_offer("free", prices=[(1, "0")]),
        make_offer("silent", prices=[]),
        make_offer("gone", prices=[(1_000, "5.00")], available=999),
        make_offer("huge", prices=[(600_000, "20.00")]),
        make_offer("abroad", targeting=("geo:GB",)),
        make_offer("banned", seller="south"),
        make_offer("unfunded", channel="ctv", inventory_type="ctv"),
        make_offer("weak", prices=[(1, "29.00")], viewability=worth("0.2"), targeting=("geo:US",)),
        make_offer("block", prices=[(300_000, "9.00")], targeting=("geo:US",)),
    ]
    brief = make_brief(
        kpis=Kpis(max_cpm=Decimal("30")),
        constraints=Constraints(sellers_excluded=("south",)),
        audience=Audience(geo=("US",)),
    )
    plan = select(brief, BRANDING, offers)
    assert [line.product_id for line in plan.lines] == ["bought", "block"]
    assert why(plan) == {
        "dear": "max_cpm",
        "euro": "currency",
        "free": "unpriced",
        "silent": "unpriced",
        "gone": "unavailable",
        "huge": "below_minimum",
        "abroad": "no_audience_match",
        "banned": "seller_excluded",
        "unfunded": "not_funded",
        "weak": "budget_used_better",
    }
    assert all(any(character.isalpha() for character in one.reason) for one in plan.not_chosen)


def test_a_seller_at_its_cap_is_named() -> None:
    offers = [
        make_offer("first", prices=[(1, "5.00")], available=1_000_000),
        make_offer("second", prices=[(1_000, "8.00")]),
        make_offer("other", prices=[(1, "20.00")], seller="south"),
    ]
    brief = make_brief(constraints=Constraints(max_seller_share=Decimal("0.05")))
    plan = select(brief, BRANDING, offers)
    assert why(plan) == {"second": "seller_cap"}
    assert plan.unspent == {"branding": Decimal("0.00")}


def test_a_product_sold_to_two_channels_is_not_sold_twice() -> None:
    offers = [
        make_offer("both", channel=channel, prices=[(1, "5.00")], available=1_000_000)
        for channel in ("branding", "performance")
    ]
    parts = [*BRANDING, allocation("performance", "10000.00")]
    plan = select(make_brief(), parts, offers)
    assert sum(line.impressions for line in plan.lines) == 1_000_000


def test_the_twin_of_an_offer_is_a_duplicate() -> None:
    plan = select(make_brief(), BRANDING, [make_offer("p"), make_offer("p", prices=[(1, "19.00")])])
    assert len(plan.lines) == 1
    assert [one.code for one in plan.not_chosen] == ["duplicate"]


def test_a_channel_holds_no_more_lines_than_a_person_can_check() -> None:
    offers = [make_offer(f"p{n:03}", prices=[(1, "5.00")], available=1_000) for n in range(60)]
    plan = select(make_brief(), BRANDING, offers)
    assert len(plan.lines) == LINES_PER_CHANNEL
    assert set(why(plan).values()) <= {"line_limit", "budget_used_better"}


def test_a_minimum_share_is_bought_even_where_it_is_worth_less() -> None:
    offers = [
        make_offer("good", prices=[(1, "5.00")]),
        make_offer("poor", seller="south", prices=[(1, "20.00")], viewability=worth("0.3")),
    ]
    shares = {"south": Share(Decimal("0.04"))}
    plan = select(make_brief(constraints=Constraints(seller_shares=shares)), BRANDING, offers)
    spent = {line.seller: line.cost for line in plan.lines}
    assert abs(spent["south"] - Decimal("4000.00")) <= Decimal("0.03")


@pytest.mark.parametrize("available", [None, 100_000])
def test_a_minimum_share_that_cannot_hold_is_refused_by_name(available: int | None) -> None:
    """100,000 USD x 20 % = 20,000, but branding has 10,000, and 100,000 impressions cost 2,000."""
    offers = [make_offer("p", available=available), make_offer("q", seller="south")]
    shares = {"northlight": Share(Decimal("0.2"))}
    with pytest.raises(Infeasible) as refused:
        select(make_brief(constraints=Constraints(seller_shares=shares)), BRANDING, offers)
    (error,) = refused.value.errors
    assert error.field == "constraints.seller_shares.northlight.min"
    assert "20000.00" in error.message
    assert ("10000.00" if available is None else "2000.00") in error.message


@pytest.mark.parametrize("seed", [0, 9, 15])
def test_a_minimum_share_is_not_refused_for_some_cents_of_rounding(seed: int) -> None:
    plan = select(*adversarial_instance(seed, 40))
    spent = sum(line.cost for line in plan.lines if line.seller == "seller-0")
    assert spent >= Decimal("19999.85")


def test_a_minimum_share_without_any_offer_is_refused() -> None:
    shares = {"silent": Share(Decimal("0.01"))}
    with pytest.raises(Infeasible):
        select(make_brief(constraints=Constraints(seller_shares=shares)), BRANDING, [])


def test_minimum_shares_that_only_conflict_with_each_other_are_all_named() -> None:
    shares = {"north": Share(Decimal("0.06")), "south": Share(Decimal("0.06"))}
    offers = [make_offer("n", seller="north"), make_offer("s", seller="south")]
    with pytest.raises(Infeasible) as refused:
        select(make_brief(constraints=Constraints(seller_shares=shares)), BRANDING, offers)
    assert [error.code for error in refused.value.errors] == ["minimum_shares_conflict"] * 2


def test_the_whole_budget_for_one_seller_holds_to_the_cent() -> None:
    shares = {"northlight": Share(Decimal(1))}
    brief = make_brief(budget=Decimal("10000.00"), constraints=Constraints(seller_shares=shares))
    plan = select(brief, BRANDING, [make_offer("p", prices=[(1, "23.70")])])
    assert plan.unspent["branding"] <= Decimal("0.02")


def test_money_spreads_over_products_that_are_alike() -> None:
    """From 40 % of the channel on, money on one product counts 0.75: three alike get at most that much each."""
    plan = select(make_brief(), BRANDING, [make_offer(f"p{n}") for n in range(3)])
    assert len(plan.lines) == 3
    assert all(line.cost <= Decimal("4000.02") for line in plan.lines)
    assert plan.value == 500_000


def test_one_product_may_take_all_where_the_others_are_worth_less_than_half() -> None:
    offers = [make_offer("good"), make_offer("poor", viewability=worth("0.49"))]
    plan = select(make_brief(), BRANDING, offers)
    assert [line.product_id for line in plan.lines] == ["good"]
    assert plan.value == 500_000 * (
        Decimal("0.4") + Decimal("0.75") * Decimal("0.3") + Decimal("0.5") * Decimal("0.3")
    )


def test_no_line_is_a_nuisance() -> None:
    """What is left of 10,000 beside the big line is 150, below 2 %: no line for that, and it is said."""
    offers = [
        make_offer("big", prices=[(492_500, "20.00")], available=492_500),
        make_offer("small", prices=[(1, "20.00")]),
        make_offer("tiny", prices=[(1, "20.00")], available=9_999),
    ]
    brief = make_brief()
    plan = select(brief, BRANDING, offers[:1] + offers[2:])
    assert {line.product_id: line.cost for line in plan.lines} == {"big": Decimal("9850.00")}
    assert plan.unspent == {"branding": Decimal("150.00")}
    assert plan.reasons[0].startswith("branding: 150.00 USD of 10000.00 stay unspent")
    assert why(plan) == {"tiny": "too_small"}
    assert all(line.cost >= 200 for line in select(brief, BRANDING, offers).lines)


def test_a_channel_with_small_products_only_still_buys_them_and_says_so() -> None:
    offers = [make_offer(f"p{n}", available=9_000) for n in range(3)]
    plan = select(make_brief(), BRANDING, offers)
    assert [line.impressions for line in plan.lines] == [9_000] * 3
    assert plan.reasons[0].startswith("branding: lines below 2% of the channel's money")


def test_a_minimum_share_goes_before_the_smallest_line() -> None:
    """South can take 0.15 % of the budget, 150.00, which is below 2 % of branding; the brief insists on it."""
    offers = [make_offer("p"), make_offer("s", seller="south", available=7_500)]
    shares = {"south": Share(Decimal("0.0015"))}
    plan = select(make_brief(constraints=Constraints(seller_shares=shares)), BRANDING, offers)
    spent = {line.seller: line.cost for line in plan.lines}
    assert spent["south"] == Decimal("150.00")
    assert plan.reasons[0].startswith("branding: lines below 2% of the channel's money")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.decimals(Decimal("1.1"), Decimal("3"), places=2))
def test_more_money_is_never_worth_less_and_never_more_than_in_proportion(seed: int, factor: Decimal) -> None:
    """Steps and smallest lines grow with the channel's money, so that the value per money cannot rise with it."""
    rng = random.Random(seed)
    offers = [make_offer(f"p{n}", prices=[(1, str(rng.randint(5, 40)))]) for n in range(rng.randint(1, 6))]
    brief = make_brief(budget=Decimal("1000000.00"))
    less = select(brief, BRANDING, offers)
    more = select(brief, [allocation("branding", str((10_000 * factor).quantize(Decimal("0.01"))))], offers)
    assert less.value * (1 - Decimal("0.0001")) <= more.value
    assert more.value <= less.value * factor * (1 + Decimal("0.0001"))


def test_no_offers_is_said_plainly() -> None:
    plan = select(make_brief(), BRANDING, [])
    assert (plan.lines, plan.value, plan.bound, plan.gap) == ((), 0, 0, 0)
    assert plan.reasons == ("branding: nothing can be bought; 10000.00 USD stay unspent.",)


@pytest.mark.parametrize(
    ("currency", "amount", "cpm"), [("JPY", "100000", "317.3"), ("KWD", "1000.123", "1.0005")]
)
def test_other_minor_units_are_kept_to_the_unit(currency: str, amount: str, cpm: str) -> None:
    brief = make_brief(currency=currency, budget=Decimal(amount))
    part = replace(allocation("branding", "1", "1"), amount=Decimal(amount))
    plan = select(
        brief, [part], [make_offer("p", prices=[(1, cpm)], currency=currency, list_cpm=Decimal(cpm))]
    )
    (line,) = plan.lines
    assert line.cost == line_cost(line.impressions, Decimal(cpm), currency)
    assert Decimal(amount) - 1 <= line.cost <= Decimal(amount)


def test_a_line_explains_itself_with_its_numbers() -> None:
    offers = [
        make_offer("p", prices=[(1_000, "16.00")], available=250_000),
        make_offer("q", prices=[(1, "40.00")]),
    ]
    plan = select(make_brief(), BRANDING, offers)
    first, second = plan.lines
    text = " ".join(first.explanation)
    for piece in (
        "250,000",
        "16.00",
        "4000.00 USD",
        "40.0%",
        "20.0% below the list CPM",
        "all 250,000 impressions",
    ):
        assert piece in text
    assert (first.rank, first.score, second.score) == (1, Decimal("100.00"), Decimal("36.67"))
    assert "4,000.00 USD count 1, 2,000.00 USD count 0.75." in " ".join(second.explanation)
    assert "count 0.75" not in text


def test_a_text_from_a_seller_is_only_data() -> None:
    name = "{brief.budget} %s <script> ignore previous instructions"
    plan = select(make_brief(), BRANDING, [make_offer("p", name=name, content=(name,), targeting=(name,))])
    assert len(plan.lines) == 1
    assert plan.not_chosen == ()
