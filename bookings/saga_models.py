"""What is undone again: the set of lines that is taken back together, and the cancellation of each line."""

from __future__ import annotations

from django.db import models

from bookings.states import OPEN_COMPENSATIONS, CompensationState


class Unwinding(models.Model):
    """One decision whose booking policy can no longer be kept: none of its lines may stand."""

    campaign = models.ForeignKey("bookings.Campaign", on_delete=models.CASCADE, related_name="unwindings")
    decision = models.OneToOneField("approvals.Decision", on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()  # for people; names no price
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["started_at"]

    def __str__(self) -> str:
        return self.reason


class Compensation(models.Model):
    """The cancellation of one line at its seller. Its outcome at the seller is in the claim of kind `cancel`."""

    line = models.OneToOneField("bookings.Line", on_delete=models.CASCADE, related_name="compensation")
    state = models.CharField(max_length=10, choices=CompensationState.choices)
    code = models.CharField(max_length=60)  # why: policy, differs, or what the seller refused
    reason = models.TextField()
    back_to_person = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=CompensationState.values), name="compensation_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.state}"

    def is_open(self) -> bool:
        return self.state in OPEN_COMPENSATIONS
