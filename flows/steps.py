"""Opening, claiming, ringing and dropping steps. Every change of a step's state is here or in `runner`."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from flows.clock import in_seconds, now
from flows.models import Flow, Heartbeat, Step
from flows.registry import kind_of
from flows.states import OPEN_STEPS, StepState

logger = logging.getLogger(__name__)

BOOT = uuid.uuid4().hex[:8]
RING_AGAIN_AFTER = dt.timedelta(
    seconds=5
)  # a doorbell that nobody answered is rung again, but not each second
SWEEP_BATCH = 200
LONGEST_COUNTDOWN = 5.0  # timers beyond seconds live in the database, never in the broker


def owner() -> str:
    """This process, told apart from an earlier one with the same pid."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{BOOT}"


def open_step(
    flow: Flow, name: str, *, key: str = "", payload: dict[str, Any] | None = None, after: float = 0.0
) -> Step:
    """Make sure that the step exists (once per flow, name and key) and ring after commit.

    Call it in the transaction that makes the step necessary.
    """
    step, created = Step.objects.get_or_create(
        flow_name=flow.flow_name,
        flow_id=flow.pk,
        name=name,
        key=key,
        defaults={"payload": payload or {}, "not_before": in_seconds(after)},
    )
    if created:
        ring(step.pk, after)
    return step


def ring(step_id: uuid.UUID, after: float = 0.0) -> None:
    """Ring for a worker once the transaction has committed. A lost ring costs one sweep, nothing else."""
    if after > LONGEST_COUNTDOWN:
        return
    transaction.on_commit(lambda: _ring_now(step_id, after), robust=True)


def _ring_now(step_id: uuid.UUID, after: float) -> None:
    from flows.tasks import run_step

    try:
        run_step.apply_async(args=[str(step_id)], countdown=after or None)
    except Exception:
        logger.warning("doorbell for step %s did not ring; the sweep will", step_id, exc_info=True)


def claim(step_id: uuid.UUID) -> Step | None:
    """Take the step if it is due and free, or if its holder's lease is over. One winner per token."""
    moment = now()
    row = Step.objects.filter(pk=step_id)
    taken: dict[str, Any] = {
        "state": StepState.RUNNING,
        "token": F("token") + 1,
        "visits": F("visits") + 1,
        "lease_owner": owner(),
        "lease_until": in_seconds(settings.FLIGHTDECK_LEASE_SECONDS),
    }
    won = row.filter(state=StepState.PENDING, not_before__lte=moment).update(**taken) or row.filter(
        state=StepState.RUNNING, lease_until__lt=moment
    ).update(**taken, deaths=F("deaths") + 1)
    return Step.objects.get(pk=step_id) if won else None


def make_progress(step_id: uuid.UUID, token: int) -> bool:
    """The holder is alive and gets on: its predecessors' deaths no longer count. False when the lease was lost."""
    return bool(Step.objects.filter(pk=step_id, token=token, state=StepState.RUNNING).update(deaths=0))


def extend_lease(step_id: uuid.UUID, token: int) -> bool:
    """False when the lease was lost."""
    return bool(
        Step.objects.filter(pk=step_id, token=token, state=StepState.RUNNING).update(
            lease_until=in_seconds(settings.FLIGHTDECK_LEASE_SECONDS)
        )
    )


def due(limit: int = SWEEP_BATCH) -> list[uuid.UUID]:
    """Steps that should be running: due and not rung lately, or held under a lease that is over."""
    moment = now()
    unanswered = Q(rung_at__isnull=True) | Q(rung_at__lt=moment - RING_AGAIN_AFTER)
    waiting = Q(state=StepState.PENDING, not_before__lte=moment)
    abandoned = Q(state=StepState.RUNNING, lease_until__lt=moment)
    rows = Step.objects.filter(unanswered, waiting | abandoned).order_by("not_before")
    return list(rows.values_list("pk", flat=True)[:limit])


def sweep() -> int:
    """Ring for whatever is due; returns how many. Safe to run anywhere, any time, twice."""
    Heartbeat.objects.update_or_create(name="sweep", defaults={"at": now()})
    found = due()
    Step.objects.filter(pk__in=found).update(rung_at=now())
    for step_id in found:
        _ring_now(step_id, 0.0)
    return len(found)


def release_abandoned() -> int:
    """For the start of the only worker on this database: every lease of an earlier process is over."""
    Step.objects.filter(state=StepState.PENDING).update(rung_at=None)
    return (
        Step.objects.filter(state=StepState.RUNNING)
        .exclude(lease_owner=owner())
        .update(lease_until=now(), rung_at=None)
    )


def unfinished(flow: Flow, name: str) -> int:
    """How many steps of this name the flow still waits for. Call it under the flow's lock."""
    return Step.objects.filter(
        flow_name=flow.flow_name, flow_id=flow.pk, name=name, state__in=OPEN_STEPS
    ).count()


def drop_open(flow: Flow) -> int:
    """The flow is over: nothing that waits may start, and whoever runs may not write (its token is stale)."""
    return Step.objects.filter(flow_name=flow.flow_name, flow_id=flow.pk, state__in=OPEN_STEPS).update(
        state=StepState.DROPPED, token=F("token") + 1, finished_at=now()
    )


def hurry(flow: Flow, name: str, key: str) -> bool:
    """Make a waiting step due now: a person asked for it. False when it is not waiting."""
    step = Step.objects.filter(
        flow_name=flow.flow_name, flow_id=flow.pk, name=name, key=key, state=StepState.PENDING
    ).first()
    if step is None:
        return False
    Step.objects.filter(pk=step.pk, state=StepState.PENDING).update(not_before=now(), rung_at=None)
    ring(step.pk)
    return True


def revive(step: Step) -> bool:
    """Give a dead step its attempts again. False when it is not dead or its flow is over."""
    if kind_of(step.flow_name).model._default_manager.get(pk=step.flow_id).is_over():
        return False
    revived = Step.objects.filter(pk=step.pk, state=StepState.DEAD).update(
        state=StepState.PENDING,
        attempt=0,
        not_before=now(),
        rung_at=None,
        finished_at=None,
        token=F("token") + 1,
    )
    if revived:
        ring(step.pk)
    return bool(revived)
