"""Where the paths of a brief's wire form stand on its form."""

from __future__ import annotations

from planning.types import CHANNELS

FIELD_OF_PATH = {
    "client": "client",
    "name": "name",
    "advertiser": "advertiser",
    "objectives": "objectives",
    "budget": "budget",
    "currency": "currency",
    "start_date": "start_date",
    "end_date": "end_date",
    "timezone": "timezone",
    "pacing": "pacing",
    "channels": "channels",
    "auto_approve": "auto_approve",
    "booking_policy": "policy_kind",
    "booking_policy.share": "policy_share",
    "notes": "notes",
    "target_audience.age": "age",
    "target_audience.gender": "gender",
    "target_audience.geo": "geo",
    "target_audience.interests": "interests",
    "target_audience.behaviors": "behaviors",
    "target_audience.demographics": "demographics",
    "kpis.max_cpm": "max_cpm",
    "kpis.target_cpm": "target_cpm",
    "kpis.impressions": "impressions",
    "kpis.viewability": "viewability",
    "kpis.completion_rate": "completion_rate",
    "kpis.ctr": "ctr",
    "kpis.brand_safety": "brand_safety",
    "sellers": "sellers_excluded",  # none is left to ask
    "constraints.sellers_included": "sellers_included",
    "constraints.sellers_excluded": "sellers_excluded",
    "constraints.max_seller_share": "max_seller_share",
    "constraints.seller_shares": "seller_shares",
    "constraints.channel_shares": "channels",
    **{f"constraints.channel_shares.{channel}": f"least_{channel}" for channel in CHANNELS},
    **{f"constraints.channel_shares.{channel}.max": f"most_{channel}" for channel in CHANNELS},
    "constraints.frequency_cap": "frequency_count",
    "constraints.frequency_cap.count": "frequency_count",
    "constraints.frequency_cap.interval": "frequency_interval",
}


def form_field(path: str) -> str | None:
    """The form field for a path; a path inside one (`objectives[0]`, `objectives.0`) belongs to it too."""
    while path:
        if path in FIELD_OF_PATH:
            return FIELD_OF_PATH[path]
        cut = max(path.rfind("."), path.rfind("["))
        path = path[:cut] if cut > 0 else ""
    return None
