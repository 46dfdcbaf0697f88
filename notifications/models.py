"""Rows of this room: the cursor, what was told, how it travels, and what each person wants."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from flows.clock import now
from flows.fields import StateField
from flows.ids import new_id
from flows.models import Flow
from notifications.kinds import KINDS, Kind
from sellers.crypto import EncryptedTextField


class Cursor(models.Model):
    """How far the event stream has been read; one row, locked by whoever writes notices.

    Every event up to `position` has been handled. `seen` holds those beyond it that have been, with their instants:
    the position only passes events that are old enough for everything before them to have committed.
    """

    position = models.PositiveBigIntegerField(default=0)
    seen = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"read up to {self.position}"


class Told(models.Model):
    """A share of a request's time that has passed and was told of."""

    key = models.CharField(max_length=120, primary_key=True)
    at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.key


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "On its way"
    SENT = "sent", "Sent"
    DROPPED = "dropped", "No longer wanted"
    FAILED = "failed", "Given up"


class DeliveryChannel(models.TextChoices):
    MAIL = "mail", "E-mail"
    HOOK = "hook", "Webhook"
    DIGEST = "digest", "Digest by e-mail"
    AGENCY = "agency", "Webhook of the agency"


class Delivery(Flow):
    """One message over one channel: a flow of one step, so that the kernel retries it and shows it when it dies."""

    flow_name = "delivery"

    key = models.CharField(max_length=240, unique=True)  # one delivery per channel and change of state
    channel = models.CharField(max_length=8, choices=DeliveryChannel.choices)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    notice = models.ForeignKey(
        "notifications.Notice", null=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    status = StateField(default=DeliveryState.WAITING, choices=DeliveryState.choices)
    tries = models.PositiveSmallIntegerField(default=0)
    closed_at = models.DateTimeField(null=True, blank=True)  # of a digest: nothing is added any more
    sent_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(
        max_length=200, default="", blank=True
    )  # what went wrong last, or why it was dropped

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["-created_at", "-id"], name="delivery_newest")]

    def __str__(self) -> str:
        return f"{self.channel}: {self.notice or self.key}"

    def is_over(self) -> bool:
        return self.status in (DeliveryState.SENT, DeliveryState.DROPPED)

    @transition(field=status, source=[DeliveryState.WAITING, DeliveryState.FAILED], target=DeliveryState.SENT)
    def finish(self) -> None:
        """The other side has taken it."""
        self.sent_at, self.note = now(), ""

    @transition(
        field=status, source=[DeliveryState.WAITING, DeliveryState.FAILED], target=DeliveryState.DROPPED
    )
    def drop(self, reason: str) -> None:
        """It is no longer to be told, or no longer to this person."""
        self.note = reason[:200]

    @transition(
        field=status, source=[DeliveryState.WAITING, DeliveryState.FAILED], target=DeliveryState.FAILED
    )
    def give_up(self, reason: str) -> None:
        """Tried as often as it is worth; operations see the step."""
        self.note = reason[:200]


class Notice(models.Model):
    """One person told of one change of state, once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=160)
    kind = models.CharField(max_length=24, choices=[(kind.name, kind.label) for kind in KINDS.values()])
    title = models.CharField(max_length=240)
    text = models.CharField(max_length=500)
    url = models.CharField(max_length=200)
    organization_id = models.UUIDField(null=True)
    request_id = models.UUIDField(null=True)
    in_app = models.BooleanField(default=True)
    digest = models.ForeignKey(Delivery, null=True, on_delete=models.SET_NULL, related_name="notices")
    read_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recipient", "key"], name="one_notice_per_change_and_person")
        ]
        indexes = [
            models.Index(fields=["recipient", "-created_at", "-id"], name="notice_of_person"),
            models.Index(
                fields=["recipient", "-created_at", "-id"],
                name="notice_unread",
                condition=Q(read_at__isnull=True, in_app=True),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def what(self) -> Kind:
        return KINDS[self.kind]


class Preference(models.Model):
    """What one person wants to hear, how and when. Without a row, and for kinds not named, the defaults hold."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channels = models.JSONField(default=dict, blank=True)  # kind: [channel, ...]
    digest_hour = models.PositiveSmallIntegerField(null=True, blank=True)  # None: each mail at once
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    hook_url = models.CharField(max_length=400, default="", blank=True)
    hook_secret = EncryptedTextField(default="", blank=True)

    def __str__(self) -> str:
        return f"preferences of {self.user}"

    def as_audited(self) -> dict[str, Any]:
        """What an audit row says of it: everything but the secret."""
        return {
            "channels": self.channels,
            "digest_hour": self.digest_hour,
            "quiet": [str(at) if at else None for at in (self.quiet_from, self.quiet_until)],
            "timezone": self.user.timezone,
            "deputy": self.deputy_id,
            "hook_url": self.hook_url,
        }
