"""The kernel where its own parts fail: a handler that raises, a flow that is over, a keeper that is about to end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bookings import services
from bookings.models import Campaign
from flows import leases, registry, runner, steps
from flows.clock import now
from flows.fanout import as_they_finish
from flows.ids import new_id
from flows.models import Event, Step
from flows.work import Done, Work
from tests.agency import Agency
from tests.plans import waiting_campaign


@pytest.fixture
def campaign(agency: Agency) -> Campaign:
    return waiting_campaign(agency)


@pytest.fixture
def poisoned(campaign: Campaign) -> Iterator[Callable[..., Step]]:
    """A step that always fails: `poisoned(given_up)`."""
    kind = registry.kind_of("campaign")

    def poison(work: Work) -> Done:
        raise ValueError("always")

    def open_with(given_up: Any = None) -> Step:
        kind.steps["probe"] = registry.StepKind("campaign", "probe", poison, given_up)
        return steps.open_step(campaign, "probe")

    yield open_with
    kind.steps.pop("probe", None)


def fail_for_good(step: Step) -> Step:
    for _ in range(5):
        Step.objects.filter(pk=step.pk, state="pending").update(not_before=now())
        runner.run(step.pk)
    return Step.objects.get(pk=step.pk)


def test_a_step_ends_even_if_what_follows_its_end_fails(
    campaign: Campaign, poisoned: Callable[..., Step]
) -> None:
    """Else it would be taken up again after every lease, for ever, and no list of dead steps would show it."""

    def broken(flow: Any, step: Step, error: str) -> None:
        Campaign.objects.filter(pk=flow.pk).update(name="half-done")
        raise RuntimeError("a bug in the handler")

    step = fail_for_good(poisoned(broken))
    assert step.state == "dead"
    assert "ValueError: always" in step.error
    assert "a bug in the handler" in step.error
    assert Event.objects.filter(subject_id=str(campaign.pk), type="step.dead").count() == 1
    campaign.refresh_from_db()
    assert campaign.name == "Spring Launch"


def test_a_dead_step_of_a_flow_that_is_over_stays_dead(
    agency: Agency, campaign: Campaign, poisoned: Callable[..., Step]
) -> None:
    step = fail_for_good(poisoned())
    services.cancel_campaign(
        campaign_id=campaign.pk, actor=agency.decider("manager").actor, reason="No longer needed"
    )
    assert not steps.revive(step)
    assert Step.objects.get(pk=step.pk).state == "dead"


def test_a_lease_taken_while_the_keeper_ends_is_kept_too(settings: Any, monkeypatch: Any) -> None:
    settings.FLIGHTDECK_LEASE_SECONDS = 0.03
    ending, go_on, extended = threading.Event(), threading.Event(), threading.Event()
    step_id = new_id()

    class SlowToEnd:
        def close(self) -> None:
            ending.set()
            go_on.wait(5)

    def extend(found: Any, token: int) -> bool:
        if found == step_id:
            extended.set()
        return True

    monkeypatch.setattr(leases, "connection", SlowToEnd())
    monkeypatch.setattr(leases.steps, "extend_lease", extend)
    with leases.kept(new_id(), 1):
        pass
    assert ending.wait(5)  # nothing was held for three rounds: the keeper is on its way out
    with leases.kept(step_id, 1):
        assert extended.wait(2)
    go_on.set()


def test_a_hanging_name_look_up_holds_up_no_conversation_beyond_its_deadline() -> None:
    """The system's resolver cannot be interrupted; it runs in a thread of the loop."""

    async def hanging() -> None:
        await asyncio.to_thread(time.sleep, 3.0)

    began = time.monotonic()
    (outcome,) = as_they_finish([hanging], deadline=0.1)
    assert isinstance(outcome.error, TimeoutError)
    assert time.monotonic() - began < 2.0


def test_without_a_loop_every_conversation_fails_and_none_is_waited_for(monkeypatch: Any) -> None:
    def no_loop(running: Any) -> None:
        running.close()
        raise OSError("too many open files")

    monkeypatch.setattr("flows.fanout.asyncio.run", no_loop)
    outcomes = list(as_they_finish([asyncio.sleep, asyncio.sleep], deadline=1.0))  # type: ignore[list-item]
    assert [type(outcome.error) for outcome in outcomes] == [OSError, OSError]
