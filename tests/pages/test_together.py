"""Sending a plan to the person who shall decide it; who else looks at a plan; the usual reasons to reject."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from approvals.models import ApprovalRequest
from bookings.presence import Presence
from crm.models import Assignment
from flows.clock import now
from flows.models import Event
from notifications.looking import look
from notifications.models import Notice
from tests.agency import Agency
from tests.deciding import approve, ids_of
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign


def second_approver(agency: Agency) -> User:
    user = User.objects.create_user("second", role=Role.APPROVER, first_name="Finn", last_name="Berg")
    Assignment.objects.create(organization=agency.client, user=user)
    agency.people["second"] = user
    return user


def test_who_is_asked_reads_it_on_the_page_in_the_queue_and_in_a_message(
    agency: Agency, browse: Browse
) -> None:
    finn, campaign = second_approver(agency), waiting_campaign(agency)
    look()
    Notice.objects.all().delete()
    note = "Please today, <b>the client</b> waits"
    answer = browse("manager").post(
        reverse("campaign-ask", args=[campaign.pk]), {"person": finn.pk, "note": note}, follow=True
    )
    assert "Sent." in text_of(answer)
    assert "manager asked Finn Berg: Please today" in text_of(answer)
    assert "<b>the client</b>" not in answer.content.decode()
    queue = browse("second").get(reverse("work"))
    assert "manager asks you: Please today" in text_of(queue)
    assert "asks you" not in text_of(browse("approver").get(reverse("work")))
    look()
    (notice,) = Notice.objects.filter(kind="asked")
    assert (notice.recipient, note in notice.text) == (finn, True)
    event = Event.objects.get(type="approval.asked", subject_id=str(campaign.pk))
    assert (event.actor_label, event.payload["name"]) == ("manager", "Finn Berg")
    approve(agency, campaign)  # everybody else who may decide still may


def test_who_cannot_be_asked(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    url = reverse("campaign-ask", args=[campaign.pk])
    for name in ("manager", "ops", "viewer", "outsider"):
        answer = browse("manager").post(url, {"person": agency.person(name).pk}, follow=True)
        assert "Choose one of the other people" in text_of(answer), name
    long = browse("manager").post(
        url, {"person": agency.person("approver").pk, "note": "x" * 501}, follow=True
    )
    assert "Shorten the note" in text_of(long)
    assert ApprovalRequest.objects.get().asked is None
    approve(agency, campaign)
    late = browse("manager").post(url, {"person": agency.person("approver").pk}, follow=True)
    assert "Nothing of this plan waits" in text_of(late)


def test_who_may_ask(agency: Agency, browse: Browse, api: Any) -> None:
    campaign = waiting_campaign(agency)
    expected = {"manager": 200, "approver": 200, "finance": 200, "ops": 403, "viewer": 403, "outsider": 404}
    for name, status in expected.items():
        who = "approver" if name != "approver" else "finance"
        answer = api(name).post(f"/api/bookings/{campaign.pk}/ask", {"person": who}, format="json")
        assert answer.status_code == status, name
    unknown = api("manager").post(f"/api/bookings/{campaign.pk}/ask", {"person": "nobody"}, format="json")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_person")


def test_people_at_one_page_see_each_other_until_they_leave(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    url = reverse("campaign-here", args=[campaign.pk])
    assert text_of(browse("manager").post(url)).strip() == ""
    assert "manager looks at this page too" in text_of(browse("approver").post(url))
    assert "approver looks at this page too" in text_of(browse("manager").post(url))
    assert browse("approver").post(url, {"gone": "1"}).status_code == 204
    assert "approver" not in text_of(browse("manager").post(url))
    with time_machine.travel(now() + dt.timedelta(seconds=41), tick=False):
        assert "manager" not in text_of(browse("finance").post(url))
    with time_machine.travel(now() + dt.timedelta(hours=2), tick=False):
        browse("finance").post(url)
        assert Presence.objects.count() == 1


def test_presence_is_the_agencys_and_changes_nothing_by_get(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    url = reverse("campaign-here", args=[campaign.pk])
    assert browse("manager").get(url).status_code == 405
    assert browse("viewer").post(url).status_code == 403
    assert browse("outsider").post(url).status_code == 404
    assert not Presence.objects.exists()


@pytest.mark.parametrize(
    ("kind", "reason", "kept"),
    [
        ("price", "above our last buys", "Too expensive: above our last buys"),
        ("", "in my own words", "in my own words"),
        ("nonsense", "in my own words", "in my own words"),
    ],
)
def test_a_usual_reason_stands_before_the_own_words(
    agency: Agency,
    browse: Browse,
    kind: str,
    reason: str,
    kept: str,
) -> None:
    campaign = waiting_campaign(agency)
    posted = {"verdict": "reject", "line": ids_of(campaign)[:1], "reason_kind": kind, "reason": reason}
    answer = browse("approver").post(reverse("campaign-decide", args=[campaign.pk]), posted)
    assert answer.status_code == 302
    assert campaign.recommendations.get(state="rejected").decided_reason == kept


def test_a_usual_reason_alone_is_not_enough_and_is_still_chosen_afterwards(
    agency: Agency,
    browse: Browse,
) -> None:
    campaign = waiting_campaign(agency)
    posted = {"verdict": "reject", "line": ids_of(campaign)[:1], "reason_kind": "safety", "reason": ""}
    answer = browse("approver").post(reverse("campaign-decide", args=[campaign.pk]), posted)
    assert answer.status_code == 400
    assert '<option value="safety" selected>' in answer.content.decode()
    assert not campaign.recommendations.filter(state="rejected").exists()
