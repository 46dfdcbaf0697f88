"""Exploring another budget on a waiting plan, and making the plan anew with it."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.actors import actor_of_user
from approvals.errors import Refused
from approvals.models import ApprovalRequest
from bookings.models import Campaign
from bookings.revising import revise_plan
from bookings.what_if import explore
from flows.models import Event
from planning.types import Infeasible
from planning.what_if import Change
from sellers import gate
from sellers.services import disable_seller
from tests.agency import Agency, set_limits
from tests.bookings.test_research_talks import asked
from tests.deciding import approve, ids_of, refused, reject
from tests.driving import Desk, drive
from tests.plans import waiting_campaign


def revise(desk: Desk, campaign: Campaign, change: Change, by: str = "manager", version: int = 0) -> Campaign:
    user = desk.agency.person(by)
    return revise_plan(
        campaign_id=campaign.pk,
        change=change,
        user=user,
        actor=actor_of_user(user),
        seen_version=version or campaign.plan_version,
    )


def terms_of(campaign: Campaign) -> list[Any]:
    return list(
        campaign.recommendations.order_by("rank").values_list("product_id", "impressions", "cpm", "cost")
    )


def calls(desk: Desk) -> int:
    return len(desk.agent.journal.requests()) + len(desk.direct.journal.requests())


def test_exploring_asks_nobody_and_changes_nothing(desk: Desk) -> None:
    campaign = desk.planned()
    asked, before, told = calls(desk), terms_of(campaign), Event.objects.count()
    shown = explore(campaign, Change(budget=campaign.budget / 2))
    assert shown.then.cost <= campaign.budget / 2
    assert shown.then.budget == campaign.budget / 2
    assert shown.now.cost == sum(row[3] for row in before)
    assert sum(pair.cost_then for pair in shown.channels) == shown.then.cost
    assert (calls(desk), terms_of(campaign), Event.objects.count()) == (asked, before, told)


def test_no_change_finds_the_plan_that_waits_again(desk: Desk) -> None:
    campaign = desk.planned()
    shown = explore(campaign, Change())
    assert abs(shown.then.value - shown.now.value) <= shown.now.value / 100
    assert shown.changes.removed == ()


def test_a_disabled_seller_is_not_counted_on(desk: Desk) -> None:
    campaign = desk.planned()
    disable_seller(seller_id=desk.seller("direct").pk, actor=actor_of_user(desk.agency.person("ops")))
    assert {line.seller for line in explore(campaign, Change()).answer.plan.lines} <= {"agent"}


def test_the_plan_is_made_anew_with_fresh_prices_and_a_new_request(desk: Desk) -> None:
    campaign = desk.planned()
    half = campaign.budget / 2
    old = ApprovalRequest.objects.get(subject_id=campaign.pk)
    expected = explore(campaign, Change(budget=half)).then
    revise(desk, campaign, Change(budget=half))
    campaign = drive(campaign)
    assert (campaign.status, campaign.budget, campaign.plan_version) == ("awaiting_approval", half, 2)
    new = ApprovalRequest.objects.get(subject_id=campaign.pk, status="open")
    old.refresh_from_db()
    assert (old.status, new.version, new.ceiling) == ("withdrawn", 2, half)
    cost = sum(row[3] for row in terms_of(campaign))
    assert cost <= half
    assert abs(cost - expected.cost) <= expected.cost / 20
    told = Event.objects.get(subject_id=str(campaign.pk), type="campaign.revise").payload
    assert Decimal(told["before"]["budget"]) == half * 2
    _, lines = approve(desk.agency, campaign)
    assert len(lines) == campaign.recommendations.count()
    assert drive(campaign).status == "completed"


def test_whoever_made_it_anew_has_prepared_it(desk: Desk) -> None:
    from accounts.models import User
    from crm.models import Assignment

    set_limits(self_approval=0, auto_approve=0)
    campaign = desk.planned()
    second = User.objects.create_user("second", role="manager")
    Assignment.objects.create(organization=desk.agency.client, user=second)
    desk.agency.people["second"] = second
    revise(desk, campaign, Change(budget=campaign.budget - 1_000), by="second")
    campaign = drive(campaign)
    for name in ("manager", "second"):
        refused(
            "preparer_cannot_approve", lambda name=name: approve(desk.agency, campaign, by=name), campaign
        )
    approve(desk.agency, campaign)


def test_a_channel_that_gets_its_first_money_is_researched(desk: Desk) -> None:
    campaign = desk.planned(constraints={"channel_shares": {"ctv": {"max": 0}}})
    ctv = campaign.channels.get(channel="ctv")
    assert ctv.state == "unfunded"
    revise(desk, campaign, Change(shares={"ctv": Decimal("0.3")}))
    campaign = drive(campaign)
    ctv.refresh_from_db()
    assert (campaign.status, ctv.state) == ("awaiting_approval", "reported")
    assert ctv.amount == campaign.budget * Decimal("0.3")
    assert campaign.recommendations.filter(channel="ctv").exists()


def test_earlier_approvals_of_several_start_anew(desk: Desk) -> None:
    set_limits(self_approval=0, auto_approve=0, second_person_above=1)
    campaign = desk.planned()
    approve(desk.agency, campaign)
    revise(desk, campaign, Change(budget=campaign.budget - 1_000))
    campaign = drive(campaign)
    decision, lines = approve(desk.agency, campaign)
    assert (decision.verdict, lines) == ("endorse", [])


@pytest.mark.parametrize(
    ("change", "code"),
    [(Change(), "nothing_changed"), (Change(max_cpm=Decimal("0.01")), "no_plan")],
)
def test_what_leads_nowhere_is_refused(desk: Desk, change: Change, code: str) -> None:
    campaign = desk.planned()
    refused(code, lambda: revise(desk, campaign, change), campaign)


def test_impossible_shares_name_the_field(desk: Desk) -> None:
    campaign = desk.planned()
    with pytest.raises(Infeasible) as caught:
        revise(desk, campaign, Change(shares={"ctv": Decimal("0.9"), "branding": Decimal("0.9")}))
    assert [error.field for error in caught.value.errors] == ["shares"]
    assert terms_of(campaign)


def test_nothing_is_revised_once_something_is_decided(desk: Desk) -> None:
    campaign = desk.planned()
    reject(desk.agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    refused("already_decided", lambda: revise(desk, campaign, Change(budget=campaign.budget - 1)), campaign)
    approve(desk.agency, campaign)
    refused("wrong_state", lambda: revise(desk, campaign, Change(budget=campaign.budget - 1)), campaign)


def test_of_two_revisions_of_one_version_one_wins(desk: Desk) -> None:
    campaign = desk.planned()
    together = threading.Barrier(2)

    def attempt(less: int) -> str:
        try:
            together.wait(10)
            revise(desk, campaign, Change(budget=campaign.budget - less), version=1)
            return "done"
        except Refused as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(attempt, [1_000, 2_000]))
    assert answers in (["done", "wrong_state"], ["changed_since_shown", "done"])
    assert drive(campaign).plan_version == 2


# --- the page -----------------------------------------------------------------------------------------------


def signed_in(agency: Agency, name: str) -> Client:
    client = Client()
    client.force_login(agency.person(name))
    return client


def test_the_page_explores_and_makes_anew(desk: Desk) -> None:
    campaign = desk.planned()
    maya = signed_in(desk.agency, "manager")
    url = f"/campaigns/{campaign.pk}/what-if/"
    page = maya.get(campaign.get_absolute_url()).content.decode()
    assert 'id="what-if-form"' in page
    half = f"{campaign.budget / 2:.2f}"
    answer = maya.get(url, {"budget": half}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in answer
    assert "Make the plan anew with this" in answer
    assert "<html" in maya.get(url, {"budget": half}).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', answer))
    fields.pop("csrfmiddlewaretoken", None)
    maya.post(f"/campaigns/{campaign.pk}/revise/", fields)
    campaign.refresh_from_db()
    assert (campaign.budget, campaign.status) == (Decimal(half), "researching")
    again = maya.post(f"/campaigns/{campaign.pk}/revise/", fields | {"budget": "1000"}, follow=True)
    assert "only a plan that waits" in again.content.decode()


@pytest.mark.parametrize("typed", ["abc", "1e400", "-5", "NaN", "0", "1.1234567"])
def test_bad_numbers_are_said(agency: Agency, typed: str) -> None:
    campaign = waiting_campaign(agency)
    answer = signed_in(agency, "manager").get(f"/campaigns/{campaign.pk}/what-if/", {"budget": typed})
    assert answer.status_code == 200
    assert "No plan under these limits" in answer.content.decode()


def test_who_may_explore_and_who_may_revise(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    url = f"/campaigns/{campaign.pk}/"
    for name, explores, revises in (
        ("manager", 200, 302),
        ("approver", 200, 403),
        ("finance", 200, 403),
        ("ops", 403, 403),
        ("viewer", 403, 403),
        ("outsider", 404, 404),
    ):
        client = signed_in(agency, name)
        assert client.get(f"{url}what-if/").status_code == explores, name
        assert client.post(f"{url}revise/").status_code == revises, name
        assert client.get(f"{url}revise/").status_code in (403, 405), name


# --- a seller that was not heard ---------------------------------------------------------------------------------


def planned_without_direct(desk: Desk) -> Campaign:
    desk.direct.faults(kind="status", status=503, body="down")
    campaign = desk.planned()
    assert {row.state for row in campaign.reports.filter(seller__slug="direct")} == {"failed"}
    desk.direct.clear_faults()
    gate.forget_all()  # the pause of its circuit is over
    return campaign


def test_a_seller_that_was_not_heard_is_asked_again_and_nobody_else(desk: Desk) -> None:
    campaign = planned_without_direct(desk)
    page = Client()
    page.force_login(desk.agency.person("manager"))
    assert "Ask again and plan anew" in page.get(f"/campaigns/{campaign.pk}/").content.decode()
    searches = asked(desk.agent, "GET", "/products")
    posted = {"seller": "direct", "version": 1}
    assert page.post(f"/campaigns/{campaign.pk}/ask-seller/", posted).status_code == 302
    campaign = drive(Campaign.objects.get(pk=campaign.pk))
    assert (campaign.status, campaign.plan_version) == ("awaiting_approval", 2)
    assert {row.state for row in campaign.reports.filter(seller__slug="direct")} == {"ok"}
    assert campaign.recommendations.filter(seller__slug="direct").exists()
    assert asked(desk.agent, "GET", "/products") == searches
    again = page.post(f"/campaigns/{campaign.pk}/ask-seller/", posted | {"version": 2}, follow=True)
    assert "has answered all" in again.content.decode()


def test_a_seller_that_stays_silent_may_be_asked_once_more(desk: Desk, api: Any) -> None:
    campaign = planned_without_direct(desk)
    desk.direct.faults(kind="status", status=503, body="down")
    url = f"/api/bookings/{campaign.pk}/ask-seller"
    for version in (1, 2):
        answer = api("manager").post(url, {"seller": "direct", "version": version}, format="json")
        assert (answer.status_code, answer.json()["status"]) == (202, "researching")
        campaign = drive(Campaign.objects.get(pk=campaign.pk))
        assert (campaign.status, campaign.plan_version) == ("awaiting_approval", version + 1)
        gate.forget_all()
    late = api("manager").post(url, {"seller": "direct", "version": 1}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "changed_since_shown")
    unknown = api("manager").post(url, {"seller": "nobody", "version": 3}, format="json")
    assert (unknown.status_code, unknown.json()["code"]) == (409, "nothing_unheard")
    assert api("approver").post(url, {"seller": "direct", "version": 3}, format="json").status_code == 403


# --- REST ---------------------------------------------------------------------------------------------------


def test_rest_explores_with_the_same_numbers_as_the_page_and_revises(desk: Desk, api: Any) -> None:
    campaign = desk.planned()
    half = str(campaign.budget / 2)
    shown = explore(campaign, Change(budget=Decimal(half)))
    url = f"/api/bookings/{campaign.pk}"
    body = api("manager").post(f"{url}/what-if", {"budget": half}, format="json").json()
    assert Decimal(body["then"]["cost"]) == shown.then.cost
    assert body["then"]["lines"] == len(body["lines"]) == shown.then.lines
    assert len(body["removed"]) == len(shown.changes.removed)
    late = api("manager").post(f"{url}/revise", {"budget": half, "version": 7}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "changed_since_shown")
    answer = api("manager").post(f"{url}/revise", {"budget": half, "version": 1}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (202, "researching")
    assert drive(campaign).status == "awaiting_approval"


def test_rest_names_what_cannot_be(agency: Agency, api: Any) -> None:
    campaign = waiting_campaign(agency)
    url = f"/api/bookings/{campaign.pk}/what-if"
    for body, field in (
        ({"budget": "abc"}, "budget"),
        ({"budget": "-1"}, "budget"),
        ({"shares": {"ctv": "2"}}, "shares.ctv"),
        ({"badget": "1"}, "badget"),
    ):
        answer = api("manager").post(url, body, format="json")
        assert answer.status_code == 400, body
        assert field in [error["field"] for error in answer.json()["errors"]]
    answer = api("manager").post(url, {"shares": {"dooh": "0.5"}}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "share.dooh")
    assert api("viewer").post(url, {"budget": "1"}, format="json").status_code == 403
    assert api("outsider").post(url, {"budget": "1"}, format="json").status_code == 404
