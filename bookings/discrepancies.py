"""Where the seller's records and ours do not agree, what a person declared, and the runs that compare."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django_fsm import transition

from flows.fields import StateField
from flows.ids import new_id
from flows.models import Flow


class DiscrepancyKind(models.TextChoices):
    """In order of urgency."""

    LATE = "late", "Booked although declared not booked"
    DOUBLED = "doubled", "Stands twice at the seller"
    UNKNOWN_OURS = "unknown_ours", "Carries our reference, unknown to us"
    MISSING = "missing", "Not at the seller"
    STATE = "state", "In another state at the seller"
    DIFFERS = "differs", "Other terms at the seller"
    FOREIGN = "foreign", "In our account, not ours"


DISCREPANCY_TONE = {
    DiscrepancyKind.LATE: "bad",
    DiscrepancyKind.DOUBLED: "bad",
    DiscrepancyKind.UNKNOWN_OURS: "bad",
    DiscrepancyKind.MISSING: "bad",
    DiscrepancyKind.STATE: "warn",
    DiscrepancyKind.DIFFERS: "warn",
    DiscrepancyKind.FOREIGN: "info",
}


class Discrepancy(models.Model):
    """One finding, one row, however often it is found. Closed when it vanished, or when a person resolved it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=DiscrepancyKind.choices)
    reference = models.CharField(max_length=255)  # the seller's id of the thing, or ours where it has none
    line = models.ForeignKey(
        "bookings.Line", null=True, blank=True, on_delete=models.PROTECT, related_name="discrepancies"
    )
    summary = models.TextField()  # what was found, without prices
    details = models.JSONField(default=list, blank=True)  # sentences; these may name prices
    digest = models.CharField(max_length=64, default="", blank=True)  # of what was found: a change reopens
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=200, default="", blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        verbose_name_plural = "discrepancies"
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "kind", "reference"], name="one_discrepancy_per_reference"
            ),
        ]
        indexes = [
            models.Index(
                fields=["opened_at", "id"],
                name="discrepancy_open",
                condition=Q(closed_at__isnull=True, resolved_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reference}"

    @property
    def tone(self) -> str:
        return DISCREPANCY_TONE[DiscrepancyKind(self.kind)]


class Declaration(models.Model):
    """A person's word that an unknown outcome is to be taken as not booked. The seller's word still wins later."""

    claim = models.OneToOneField("flows.Claim", on_delete=models.PROTECT, related_name="declaration")
    lines = models.JSONField(default=list)  # ids of the lines that it released
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by_label = models.CharField(max_length=160)
    at = models.DateTimeField()
    # What the seller turned out to have: found late, by our look-ups or by the nightly comparison.
    found = models.JSONField(default=dict, blank=True)
    found_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=200, default="", blank=True)

    def __str__(self) -> str:
        return f"{self.claim_id} declared not booked by {self.by_label}"


class ComparisonStatus(models.TextChoices):
    RUNNING = "running", "Reading the seller's records"
    COMPLETED = "completed", "Everything could be read"
    PARTIAL = "partial", "Some records could not be read"
    FAILED = "failed", "The seller's records could not be read"


COMPARISON_TONE = {
    ComparisonStatus.RUNNING: "progress",
    ComparisonStatus.COMPLETED: "good",
    ComparisonStatus.PARTIAL: "warn",
    ComparisonStatus.FAILED: "bad",
}


class Comparison(Flow):
    """One reading of everything that one seller holds for us. `cursor` says how far it came."""

    flow_name = "comparison"

    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="comparisons")
    night = models.DateField(null=True, blank=True)  # null: a person asked for it
    status = StateField(default=ComparisonStatus.RUNNING, choices=ComparisonStatus.choices)
    cursor = models.JSONField(default=dict, blank=True)
    orders = models.JSONField(
        default=list, blank=True
    )  # those that concern us, read once: `comparing.Listed`
    counts = models.JSONField(default=dict, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["seller"], name="one_comparison_at_a_time", condition=Q(status="running")
            ),
            models.UniqueConstraint(fields=["seller", "night"], name="one_comparison_per_night"),
            models.CheckConstraint(
                condition=Q(status__in=ComparisonStatus.values), name="comparison_status_known"
            ),
        ]
        indexes = [models.Index(fields=["seller", "-created_at"], name="comparison_of_seller")]

    def __str__(self) -> str:
        return f"{self.seller_id}: {self.status}"

    def get_absolute_url(self) -> str:
        return reverse("operations")

    @property
    def tone(self) -> str:
        return COMPARISON_TONE[ComparisonStatus(self.status)]

    def is_over(self) -> bool:
        return self.status != ComparisonStatus.RUNNING

    @transition(field=status, source=ComparisonStatus.RUNNING, target=ComparisonStatus.COMPLETED)
    def complete(self) -> None:
        """Every record was read."""

    @transition(field=status, source=ComparisonStatus.RUNNING, target=ComparisonStatus.PARTIAL)
    def end_partial(self) -> None:
        """What could be read was compared; nothing is called missing or gone on the strength of it."""

    @transition(field=status, source=ComparisonStatus.RUNNING, target=ComparisonStatus.FAILED)
    def fail(self, errors: list[dict[str, Any]]) -> None:
        """Nothing could be read."""
        self.errors = [*self.errors, *errors]


__all__ = ["Comparison", "ComparisonStatus", "Declaration", "Discrepancy", "DiscrepancyKind"]
