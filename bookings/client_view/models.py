"""What clients said of a plan, what was written back and forth, and links for people without a login."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from flows.clock import now
from flows.ids import new_id

LONGEST_TEXT = 2000
LONGEST_NOTE = 120


class Answer(models.TextChoices):
    AGREE = "agree", "agreed"
    OBJECT = "object", "objects"


class Side(models.TextChoices):
    CLIENT = "client", "Client"
    AGENCY = "agency", "Agency"


class ClientAnswer(models.Model):
    """One person's opinion of one version of the plan. It commits nothing; approvals are made elsewhere."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey("bookings.Campaign", on_delete=models.CASCADE, related_name="client_answers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=160)  # who it was, as known then
    version = models.PositiveIntegerField()  # of the plan
    fingerprint = models.CharField(max_length=64)  # as an approval of every line shown would bind it
    answer = models.CharField(max_length=6, choices=Answer.choices)
    text = models.TextField(default="", blank=True)  # the reason of an objection, or a comment
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "version", "user"], name="one_client_answer_per_version"
            ),
            models.CheckConstraint(condition=models.Q(answer__in=Answer.values), name="client_answer_known"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.get_answer_display()}: version {self.version}"

    @property
    def tone(self) -> str:
        return "good" if self.answer == Answer.AGREE else "warn"


class ClientComment(models.Model):
    """A sentence between client and agency. Nobody changes it afterwards."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(
        "bookings.Campaign", on_delete=models.CASCADE, related_name="client_comments"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=160)
    side = models.CharField(max_length=6, choices=Side.choices)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["campaign", "at", "id"], name="comments_of_campaign")]

    def __str__(self) -> str:
        return f"{self.label}, {self.at:%Y-%m-%d %H:%M}"


class ClientLink(models.Model):
    """Opens one campaign for whoever holds the token, which is shown once and kept as a hash."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey("bookings.Campaign", on_delete=models.CASCADE, related_name="client_links")
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    secret_hash = models.CharField(max_length=128, editable=False)  # SHA-512, hex
    note = models.CharField(max_length=LONGEST_NOTE, default="", blank=True)  # for whom
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_by_label = models.CharField(max_length=160)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened = models.PositiveIntegerField(default=0)  # times, HEAD not counted
    last_opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["campaign", "-created_at"], name="client_links_of_campaign")]

    def __str__(self) -> str:
        return f"{self.prefix} for {self.note or 'nobody named'}"

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and self.expires_at > now()

    @property
    def state(self) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.expires_at > now() else "expired"

    @property
    def tone(self) -> str:
        return "good" if self.is_usable else "neutral"
