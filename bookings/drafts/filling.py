"""From a brief back to the text of its form: for copying a past campaign and for opening an imported brief."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from flows.clock import today
from planning.types import Brief, Share
from planning.zones import zone

WHOLE = Share()
OFFERED_GENDERS = {"female", "male", "other"}
OFFERED_SAFETY = {"standard", "high", "strict"}


def typed_from(brief: Brief, client: str) -> dict[str, Any]:
    """Every field as somebody would have typed it."""
    kpis, audience, limits = brief.kpis, brief.audience, brief.constraints
    cap = limits.frequency_cap
    return {
        "client": client,
        "name": brief.name,
        "advertiser": brief.advertiser or "",
        "objectives": "\n".join(brief.objectives),
        "start_date": brief.start_date.isoformat(),
        "end_date": brief.end_date.isoformat(),
        "budget": _plain(brief.budget),
        "currency": brief.currency,
        "timezone": brief.timezone,
        "pacing": brief.pacing,
        "max_cpm": _plain(kpis.max_cpm),
        "target_cpm": _plain(kpis.target_cpm),
        "impressions": str(kpis.unused.get("impressions", "")),
        "viewability": _plain(kpis.viewability),
        "completion_rate": _plain(kpis.completion_rate),
        "ctr": _plain(kpis.ctr),
        "brand_safety": kpis.brand_safety if kpis.brand_safety in OFFERED_SAFETY else "",
        "age": _age(audience.age_min, audience.age_max),
        "gender": [gender for gender in audience.genders if gender in OFFERED_GENDERS],
        "geo": ", ".join(audience.geo),
        "interests": ", ".join(audience.interests),
        "behaviors": ", ".join(audience.behaviors),
        "demographics": ", ".join(audience.demographics),
        "channels": list(brief.channels),
        **{f"least_{name}": _percent(share.minimum) for name, share in limits.channel_shares.items()},
        **{f"most_{name}": _percent(share.maximum, 1) for name, share in limits.channel_shares.items()},
        "sellers_included": ", ".join(limits.sellers_included),
        "sellers_excluded": ", ".join(limits.sellers_excluded),
        "seller_shares": ", ".join(_seller(slug, share) for slug, share in limits.seller_shares.items()),
        "max_seller_share": _plain(limits.max_seller_share),
        "frequency_count": str(cap.count) if cap else "",
        "frequency_interval": cap.interval if cap else "Day",
        "policy_kind": brief.booking_policy.kind,
        "policy_share": _plain(brief.booking_policy.share),
        "notes": brief.notes,
        "auto_approve": "on" if brief.auto_approve else "",
    }


def not_carried(brief: Brief) -> list[str]:
    """What the brief says and the form has no field for, in words."""
    odd_genders = [gender for gender in brief.audience.genders if gender not in OFFERED_GENDERS]
    safety = brief.kpis.brand_safety
    found = [f"gender {gender}" for gender in odd_genders]
    found += [f"brand safety {safety!r}"] if safety and safety not in OFFERED_SAFETY else []
    found += [name for name in brief.kpis.unused if name != "impressions"]
    return [*found, *brief.audience.unused, *brief.constraints.unused]


def moved_ahead(brief: Brief) -> tuple[dt.date, dt.date]:
    """The flight of a copy: as long as it was, and from tomorrow at the earliest."""
    start = max(brief.start_date, today(zone(brief.timezone)) + dt.timedelta(days=1))
    return start, start + (brief.end_date - brief.start_date)


def _plain(number: Decimal | None) -> str:
    return "" if number is None else f"{number.normalize():f}"


def _percent(share: Decimal, nothing: int = 0) -> str:
    """With the sign, as 1 would be read as the whole."""
    return "" if share == nothing else f"{_plain(share * 100)}%"


def _age(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return ""
    return f"{low}+" if high is None else f"{low or 0}-{high}"


def _seller(slug: str, share: Share) -> str:
    most = f"-{_percent(share.maximum)}" if share.maximum != WHOLE.maximum else ""
    return f"{slug} {_plain(share.minimum * 100)}%{most}"
