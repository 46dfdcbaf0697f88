"""The six steps of a brief: what each shows, and to which an error belongs."""

from __future__ import annotations

from bookings.drafts.paths import form_field
from bookings.forms import SHARE_FIELDS

TITLES = (
    "Campaign",
    "Budget and goals",
    "Audience and places",
    "Channels and sellers",
    "Approval",
    "Review",
)
REVIEW = len(TITLES)
FIELDS_OF_STEP: dict[int, tuple[str, ...]] = {
    1: ("name", "client", "advertiser", "objectives", "start_date", "end_date", "timezone", "currency"),
    2: (
        "budget",
        "pacing",
        "max_cpm",
        "target_cpm",
        "impressions",
        "viewability",
        "completion_rate",
        "ctr",
        "brand_safety",
    ),
    3: ("age", "gender", "geo", "interests", "behaviors", "demographics"),
    4: (
        "channels",
        *SHARE_FIELDS,
        "sellers_included",
        "sellers_excluded",
        "seller_shares",
        "max_seller_share",
        "frequency_count",
        "frequency_interval",
    ),
    5: ("auto_approve", "policy_kind", "policy_share", "notes"),
}
STEP_OF = {name: number for number, names in FIELDS_OF_STEP.items() for name in names}


def step_of(path: str) -> int:
    """What has no field of its own belongs to the review."""
    return STEP_OF.get(form_field(path) or "", REVIEW)


def step_in(text: str) -> int:
    """1 where it is no step."""
    return int(text) if text in {str(number) for number in range(1, REVIEW + 1)} else 1
