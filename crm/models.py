"""One party is one `Organization`; being a prospect or a client is where it stands, not another record."""

from __future__ import annotations

import zoneinfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from flows.ids import new_id


class Stage(models.TextChoices):
    PROSPECT = "prospect", "Prospect"
    CLIENT = "client", "Client"


def check_timezone(name: str) -> None:
    """ValidationError unless `name` is in the IANA time zone database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("Not an IANA time zone, such as Europe/Berlin.", code="unknown_timezone")


iso_currency = RegexValidator(r"\A[A-Z]{3}\Z", "Three capital letters, as in ISO 4217.", code="not_iso_4217")


class Organization(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=120, unique=True)
    lifecycle = models.CharField(max_length=10, choices=Stage.choices, default=Stage.PROSPECT)
    currency = models.CharField(max_length=3, default="USD", validators=[iso_currency])
    timezone = models.CharField(max_length=64, default="UTC", validators=[check_timezone])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person at an organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name}, {self.organization}"


class Assignment(models.Model):
    """This user works for, or belongs to, this organization. Without one a client is invisible."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="assignments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assignments")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="one_assignment_per_user")
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.organization}"
