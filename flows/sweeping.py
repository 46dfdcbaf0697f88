"""The sweep: finds the steps that should be running and rings for them, so that a lost bell costs a second.

Many may sweep at the same time; each takes rows that no other has in hand.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import Q

from flows import heartbeat, steps, watch
from flows.clock import now
from flows.models import Heartbeat, Step
from flows.states import StepState

# A doorbell that nobody answered is rung again, but not each second.
RING_AGAIN_AFTER = dt.timedelta(seconds=5)
SWEEP_BATCH = 200

Hand = Callable[[uuid.UUID], bool]  # runs the step elsewhere in this process; False when it cannot now


@dataclass(frozen=True)
class Due:
    """A step that should be running. `unanswered`: it was rung before and nobody has come."""

    step_id: uuid.UUID
    unanswered: bool = False


def sweep(hand: Hand | None = None) -> int:
    """Ring for whatever is due; returns how many. Safe to run anywhere, any time, twice.

    `hand`, where the caller has one, takes what no bell can be rung for and what was rung and nobody came for.
    """
    Heartbeat.objects.update_or_create(name="sweep", defaults={"at": now()})
    end_leases_of_the_dead()
    found = take_due(SWEEP_BATCH)
    if (beat := heartbeat.reopen()) is not None:
        found.append(Due(beat))
    unattended = [one.step_id for one in found if not _attend(one, hand)]
    if unattended:  # the next sweep, here or elsewhere, takes them again
        Step.objects.filter(pk__in=unattended).update(rung_at=None)
    attended = len(found) - len(unattended)
    watch.swept.send_robust(sender=None, rung=attended)
    return attended


def _attend(one: Due, hand: Hand | None) -> bool:
    rang = steps.ring_now(one.step_id, 0.0)
    if rang and not one.unanswered:
        return True
    return (hand is not None and hand(one.step_id)) or rang


def due(limit: int = SWEEP_BATCH) -> list[uuid.UUID]:
    """Steps that should be running: due and not rung lately, or held under a lease that is over."""
    return list(_due().values_list("pk", flat=True)[:limit])


def _due() -> models.QuerySet[Step]:
    moment = now()
    unanswered = Q(rung_at__isnull=True) | Q(rung_at__lt=moment - RING_AGAIN_AFTER)
    waiting = Q(state=StepState.PENDING, not_before__lte=moment)
    abandoned = Q(state=StepState.RUNNING, lease_until__lt=moment)
    return Step.objects.filter(unanswered, waiting | abandoned).order_by("not_before")


def take_due(limit: int = SWEEP_BATCH) -> list[Due]:
    """The due steps, marked as rung. Sweeps at the same time share the work: none waits for a row of another."""
    with transaction.atomic():
        rows = _due()
        if transaction.get_connection().features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        pairs = rows.values_list("pk", "rung_at")[:limit]
        found = [Due(step_id, unanswered=rung_at is not None) for step_id, rung_at in pairs]
        Step.objects.filter(pk__in=[one.step_id for one in found]).update(rung_at=now())
    return found


def end_leases_of_the_dead() -> int:
    """Leases of processes of this machine that are no more need not run out first; returns how many were ended.

    Fencing makes a mistake here harmless: whoever is alive after all finds its token stale and writes nothing.
    """
    mine = f"{steps.machine()}:"
    held = Step.objects.filter(state=StepState.RUNNING, lease_owner__startswith=mine, lease_until__gte=now())
    ended = 0
    for step_id, token, holder in held.values_list("pk", "token", "lease_owner"):
        if not _lives(holder.removeprefix(mine)):
            ended += Step.objects.filter(pk=step_id, token=token, state=StepState.RUNNING).update(
                lease_until=now(), rung_at=None
            )
    return ended


def _lives(process: str) -> bool:
    pid, _, boot = process.partition(":")
    if int(pid) == os.getpid():
        return boot == steps.BOOT
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
