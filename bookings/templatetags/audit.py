"""What changed, out of an event's payload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import template

from bookings.audit import Checked
from flows.models import Event

register = template.Library()


@dataclass(frozen=True)
class Changed:
    name: str
    before: str
    after: str


@register.simple_tag
def changes(event: Event) -> list[Changed]:
    """Before and after, where the event tells both: a state, or fields under `before` and `after`."""
    payload: dict[str, Any] = event.payload if isinstance(event.payload, dict) else {}
    found = []
    if "from" in payload and "to" in payload:
        found.append(
            Changed("state", str(payload["from"]).replace("_", " "), str(payload["to"]).replace("_", " "))
        )
    before, after = payload.get("before"), payload.get("after", payload.get("change"))
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in after if name in before and after[name] is not None]
        found += [
            Changed(name, str(before[name]), str(after[name]))
            for name in names
            if before[name] != after[name]
        ]
    return found


@register.simple_tag
def broken(checked: Sequence[Checked]) -> list[Checked]:
    return [one for one in checked if one.problem is not None]
