"""The daily summary: a delivery that waits for the hour, and the notices that were put into it until then."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flows import steps
from flows.clock import now
from notifications.models import Delivery, DeliveryChannel, DeliveryState, Notice, Preference
from notifications.quiet import next_hour
from notifications.wishes import zone_of


def add(notice: Notice, preference: Preference) -> Delivery:
    """Put it into the next digest that is not closed. In the transaction that writes the notice."""
    moment = now()
    while True:
        day, at = next_hour(preference.digest_hour or 0, zone_of(preference), moment)
        digest = _of_day(notice.recipient_id, day, at)
        if digest.status == DeliveryState.WAITING and digest.closed_at is None:
            Notice.objects.filter(pk=notice.pk).update(digest=digest)
            return digest
        moment = at + timedelta(minutes=1)


def _of_day(user_id: int, day: date, at: datetime) -> Delivery:
    """Locked, so that whoever sends it waits for this notice, or this notice for the next one."""
    key = f"digest:{user_id}:{day}"
    fresh = Delivery(key=key, channel=DeliveryChannel.DIGEST, recipient_id=user_id)
    Delivery.objects.bulk_create([fresh], ignore_conflicts=True)
    digest = Delivery.objects.select_for_update().get(key=key)
    if digest.pk == fresh.pk:
        steps.open_step(digest, "deliver", after=max(0.0, (at - now()).total_seconds()))
    return digest
