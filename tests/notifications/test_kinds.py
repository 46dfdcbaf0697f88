"""Who is told of what: each kind, by the event or the deadline that leads to it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from accounts.services import change_access
from approvals.models import ApprovalRequest
from bookings.models import Campaign
from bookings.undoing import undo_approval
from crm.services import unassign
from flows import events
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from notifications import looking
from notifications.models import Delivery, Notice, Preference
from tests.agency import Agency, set_limits
from tests.deciding import approve, ids_of, reject
from tests.driving import Desk, drive
from tests.notifications.conftest import look, told, who
from tests.plans import make_seller, waiting_campaign


def happens(campaign: Campaign, type: str, **payload: Any) -> None:
    events.record(
        subject_type="campaign", subject_id=campaign.pk, type=type, actor=SYSTEM_ACTOR, payload=payload
    )


def half_and_most(campaign: Campaign) -> tuple[dt.datetime, dt.datetime]:
    request = ApprovalRequest.objects.get(subject_id=campaign.pk)
    assert request.deadline is not None
    span = request.deadline - request.created_at
    return request.created_at + span * 0.51, request.created_at + span * 0.91


def test_whoever_may_decide_a_plan_is_asked(agency: Agency) -> None:
    waiting_campaign(agency)
    assert look() == 2
    assert who("decision_needed") == {"manager", "approver"}


def test_its_preparer_is_not_asked_above_the_limit(agency: Agency) -> None:
    set_limits(self_approval=1_000, auto_approve=0)
    waiting_campaign(agency)
    look()
    assert who("decision_needed") == {"approver"}


def test_nor_when_several_people_are_needed(agency: Agency) -> None:
    set_limits(self_approval=1_000_000, auto_approve=0, second_person_above=1_000)
    waiting_campaign(agency)
    look()
    assert who("decision_needed") == {"approver"}


def test_what_is_decided_already_asks_nobody(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    approve(agency, campaign)
    look()
    assert who("decision_needed") == set()
    assert who("decided") == {"manager"}


def test_a_second_approval_is_asked_of_everybody_else_who_may(agency: Agency) -> None:
    set_limits(self_approval=1_000_000, auto_approve=0, second_person_above=1_000)
    campaign = waiting_campaign(agency)
    approve(agency, campaign)
    look()
    assert who("second_needed") == {"finance"}  # the manager prepared it, the approver has given the first


def test_who_decided_is_told_to_the_others(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    first, second, _ = ids_of(campaign)
    approve(agency, campaign, recommendation_ids=[first])
    reject(agency, campaign, recommendation_ids=[second])
    look()
    assert who("decided") == {"manager"}
    assert told("manager").count("decided") == 2
    assert Notice.objects.filter(recipient__username="manager", text__endswith="Too dear for us").count() == 1
    assert "approver" in Notice.objects.filter(kind="decided").earliest("created_at").text


def test_an_approval_taken_back_is_told(agency: Agency) -> None:
    set_limits(self_approval=1_000_000, auto_approve=0, undo_seconds=60)
    campaign = waiting_campaign(agency)
    decision = approve(agency, campaign)[0]
    undo_approval(campaign_id=campaign.pk, decision_id=decision.pk, decider=agency.decider("approver"))
    look()
    titles = [notice.title for notice in Notice.objects.filter(kind="decided").order_by("pk")]
    assert sorted(title.split(":")[0] for title in titles) == ["3 lines approved", "3 lines taken back"]


def test_the_policys_own_decision_is_told_to_the_preparer_alone(desk: Desk) -> None:
    set_limits(self_approval=0, auto_approve=1_000_000)
    campaign = drive(desk.submit(auto_approve=True))
    look()
    assert campaign.status == "completed", campaign.errors
    assert who("decision_needed") == set()
    assert who("decided") == who("completed") == {"manager"}


@pytest.mark.parametrize("type", ["line.outcome_unknown", "line.needs_attention", "campaign.fail"])
def test_what_went_wrong_is_told_to_the_preparer_and_operations(agency: Agency, type: str) -> None:
    campaign = waiting_campaign(agency)
    happens(campaign, type, line="one")
    look()
    assert who("trouble") == {"manager", "ops"}


def test_an_unknown_outcome_is_told_once_however_often_the_seller_is_asked(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    for line in ("one", "one", "two", "one"):
        happens(campaign, "line.outcome_unknown", line=line)
        look()
    assert told("ops") == ["trouble", "trouble"]


def test_operations_are_told_no_price(agency: Agency) -> None:
    """Their role does not see money (accounts/permissions.py)."""
    campaign = waiting_campaign(agency)
    happens(campaign, "line.needs_attention", line="one", error="35,000.00 refused")
    look()
    told_ops = Notice.objects.get(recipient__username="ops")
    assert "35,000" not in told_ops.title + told_ops.text


def test_a_price_that_ended_before_the_line_was_booked(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    happens(campaign, "line.status_changed", line="one", to="declined", code="quote_expired")
    happens(campaign, "line.status_changed", line="two", to="expired")
    happens(campaign, "line.status_changed", line="three", to="booked")
    look()
    assert told("manager").count("quote_expired") == 2
    assert who("quote_expired") == {"manager"}


def test_a_seller_that_is_down_is_told_to_operations_and_managers_of_every_client(agency: Agency) -> None:
    seller = make_seller()
    payload = {"slug": seller.slug, "name": seller.name, "began_at": now().isoformat()}
    for _ in range(2):
        events.record(
            subject_type="seller",
            subject_id=seller.pk,
            type="seller.outage_began",
            actor=SYSTEM_ACTOR,
            payload=payload,
        )
    look()
    assert told("ops") == ["seller_down"]
    assert who("seller_down") == {"ops", "manager", "outsider"}


def test_half_and_nine_tenths_of_the_time(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    half, most = half_and_most(campaign)
    assert looking.look_at_the_clock() == 0
    with time_machine.travel(half, tick=False):
        assert looking.look_at_the_clock() == 2
        assert looking.look_at_the_clock() == 0
    with time_machine.travel(most, tick=False):
        assert looking.look_at_the_clock() == 2
        assert looking.look_at_the_clock() == 0
    assert told("approver") == ["deadline_near", "deadline_near"]


def test_a_look_that_comes_late_tells_the_nearest_deadline_alone(agency: Agency) -> None:
    _, most = half_and_most(waiting_campaign(agency))
    with time_machine.travel(most, tick=False):
        looking.look_at_the_clock()
        looking.look_at_the_clock()
    assert told("approver") == ["deadline_near"]
    assert "Nine tenths" in Notice.objects.get(recipient__username="approver").text


def test_no_deadline_of_what_is_decided(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    _, most = half_and_most(campaign)
    approve(agency, campaign)
    with time_machine.travel(most, tick=False):
        assert looking.look_at_the_clock() == 0


def test_a_price_that_ended_undecided_is_told_once(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    ended = ApprovalRequest.objects.get(subject_id=campaign.pk).deadline
    assert ended is not None
    with time_machine.travel(ended + dt.timedelta(minutes=1), tick=False):
        looking.look_at_the_clock()
        looking.look_at_the_clock()
    assert told("manager") == told("approver") == ["quote_expired"]
    with time_machine.travel(ended + dt.timedelta(days=3), tick=False):
        assert looking.look_at_the_clock() == 0


def test_a_deputy_is_asked_when_nine_tenths_are_over(agency: Agency) -> None:
    """Also one who switched the kind off: it is somebody else's decision now."""
    half, most = half_and_most(waiting_campaign(agency))
    Preference.objects.create(user=agency.person("approver"), deputy=agency.person("manager"))
    Preference.objects.create(
        user=agency.person("manager"),
        channels={"decision_needed": [], "deadline_near": []},
        digest_hour=7,
    )
    with time_machine.travel(half, tick=False):
        looking.look_at_the_clock()
    assert told("manager", in_app=True) == []
    with time_machine.travel(most, tick=False):
        looking.look_at_the_clock()
        looking.look_at_the_clock()
    assert told("manager", in_app=True) == ["decision_needed"]
    assert (
        Delivery.objects.get(recipient=agency.person("manager")).channel == "mail"
    )  # no digest is soon enough
    assert told("approver") == ["deadline_near", "deadline_near"]


@pytest.mark.parametrize("name", ["outsider", "viewer", "ops"])
def test_a_deputy_who_may_not_decide_it_is_not_asked(agency: Agency, name: str) -> None:
    _, most = half_and_most(waiting_campaign(agency))
    Preference.objects.create(user=agency.person("approver"), deputy=agency.person(name))
    with time_machine.travel(most, tick=False):
        looking.look_at_the_clock()
    assert told(name) == []


def test_nobody_of_another_client_is_told_anything(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    for type in ("line.outcome_unknown", "line.needs_attention", "campaign.fail", "campaign.complete"):
        happens(campaign, type, line="one")
    approve(agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    _, most = half_and_most(campaign)
    look()
    with time_machine.travel(most, tick=False):
        looking.look_at_the_clock()
    assert Notice.objects.count() > 6
    assert told("outsider") == []


def test_whoever_lost_the_role_or_the_client_is_told_no_more(agency: Agency) -> None:
    waiting_campaign(agency)
    unassign(organization=agency.client, user=agency.person("approver"), actor=SYSTEM_ACTOR)
    change_access(user=agency.person("manager"), actor=SYSTEM_ACTOR, role="client_viewer")
    look()
    assert Notice.objects.count() == 0


def test_a_disabled_preparer_is_not_told(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    change_access(user=agency.person("manager"), actor=SYSTEM_ACTOR, is_active=False)
    happens(campaign, "campaign.complete", booked=1)
    look()
    assert told("manager") == []


def test_a_campaign_from_brief_to_booked_lines_tells_its_story(desk: Desk) -> None:
    campaign = desk.planned()
    look()
    assert told("approver") == ["decision_needed"]
    desk.approve(campaign)
    drive(campaign)
    look()
    assert sorted(told("manager")) == ["completed", "decided", "decision_needed"]
