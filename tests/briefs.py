"""Briefs for tests: one that holds, and how to change it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flows.clock import today


def brief(**changes: Any) -> dict[str, Any]:
    start = today() + dt.timedelta(days=60)
    data: dict[str, Any] = {
        "name": "Spring Launch",
        "objectives": ["brand awareness", "online sales"],
        "budget": 60_000,
        "currency": "USD",
        "start_date": start.isoformat(),
        "end_date": (start + dt.timedelta(days=30)).isoformat(),
        "target_audience": {"age": "25-54", "geo": ["US"], "interests": ["travel"]},
        "kpis": {"max_cpm": 45},
        "channels": ["branding", "ctv"],
    }
    data |= changes
    return {name: value for name, value in data.items() if value is not None}
