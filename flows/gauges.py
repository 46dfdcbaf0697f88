"""How the kernel stands, in numbers that one look at an index gives. Plain queries; whoever wants names them.

Finished steps are history without end and are not counted here. Ages and lags are seconds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Min

from flows import heartbeat
from flows.clock import now
from flows.models import Claim, Heartbeat, Step
from flows.states import OPEN_STEPS, UNSETTLED_CLAIMS, StepState


@dataclass(frozen=True)
class StepCount:
    flow: str
    step: str
    state: str
    count: int


@dataclass(frozen=True)
class ClaimCount:
    state: str
    count: int
    oldest: float


def open_steps() -> list[StepCount]:
    """Steps that wait or run."""
    rows = (
        Step.objects.filter(state__in=OPEN_STEPS)
        .values_list("flow_name", "name", "state")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return [StepCount(*row) for row in rows]


def dead_steps() -> int:
    return Step.objects.filter(state=StepState.DEAD).count()


def due_lag() -> float:
    """For how long the step that is due the longest has been waiting for a worker; 0 when none waits."""
    due = Step.objects.filter(
        state__in=OPEN_STEPS, not_before__lte=now()
    )  # both states: the index that holds them is in order of time
    first = due.filter(state=StepState.PENDING).order_by("not_before").values_list("not_before", flat=True)
    return _age(first.first())


def abandoned_steps() -> int:
    """Steps whose holder's lease is over: each is waiting to be taken over."""
    return (
        Step.objects.filter(state__in=OPEN_STEPS, lease_until__lt=now())
        .filter(state=StepState.RUNNING)
        .count()
    )


def oldest_open_step() -> float:
    """Age of the oldest step that is not over, the heartbeat apart; long negotiations are old and well."""
    steps = Step.objects.filter(state__in=OPEN_STEPS).exclude(flow_name=heartbeat.FLOW_NAME)
    return _age(steps.aggregate(first=Min("created_at"))["first"])


def unsettled_claims() -> list[ClaimCount]:
    rows = (
        Claim.objects.filter(state__in=UNSETTLED_CLAIMS)
        .values_list("state")
        .annotate(count=Count("pk"), first=Min("created_at"))
        .order_by()
    )
    return [ClaimCount(state, count, _age(first)) for state, count, first in rows]


def heartbeat_age() -> float | None:
    """Since a worker last finished the heartbeat; None when none ever did."""
    last = heartbeat.last()
    return None if last is None else _age(last)


def sweep_age() -> float | None:
    last = Heartbeat.objects.filter(name="sweep").values_list("at", flat=True).first()
    return None if last is None else _age(last)


def _age(since: dt.datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (now() - since).total_seconds())
