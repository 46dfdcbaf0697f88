"""Times as pages print them: in the zone of this request, with its name."""

from __future__ import annotations

import datetime as dt

from django import template

from accounts import times
from flows.clock import now

register = template.Library()


@register.filter
def zone_label(at: dt.datetime | None) -> str:
    return times.zone_label(at) if at else ""


@register.filter
def exact(at: dt.datetime | None, fine: bool = False) -> str:
    return times.exact(at, fine) if at else ""


@register.simple_tag
def shown_zone() -> str:
    """Its IANA name."""
    return times.zone_in_use()


@register.simple_tag
def zone_label_now() -> str:
    """Its letters at this moment, for times that a script prints."""
    return times.zone_label(now())


@register.simple_tag
def times_choices() -> list[tuple[str, str]]:
    return list(times.Times.choices)
