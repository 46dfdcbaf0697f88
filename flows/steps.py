"""Opening, claiming, ringing and dropping steps. Every change of a step's state is here or in `runner`."""

from __future__ import annotations

import functools
import logging
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F

from flows import watch
from flows.clock import in_seconds, now
from flows.models import Flow, Step
from flows.registry import find_step, kind_of
from flows.seldom import Seldom
from flows.states import OPEN_STEPS, StepState

logger = logging.getLogger(__name__)

BOOT = uuid.uuid4().hex[:8]
LONGEST_COUNTDOWN = 5.0  # timers beyond seconds live in the database, never in the broker
# A broker that was asked in vain is left alone for so long, or everybody would wait for it at every bell.
BROKER_REST_SECONDS = 1.0

silence = threading.Event()  # a bell of this process did not ring: its watchman, if it has one, looks at once
_asked_in_vain_at = -BROKER_REST_SECONDS
_unrung = Seldom(logger)


def owner() -> str:
    """This process, told apart from an earlier one with the same pid."""
    return f"{machine()}:{os.getpid()}:{BOOT}"


@functools.cache
def machine() -> str:
    """This start of this machine, or of this container: within it a pid means something to everybody."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        processes = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:  # no Linux: nobody's death is seen early, leases run out
        boot, processes = BOOT, str(os.getpid())
    return f"{socket.gethostname()[:50]}/{boot}/{processes}"


def open_step(
    flow: Flow, name: str, *, key: str = "", payload: dict[str, Any] | None = None, after: float = 0.0
) -> Step:
    """Make sure that the step exists (once per flow, name and key) and ring after commit.

    Call it in the transaction that makes the step necessary.
    """
    fresh = Step(
        flow_name=flow.flow_name,
        flow_id=flow.pk,
        name=name,
        key=key,
        payload=payload or {},
        not_before=in_seconds(after),
    )
    Step.objects.bulk_create([fresh], ignore_conflicts=True)
    step = Step.objects.get(flow_name=flow.flow_name, flow_id=flow.pk, name=name, key=key)
    if step.pk == fresh.pk:
        ring(step.pk, after)
    watch.flow_seen.send_robust(sender=type(flow), flow=flow)
    return step


def ring(step_id: uuid.UUID, after: float = 0.0) -> None:
    """Ring for a worker once the transaction has committed. A lost ring costs one sweep, nothing else."""
    if after > LONGEST_COUNTDOWN:
        return
    transaction.on_commit(lambda: _ring_or_tell(step_id, after), robust=True)


def _ring_or_tell(step_id: uuid.UUID, after: float) -> None:
    if not ring_now(step_id, after):
        silence.set()


def ring_now(step_id: uuid.UUID, after: float) -> bool:
    """False when the broker did not take it: whoever sweeps next sees the step."""
    global _asked_in_vain_at
    from flows.tasks import run_step

    if time.monotonic() - _asked_in_vain_at < BROKER_REST_SECONDS:
        _unrung.count()
        return False
    try:
        run_step.apply_async(args=[str(step_id)], countdown=after or None)
    except Exception as error:
        _asked_in_vain_at = time.monotonic()
        _unrung.warn("doorbell for step %s did not ring, the sweep will: %r", step_id, error)
        return False
    _unrung.over("doorbells ring again")
    return True


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


def give_back(step_id: uuid.UUID, token: int) -> bool:
    """This process must end before the step does: somebody else may take it at once. Not a death; False when the
    lease was lost already."""
    given = Step.objects.filter(pk=step_id, token=token, state=StepState.RUNNING).update(
        state=StepState.PENDING,
        token=F("token") + 1,
        not_before=now(),
        lease_until=None,
        lease_owner="",
        rung_at=None,
    )
    if given:
        ring(step_id)
    return bool(given)


def due_in_same_flow(step_id: uuid.UUID) -> uuid.UUID | None:
    """The step of the same flow that has been due longest, None when none waits. It may be taken at any moment."""
    flow = Step.objects.filter(pk=step_id).values("flow_id")[:1]
    waiting = Step.objects.filter(
        flow_id=models.Subquery(flow), state=StepState.PENDING, not_before__lte=now()
    )
    return waiting.order_by("not_before").values_list("pk", flat=True).first()


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


def drop(flow: Flow, name: str, key: str) -> bool:
    """This step is no longer wanted: it does not start, and whoever runs it may not write (its token is stale)."""
    return bool(
        Step.objects.filter(
            flow_name=flow.flow_name, flow_id=flow.pk, name=name, key=key, state__in=OPEN_STEPS
        ).update(state=StepState.DROPPED, token=F("token") + 1, finished_at=now())
    )


def reopen(flow: Flow, name: str, key: str) -> None:
    """Make sure that the step exists and will run, also when an earlier run of it ended or was dropped."""
    step = open_step(flow, name, key=key)
    reopened = Step.objects.filter(pk=step.pk).exclude(state__in=OPEN_STEPS)
    if reopened.update(state=StepState.PENDING, attempt=0, deaths=0, not_before=now(), rung_at=None):
        ring(step.pk)


def revive(step: Step) -> bool:
    """Give a dead step its attempts again. False when it is not dead, or ended with its flow."""
    kind = find_step(step.flow_name, step.name)
    flow = kind_of(step.flow_name).model._default_manager.get(pk=step.flow_id)
    if flow.is_over() and not (kind and kind.after_the_end):
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
