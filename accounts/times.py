"""In which time zone a person is shown times: that of the campaign, their own, or UTC; and how a time is printed."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models
from django.utils import timezone

from planning.zones import UTC_NAME, zone


class Times(models.TextChoices):
    CAMPAIGN = "campaign", "Campaign's zone"
    OWN = "own", "My zone"
    UTC = "utc", "UTC"


def zone_shown(user: Any, campaign_zone: str = UTC_NAME) -> ZoneInfo:
    """`campaign_zone` on the pages of one campaign. Elsewhere there is no zone of a campaign, and UTC stands for it."""
    if not user.is_authenticated or user.times == Times.UTC:
        return zone(UTC_NAME)
    return zone(user.timezone if user.times == Times.OWN else campaign_zone)


def show_times(user: Any, campaign_zone: str = UTC_NAME) -> None:
    """For the rest of this request; `page_requires` puts back what was before."""
    timezone.activate(zone_shown(user, campaign_zone))


def zone_in_use() -> str:
    """The IANA name of the zone that this request prints times in."""
    current = timezone.get_current_timezone()
    return current.key if isinstance(current, ZoneInfo) else UTC_NAME


def zone_label(at: dt.datetime) -> str:
    """`CET` or `EDT`; `UTC+5:45` where the zone has no letters of its own. It follows the clock changes."""
    local = timezone.localtime(at)
    name = local.tzname() or ""
    return name if name.isalpha() else _offset(local)


def told(at: dt.datetime, style: str = "%Y-%m-%d %H:%M") -> str:
    """A time with its zone, for a sentence."""
    return f"{timezone.localtime(at):{style}} {zone_label(at)}"


def exact(at: dt.datetime, fine: bool = False) -> str:
    """The instant in UTC, and the zone that it is printed in where that is another; `fine`: to the microsecond."""
    instant = at.astimezone(dt.UTC)
    clock = f"{instant:%H:%M:%S.%f}" if fine else f"{instant:%H:%M:%S}"
    words = f"{instant:%a} {instant.day} {instant:%b %Y}, {clock} UTC"
    return words if zone_in_use() == UTC_NAME else f"{words}, shown in {zone_in_use()}"


def _offset(local: dt.datetime) -> str:
    minutes = round((local.utcoffset() or dt.timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"
