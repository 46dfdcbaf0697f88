"""Runs one step: claim, act, record. The only place that catches a step's exceptions."""

from __future__ import annotations

import datetime as dt
import logging
import uuid

from django.conf import settings

from flows import events, leases, steps, watch
from flows.actors import SYSTEM_ACTOR
from flows.clock import in_seconds, now
from flows.ids import jitter
from flows.models import Flow, Step
from flows.registry import StepKind, find_step, is_known
from flows.states import StepState
from flows.work import Done, Later, LostLease, Work

logger = logging.getLogger(__name__)

FIRST_RETRY = 0.5
LONGEST_RETRY = 60.0
# A step that kills its worker takes its neighbours down with it each time, and only apart from it do they come to an
# end: so from the third death in a row on a step rests before it is tried again.
TIRED = 3
FIRST_REST, LONGEST_REST = 1.0, 5.0
RESTED = "rested_after_deaths"
UNKNOWN_FOR = dt.timedelta(minutes=15)  # longer than a rolling upgrade takes
UNKNOWN_PAUSE = 2.0
UNKNOWN_SINCE = "unknown_since"
RUN_ON = 8  # further steps of a flow that one worker takes up before others have their turn


def run_on(step_id: uuid.UUID) -> None:
    """Do the step, and then what is due in the same flow, without waiting for the bell of each.

    The bells ring all the same: whoever claims first does a step, so nothing depends on this.
    """
    run(step_id)
    for _ in range(RUN_ON):
        following = steps.due_in_same_flow(step_id)
        if following is None:
            return
        run(following)


def run(step_id: uuid.UUID) -> None:
    """Claim the step and do it. A doorbell for a step that is taken, finished or not yet due does nothing."""
    step = steps.claim(step_id)
    if step is None:
        return
    with watch.visiting(step):
        _run_claimed(step)


def _run_claimed(step: Step) -> None:
    kind = find_step(step.flow_name, step.name)
    work = Work(step, step.token)
    if kind is None:
        _leave_to_newer_code(work)
    elif step.deaths >= settings.FLIGHTDECK_STEP_DEATHS:
        _give_up(work, kind, f"the worker died {step.deaths} times in a row")
    elif step.deaths >= TIRED and (step.result or {}).get(RESTED) != step.deaths:
        _let_rest(work)
    else:
        _attempt(work, kind)


def _let_rest(work: Work) -> None:
    deaths = work.step.deaths
    pause = jitter(min(FIRST_REST * 2 ** (deaths - TIRED), LONGEST_REST), share=0.5)
    logger.warning("%d workers died in a row at step %s; it rests for %.1f s", deaths, work.step, pause)
    _put_back(work, pause, attempt=work.step.attempt, error=work.step.error, result={RESTED: deaths})
    watch.ended("later")


def _leave_to_newer_code(work: Work) -> None:
    """During a rolling upgrade old and new code share the queue: what this process does not know another one may.

    Dead only when nobody has known it for `UNKNOWN_FOR`; until then it does not count as a failure.
    """
    since = dt.datetime.fromisoformat((work.step.result or {}).get(UNKNOWN_SINCE, now().isoformat()))
    error = f"no code for step {work.step} since {since:%Y-%m-%d %H:%M:%S} UTC"
    if now() - since > UNKNOWN_FOR:
        _give_up_unknown(work, error)
        return
    logger.warning("%s; left to whoever knows it", error)
    Step.objects.filter(pk=work.step.pk, token=work.token).update(
        state=StepState.PENDING,
        not_before=in_seconds(jitter(UNKNOWN_PAUSE)),
        lease_until=None,
        lease_owner="",
        rung_at=None,
        result={UNKNOWN_SINCE: since.isoformat()},
        error=error,
    )
    watch.ended("later")


def _give_up_unknown(work: Work, error: str) -> None:
    if is_known(work.step.flow_name):
        _give_up(work, None, error)
        return
    # There is no flow to lock or to tell, only the row.
    _close(work, StepState.DEAD, result=None, error=error)
    watch.ended("dead")


def _attempt(work: Work, kind: StepKind) -> None:
    try:
        with leases.kept(work.step.pk, work.token):
            outcome = kind.act(work)
            _finish(work, outcome)
            watch.ended("later" if isinstance(outcome, Later) else "done")
    except LostLease:
        watch.ended("lost_lease")
        logger.warning("step %s lost its lease; another worker has it", work.step)
    except Exception as error:
        logger.exception("step %s of flow %s failed", work.step, work.step.flow_id)
        _failed(work, kind, f"{type(error).__name__}: {error}"[:2000])


def _finish(work: Work, outcome: Done | Later) -> None:
    def record(flow: Flow) -> None:
        if outcome.record is not None:
            outcome.record(flow)
        if isinstance(outcome, Later):
            _put_back(work, outcome.seconds, attempt=0)
        else:
            _close(work, StepState.DONE, result=outcome.result, error="")

    work.commit(record)


def _failed(work: Work, kind: StepKind, error: str) -> None:
    failures = work.step.attempt + 1
    if failures >= settings.FLIGHTDECK_STEP_ATTEMPTS:
        _give_up(work, kind, error)
        return
    delay = jitter(min(FIRST_RETRY * 2 ** (failures - 1), LONGEST_RETRY))
    try:
        work.commit(lambda flow: _put_back(work, delay, attempt=failures, error=error))
        watch.ended("failed")
    except LostLease:
        watch.ended("lost_lease")
        logger.warning("step %s lost its lease after a failure", work.step)


def _give_up(work: Work, kind: StepKind | None, error: str) -> None:
    """Dead letter: the flow records what it must, ops see the step and may revive it."""

    def record(flow: Flow) -> None:
        _close(work, StepState.DEAD, result=None, error=error)
        events.record(
            subject_type=work.step.flow_name,
            subject_id=flow.pk,
            type="step.dead",
            actor=SYSTEM_ACTOR,
            correlation_id=flow.correlation_id,
            payload={"step": work.step.name, "key": work.step.key, "error": error},
        )
        if kind is not None and kind.given_up is not None:
            kind.given_up(flow, work.step, error)

    try:
        work.commit(record)
        watch.ended("dead")
    except LostLease:
        watch.ended("lost_lease")
        logger.warning("step %s lost its lease while being given up", work.step)
    except Exception as failure:
        if kind is None:
            raise
        # The step ends all the same, or it would come back after every lease, for ever and unseen.
        logger.exception("step %s of flow %s could not be given up in order", work.step, work.step.flow_id)
        _give_up(work, None, f"{error}; giving it up failed too: {type(failure).__name__}: {failure}"[:2000])


def _close(work: Work, state: StepState, *, result: dict[str, object] | None, error: str) -> None:
    Step.objects.filter(pk=work.step.pk, token=work.token).update(
        state=state, result=result, error=error, finished_at=now(), lease_until=None, lease_owner=""
    )


def _put_back(
    work: Work, delay: float, *, attempt: int, error: str = "", result: dict[str, object] | None = None
) -> None:
    Step.objects.filter(pk=work.step.pk, token=work.token).update(
        state=StepState.PENDING,
        attempt=attempt,
        not_before=in_seconds(delay),
        lease_until=None,
        lease_owner="",
        rung_at=None,
        result=result,
        error=error,
    )
    steps.ring(work.step.pk, delay)
