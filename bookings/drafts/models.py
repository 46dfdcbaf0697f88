"""Briefs that are still being written, and briefs kept to start from."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from flows.ids import new_id

LONGEST_TEMPLATE_NAME = 60


class BriefDraft(models.Model):
    """The form as typed. Its id becomes the id of the campaign, so that handing it in twice makes one campaign."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="brief_drafts")
    data = models.JSONField(default=dict)  # field of the form -> text, or list of texts
    version = models.PositiveIntegerField(default=1)
    tab = models.CharField(max_length=40, default="", blank=True)  # the open page that saved last
    tab_save = models.PositiveBigIntegerField(default=0)  # which of that page's saves it was
    campaign = models.OneToOneField(
        "bookings.Campaign", null=True, blank=True, on_delete=models.SET_NULL, related_name="draft"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["owner", "-updated_at"], name="draft_of_owner")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return str(self.data.get("name", "")).strip() or "Without a name"


class BriefTemplate(models.Model):
    """A brief to start from: one's own, or the agency's, and then without anything that names a client."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="brief_templates"
    )
    name = models.CharField(max_length=LONGEST_TEMPLATE_NAME)
    shared = models.BooleanField(default=False)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name", "shared"], name="one_template_per_name")
        ]

    def __str__(self) -> str:
        return self.name
