"""Above a limit several people must approve the same lines; limits sum over the campaign and the person's day."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import connection

from accounts.models import User
from accounts.roles import Role
from approvals.models import Decision
from bookings import services
from bookings.models import Campaign, Line, Recommendation
from bookings.states import RecommendationState
from bookings.undoing import undo_approval
from crm.models import Assignment
from flows.clock import now
from flows.models import Event
from tests.agency import Agency, set_limits
from tests.deciding import approve, ids_of, refused, reject
from tests.plans import waiting_campaign


@pytest.fixture
def pair(agency: Agency) -> Agency:
    """Above 12,000 it takes two."""
    set_limits(self_approval=5_000, auto_approve=0, second_person_above=12_000)
    hire(agency, "second", Role.APPROVER)
    return agency


def hire(agency: Agency, name: str, role: Role) -> None:
    user = User.objects.create_user(name, role=role)
    Assignment.objects.create(organization=agency.client, user=user)
    agency.people[name] = user


def test_the_first_approval_books_nothing_and_the_second_person_s_does(pair: Agency) -> None:
    campaign = waiting_campaign(pair)
    first, lines = approve(pair, campaign)
    campaign.refresh_from_db()
    assert (first.verdict, lines, campaign.status) == ("endorse", [], "awaiting_approval")
    assert not Line.objects.exists()
    second, lines = approve(pair, campaign, by="second")
    assert (second.verdict, len(lines), second.people) == ("approve", 3, 2)
    assert [row["decision"] for row in second.earlier] == [str(first.pk)]
    told = Event.objects.filter(subject_id=str(campaign.pk), type__startswith="approval.")
    assert list(told.order_by("position").values_list("type", flat=True))[-2:] == [
        "approval.endorsed",
        "approval.granted",
    ]


def test_one_person_is_one_person_however_often(pair: Agency) -> None:
    campaign = waiting_campaign(pair)
    approve(pair, campaign)
    refusal = refused("already_approved_by_you", lambda: approve(pair, campaign), campaign)
    assert "Another person" in refusal.message


def test_the_preparer_is_never_one_of_the_two(pair: Agency) -> None:
    campaign = waiting_campaign(pair)
    refused("preparer_cannot_approve", lambda: approve(pair, campaign, by="manager"), campaign)
    approve(pair, campaign)
    refused("preparer_cannot_approve", lambda: approve(pair, campaign, by="manager"), campaign)


def test_the_second_must_approve_exactly_the_same_lines(pair: Agency) -> None:
    campaign = waiting_campaign(pair)
    first, second, third = ids_of(campaign)
    approve(pair, campaign, recommendation_ids=[first, second])
    decision, lines = approve(pair, campaign, by="second", recommendation_ids=[second, third])
    assert (decision.verdict, lines) == ("endorse", [])


def test_a_changed_line_makes_earlier_approvals_worthless(pair: Agency) -> None:
    campaign = waiting_campaign(pair)
    approve(pair, campaign)
    row = campaign.recommendations.first()
    Recommendation.objects.filter(pk=row.pk).update(cost=row.cost + 1)
    refused("changed_since_shown", lambda: approve(pair, campaign, by="second"), campaign)


@pytest.mark.parametrize("loss", ["role", "account", "client"])
def test_who_may_no_longer_decide_no_longer_counts(pair: Agency, loss: str) -> None:
    campaign = waiting_campaign(pair)
    approve(pair, campaign)
    gone = pair.person("approver")
    if loss == "role":
        User.objects.filter(pk=gone.pk).update(role=Role.CLIENT_VIEWER)
    elif loss == "account":
        User.objects.filter(pk=gone.pk).update(is_active=False)
    else:
        Assignment.objects.filter(user=gone).delete()
    decision, lines = approve(pair, campaign, by="second")
    assert (decision.verdict, lines) == ("endorse", [])


def test_splitting_a_campaign_into_decisions_evades_nothing(pair: Agency) -> None:
    campaign = waiting_campaign(pair, costs=(10_000, 8_000, 5_000))
    first, second, _ = ids_of(campaign)
    alone, _ = approve(pair, campaign, recommendation_ids=[first])
    assert alone.verdict == "approve"
    more, _ = approve(pair, campaign, recommendation_ids=[second])
    assert more.verdict == "endorse"


def test_splitting_over_campaigns_evades_nothing_on_the_same_day(pair: Agency) -> None:
    one, two = waiting_campaign(pair, costs=(8_000,)), waiting_campaign(pair, costs=(8_000,))
    assert approve(pair, one)[0].verdict == "approve"
    assert approve(pair, two)[0].verdict == "endorse"
    assert approve(pair, two, by="second")[0].verdict == "approve"
    with time_machine.travel(now().replace(hour=0, minute=5) + dt.timedelta(days=1), tick=False):
        Recommendation.objects.update(quote_expires_at=now() + dt.timedelta(hours=1))
        tomorrow = waiting_campaign(pair, costs=(8_000,))
        assert approve(pair, tomorrow)[0].verdict == "approve"


def test_the_preparer_s_own_limit_sums_over_the_day_too(pair: Agency) -> None:
    one, two = waiting_campaign(pair, costs=(4_000,)), waiting_campaign(pair, costs=(4_000,))
    approve(pair, one, by="manager")
    refusal = refused("preparer_cannot_approve", lambda: approve(pair, two, by="manager"), two)
    assert "4,000.00 of plans of your own" in refusal.message
    approve(pair, two)


def test_finance_confirms_and_never_comes_first(pair: Agency) -> None:
    campaign = waiting_campaign(pair)
    decider = pair.decider("finance")
    decider = type(decider)(decider.actor, decider.user_id, decider.door, only_confirms=True)

    def confirm() -> Decision:
        return services.approve_lines(campaign_id=campaign.pk, decider=decider, everything=True)[0]

    refused("nothing_to_confirm", confirm, campaign)
    refused(
        "only_confirms",
        lambda: services.reject_lines(
            campaign_id=campaign.pk, decider=decider, reason="Too dear for us", everything=True
        ),
        campaign,
    )
    approve(pair, campaign)
    assert confirm().verdict == "approve"


def test_an_approval_that_waits_for_others_can_be_taken_back_by_its_giver_only(pair: Agency) -> None:
    campaign = waiting_campaign(pair)
    first, _ = approve(pair, campaign)

    def undo(who: str) -> Decision:
        return undo_approval(campaign_id=campaign.pk, decision_id=first.pk, decider=pair.decider(who))

    refused("cannot_be_undone", lambda: undo("second"), campaign)
    undo("approver")
    assert approve(pair, campaign, by="second")[0].verdict == "endorse"
    refused("already_undone", lambda: undo("approver"), campaign)


def test_a_rejection_needs_one_person(pair: Agency) -> None:
    campaign = waiting_campaign(pair)
    approve(pair, campaign)
    reject(pair, campaign)
    assert set(campaign.recommendations.values_list("state", flat=True)) == {RecommendationState.REJECTED}


def test_three_of_three(pair: Agency) -> None:
    set_limits(self_approval=0, auto_approve=0, second_person_above=0, people_needed=3)
    hire(pair, "third", Role.FINANCE)
    campaign = waiting_campaign(pair)
    verdicts = [approve(pair, campaign, by=name)[0].verdict for name in ("approver", "second", "third")]
    assert verdicts == ["endorse", "endorse", "approve"]
    assert Decision.objects.get(verdict="approve").people == 3


def test_two_second_approvals_in_one_instant_make_one_booking(pair: Agency) -> None:
    hire(pair, "third", Role.APPROVER)
    campaign: Campaign = waiting_campaign(pair)
    approve(pair, campaign)
    together = threading.Barrier(2)

    def confirm(who: str) -> str:
        try:
            together.wait(10)
            return approve(pair, campaign, by=who)[0].verdict
        except Exception as error:
            return str(getattr(error, "code", error))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(confirm, ["second", "third"]))
    assert answers == ["already_decided", "approve"]
    assert campaign.lines.count() == 3
