"""The time to undo: held in the database, exact, and over when it is over."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import connection

from approvals.models import ApprovalRequest, Decision
from bookings.models import Campaign, Line
from bookings.undoing import undo_approval
from flows import sweeping
from flows.clock import now
from flows.events import first_bad_position
from flows.models import Event, Step
from tests.agency import Agency, set_limits
from tests.deciding import approve, ids_of, refused
from tests.driving import Desk, drive
from tests.plans import waiting_campaign

WINDOW = 10


@pytest.fixture(autouse=True)
def _time_to_undo(agency: Agency) -> None:
    set_limits(self_approval=1_000_000, auto_approve=5_000, undo_seconds=WINDOW)


@pytest.fixture
def still() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False) as clock:
        yield clock


def undo(agency: Agency, campaign: Campaign, decision: Decision, by: str = "approver") -> Decision:
    return undo_approval(campaign_id=campaign.pk, decision_id=decision.pk, decider=agency.decider(by))


def test_nothing_is_due_before_the_time_is_over(agency: Agency, still: time_machine.Coordinates) -> None:
    campaign = waiting_campaign(agency)
    decision, lines = approve(agency, campaign)
    assert decision.acts_at == now() + dt.timedelta(seconds=WINDOW)
    still.shift(WINDOW - 0.1)
    assert sweeping.due() == []
    still.shift(0.2)
    first = Step.objects.get(flow_id=campaign.pk, name="book")
    assert sweeping.due() == [first.pk]
    assert first.key == str(lines[0].pk)


def test_undone_everything_waits_again_and_can_be_approved_again(
    agency: Agency, still: time_machine.Coordinates
) -> None:
    campaign = waiting_campaign(agency)
    decision, _ = approve(agency, campaign)
    undone = undo(agency, campaign, decision, by="manager")
    campaign.refresh_from_db()
    assert (undone.verdict, undone.undoes_id, undone.total) == ("undo", decision.pk, decision.total)
    assert (campaign.status, campaign.lines.count()) == ("awaiting_approval", 0)
    assert ApprovalRequest.objects.get(subject_id=campaign.pk).status == "open"
    still.shift(WINDOW + 60)
    assert sweeping.due() == []
    again, lines = approve(agency, campaign)
    assert (len(lines), again.verdict) == (3, "approve")
    assert first_bad_position("campaign", str(campaign.pk)) is None
    types = Event.objects.filter(subject_id=str(campaign.pk)).values_list("type", flat=True)
    assert "approval.undone" in types


def test_an_undone_approval_frees_the_budget_and_the_limit(agency: Agency) -> None:
    set_limits(self_approval=35_000, auto_approve=0, undo_seconds=WINDOW)
    campaign = waiting_campaign(agency, budget=36_000)
    for _ in range(3):
        decision, _ = approve(agency, campaign, by="manager")
        undo(agency, campaign, decision)
    approve(agency, campaign, by="manager")


def test_after_the_time_it_is_too_late(agency: Agency, still: time_machine.Coordinates) -> None:
    campaign = waiting_campaign(agency)
    decision, _ = approve(agency, campaign)
    still.shift(WINDOW)
    refused("too_late_to_undo", lambda: undo(agency, campaign, decision), campaign)


def test_one_of_two_approvals_is_undone_alone(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    first, second, third = ids_of(campaign)
    approve(agency, campaign, recommendation_ids=[first])
    later, _ = approve(agency, campaign, recommendation_ids=[second])
    undo(agency, campaign, later)
    campaign.refresh_from_db()
    assert campaign.status == "executing_bookings"
    assert list(campaign.lines.values_list("recommendation_id", flat=True)) == [first]
    states = dict(campaign.recommendations.values_list("pk", "state"))
    assert states == {first: "approved", second: "open", third: "open"}


def test_what_is_not_there_and_what_is_no_approval(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    decision, _ = approve(agency, campaign)
    undone = undo(agency, campaign, decision)
    refused("cannot_be_undone", lambda: undo(agency, campaign, undone), campaign)
    refused("already_undone", lambda: undo(agency, campaign, decision), campaign)
    nobody = Decision(pk=uuid.uuid4())
    refused("unknown_id", lambda: undo(agency, campaign, nobody), campaign)
    other = waiting_campaign(agency)
    refused("unknown_id", lambda: undo(agency, other, decision), other)


def test_two_people_undo_at_once(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    decision, _ = approve(agency, campaign)
    together = threading.Barrier(2)

    def take_back(who: str) -> str:
        try:
            together.wait(10)
            return undo(agency, campaign, decision, by=who).verdict
        except Exception as error:
            return str(getattr(error, "code", error))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take_back, ["approver", "manager"])) == ["already_undone", "undo"]
    assert Decision.objects.filter(undoes=decision).count() == 1


def test_the_sellers_hear_nothing_of_what_was_undone(desk: Desk) -> None:
    campaign = drive(desk.submit())
    set_limits(self_approval=1_000_000, auto_approve=0, undo_seconds=WINDOW)
    decision, _ = approve(desk.agency, campaign)
    undo(desk.agency, campaign, decision)
    with time_machine.travel(now() + dt.timedelta(seconds=WINDOW + 5)):
        drive(campaign)
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"
    assert desk.agent.journal.requests("POST", "/api/v1/deals") == []
    assert not Line.objects.exists()
