"""The booking policy at every door: asked for on the form and over REST, shown to whoever decides, told as it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from bookings.models import Campaign
from flows.models import Claim
from tests.agency import Agency
from tests.bookings.test_saga import ALL, KEEP, lines_of, planned, refuse
from tests.briefs import brief
from tests.driving import Desk
from tests.pages.conftest import text_of
from tests.pages.test_brief_form import form
from tests.plans import make_seller, waiting_campaign
from tests.standing import drive_checked, events

Api = Callable[[str], APIClient]


def signed_in(agency: Agency, name: str) -> Client:
    client = Client()
    client.force_login(agency.person(name))
    return client


def page_of(agency: Agency, campaign: Campaign, person: str = "approver") -> str:
    return text_of(signed_in(agency, person).get(campaign.get_absolute_url()))


# --- asking for it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kind", "share"),
    [
        ({}, "keep_partial", None),
        ({"policy_kind": "keep_partial"}, "keep_partial", None),
        ({"policy_kind": "all_or_nothing"}, "all_or_nothing", None),
        ({"policy_kind": "at_least", "policy_share": "80"}, "at_least", "0.8"),
        ({"policy_kind": "at_least", "policy_share": "0.8"}, "at_least", "0.8"),
    ],
)
def test_the_form_takes_a_policy(agency: Agency, typed: dict[str, str], kind: str, share: str | None) -> None:
    make_seller()
    answer = signed_in(agency, "manager").post(reverse("campaign-new"), form(**typed))
    assert answer.status_code == 302
    stored = Campaign.objects.get()
    assert stored.brief["booking_policy"] == {"kind": kind, "share": share}
    assert stored.read_brief().booking_policy == stored.booking_policy


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"policy_kind": "at_least"}, "policy_share"),
        ({"policy_kind": "at_least", "policy_share": "most"}, "policy_share"),
        ({"policy_kind": "all_or_nothing", "policy_share": "80"}, "policy_share"),
        ({"policy_kind": "keep_partial", "policy_share": "80"}, "policy_share"),
        ({"policy_kind": "half"}, "policy_kind"),
    ],
)
def test_a_wrong_policy_stands_beside_its_field(agency: Agency, typed: dict[str, str], field: str) -> None:
    make_seller()
    page = signed_in(agency, "manager").post(reverse("campaign-new"), form(**typed)).content.decode()
    assert not Campaign.objects.exists()
    assert page.count(f'id="id_{field}_error"') == 1


def test_the_form_says_what_each_policy_means_and_may_cost(agency: Agency) -> None:
    words = text_of(signed_in(agency, "manager").get(reverse("campaign-new")))
    for part in ("All or nothing: if one line is refused", "may cost money", "cannot be changed later"):
        assert part in words


def test_rest_takes_and_tells_the_policy(agency: Agency, api: Api) -> None:
    make_seller()
    body = brief(booking_policy={"kind": "at_least", "share": 0.8})
    job = api("manager").post("/api/bookings", body, format="json").json()["job_id"]
    told = api("manager").get(f"/api/bookings/{job}").json()
    assert told["brief"]["booking_policy"] == {"kind": "at_least", "share": "0.8"}
    assert told["booking_policy"]["text"].startswith("At least 80 % of the approved cost")
    assert told["unwinding"] == []


def test_rest_names_what_is_wrong_with_a_policy(agency: Agency, api: Api) -> None:
    make_seller()
    answer = api("manager").post("/api/bookings", brief(booking_policy={"kind": "at_least"}), format="json")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["booking_policy.share"]
    assert not Campaign.objects.exists()


# --- before the decision -------------------------------------------------------------------------------------------


def test_whoever_decides_reads_what_they_agree_to(agency: Agency) -> None:
    campaign = waiting_campaign(agency, booking_policy=ALL)
    page = page_of(agency, campaign)
    assert (
        page.count("All or nothing: if one line is refused, the others are cancelled.") == 2
    )  # panel and brief
    assert "can be cancelled free of charge until" in page


def test_lines_that_cannot_be_cancelled_free_are_named_before_the_decision(agency: Agency) -> None:
    seller = make_seller()
    seller.options = {"non_cancelable": True}
    seller.save()
    page = page_of(agency, waiting_campaign(agency, booking_policy=ALL))
    assert "3 of the open lines can no longer be cancelled free of charge" in page


def test_the_default_adds_no_warning(agency: Agency) -> None:
    page = page_of(agency, waiting_campaign(agency))
    assert "cancelled free of charge" not in page
    assert page.count("Keep what is booked") == 2  # beside the budget and in the brief


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (KEEP, "Keep what is booked"),
        (ALL, "All or nothing"),
        ({"kind": "at_least", "share": "0.6"}, "At least 60 %"),
    ],
)
@pytest.mark.parametrize("person", ["approver", "ops"])
def test_the_policy_stands_beside_the_budget(
    agency: Agency, person: str, policy: dict[str, Any], words: str
) -> None:
    page = page_of(agency, waiting_campaign(agency, booking_policy=policy), person)
    assert f"Budget 60,000.00 USD {words}" in page


def test_a_policy_that_was_changed_under_the_approver_is_refused(agency: Agency) -> None:
    """Nothing of ours changes it; should anything do so, the decision no longer fits what was shown."""
    from approvals.errors import Refused
    from bookings import services

    campaign = waiting_campaign(agency, booking_policy=ALL)
    Campaign.objects.filter(pk=campaign.pk).update(
        brief={**campaign.brief, "booking_policy": {"kind": "keep_partial", "share": None}}
    )
    with pytest.raises(Refused) as refused:
        services.approve_lines(campaign_id=campaign.pk, decider=agency.decider("approver"), everything=True)
    assert refused.value.code == "changed_since_shown"
    assert not campaign.lines.exists()


# --- while it unwinds, and after -----------------------------------------------------------------------------------


def test_the_page_follows_the_unwinding(desk: Desk, api: Api) -> None:
    campaign = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=3)
    desk.agent.faults(kind="status", method="POST", path="/api/v1/deals/bulk", status=503, count=2)
    desk.approve(campaign)
    unclear = Claim.objects.filter(kind="cancel", state="unknown")
    campaign = drive_checked(desk, campaign, until=lambda row: unclear.count() == 2)
    page = page_of(desk.agency, campaign)
    assert "booking goes on" not in page
    assert "Taking the approval back: 0 of 2 lines cancelled at the seller" in page
    assert "taking back, 0 of 2 cancelled" in page
    assert page.count("Being taken back") == 2
    told = api("manager").get(f"/api/bookings/{campaign.pk}").json()
    assert [line["cancellation"] for line in told["booked_lines"]] == ["waiting", "waiting", None, None]
    assert told["unwinding"][0]["ended_at"] is None

    campaign = drive_checked(desk, campaign)
    page = page_of(desk.agency, campaign)
    assert "The approval was taken back; nothing of it is booked" in page
    assert "Nothing is booked" in page
    told = api("manager").get(f"/api/bookings/{campaign.pk}").json()
    assert told["unwinding"][0]["ended_at"]
    assert [line["cancellation"] for line in told["booked_lines"]] == ["done", "done", None, None]


def test_the_audit_trail_tells_each_step(desk: Desk) -> None:
    campaign = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=2)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    kinds = [
        event.type for event in events(campaign, "") if event.type.split(".")[0] in ("saga", "compensation")
    ]
    assert kinds == [
        "saga.unwinding",
        "compensation.wanted",
        "compensation.sent",
        "compensation.done",
        "saga.unwound",
    ]
    before = events(campaign, "saga.unwinding")[0].position - 1
    url = reverse("campaign-events", args=[campaign.pk]) + f"?after={before}"
    assert "Booking policy cannot be kept" in text_of(signed_in(desk.agency, "approver").get(url))


def test_who_may_not_see_prices_sees_what_happened_without_them(desk: Desk, api: Api) -> None:
    campaign = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=2)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    costs = [f"{line.cost:,.2f}" for line in lines_of(campaign)]
    page = page_of(desk.agency, campaign, "ops")
    assert "The approval was taken back" in page
    assert not [cost for cost in costs if cost in page]


def test_a_line_that_still_stands_is_shouted_about(desk: Desk) -> None:
    campaign = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=2)
    desk.agent.faults(
        {
            "kind": "status",
            "method": "POST",
            "path": "/api/v1/deals/bulk",
            "status": 200,
            "body": {"results": [{"success": False, "error": "Too late"}]},
        }
    )
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    page = page_of(desk.agency, campaign)
    assert "The approval could not be taken back completely: 1 line still stands" in page
    assert "What is booked stands" not in page
    assert "Operations must look" in page


def test_page_and_api_ask_the_database_no_more_often_with_more_lines(
    agency: Agency, django_assert_max_num_queries: Any, api: Any
) -> None:
    few = waiting_campaign(agency, costs=(1_000, 2_000), booking_policy=ALL)
    many = waiting_campaign(agency, costs=tuple(range(1_000, 1_020)), booking_policy=ALL)
    client = signed_in(agency, "approver")

    def queries(campaign: Campaign) -> int:
        with django_assert_max_num_queries(200) as seen:
            client.get(campaign.get_absolute_url())
        return len(seen)

    queries(few)
    assert queries(many) <= queries(few)
