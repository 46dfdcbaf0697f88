"""A job over REST, from the brief to lines that both sellers have confirmed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from bookings.models import Campaign, Line
from flows.models import Event
from tests.briefs import brief
from tests.driving import Desk, drive, open_steps, run_due

Api = Callable[[str], APIClient]
SEED_KEYS = {
    *("job_id", "status", "progress", "audience_plan", "budget_allocations", "recommendations"),
    *("booked_lines", "errors"),
}


def submit(client: APIClient, **changes: Any) -> Campaign:
    answer = client.post("/api/bookings", brief(**changes), format="json")
    assert answer.status_code == 202, answer.content
    return Campaign.objects.get(pk=answer.json()["job_id"])


def read(client: APIClient, campaign: Campaign) -> dict[str, Any]:
    answer = client.get(f"/api/bookings/{campaign.pk}")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def act(client: APIClient, campaign: Campaign, verb: str, /, **body: Any) -> Any:
    return client.post(f"/api/bookings/{campaign.pk}/{verb}", body, format="json")


def in_background(campaign: Campaign) -> threading.Thread:
    """A worker for one campaign, as the server has one: it starts when lines are approved."""

    def work() -> None:
        limit = time.monotonic() + 15
        try:
            while not Line.objects.filter(campaign=campaign).exists() and time.monotonic() < limit:
                time.sleep(0.05)
            drive(Campaign.objects.get(pk=campaign.pk), until=lambda row: row.status == "completed")
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_brief_is_taken_at_once(desk: Desk, api: Api) -> None:
    answer = api("manager").post("/api/bookings", brief(), format="json")
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "pending"
    assert answer["Location"] == f"http://testserver/api/bookings/{body['job_id']}"
    first = api("manager").get(answer["Location"]).json()
    assert first.keys() >= SEED_KEYS
    assert (first["status"], first["progress"]) == ("pending", 0)
    empty = [first[name] for name in ("recommendations", "booked_lines", "errors", "budget_allocations")]
    assert empty == [[], [], [], {}]
    assert first["audience_plan"] is None


def test_progress_never_goes_back_and_the_keys_are_always_there(desk: Desk, api: Api) -> None:
    client = api("manager")
    campaign = submit(client)
    seen = [read(client, campaign)]
    while open_steps(campaign):
        run_due(campaign)
        seen.append(read(client, campaign))
    assert all(answer.keys() >= SEED_KEYS for answer in seen)
    progress = [answer["progress"] for answer in seen]
    assert progress == sorted(progress)
    assert all(0 <= value <= 1 for value in progress)
    assert seen[-1]["status"] == "awaiting_approval"
    assert sum(Decimal(row["budget"]) for row in seen[-1]["budget_allocations"].values()) == 60_000

    act(api("approver"), campaign, "approve-all")
    drive(campaign)
    last = read(client, campaign)
    assert (last["status"], last["progress"]) == ("completed", 1)
    assert all(line["booked"] and line["seller_reference"] for line in last["booked_lines"])


def test_the_recommendations_add_up(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    detail = read(api("approver"), campaign)
    costs = [Decimal(row["cost"]) for row in detail["recommendations"]]
    assert Decimal(detail["totals"]["recommended"]) == sum(costs) <= Decimal(detail["budget"])
    for row in detail["recommendations"]:
        exact = Decimal(row["cpm"]) * row["impressions"] / 1000
        assert abs(exact - Decimal(row["cost"])) <= Decimal("0.005")


def test_approving_chosen_lines_leaves_the_others_open(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    rows = read(api("approver"), campaign)["recommendations"]
    answer = act(api("approver"), campaign, "approve", recommendation_ids=[rows[0]["recommendation_id"]])
    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["approved_count"], body["booked"]) == ("executing_bookings", 1, 0)
    assert body["total_cost"] == rows[0]["cost"]
    assert body["background"] is True
    states = [row["status"] for row in read(api("approver"), campaign)["recommendations"]]
    assert states == ["approved", *["open"] * (len(rows) - 1)]


def test_approving_by_the_products_ids_as_in_the_seed(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    rows = read(api("approver"), campaign)["recommendations"]
    chosen = rows[0]["product_id"]
    answer = act(api("approver"), campaign, "approve", approved_product_ids=[chosen])
    assert answer.status_code == 202
    lines = read(api("approver"), campaign)["booked_lines"]
    assert {line["product_id"] for line in lines} == {chosen}
    assert answer.json()["approved_count"] == len(lines) == [row["product_id"] for row in rows].count(chosen)


def test_waiting_for_the_bookings_tells_what_the_sellers_said(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    rows = read(api("approver"), campaign)["recommendations"]
    results: list[Any] = []

    def approve() -> None:
        try:
            url = f"/api/bookings/{campaign.pk}/approve-all"
            results.append(api("approver").post(url, {}, format="json", HTTP_PREFER="wait=20"))
        finally:
            connection.close()

    waiting = threading.Thread(target=approve)
    waiting.start()
    worker = in_background(campaign)
    worker.join()
    waiting.join()
    [answer] = results
    assert answer.status_code == 200, answer.content
    assert answer["Preference-Applied"] == "wait=20"
    body = answer.json()
    assert (body["status"], body["booked"], body["failed"]) == ("success", len(rows), 0)
    assert Decimal(body["total_cost"]) == sum(Decimal(row["cost"]) for row in rows)
    assert body["background"] is False


def test_waiting_ends_when_the_time_is_up(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    url = f"/api/bookings/{campaign.pk}/approve-all"
    answer = api("approver").post(url, {}, format="json", HTTP_PREFER="respond-async, wait=1")
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["booked"]) == ("executing_bookings", 0)


def test_a_dearer_line_is_told_and_the_others_stand(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    desk.agent.faults(kind="price", method="POST", path="/api/v1/deals", factor=1.1)
    act(api("approver"), campaign, "approve-all")
    drive(campaign)
    detail = read(api("manager"), campaign)
    lost = [line for line in detail["booked_lines"] if not line["booked"]]
    assert detail["status"] == "completed"
    assert {line["seller"] for line in lost} == {"agent"}
    assert all(line["needs_decision"] and "CPM" in line["note"] for line in lost)
    assert [error["field"] for error in detail["errors"]] == [f"lines.{line['line_id']}" for line in lost]

    shown = read(api("viewer"), campaign)  # the client learns that it failed, not at which price
    assert [line["booked"] for line in shown["booked_lines"]] == [
        line["booked"] for line in detail["booked_lines"]
    ]
    assert "CPM" not in str([shown["errors"], shown["booked_lines"]])


def test_rejecting_needs_a_reason_and_keeps_it(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    rows = read(api("approver"), campaign)["recommendations"]
    chosen = [rows[0]["recommendation_id"]]
    without = act(api("approver"), campaign, "reject", recommendation_ids=chosen)
    assert without.status_code == 400
    assert [error["field"] for error in without.json()["errors"]] == ["reason"]
    detail = act(
        api("approver"), campaign, "reject", recommendation_ids=chosen, reason="Not our audience"
    ).json()
    assert detail["recommendations"][0]["status"] == "rejected"
    assert detail["recommendations"][0]["reason"] == "Not our audience"
    assert detail["status"] == "awaiting_approval"


def test_rejecting_everything_ends_the_campaign(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    ids = [row["recommendation_id"] for row in read(api("approver"), campaign)["recommendations"]]
    detail = act(api("approver"), campaign, "reject", recommendation_ids=ids, reason="Too dear for us").json()
    assert (detail["status"], detail["progress"]) == ("cancelled", 1)
    assert not desk.agent.journal.effects("deal.booked")


def test_cancelling_before_the_booking(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    assert act(api("manager"), campaign, "cancel").status_code == 400
    answer = act(api("manager"), campaign, "cancel", reason="The client paused")
    assert answer.status_code == 200
    assert answer.json()["status"] == "cancelled"
    again = act(api("manager"), campaign, "cancel", reason="The client paused")
    assert again.status_code == 409
    assert again.json()["code"] == "wrong_state"
    assert act(api("approver"), campaign, "approve-all").status_code == 409


def test_cancelling_after_an_approval_is_refused(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    act(api("approver"), campaign, "approve-all")
    assert act(api("manager"), campaign, "cancel", reason="Too late now").status_code == 409


def test_the_events_come_in_pages(desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookings.api.EVENTS_PAGE", 7)
    campaign = desk.planned()
    client, after, seen = api("manager"), 0, []
    while True:
        page = client.get(f"/api/bookings/{campaign.pk}/events", {"after": after}).json()
        seen += page["events"]
        after = page["last"]
        if not page["more"]:
            break
    rows = Event.objects.filter(subject_type="campaign", subject_id=str(campaign.pk)).order_by("position")
    assert [event["seq"] for event in seen] == [row.position for row in rows]
    assert seen[0]["type"] == "campaign.submitted"
    assert seen[0]["actor"]["label"]
    assert client.get(f"/api/bookings/{campaign.pk}/events", {"after": after}).json()["events"] == []


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 13, ""])
def test_a_position_is_a_whole_number(desk: Desk, api: Api, after: str) -> None:
    campaign = submit(api("manager"))
    answer = api("manager").get(f"/api/bookings/{campaign.pk}/events", {"after": after})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "after"


def test_the_rest_is_planned_as_a_new_booking(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    rows = read(api("approver"), campaign)["recommendations"]
    assert act(api("manager"), campaign, "rest").status_code == 409
    act(api("approver"), campaign, "approve", recommendation_ids=[rows[0]["recommendation_id"]])
    drive(campaign)
    answer = act(api("manager"), campaign, "rest")
    assert answer.status_code == 202, answer.content
    rest = read(api("manager"), Campaign.objects.get(pk=answer.json()["job_id"]))
    assert rest["follows"] == str(campaign.pk)
    assert Decimal(rest["budget"]) == 60_000 - Decimal(rows[0]["cost"])


def test_auto_approve_beyond_the_limit_still_waits_for_a_person(desk: Desk, api: Api) -> None:
    campaign = drive(submit(api("manager"), auto_approve=True))
    detail = read(api("manager"), campaign)
    assert detail["status"] == "awaiting_approval"
    assert detail["approval"]["decisions"] == []


def test_unknown_ids_change_nothing(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    before = read(api("approver"), campaign)
    for body in ({"recommendation_ids": [str(uuid.uuid4())]}, {"approved_product_ids": ["nowhere"]}):
        answer = act(api("approver"), campaign, "approve", **body)
        assert answer.status_code == 422
        assert answer.json()["unknown"] == next(iter(body.values()))
        assert answer.json()["errors"][0]["field"] == next(iter(body))
    assert read(api("approver"), campaign) == before
