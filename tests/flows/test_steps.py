"""The kernel: one winner per step, retries with an end, nothing written without the lease."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection

from bookings.models import Campaign
from flows import registry, runner, steps, sweeping
from flows.clock import now
from flows.models import Event, Step
from flows.work import Done, Later, LostLease, Work
from tests.agency import Agency
from tests.plans import waiting_campaign

Act = Callable[[Work], Done | Later]


@pytest.fixture
def campaign(agency: Agency) -> Campaign:
    return waiting_campaign(agency)


@pytest.fixture
def doing(campaign: Campaign) -> Iterator[Callable[..., Step]]:
    """Open a step that runs the given function: `doing(act)`."""
    kind = registry.kind_of("campaign")
    added: list[str] = []

    def open_with(act: Act, *, given_up: Any = None, key: str = "") -> Step:
        kind.steps["probe"] = registry.StepKind("campaign", "probe", act, given_up)
        added.append("probe")
        return steps.open_step(campaign, "probe", key=key)

    yield open_with
    for name in added:
        kind.steps.pop(name, None)


def fresh(step: Step) -> Step:
    return Step.objects.get(pk=step.pk)


def test_a_step_is_opened_once_per_name_and_key(campaign: Campaign, doing: Callable[..., Step]) -> None:
    first = doing(lambda work: Done(), key="a")
    assert steps.open_step(campaign, "probe", key="a").pk == first.pk
    assert steps.open_step(campaign, "probe", key="b").pk != first.pk


def test_the_result_and_its_effects_are_recorded_together(
    campaign: Campaign, doing: Callable[..., Step]
) -> None:
    def broken(row: Campaign) -> None:
        Campaign.objects.filter(pk=row.pk).update(name="half-done")
        raise RuntimeError("crash between effect and result")

    step = doing(lambda work: Done(record=broken))
    runner.run(step.pk)
    campaign.refresh_from_db()
    assert campaign.name == "Spring Launch"
    assert fresh(step).state == "pending"


def test_of_many_workers_one_runs_the_step(doing: Callable[..., Step]) -> None:
    ran = []
    step = doing(lambda work: ran.append(work.token) or Done())
    start = threading.Barrier(8)

    def race() -> None:
        start.wait()
        runner.run(step.pk)
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ran == [1]
    assert fresh(step).state == "done"


def test_a_sleeper_that_lost_its_lease_writes_nothing(campaign: Campaign, doing: Callable[..., Step]) -> None:
    """The classic double effect: stopped beyond the lease, taken over, then awake again."""
    written = []

    def sleeper(work: Work) -> Done:
        if work.token == 1:
            Step.objects.filter(pk=work.step.pk).update(lease_until=now() - timedelta(seconds=1))
            runner.run(work.step.pk)  # another worker takes over and finishes
        return Done({"by": work.token}, record=lambda row: written.append(work.token))

    step = doing(sleeper)
    runner.run(step.pk)
    assert written == [2]
    assert fresh(step).result == {"by": 2}


def test_commits_in_mid_step_need_the_lease_too(doing: Callable[..., Step]) -> None:
    raised = []

    def act(work: Work) -> Done:
        Step.objects.filter(pk=work.step.pk).update(token=work.token + 1)
        try:
            work.commit(lambda row: None)
        except LostLease:
            raised.append(True)
            raise
        return Done()

    runner.run(doing(act).pk)
    assert raised == [True]


def test_a_failing_step_is_tried_five_times_and_then_given_up(
    campaign: Campaign, doing: Callable[..., Step]
) -> None:
    given_up = []

    def poison(work: Work) -> Done:
        raise ValueError("always")

    step = doing(poison, given_up=lambda row, step, error: given_up.append(error))
    for _ in range(7):
        Step.objects.filter(pk=step.pk, state="pending").update(not_before=now())
        runner.run(step.pk)
    assert fresh(step).state == "dead"
    assert given_up == ["ValueError: always"]
    assert Event.objects.filter(subject_id=str(campaign.pk), type="step.dead").count() == 1


def test_retries_wait_longer_each_time(doing: Callable[..., Step]) -> None:
    step = doing(lambda work: 1 / 0)  # type: ignore[arg-type,return-value]
    waits = []
    for _ in range(3):
        Step.objects.filter(pk=step.pk).update(not_before=now())
        runner.run(step.pk)
        waits.append((fresh(step).not_before - now()).total_seconds())
    assert waits[0] < waits[1] < waits[2]


def test_a_step_whose_worker_always_dies_ends_too(doing: Callable[..., Step]) -> None:
    step = doing(lambda work: Done())
    for _ in range(settings.FLIGHTDECK_STEP_DEATHS + 1):
        assert steps.claim(step.pk)  # and the worker dies: nothing more is heard of it
        Step.objects.filter(pk=step.pk).update(lease_until=now() - timedelta(seconds=1))
    runner.run(step.pk)
    assert fresh(step).state == "dead"
    assert steps.revive(fresh(step))
    runner.run(step.pk)
    assert fresh(step).state == "done"


def test_a_step_at_which_workers_died_rests_and_then_gets_its_chance(doing: Callable[..., Step]) -> None:
    """So that what ran beside a step that kills its worker comes to an end apart from it."""
    step = doing(lambda work: Done())
    for _ in range(3):
        assert steps.claim(step.pk)
        Step.objects.filter(pk=step.pk).update(lease_until=now() - timedelta(seconds=1))
    runner.run(step.pk)
    row = fresh(step)
    assert (row.state, row.deaths) == ("pending", 3)
    assert timedelta(0) < row.not_before - now() <= timedelta(seconds=1.5)
    with time_machine.travel(now() + timedelta(seconds=2)):
        runner.run(step.pk)
    assert fresh(step).state == "done"


def test_deaths_do_not_count_while_the_step_gets_on(doing: Callable[..., Step]) -> None:
    """A server that is killed again and again in a long step still finishes it."""

    def act(work: Work) -> Done:
        work.commit(lambda row: None)
        return Done()

    step = doing(act)
    for _ in range(30):
        claimed = steps.claim(step.pk)
        assert claimed
        assert steps.make_progress(step.pk, claimed.token)
        Step.objects.filter(pk=step.pk).update(lease_until=now() - timedelta(seconds=1))
    runner.run(step.pk)
    assert fresh(step).state == "done"


def test_waiting_is_not_failing(doing: Callable[..., Step]) -> None:
    step = doing(lambda work: Later(0.0, "not yet"))
    for _ in range(8):
        runner.run(step.pk)
    assert (fresh(step).state, fresh(step).attempt, fresh(step).visits) == ("pending", 0, 8)


def test_a_step_is_not_run_before_its_time(doing: Callable[..., Step]) -> None:
    step = doing(lambda work: Done())
    Step.objects.filter(pk=step.pk).update(not_before=now() + timedelta(minutes=1))
    runner.run(step.pk)
    assert fresh(step).state == "pending"
    with time_machine.travel(now() + timedelta(minutes=2)):
        runner.run(step.pk)
    assert fresh(step).state == "done"


def test_the_sweep_finds_what_is_due_or_abandoned_and_rings_once(doing: Callable[..., Step]) -> None:
    waiting, abandoned = doing(lambda work: Done(), key="w"), doing(lambda work: Done(), key="a")
    steps.claim(abandoned.pk)
    assert abandoned.pk not in sweeping.due()
    Step.objects.filter(pk=abandoned.pk).update(lease_until=now() - timedelta(seconds=1))
    assert {waiting.pk, abandoned.pk} <= set(sweeping.due())
    sweeping.sweep()
    assert sweeping.due() == []


def test_dropping_a_flow_takes_the_pen_from_whoever_runs(
    campaign: Campaign, doing: Callable[..., Step]
) -> None:
    written = []

    def act(work: Work) -> Done:
        steps.drop_open(campaign)
        return Done(record=lambda row: written.append(1))

    step = doing(act)
    runner.run(step.pk)
    assert written == []
    assert fresh(step).state == "dropped"
