"""From drafts to rows: each recipient's notice and what carries it, in the caller's transaction.

A notice that is there already is left alone and carried by nothing new, so drafting twice tells once.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils import timezone

from accounts.times import told
from flows import steps
from flows.clock import now
from notifications import digests, wishes
from notifications.kinds import Channel
from notifications.models import Delivery, DeliveryChannel, Notice, Preference
from notifications.registry import UNTIL, Draft

LONGEST_TITLE, LONGEST_TEXT = 240, 500


def write(drafts: Iterable[Draft]) -> list[Notice]:
    """The notices that are new."""
    return [notice for draft in drafts for notice in _write_one(draft)]


def _write_one(draft: Draft) -> list[Notice]:
    preferences = wishes.preferences_of(draft.recipients)
    rows = [_notice(draft, preference) for preference in preferences.values()]
    told = Notice.objects.filter(key=draft.key, recipient__in=draft.recipients)
    known = set(told.values_list("recipient_id", flat=True))
    rows = [row for row in rows if row.recipient_id not in known]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    kept = set(Notice.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    fresh = [row for row in rows if row.pk in kept]
    carriers = [row for notice in fresh for row in _carriers(notice, draft, preferences[notice.recipient_id])]
    if fresh and settings.FLIGHTDECK_WEBHOOK_URL:
        carriers.append(Delivery(key=f"agency:{draft.key}", channel=DeliveryChannel.AGENCY, notice=fresh[0]))
    _open(carriers)
    return fresh


def _notice(draft: Draft, preference: Preference) -> Notice:
    return Notice(
        recipient_id=preference.user_id,
        key=draft.key,
        kind=draft.kind,
        title=plain(_in_zone(draft.title, draft, preference), LONGEST_TITLE),
        text=plain(_in_zone(draft.text, draft, preference), LONGEST_TEXT),
        url=draft.url,
        organization_id=draft.organization_id,
        request_id=draft.request_id,
        in_app=Channel.APP in _channels(draft, preference),
        created_at=now(),
    )


def _in_zone(text: str, draft: Draft, preference: Preference) -> str:
    if draft.until is None:
        return text
    with timezone.override(wishes.zone_of(preference)):
        return text.replace(UNTIL, told(draft.until))


def _channels(draft: Draft, preference: Preference) -> frozenset[str]:
    chosen = wishes.channels_for(preference, draft.kind)
    return chosen | {Channel.APP, Channel.MAIL} if draft.insist else chosen


def _carriers(notice: Notice, draft: Draft, preference: Preference) -> list[Delivery]:
    channels, found = _channels(draft, preference), []
    if Channel.MAIL in channels and preference.digest_hour is not None and not draft.insist:
        digests.add(notice, preference)
    elif Channel.MAIL in channels:
        found.append(_delivery(notice, DeliveryChannel.MAIL))
    if Channel.HOOK in channels and preference.hook_url:
        found.append(_delivery(notice, DeliveryChannel.HOOK))
    return found


def _delivery(notice: Notice, channel: DeliveryChannel) -> Delivery:
    key = f"{channel}:{notice.recipient_id}:{notice.key}"
    return Delivery(key=key, channel=channel, recipient_id=notice.recipient_id, notice=notice)


def _open(carriers: list[Delivery]) -> None:
    """Each with its step, as far as its key is new."""
    Delivery.objects.bulk_create(carriers, ignore_conflicts=True)
    kept = set(Delivery.objects.filter(pk__in=[row.pk for row in carriers]).values_list("pk", flat=True))
    for delivery in carriers:
        if delivery.pk in kept:
            steps.open_step(delivery, "deliver")


def plain(text: str, longest: int) -> str:
    """One line without control characters: it becomes a subject, and what a seller or a user wrote may be in it."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
