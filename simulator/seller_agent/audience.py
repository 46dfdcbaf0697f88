"""Audience plans on a booking: what this seller can honour, and how well."""

from __future__ import annotations

from typing import Any

from simulator.seller_agent.errors import ApiError

_TYPES = {("standard", "1.1"), ("contextual", "3.1")}
_MAX_CONSTRAINTS = 3


def check_plan(plan: dict[str, Any]) -> None:
    """Raises ApiError 400 naming each unsupported part."""
    unsupported = [
        {"path": f"{part}[{i}]", "reason": f"{part} not supported by this seller"}
        for part in ("extensions", "exclusions")
        for i, _ in enumerate(plan.get(part) or [])
    ]
    constraints = plan.get("constraints") or []
    refs = [("primary", plan.get("primary") or {})]
    refs += [(f"constraints[{i}]", ref) for i, ref in enumerate(constraints)]
    for path, ref in refs:
        if (ref.get("type"), ref.get("version")) not in _TYPES:
            unsupported.append({"path": path, "reason": f"audience type {ref.get('type')!r} not supported"})
    for i in range(_MAX_CONSTRAINTS, len(constraints)):
        unsupported.append({"path": f"constraints[{i}]", "reason": "too many constraints"})
    if unsupported:
        raise ApiError(400, {"error": "audience_plan_unsupported", "unsupported": unsupported})


def match_summary(plan: dict[str, Any], capabilities: list[str]) -> dict[str, Any]:
    """Whether the product lists each audience by its identifier: 1 or 0."""

    def match(ref: dict[str, Any]) -> dict[str, Any]:
        hit = ref.get("identifier") in capabilities
        return {"match": "STRONG" if hit else "NONE", "score": 1.0 if hit else 0.0}

    return {
        "primary": match(plan["primary"]),
        "constraints": [match(ref) for ref in plan.get("constraints") or []],
        "extensions": [],
        "exclusions": [],
    }
