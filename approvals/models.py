"""Requests for a decision, their items, the decisions, and the policy in force."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django_fsm import transition

from approvals.states import VERBS, VERDICT_TONE, Door, ItemState, RequestState, Verdict
from flows.clock import now
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
    second_person_above = models.DecimalField(
        max_digits=16,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Above this sum, of a campaign or of an approver's day, several people must approve the same lines. "
        "Empty: one person decides any amount.",
    )
    people_needed = models.PositiveSmallIntegerField(
        default=2,
        validators=[MinValueValidator(2), MaxValueValidator(5)],
        help_text="How many different people that takes; the preparer is none of them.",
    )
    undo_seconds = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(60)],
        help_text="For so long after an approval nothing is sent, and it can be taken back. "
        "Empty: as the installation sets it (FLIGHTDECK_UNDO_SECONDS).",
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
    # Of the items that nobody has decided; kept by `writing`, so that ten thousand requests list in one index scan.
    open_items = models.PositiveIntegerField(default=0)
    open_amount = models.DecimalField(max_digits=16, decimal_places=3, default=Decimal(0))
    deadline = models.DateTimeField(null=True)  # when the first of them expires
    # Who was asked for the decision last. Everybody who may decide still may.
    asked = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_by = models.CharField(max_length=160, default="", blank=True)
    asked_note = models.CharField(max_length=500, default="", blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
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
            models.Index(fields=["status", "deadline", "-open_amount", "id"], name="request_by_deadline"),
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

    @transition(field=status, source=RequestState.DECIDED, target=RequestState.OPEN)
    def reopen(self) -> None:
        """A decision was taken back before anything followed from it."""

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
    acts_at = models.DateTimeField(
        null=True
    )  # nothing follows from an approval earlier: until then it can be undone
    own_plan = models.BooleanField(default=False)  # decided by one who had prepared it
    people = models.PositiveSmallIntegerField(default=1)  # who approved exactly this, the decider included
    earlier = models.JSONField(default=list)  # of the others: decision, label and instant
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by"
    )

    class Meta:
        indexes = [
            models.Index(fields=["request", "at"], name="decision_of_request"),
            models.Index(fields=["user", "at"], name="decision_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.actor_label}"

    @property
    def tone(self) -> str:
        return VERDICT_TONE[Verdict(self.verdict)]

    @property
    def verb(self) -> str:
        return VERBS[Verdict(self.verdict)]

    @property
    def locks(self) -> bool:
        """Whether its items are decided by it."""
        return self.verdict in (Verdict.APPROVE, Verdict.REJECT)

    @property
    def can_be_undone(self) -> bool:
        """An approval of which nothing has been sent yet."""
        waits = self.acts_at is not None and self.acts_at > now()
        return waits and self.verdict == Verdict.APPROVE and not self.is_undone

    @property
    def is_undone(self) -> bool:
        return hasattr(self, "undone_by")

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
