"""Who else has a campaign's page open. A page says every few seconds that somebody looks at it; who has not said so
for a while is gone. Nothing follows from it but faces on the page."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

from flows.clock import now
from flows.ids import new_id

if TYPE_CHECKING:
    from bookings.models import Campaign

HERE_FOR = dt.timedelta(seconds=40)  # two and a half of the pages' beats
FORGOTTEN_AFTER = dt.timedelta(hours=1)


class Presence(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey("bookings.Campaign", on_delete=models.CASCADE, related_name="presences")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "user"], name="one_presence_each")]

    def __str__(self) -> str:
        return f"{self.user} at {self.campaign_id}"


def look(campaign: Campaign, user: Any) -> list[Any]:
    """Note that the user looks at it. Returns the others who do, by name."""
    moment = now()
    Presence.objects.update_or_create(campaign=campaign, user=user, defaults={"seen_at": moment})
    Presence.objects.filter(campaign=campaign, seen_at__lt=moment - FORGOTTEN_AFTER).delete()
    others = Presence.objects.filter(campaign=campaign, seen_at__gte=moment - HERE_FOR, user__is_active=True)
    people = [row.user for row in others.exclude(user=user).select_related("user")]
    return sorted(people, key=lambda person: person.label.casefold())


def leave(campaign: Campaign, user: Any) -> None:
    Presence.objects.filter(campaign=campaign, user=user).delete()
