"""Each wrong brief is refused with the field, a stable code and a sentence; all findings come at once."""

from __future__ import annotations

from typing import Any

import pytest

from planning.brief import read_brief
from planning.types import InvalidBrief
from tests.planning.factories import NOW, wire_brief

INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"name": ...}, "name", "required"),
    ({"name": "   "}, "name", "blank"),
    ({"name": "x" * 101}, "name", "too_long"),
    ({"name": 7}, "name", "invalid_type"),
    ({"name": "Spring\x00launch"}, "name", "control_characters"),
    ({"name": "Spring \u202elaunch"}, "name", "control_characters"),
    ({"name": "A", "campaign_name": "B"}, "campaign_name", "conflicting_field"),
    ({"name": "A", "campaignName": "B"}, "campaignName", "conflicting_field"),
    ({"objectives": ...}, "objectives", "required"),
    ({"objectives": []}, "objectives", "required"),
    ({"objectives": ["reach", ""]}, "objectives.1", "blank"),
    ({"objectives": ["x" * 201]}, "objectives.0", "too_long"),
    ({"objectives": [f"goal {n}" for n in range(21)]}, "objectives", "too_many"),
    ({"objectives": [1]}, "objectives.0", "invalid_type"),
    ({"budget": ...}, "budget", "required"),
    ({"budget": 0}, "budget", "not_positive"),
    ({"budget": -5}, "budget", "not_positive"),
    ({"budget": True}, "budget", "not_a_number"),
    ({"budget": float("nan")}, "budget", "not_a_number"),
    ({"budget": float("inf")}, "budget", "not_a_number"),
    ({"budget": "1e5"}, "budget", "not_a_number"),
    ({"budget": "1E999999999"}, "budget", "not_a_number"),
    ({"budget": "100,000"}, "budget", "not_a_number"),
    ({"budget": "١٠٠"}, "budget", "not_a_number"),
    ({"budget": "NaN"}, "budget", "not_a_number"),
    ({"budget": 10**12}, "budget", "too_large"),
    ({"budget": 10**400}, "budget", "not_a_number"),
    ({"budget": "100.001"}, "budget", "too_precise"),
    ({"budget": "100.5", "currency": "JPY"}, "budget", "too_precise"),
    ({"budget": {"currency": "USD"}}, "budget.amount", "required"),
    ({"budget": {"amount": 5, "currency": "EUR"}, "currency": "USD"}, "budget.currency", "conflicting_field"),
    ({"currency": "XXX"}, "currency", "unknown_currency"),
    ({"currency": 840}, "currency", "unknown_currency"),
    ({"start_date": ...}, "start_date", "required"),
    ({"start_date": "2027-02-30"}, "start_date", "not_a_date"),
    ({"start_date": "01/03/2027"}, "start_date", "not_a_date"),
    ({"start_date": "2027-03-01T00:00:00Z"}, "start_date", "not_a_date"),
    ({"start_date": 20270301}, "start_date", "not_a_date"),
    ({"start_date": "2027-01-03"}, "start_date", "in_the_past"),
    ({"start_date": "2027-03-01", "flightStart": "2027-03-02"}, "flightStart", "conflicting_field"),
    ({"end_date": "2027-02-28"}, "end_date", "before_start"),
    ({"end_date": ...}, "end_date", "required"),
    ({"target_audience": ...}, "target_audience", "required"),
    ({"target_audience": "everybody"}, "target_audience", "invalid_type"),
    ({"target_audience": {"age": "54-25"}}, "target_audience.age", "invalid_age"),
    ({"target_audience": {"age": "young"}}, "target_audience.age", "invalid_age"),
    ({"target_audience": {"age": {"min": 200}}}, "target_audience.age.min", "out_of_range"),
    ({"target_audience": {"gender": "robot"}}, "target_audience.gender", "unknown_gender"),
    ({"target_audience": {"geo": [{"country": "US"}]}}, "target_audience.geo.0", "invalid_type"),
    ({"targetAudience": {"interests": [""]}, "target_audience": ...}, "targetAudience.interests.0", "blank"),
    ({"kpis": []}, "kpis", "invalid_type"),
    ({"kpis": {"max_cpm": 0}}, "kpis.max_cpm", "out_of_range"),
    ({"kpis": {"maxCpm": "free"}}, "kpis.maxCpm", "not_a_number"),
    ({"kpis": {"max_cpm": 5, "target_cpm": 6}}, "kpis.max_cpm", "below_target"),
    ({"kpis": {"max_cpm": 5, "max_cpm_usd": 6}}, "kpis.max_cpm_usd", "conflicting_field"),
    ({"kpis": {"max_cpm_usd": 5}, "currency": "EUR"}, "kpis.max_cpm_usd", "currency_mismatch"),
    ({"kpis": {"max_cpm": "1.2345678"}}, "kpis.max_cpm", "too_precise"),
    ({"kpis": {"viewability": 170}}, "kpis.viewability", "out_of_range"),
    ({"kpis": {"ctr": -0.1}}, "kpis.ctr", "out_of_range"),
    ({"kpis": {"completion_rate": True}}, "kpis.completion_rate", "not_a_number"),
    ({"channels": []}, "channels", "required"),
    ({"channels": ["radio"]}, "channels.0", "unknown_channel"),
    ({"channels": [4]}, "channels.0", "unknown_channel"),
    ({"constraints": {"sellers_included": ["a b"]}}, "constraints.sellers_included.0", "invalid_seller"),
    (
        {"constraints": {"include_sellers": ["a"], "exclude_sellers": ["a"]}},
        "constraints.exclude_sellers",
        "included_and_excluded",
    ),
    (
        {"constraints": {"channel_shares": {"ctv": {"min": 0.7, "max": 0.6}}}},
        "constraints.channel_shares.ctv",
        "min_above_max",
    ),
    (
        {"constraints": {"channel_shares": {"ctv": {"min": 0.7}, "mobile": {"min": 0.7}}}},
        "constraints.channel_shares",
        "minimums_above_whole",
    ),
    (
        {"channels": ["ctv"], "constraints": {"channel_shares": {"ctv": {"max": 0.9}}}},
        "constraints.channel_shares",
        "maximums_below_whole",
    ),
    (
        {"channels": ["ctv"], "constraints": {"channelShares": {"mobile": {"max": 0.9}}}},
        "constraints.channelShares.mobile",
        "channel_not_requested",
    ),
    (
        {"constraints": {"channel_shares": {"radio": {"max": 0.9}}}},
        "constraints.channel_shares.radio",
        "unknown_channel",
    ),
    ({"constraints": {"channel_shares": {"ctv": 0.5}}}, "constraints.channel_shares.ctv", "invalid_type"),
    ({"constraints": {"channel_shares": {"ctv": {}}}}, "constraints.channel_shares.ctv", "required"),
    (
        {"constraints": {"seller_shares": {"a": {"min": 0.6}, "b": {"min": 0.6}}}},
        "constraints.seller_shares",
        "minimums_above_whole",
    ),
    (
        {"constraints": {"sellers_excluded": ["a"], "seller_shares": {"a": {"min": 0.2}}}},
        "constraints.seller_shares.a",
        "seller_excluded",
    ),
    ({"constraints": {"max_seller_share": 0}}, "constraints.max_seller_share", "out_of_range"),
    (
        {"constraints": {"frequency_cap": {"count": 0, "interval": "Day"}}},
        "constraints.frequency_cap.count",
        "out_of_range",
    ),
    (
        {"constraints": {"frequency_cap": {"count": 3, "interval": "Year"}}},
        "constraints.frequency_cap.interval",
        "unknown_interval",
    ),
    ({"constraints": {"frequency_cap": {"count": 3}}}, "constraints.frequency_cap.interval", "required"),
    ({"auto_approve": "yes"}, "auto_approve", "invalid_type"),
    ({"notes": "n" * 2001}, "notes", "too_long"),
    ({"advertiser": "a" * 256}, "advertiser", "too_long"),
    ({"extra": "bad \x07 text"}, "extra", "control_characters"),
    ({"extra": [float("nan")]}, "extra.0", "not_finite"),
]


@pytest.mark.parametrize(("changes", "field", "code"), INVALID, ids=lambda value: str(value)[:60])
def test_a_wrong_field_is_refused_with_its_path_and_code(
    changes: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidBrief) as refused:
        read_brief(wire_brief(**changes), now=NOW)
    assert (field, code) in [(error.field, error.code) for error in refused.value.errors]
    assert all(error.message.endswith(".") for error in refused.value.errors)


def test_one_wrong_field_gives_one_error() -> None:
    """Only the changes that leave the rest valid: nothing else is blamed."""
    for changes, field, code in INVALID:
        with pytest.raises(InvalidBrief) as refused:
            read_brief(wire_brief(**changes), now=NOW)
        assert len(refused.value.errors) == 1, (field, code, refused.value.errors)


def test_every_error_is_reported_at_once() -> None:
    with pytest.raises(InvalidBrief) as refused:
        read_brief(
            {
                "budget": float("nan"),
                "start_date": "2027-02-30",
                "channels": ["tv"],
                "kpis": {"max_cpm": -1},
                "constraints": {"max_seller_share": 0},
            },
            now=NOW,
        )
    fields = {error.field for error in refused.value.errors}
    assert fields == {
        "name",
        "objectives",
        "budget",
        "start_date",
        "end_date",
        "target_audience",
        "channels.0",
        "kpis.max_cpm",
        "constraints.max_seller_share",
    }


def test_a_brief_that_is_not_an_object_is_refused() -> None:
    with pytest.raises(InvalidBrief) as refused:
        read_brief(["name"], now=NOW)  # type: ignore[arg-type]
    assert refused.value.errors[0].code == "invalid_type"


def test_depth_and_size_are_bounded() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    for extra, code in ((deep, "too_deep"), ([0] * 5_000, "too_large")):
        with pytest.raises(InvalidBrief) as refused:
            read_brief(wire_brief(extra=extra), now=NOW)
        assert [error.code for error in refused.value.errors] == [code]
