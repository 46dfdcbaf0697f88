"""Requests for a decision, their items, the decisions, and the policy in force."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django_fsm import transition

from approvals.states import Door, ItemState, RequestState, Verdict
from flows.fields import Lifecycle, StateField
from flows.ids import new_id


class ApprovalPolicy(models.Model):
    """Limits per kind of decision and currency. A currency without a row has limits of zero: nothing passes."""

    kind = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    self_approval_limit = models.DecimalField(
        max_digits=16,
        decimal_places=2,
        default=Decimal(0),
        help_text="Whoever prepared a plan may approve up to this much of it; above it another person must.",
    )
    auto_approve_limit = models.DecimalField(
        max_digits=16,
        decimal_places=2,
        default=Decimal(0),
        help_text="A brief with auto_approve is booked without a person up to this total.",
    )

    class Meta:
        verbose_name_plural = "approval policies"
        constraints = [
            models.UniqueConstraint(fields=["kind", "currency"], name="one_policy_per_kind_and_currency")
        ]

    def __str__(self) -> str:
        return f"{self.kind} in {self.currency}"


class ApprovalRequest(Lifecycle):
    """Something that waits for a person: what, prepared by whom, up to which total."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=40)
    subject_type = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=200)
    organization_id = models.UUIDField(null=True)
    currency = models.CharField(max_length=3)
    ceiling = models.DecimalField(max_digits=16, decimal_places=3)  # what is approved may never sum to more
    version = models.PositiveIntegerField(default=1)  # of the set of items
    preparers = models.JSONField(default=list)  # ids of every user who prepared it
    prepared_label = models.CharField(max_length=160)
    status = StateField(default=RequestState.OPEN, choices=RequestState.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id"],
                condition=models.Q(status=RequestState.OPEN),
                name="one_open_request_per_subject",
            )
        ]
        indexes = [
            models.Index(fields=["status", "-created_at"], name="request_inbox"),
            models.Index(
                fields=["organization_id"],
                name="request_open_of_client",
                condition=models.Q(status=RequestState.OPEN),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @transition(field=status, source=RequestState.OPEN, target=RequestState.DECIDED)
    def close(self) -> None:
        """The last item has been decided."""

    @transition(field=status, source=RequestState.OPEN, target=RequestState.WITHDRAWN)
    def withdraw(self) -> None:
        """The subject moved on without a decision."""


class Decision(models.Model):
    """Append-only: who decided what, over which door, bound to which fingerprint and total."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    door = models.CharField(max_length=10, choices=Door.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=160)
    via_key = models.CharField(max_length=64, default="", blank=True)  # prefix of the API key used
    fingerprint = models.CharField(max_length=64)
    item_ids = models.JSONField()
    total = models.DecimalField(max_digits=16, decimal_places=3)
    currency = models.CharField(max_length=3)
    reason = models.TextField(default="", blank=True)
    policy = models.JSONField(default=dict)  # the limits in force at that moment
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["request", "at"], name="decision_of_request")]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.actor_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("decisions are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("decisions are append-only")


class ApprovalItem(models.Model):
    """One thing that can be decided on its own. `fingerprint` is of its exact terms."""

    id = models.UUIDField(primary_key=True, editable=False)  # the id of the thing itself
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="items")
    label = models.CharField(max_length=300)
    fingerprint = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=16, decimal_places=3)
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=ItemState.choices, default=ItemState.OPEN)
    decision = models.ForeignKey(Decision, null=True, on_delete=models.PROTECT, related_name="items")

    def __str__(self) -> str:
        return self.label
