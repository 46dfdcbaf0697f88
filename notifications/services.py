"""Commands of a person on their own notices and preferences; each is one transaction."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import transaction

from accounts.actors import actor_of_user
from accounts.services import choose_times
from flows import events
from flows.clock import now
from notifications import hook, selectors, signing
from notifications.models import Notice, Preference


def open_notice(user: Any, notice_id: uuid.UUID) -> Notice | None:
    """Mark it read and return it; None where it is not there, somebody else's or no longer to be seen."""
    notice = selectors.notices_of(user).filter(pk=notice_id).first()
    if notice is not None:
        Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(read_at=now())
    return notice


def mark_all_read(user: Any, *, until: dt.datetime, kind: str = "") -> int:
    """What came after `until`, the moment at which the list was shown, stays unread."""
    rows = selectors.unread_of(user, kind).filter(created_at__lte=until)
    return Notice.objects.filter(pk__in=rows.values("pk")).update(read_at=now())


def save_preferences(user: Any, chosen: dict[str, Any]) -> Preference:
    """`chosen` are fields of `Preference`, and the person's `timezone`, checked by the form."""
    with transaction.atomic():
        preference = _locked(user)
        before = preference.as_audited()
        fields = {name: value for name, value in chosen.items() if name != "timezone"}
        for name, value in fields.items():
            setattr(preference, name, value)
        preference.save()
        person = preference.user
        choose_times(user=person, times=person.times, timezone=chosen.get("timezone", person.timezone))
        _record(user, "changed", before, preference.as_audited())
    return preference


def set_hook(user: Any, url: str) -> str:
    """A webhook at `url` with a new secret, which is returned this once. Raises `UnsafeUrl`; then nothing changed."""
    hook.check(url)
    secret = signing.new_secret()
    with transaction.atomic():
        preference = _locked(user)
        before = preference.as_audited()
        preference.hook_url, preference.hook_secret = url, secret
        preference.save()
        _record(user, "webhook_set", before, preference.as_audited())
    return secret


def remove_hook(user: Any) -> None:
    with transaction.atomic():
        preference = _locked(user)
        before = preference.as_audited()
        preference.hook_url = preference.hook_secret = ""
        preference.save()
        _record(user, "webhook_removed", before, preference.as_audited())


def _locked(user: Any) -> Preference:
    Preference.objects.bulk_create([Preference(user=user)], ignore_conflicts=True)
    return Preference.objects.select_for_update(of=("self",)).select_related("user").get(user=user)


def _record(user: Any, what: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    events.record(
        subject_type="user",
        subject_id=user.pk,
        type=f"notifications.{what}",
        actor=actor_of_user(user),
        payload={"from": before, "to": after},
    )
