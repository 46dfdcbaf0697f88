"""Undo and second approvals by REST."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import time_machine
from rest_framework.test import APIClient

from bookings.models import Line
from flows.clock import now
from tests.agency import Agency, set_limits
from tests.plans import waiting_campaign

Api = Callable[[str], APIClient]


def post(client: APIClient, campaign: Any, act: str, **body: Any) -> Any:
    return client.post(f"/api/bookings/{campaign.pk}/{act}", body, format="json")


def test_an_approval_says_until_when_it_can_be_undone_and_is_undone(agency: Agency, api: Api) -> None:
    set_limits(self_approval=0, auto_approve=0, undo_seconds=30)
    campaign = waiting_campaign(agency)
    taken = post(api("approver"), campaign, "approve-all").json()
    assert dt.datetime.fromisoformat(taken["acts_at"]) > now() + dt.timedelta(seconds=25)
    answer = post(api("approver"), campaign, "undo", decision_id=taken["decision_id"], reason="Wrong plan")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["booked_lines"]) == ("awaiting_approval", [])
    approved, undone = body["approval"]["decisions"]
    assert (approved["undone"], undone["verdict"], undone["undoes"]) == (True, "undo", taken["decision_id"])
    assert undone["reason"] == "Wrong plan"
    again = post(api("approver"), campaign, "undo", decision_id=taken["decision_id"])
    assert (again.status_code, again.json()["code"]) == (409, "already_undone")


def test_too_late_is_409_and_the_lines_go_on(agency: Agency, api: Api) -> None:
    set_limits(self_approval=0, auto_approve=0, undo_seconds=5)
    campaign = waiting_campaign(agency)
    taken = post(api("approver"), campaign, "approve-all").json()
    with time_machine.travel(now() + dt.timedelta(seconds=6)):
        answer = post(api("approver"), campaign, "undo", decision_id=taken["decision_id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "too_late_to_undo")
    assert Line.objects.count() == 3


def test_bad_bodies_name_the_field(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    for body in ({}, {"decision_id": "x"}, {"decision_id": str(uuid.uuid4()), "why": "typo"}):
        answer = post(api("approver"), campaign, "undo", **body)
        assert answer.status_code == 400, body
        assert answer.json()["errors"]
    answer = post(api("approver"), campaign, "undo", decision_id=str(uuid.uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_id")


def test_who_may_not_decide_may_not_undo(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    for person, status in (("ops", 403), ("viewer", 403), ("client", 403), ("outsider", 404)):
        assert post(api(person), campaign, "undo", decision_id=str(uuid.uuid4())).status_code == status


def test_the_second_person_s_approval_books(agency: Agency, api: Api) -> None:
    set_limits(self_approval=0, auto_approve=0, second_person_above=1_000)
    campaign = waiting_campaign(agency)
    alone = post(api("finance"), campaign, "approve-all")
    assert (alone.status_code, alone.json()["code"]) == (403, "nothing_to_confirm")
    first = api("approver").post(
        f"/api/bookings/{campaign.pk}/approve-all", {}, format="json", headers={"Prefer": "wait=30"}
    )
    assert first.status_code == 202
    assert (first.json()["status"], first.json()["approved_count"]) == ("awaiting_second_approval", 0)
    assert not first.json()["background"]
    second = post(api("finance"), campaign, "approve-all").json()
    assert (second["status"], second["approved_count"]) == ("executing_bookings", 3)
    detail = api("manager").get(f"/api/bookings/{campaign.pk}").json()
    assert [row["people"] for row in detail["approval"]["decisions"]] == [1, 2]
    assert post(api("finance"), campaign, "reject", reason="Too dear for us").status_code == 403
