"""Rows that outlive every process: steps, claims, events, heartbeats."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from flows import watch
from flows.actors import Actor
from flows.fields import Lifecycle, StateField
from flows.ids import new_id
from flows.states import OPEN_STEPS, UNSETTLED_CLAIMS, ClaimState, StepState

HEARTBEAT = uuid.UUID("b6a4f3d2-6f0e-5c0b-9d7e-1f6a7c0d5e21")  # the flow id of the one heartbeat


class Flow(Lifecycle):
    """A durable piece of work with a lifecycle. Concrete flows add `status` and their own fields."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    errors = models.JSONField(default=list, blank=True)
    correlation_id = models.UUIDField(default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    status: Any = None
    flow_name: str = ""  # the name under which steps and events know this kind of flow

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A flow that a request starts carries the request's correlation id."""
        if self._state.adding and (asked := watch.correlation.get()) is not None:
            self.correlation_id = asked
        super().save(*args, **kwargs)

    def is_over(self) -> bool:
        raise NotImplementedError


class Step(models.Model):
    """One unit of work of one flow. The database row is the queue; the broker only rings."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    flow_name = models.CharField(max_length=40)
    flow_id = models.UUIDField()
    name = models.CharField(max_length=60)
    key = models.CharField(max_length=120, default="", blank=True)
    payload = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=StepState.choices, default=StepState.PENDING)
    attempt = models.PositiveIntegerField(default=0)  # failures in a row
    deaths = models.PositiveIntegerField(default=0)  # workers in a row that were never heard of again
    visits = models.PositiveIntegerField(default=0)  # claims in all, waiting rounds included
    not_before = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=120, default="", blank=True)
    token = models.PositiveBigIntegerField(default=0)  # fencing: grows with every claim
    rung_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow_name", "flow_id", "name", "key"], name="one_step_per_key"),
        ]
        indexes = [
            models.Index(fields=["not_before"], name="step_due", condition=Q(state__in=OPEN_STEPS)),
            models.Index(fields=["flow_id", "name"], name="step_of_flow"),
            models.Index(fields=["-finished_at"], name="step_dead", condition=Q(state=StepState.DEAD)),
        ]

    def __str__(self) -> str:
        return f"{self.flow_name}.{self.name}[{self.key}]" if self.key else f"{self.flow_name}.{self.name}"


class Claim(models.Model):
    """Committed before a call that commits money or a promise outside: what, to whom, under which key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    flow_name = models.CharField(max_length=40)
    flow_id = models.UUIDField()
    subject_id = models.UUIDField()  # the line, deal or other thing that the write is for
    kind = models.CharField(max_length=40)  # order, line, book, deal, ...
    target = models.CharField(max_length=80)  # who is asked: a seller's slug
    key = models.CharField(max_length=255, unique=True)  # idempotency key, stable per subject and kind
    payload_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=ClaimState.choices, default=ClaimState.SENDING)
    sends = models.PositiveIntegerField(default=1)
    checks = models.PositiveIntegerField(default=0)
    evidence = models.JSONField(default=list, blank=True)  # what each look-up said, oldest first
    answer = models.JSONField(default=dict, blank=True)
    stop_checks_at = models.DateTimeField()
    # Until then a call of ours may still be at work over there: that nothing is seen yet proves nothing.
    at_work_until = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["flow_id", "kind"], name="claim_of_flow"),
            models.Index(
                fields=["next_check_at"], name="claim_unsettled", condition=Q(state__in=UNSETTLED_CLAIMS)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.target} for {self.subject_id}"


class EventChain(models.Model):
    """The head of one subject's chain. Locked while an event is added; also shows a cut tail."""

    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    length = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_type", "subject_id"], name="one_chain_per_subject")
        ]

    def __str__(self) -> str:
        return f"{self.subject_type}:{self.subject_id} x {self.length}"


class Event(models.Model):
    """Append-only: outbox, audit and live feed at once. `position` is gapless per subject."""

    id = models.BigAutoField(primary_key=True)
    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    position = models.PositiveBigIntegerField()
    type = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=160)
    correlation_id = models.UUIDField(default=uuid.uuid4)
    payload = models.JSONField(default=dict)
    origin = models.JSONField(default=dict)  # of a person's or a key's act: `flows/origin.py`
    at = models.DateTimeField()
    previous = models.CharField(max_length=64, default="", blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "position"], name="gapless_positions"
            ),
        ]
        indexes = [models.Index(fields=["type", "-id"], name="event_by_type")]

    def __str__(self) -> str:
        return f"{self.subject_type}:{self.subject_id}#{self.position} {self.type}"

    @property
    def actor(self) -> Actor:
        return Actor(self.actor_kind, self.actor_id, self.actor_label)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("events are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("events are append-only")


class Heartbeat(models.Model):
    """Signs of life: `sweep` is written by every sweep, the row named after `HEARTBEAT` by the heartbeat step, whose
    flow it is (`flows/heartbeat.py`)."""

    name = models.CharField(max_length=120, primary_key=True)
    at = models.DateTimeField()
    correlation_id = HEARTBEAT

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"

    def is_over(self) -> bool:
        return False


__all__ = ["HEARTBEAT", "Claim", "Event", "EventChain", "Flow", "Heartbeat", "StateField", "Step"]
