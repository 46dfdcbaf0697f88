"""Vocabularies of the kernel, in lifecycle order, each with its meaning."""

from __future__ import annotations

from django.db.models import TextChoices


class StepState(TextChoices):
    PENDING = "pending", "Waiting for its time or for a worker"
    RUNNING = "running", "Held by a worker under a lease"
    DONE = "done", "Finished; its result is recorded"
    DEAD = "dead", "Given up after its last attempt; ops decide"
    DROPPED = "dropped", "No longer wanted: the flow ended before it ran"


OPEN_STEPS = (StepState.PENDING, StepState.RUNNING)


class ClaimState(TextChoices):
    """Of a write at the outside world. A missing answer is never read as 'did not happen'."""

    SENDING = "sending", "The claim is committed; the call may be on its way"
    NOT_SENT = (
        "not_sent",
        "Certain that nothing left: the other side could not be reached; it may go out again",
    )
    UNKNOWN = "unknown", "Sent, outcome not known; the other side is being asked"
    DONE = "done", "The other side did it"
    REFUSED = "refused", "The other side said no; nothing was done"
    ESCALATED = "escalated", "Still unknown when automatic checks ended; ops decide, late truth still wins"


UNSETTLED_CLAIMS = (ClaimState.SENDING, ClaimState.NOT_SENT, ClaimState.UNKNOWN, ClaimState.ESCALATED)
