"""Who may open which page, and what everybody else gets."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from tests.agency import Agency
from tests.pages.conftest import Browse
from tests.plans import waiting_campaign

EVERYBODY = {"manager", "approver", "finance", "ops", "viewer", "client"}
PAGES = {
    "work": {"manager", "approver", "finance", "ops"},
    "campaigns": EVERYBODY,
    "campaign-new": {"manager", "client"},
    "campaign-new-json": {"manager", "client"},
    "sellers": {"manager", "approver", "ops"},
    "operations": {"manager", "ops"},
}
ABOUT_ONE = ("campaign", "campaign-live", "campaign-events")
POSTS = {
    "campaign-decide": {"manager", "approver", "finance"},
    "campaign-cancel": {"manager", "ops", "client"},
    "campaign-rest": {"manager", "client"},
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("person", sorted(EVERYBODY))
def test_a_page_opens_for_its_roles_only(browse: Browse, name: str, person: str) -> None:
    expected = 200 if person in PAGES[name] else 403
    assert browse(person).get(reverse(name)).status_code == expected


@pytest.mark.parametrize("name", [*PAGES, *ABOUT_ONE])
def test_without_a_login_every_page_leads_to_the_login(agency: Agency, name: str) -> None:
    args = [waiting_campaign(agency).pk] if name in ABOUT_ONE else []
    response = Client().get(reverse(name, args=args))
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("name", ABOUT_ONE)
def test_everybody_of_the_client_sees_its_campaign(agency: Agency, browse: Browse, name: str) -> None:
    url = reverse(name, args=[waiting_campaign(agency).pk])
    found = {person: browse(person).get(url, follow=True).status_code for person in EVERYBODY}
    assert found == dict.fromkeys(EVERYBODY, 200)


def test_a_client_is_led_from_the_agencys_trail_to_the_own_page(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    answer = browse("viewer").get(reverse("campaign-events", args=[campaign.pk]))
    assert (answer.status_code, answer["Location"]) == (302, campaign.get_absolute_url())


@pytest.mark.parametrize("name", ABOUT_ONE)
def test_another_clients_campaign_does_not_exist(agency: Agency, browse: Browse, name: str) -> None:
    mine = waiting_campaign(agency)
    assert browse("outsider").get(reverse(name, args=[mine.pk])).status_code == 404
    assert browse("manager").get(reverse(name, args=[uuid.uuid4()])).status_code == 404


def test_another_clients_campaign_is_in_no_list(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency, name="Only for Aurora")
    outsider = browse("outsider")
    assert b"Only for Aurora" not in outsider.get(reverse("campaigns")).content
    assert b"Only for Aurora" not in outsider.get(reverse("work"), {"tab": "team"}).content


@pytest.mark.parametrize("name", POSTS)
def test_an_act_is_for_its_roles_only(agency: Agency, browse: Browse, name: str) -> None:
    url = reverse(name, args=[waiting_campaign(agency).pk])
    for person in sorted(EVERYBODY - POSTS[name]):
        assert browse(person).post(url).status_code == 403, person
    assert browse("outsider").post(url).status_code == 404


@pytest.mark.parametrize("name", [*POSTS, "seller-probe"])
def test_a_link_never_acts(agency: Agency, browse: Browse, name: str) -> None:
    args = ["northlight"] if name == "seller-probe" else [waiting_campaign(agency).pk]
    for person in ("manager", "ops"):
        assert browse(person).get(reverse(name, args=args)).status_code in (403, 405)
    allowed = "ops" if name == "seller-probe" else "manager"
    assert browse(allowed).get(reverse(name, args=args)).status_code == 405


def test_a_page_from_elsewhere_cannot_decide(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    client = Client(enforce_csrf_checks=True)
    client.force_login(agency.person("approver"))
    line = campaign.recommendations.first()
    response = client.post(
        reverse("campaign-decide", args=[campaign.pk]), {"verdict": "approve", "line": f"{line.pk}:"}
    )
    assert response.status_code == 403
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"


def test_the_start_page_is_where_work_waits(browse: Browse) -> None:
    assert browse("approver").get("/")["Location"] == reverse("work")
    assert browse("viewer").get("/")["Location"] == reverse("campaigns")
