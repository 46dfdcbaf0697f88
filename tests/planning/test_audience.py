"""Coverage follows the audience, every number is explained, and what cannot be addressed is named."""

from __future__ import annotations

from decimal import Decimal

import pytest

from planning.audience import match_offer, plan_audience
from planning.types import Audience, AudiencePlan, Kpis
from tests.planning.factories import make_brief, make_product, worth


def plan(**audience: object) -> AudiencePlan:
    return plan_audience(make_brief(audience=Audience(**audience)))  # type: ignore[arg-type]


def coverage(**audience: object) -> tuple[Decimal, ...]:
    return tuple(one.coverage for one in plan(**audience).coverage)


def test_different_audiences_have_different_coverage() -> None:
    audiences: list[dict[str, object]] = [
        {},
        {"age_min": 18, "age_max": 34},
        {"age_min": 55},
        {"genders": ("female",)},
        {"geo": ("US",)},
        {"geo": ("US-CA",)},
        {"geo": ("Springfield",)},
        {"interests": ("sports",)},
        {"interests": ("beekeeping",)},
        {"demographics": ("income: high",)},
        {"behaviors": ("cart abandoners",)},
    ]
    found = [coverage(**one) for one in audiences]
    assert len(set(found)) == len(audiences)


def test_coverage_is_a_share_and_every_channel_is_explained() -> None:
    planned = plan(age_min=25, age_max=54, geo=("US",), behaviors=("cart abandoners",))
    for one in planned.coverage:
        assert 0 < one.coverage < 1
        assert any(str(one.coverage) in reason for reason in one.reasons)
        assert all(any(c.isdigit() for c in reason) for reason in one.reasons)


def test_behaviours_on_a_television_are_a_named_gap() -> None:
    by_channel = {one.channel: one for one in plan(behaviors=("cart abandoners",)).coverage}
    assert any("cart abandoners" in gap for gap in by_channel["ctv"].gaps)
    assert by_channel["performance"].gaps == ()
    assert by_channel["performance"].coverage > by_channel["ctv"].coverage


def test_a_gap_of_every_channel_is_a_gap_of_the_plan() -> None:
    planned = plan(age_min=13, age_max=24, unused={"horoscope": "leo"})
    assert any("below 18" in gap for gap in planned.gaps)
    assert any("horoscope" in gap for gap in planned.gaps)


@pytest.mark.parametrize(("low", "high"), [(5, 12), (90, 99), (18, 18), (84, 90)])
def test_odd_age_ranges_still_have_an_estimate(low: int, high: int) -> None:
    for one in plan(age_min=low, age_max=high).coverage:
        assert 0 <= one.coverage <= 1
        assert (one.coverage == 0) == (high < 18)


def test_only_requested_channels_are_planned() -> None:
    planned = plan_audience(make_brief(channels=("ctv", "mobile")))
    assert [one.channel for one in planned.coverage] == ["ctv", "mobile"]


def test_a_brief_without_wishes_matches_everything() -> None:
    match, quality, _ = match_offer(make_brief(), make_product())
    assert (match, quality) == (1, 1)


@pytest.mark.parametrize(
    ("targeting", "expected"),
    [
        (("demo:A25-54",), "1.0000"),
        (("demo:A18-49", "demo:A25-54"), "1.0000"),
        (("demo:A18-24",), "0.0000"),
        (("demo:A45-64",), "0.5000"),
        (("age",), "0.9000"),
        (("contextual",), "0.4000"),
        ((), "0.5000"),
    ],
)
def test_match_on_age_follows_what_the_seller_states(targeting: tuple[str, ...], expected: str) -> None:
    brief = make_brief(audience=Audience(age_min=25, age_max=54))
    match, _, reasons = match_offer(brief, make_product(targeting=targeting))
    assert str(match) == expected
    assert any(reason.startswith("Age") for reason in reasons)


@pytest.mark.parametrize(
    ("wanted", "targeting", "expected"),
    [
        ("US", ("geo:US",), "1.0000"),
        ("USA", ("geo:us",), "1.0000"),
        ("US", ("geo:US-CA",), "1.0000"),
        ("US-CA", ("geo:US",), "0.6000"),
        ("US", ("geo:GB", "geo:DE"), "0.0000"),
        ("Berlin", ("geo:DE",), "0.5000"),
        ("US", ("country",), "0.9000"),
    ],
)
def test_match_on_places(wanted: str, targeting: tuple[str, ...], expected: str) -> None:
    brief = make_brief(audience=Audience(geo=(wanted,)))
    assert str(match_offer(brief, make_product(targeting=targeting))[0]) == expected


def test_somebody_elses_inventory_is_worth_nothing_however_good_the_rest() -> None:
    brief = make_brief(audience=Audience(geo=("US",), interests=("sports",)))
    product = make_product(targeting=("geo:GB",), content=("sports",))
    assert match_offer(brief, product)[0] == 0


def test_women_are_not_matched_by_inventory_for_men() -> None:
    brief = make_brief(audience=Audience(genders=("female",)))
    assert match_offer(brief, make_product(targeting=("demo:M25-54",)))[0] == 0
    assert match_offer(brief, make_product(targeting=("demo:W25-54",)))[0] == 1


def test_quality_follows_the_goals() -> None:
    brief = make_brief(
        kpis=Kpis(viewability=Decimal("0.8"), completion_rate=Decimal("0.9"), brand_safety="strict")
    )
    good = make_product(
        inventory_type="ctv",
        viewability=Decimal("0.9"),
        completion_rate=Decimal("0.95"),
        content=("brand_safe",),
    )
    weak = make_product(inventory_type="ctv", viewability=Decimal("0.4"), guaranteed=False)
    assert match_offer(brief, good)[1] == 1
    # viewability (0.4 / 0.8) squared, completion unknown 0.8, safety unknown 0.9, not guaranteed 0.95
    assert match_offer(brief, weak)[1] == Decimal("0.1710")


@pytest.mark.parametrize(
    ("stated", "goal", "expected"),
    [
        ("0.70", "0.70", "1"),
        ("0.90", "0.70", "1"),
        ("0.35", "0.70", "0.25"),
        ("0.44", "0.70", "0.3951"),
        ("0", "0.70", "0"),
        ("0.35", None, "0.5"),
    ],
)
def test_missing_the_briefs_own_goal_counts_squared(stated: str, goal: str | None, expected: str) -> None:
    brief = make_brief(kpis=Kpis(viewability=Decimal(goal) if goal else None))
    assert match_offer(brief, make_product(viewability=Decimal(stated)))[1] == Decimal(expected)


def test_a_completion_rate_below_the_goal_counts_squared_for_video_only() -> None:
    brief = make_brief(kpis=Kpis(completion_rate=Decimal("0.8")))
    rates = {"completion_rate": Decimal("0.4"), "viewability": Decimal("0.9")}
    assert match_offer(brief, make_product(inventory_type="video", **rates))[1] == Decimal("0.25")
    assert match_offer(brief, make_product(inventory_type="display", **rates))[1] == 1


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        ({"name": "Archive Remnant"}, "0.5"),
        ({"description": "User-generated clips, run of network"}, "0.5"),
        ({"content": ("run-of-network",)}, "0.7"),
        ({"targeting": ("audience extension",)}, "0.8"),
        ({"name": "Remnants of Rome, the documentary"}, "1"),
        ({"description": "No user generated content, no remnant"}, "1"),
        ({"name": "Run of", "description": "network news"}, "1"),
    ],
)
@pytest.mark.parametrize("level", ["high", "Strict", "standard", None])
def test_doubtful_surroundings_count_less_where_the_brief_asks_for_care(
    texts: dict[str, object], share: str, level: str | None
) -> None:
    brief = make_brief(kpis=Kpis(brand_safety=level))
    plain = match_offer(brief, make_product())[1]
    _, quality, reasons = match_offer(brief, make_product(**texts))
    counted = Decimal(share) if level in ("high", "Strict") else Decimal(1)
    assert quality == plain * counted
    assert any(reason.startswith("Surroundings") for reason in reasons) == (counted < 1)


def test_what_is_not_stated_is_called_a_neutral_prior() -> None:
    _, quality, reasons = match_offer(make_brief(), make_product(viewability=None))
    assert quality == Decimal("0.8000")
    assert any("neutral prior" in reason for reason in reasons)


def test_the_factory_makes_the_worth_it_says() -> None:
    assert match_offer(make_brief(), make_product(viewability=worth("0.37")))[1] == Decimal("0.3700")
