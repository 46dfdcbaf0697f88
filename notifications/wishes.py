"""What a person wants, read from their preferences or from the defaults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from zoneinfo import ZoneInfo

from flows.clock import now
from notifications.kinds import KINDS, Channel, Kind
from notifications.models import Preference
from notifications.quiet import Quiet, ends_at
from planning.zones import zone


def preferences_of(user_ids: Collection[int]) -> dict[int, Preference]:
    """One for each, unsaved where there is none."""
    found = {row.user_id: row for row in Preference.objects.filter(user__in=user_ids).select_related("user")}
    return {user_id: found.get(user_id) or Preference(user_id=user_id) for user_id in user_ids}


def preference_of(user_id: int) -> Preference:
    return preferences_of([user_id])[user_id]


def default_channels(kind: Kind) -> frozenset[str]:
    return frozenset({Channel.APP, Channel.HOOK} | ({Channel.MAIL} if kind.mail else set()))


def channels_for(preference: Preference, kind: str) -> frozenset[str]:
    chosen = preference.channels.get(kind)
    return default_channels(KINDS[kind]) if chosen is None else frozenset(chosen)


def zone_of(preference: Preference) -> ZoneInfo:
    """The person's own, as on their pages."""
    return zone(preference.user.timezone)


def quiet_until(preference: Preference) -> dt.datetime | None:
    """When this person's quiet is over, None when they may be disturbed now."""
    if preference.quiet_from is None or preference.quiet_until is None:
        return None
    return ends_at(Quiet(preference.quiet_from, preference.quiet_until, zone_of(preference)), now())
