"""What is due gets done with or without a broker; whoever must leave gives back what it holds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection

from bookings.models import Campaign
from flows import leases, registry, runner, steps, sweeping
from flows.clock import now
from flows.models import Step
from flows.seldom import Seldom
from flows.tasks import run_step
from flows.watchman import Watchman
from flows.watchman import logger as watchman_logger
from flows.work import Done, Later, Work
from tests.agency import Agency
from tests.plans import waiting_campaign

Act = Callable[[Work], Done | Later]
NEVER = -1e9  # seconds of the monotonic clock


@pytest.fixture
def campaign(agency: Agency) -> Campaign:
    return waiting_campaign(agency)


@pytest.fixture
def doing(campaign: Campaign) -> Iterator[Callable[..., Step]]:
    """Open a step that runs the given function: `doing(act)`."""
    kind = registry.kind_of("campaign")

    def open_with(act: Act, key: str = "") -> Step:
        kind.steps["probe"] = registry.StepKind("campaign", "probe", act, None)
        return steps.open_step(campaign, "probe", key=key)

    yield open_with
    kind.steps.pop("probe", None)


@pytest.fixture
def no_broker(monkeypatch: Any) -> None:
    def refused(*args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError("no broker here")

    monkeypatch.setattr(run_step, "apply_async", refused)
    monkeypatch.setattr(steps, "_asked_in_vain_at", NEVER)  # and what is noted here goes with the test


@pytest.fixture
def bells(monkeypatch: Any) -> list[str]:
    """A broker that takes every bell and has no worker behind it."""
    rung: list[str] = []
    monkeypatch.setattr(run_step, "apply_async", lambda args, countdown: rung.append(args[0]))
    monkeypatch.setattr(steps, "_asked_in_vain_at", -steps.BROKER_REST_SECONDS)
    return rung


@contextmanager
def watching() -> Iterator[Watchman]:
    watchman = Watchman()
    watchman.start()
    try:
        yield watchman
    finally:
        watchman.stop()


def state(step: Step) -> str:
    return str(Step.objects.values_list("state", flat=True).get(pk=step.pk))


def answering(error: Exception) -> Callable[[], int]:
    def answer() -> int:
        raise error

    return answer


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)


def test_without_a_broker_steps_are_done_by_hand(no_broker: None, doing: Callable[..., Step]) -> None:
    step = doing(lambda work: Done(result={"done": True}))
    with watching():
        eventually(lambda: state(step) == "done")


def test_what_was_rung_and_nobody_came_for_is_done_by_hand(
    bells: list[str], doing: Callable[..., Step]
) -> None:
    step = doing(lambda work: Done())
    Step.objects.filter(pk=step.pk).update(rung_at=now() - 2 * sweeping.RING_AGAIN_AFTER)
    with watching():
        eventually(lambda: state(step) == "done")
    assert str(step.pk) in bells


def test_what_a_bell_was_rung_for_is_left_to_the_workers(
    bells: list[str], doing: Callable[..., Step]
) -> None:
    step = doing(lambda work: Done())
    bells.clear()
    watchman = Watchman()
    watchman.look()
    assert bells.count(str(step.pk)) == 1
    assert state(step) == "pending"


def test_hands_are_not_more_than_worker_threads(
    no_broker: None, doing: Callable[..., Step], settings: Any
) -> None:
    settings.FLIGHTDECK_WORKER_THREADS = 1
    busy, at_once, gate, lock = [0], [], threading.Event(), threading.Lock()

    def slow(work: Work) -> Done:
        with lock:
            busy[0] += 1
            at_once.append(busy[0])
        gate.wait(30)
        with lock:
            busy[0] -= 1
        return Done()

    opened = [doing(slow, key=key) for key in "abc"]
    with watching():
        eventually(lambda: busy[0] == 1)
        # Those that found no hand are free for another process at once, not only when their bell is old.
        eventually(lambda: Step.objects.filter(name="probe", state="pending", rung_at=None).count() == 2)
        gate.set()
        eventually(lambda: all(state(step) == "done" for step in opened))
    assert max(at_once) == 1


def test_two_who_sweep_at_once_ring_once(bells: list[str], doing: Callable[..., Step]) -> None:
    """So that a second beat, or a hundred watchmen, do no harm."""
    opened = {str(doing(lambda work: Done(), key=str(number)).pk) for number in range(30)}
    bells.clear()
    start = threading.Barrier(4)

    def sweep() -> None:
        start.wait()
        sweeping.sweep()
        connection.close()

    sweepers = [threading.Thread(target=sweep) for _ in range(4)]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join()
    rung = [bell for bell in bells if bell in opened]
    assert sorted(rung) == sorted(opened)


def test_a_broker_that_did_not_answer_is_left_alone_for_a_moment(
    monkeypatch: Any, doing: Callable[..., Step]
) -> None:
    asked = []

    def refused(*args: Any, **kwargs: Any) -> None:
        asked.append(1)
        raise ConnectionRefusedError

    monkeypatch.setattr(run_step, "apply_async", refused)
    monkeypatch.setattr(steps, "BROKER_REST_SECONDS", 3600.0)
    monkeypatch.setattr(steps, "_asked_in_vain_at", time.monotonic() - 3601.0)
    for key in "abcd":
        doing(lambda work: Done(), key=key)
    assert len(asked) == 1


def test_bells_that_do_not_ring_are_a_line_a_minute(
    monkeypatch: Any, doing: Callable[..., Step], caplog: pytest.LogCaptureFixture
) -> None:
    moment, away = [0.0], [True]

    def ring(*args: Any, **kwargs: Any) -> None:
        if away[0]:
            raise ConnectionRefusedError("no broker here")

    monkeypatch.setattr(run_step, "apply_async", ring)
    monkeypatch.setattr(steps, "_unrung", Seldom(steps.logger, clock=lambda: moment[0]))
    monkeypatch.setattr(steps, "BROKER_REST_SECONDS", 3600.0)
    monkeypatch.setattr(steps, "_asked_in_vain_at", NEVER)
    first, *_ = [doing(lambda work: Done(), key=key) for key in "abcd"]
    moment[0] = 60.0
    monkeypatch.setattr(steps, "_asked_in_vain_at", NEVER)
    assert not steps.ring_now(first.pk, 0.0)
    away[0] = False
    monkeypatch.setattr(steps, "_asked_in_vain_at", NEVER)
    assert steps.ring_now(first.pk, 0.0)
    line = (
        f"doorbell for step {first.pk} did not ring, the sweep will: ConnectionRefusedError('no broker here')"
    )
    assert [text for text in caplog.messages if "doorbell" in text] == [
        line,
        f"{line} (4 failures since the last line)",
        "doorbells ring again",
    ]


@pytest.mark.parametrize(
    "error",
    [OperationalError("connection failed:\n\tIs the server running?"), InterfaceError("connection closed")],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_is_away_is_a_line_a_minute_without_a_traceback(
    monkeypatch: Any, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    caplog.set_level(logging.INFO)
    moment = [0.0]
    watchman = Watchman()
    monkeypatch.setattr(watchman, "_blind", Seldom(watchman_logger, clock=lambda: moment[0]))
    monkeypatch.setattr(watchman, "look", answering(error))
    for second in range(0, 66, 6):
        moment[0] = second
        watchman._try_to_look()
    monkeypatch.setattr(watchman, "look", lambda: 0)
    watchman._try_to_look()
    watchman._try_to_look()
    line = f"the watchman cannot reach the database; it tries again: {' '.join(str(error).split())}"
    assert caplog.messages == [
        line,
        f"{line} (10 failures since the last line)",
        "the watchman reaches the database again",
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_what_else_fails_in_the_watchman_keeps_its_traceback(
    monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watchman = Watchman()
    monkeypatch.setattr(watchman, "look", answering(ValueError("a bug")))
    watchman._try_to_look()
    watchman._try_to_look()
    assert caplog.text.count("ValueError: a bug") == 2
    assert all(record.exc_info for record in caplog.records)


def test_what_is_given_back_can_be_taken_at_once_and_not_written_by_the_giver(
    bells: list[str], doing: Callable[..., Step]
) -> None:
    inside, gate, results = threading.Event(), threading.Event(), []

    def act(work: Work) -> Done:
        if work.token == 1:
            inside.set()
            gate.wait(30)
        return Done(result={"token": work.token}, record=lambda flow: results.append(work.token))

    step = doing(act)
    worker = threading.Thread(target=lambda: (runner.run(step.pk), connection.close()))
    worker.start()
    assert inside.wait(30)
    assert leases.give_all_back() == 1
    runner.run(step.pk)
    gate.set()
    worker.join()
    row = Step.objects.get(pk=step.pk)
    assert (row.state, row.result, row.deaths, results) == ("done", {"token": 3}, 0, [3])


def test_a_step_of_newer_code_waits_for_whoever_knows_it(campaign: Campaign, bells: list[str]) -> None:
    step = steps.open_step(campaign, "of_the_next_release")
    for _ in range(7):  # more often than a step may fail
        Step.objects.filter(pk=step.pk).update(not_before=now())
        runner.run(step.pk)
    row = Step.objects.get(pk=step.pk)
    assert (row.state, row.attempt) == ("pending", 0)
    assert "no code for step" in row.error

    kind = registry.kind_of("campaign")
    kind.steps["of_the_next_release"] = registry.StepKind(
        "campaign", "of_the_next_release", lambda work: Done(result={"new": True}), None
    )
    try:
        Step.objects.filter(pk=step.pk).update(not_before=now())
        runner.run(step.pk)
    finally:
        kind.steps.pop("of_the_next_release")
    row.refresh_from_db()
    assert (row.state, row.result, row.error) == ("done", {"new": True}, "")


@pytest.mark.parametrize("flow_name", ["campaign", "unheard_of"])
def test_a_step_that_nobody_knows_is_a_dead_letter_in_the_end(
    campaign: Campaign, bells: list[str], flow_name: str, monkeypatch: Any
) -> None:
    step = steps.open_step(campaign, "forgotten")
    Step.objects.filter(pk=step.pk).update(flow_name=flow_name)
    runner.run(step.pk)
    assert state(step) == "pending"
    monkeypatch.setattr(runner, "UNKNOWN_FOR", timedelta(0))
    Step.objects.filter(pk=step.pk).update(not_before=now())
    runner.run(step.pk)
    row = Step.objects.get(pk=step.pk)
    assert row.state == "dead"
    assert "no code for step" in row.error
