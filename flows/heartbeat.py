"""The heartbeat: one step that never has anything to do, so that its end proves that steps are done at all.

Each sweep puts it back when it is due; only a worker that heard the doorbell, claimed the row and committed its end
moves `last`. One row is reused for ever, and its flow is its own `Heartbeat` row.
"""

from __future__ import annotations

import datetime as dt
import uuid

from flows.clock import now
from flows.models import HEARTBEAT, Heartbeat, Step
from flows.states import StepState

FLOW_NAME = "heartbeat"
STEP_NAME = "beat"
EVERY = dt.timedelta(seconds=5)
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_OVER = (StepState.DONE, StepState.DEAD)  # a dead one is tried again: what killed it may be over


def reopen() -> uuid.UUID | None:
    """Make the heartbeat due if its last one is long enough ago; the step to ring for, or None. One caller wins."""
    moment = now()
    row = Step.objects.filter(flow_name=FLOW_NAME, flow_id=HEARTBEAT, name=STEP_NAME)
    fresh = {"attempt": 0, "deaths": 0, "error": ""}
    again = fresh | {"state": StepState.PENDING, "not_before": moment, "rung_at": moment}
    if row.filter(state__in=_OVER, finished_at__lte=moment - EVERY).update(**again):
        return row.values_list("pk", flat=True).get()
    return None if row.exists() else _first(moment)


def last() -> dt.datetime | None:
    """When a worker last finished a heartbeat; None when none ever did."""
    found = Heartbeat.objects.filter(name=str(HEARTBEAT)).values_list("at", flat=True).first()
    return None if found is None or found == NEVER else found


def note(heartbeat: Heartbeat) -> None:
    """The record of the step: runs in the transaction that ends it."""
    heartbeat.at = now()
    heartbeat.save(update_fields=["at"])


def _first(moment: dt.datetime) -> uuid.UUID | None:
    Heartbeat.objects.get_or_create(name=str(HEARTBEAT), defaults={"at": NEVER})
    step, created = Step.objects.get_or_create(
        flow_name=FLOW_NAME,
        flow_id=HEARTBEAT,
        name=STEP_NAME,
        key="",
        defaults={"not_before": moment, "rung_at": moment},
    )
    return step.pk if created else None
