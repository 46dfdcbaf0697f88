"""Ending research early, and asking for fresh prices when some have expired."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.actors import actor_of_user
from bookings.models import Campaign, Recommendation
from bookings.revising import ask_again
from bookings.stopping import stop_research
from flows.clock import now
from flows.models import Event
from tests.agency import Agency
from tests.deciding import approve, refused
from tests.driving import Desk, drive, run_due
from tests.plans import waiting_campaign


def stop(desk: Desk, campaign: Campaign) -> Campaign:
    return stop_research(campaign_id=campaign.pk, actor=actor_of_user(desk.agency.person("manager")))


def test_the_plan_is_made_from_what_was_said_while_a_seller_hangs(desk: Desk, settings: Any) -> None:
    settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS = 20.0
    desk.direct.faults(kind="delay", seconds=12)
    campaign = desk.submit()
    worker = threading.Thread(target=lambda: (_research(campaign), connection.close()))
    worker.start()
    try:
        limit = time.monotonic() + 15
        while not any(report.offers for report in campaign.reports.all()) and time.monotonic() < limit:
            time.sleep(0.05)
        stop(desk, campaign)
        desk.direct.faults()
        planned = drive(campaign)
        assert planned.status == "awaiting_approval"
        assert {row.seller.slug for row in planned.recommendations.all()} == {"agent"}
    finally:
        worker.join()
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"
    assert campaign.reports.filter(seller__slug="direct").count() == 0
    told = Event.objects.get(subject_id=str(campaign.pk), type="research.stopped")
    assert told.actor_label == "manager"


def _research(campaign: Campaign) -> None:
    """Until the research step has been run: its late answers find that it lost its right to write."""
    for _ in range(200):
        campaign = Campaign.objects.get(pk=campaign.pk)
        if campaign.status == "researching":
            run_due(campaign)
            return
        run_due(campaign)
        time.sleep(0.02)


def test_with_nothing_heard_there_is_nothing_to_plan(desk: Desk) -> None:
    campaign = drive(desk.submit(), until=lambda row: row.status == "researching")
    refused("nothing_heard", lambda: stop(desk, campaign), campaign)


def test_only_research_can_be_stopped(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    actor = actor_of_user(agency.person("manager"))
    refused("wrong_state", lambda: stop_research(campaign_id=campaign.pk, actor=actor), campaign)
    client = Client()
    client.force_login(agency.person("manager"))
    answer = client.post(f"/campaigns/{campaign.pk}/stop-research/")
    assert answer.status_code == 409
    client.force_login(agency.person("approver"))
    assert client.post(f"/campaigns/{campaign.pk}/stop-research/").status_code == 403


def expire_all(campaign: Campaign) -> None:
    Recommendation.objects.filter(campaign=campaign).update(quote_expires_at=now() - dt.timedelta(minutes=3))


def test_expired_prices_are_asked_for_again(desk: Desk) -> None:
    campaign = desk.planned()
    maya = desk.agency.person("manager")
    again: dict[str, Any] = {
        "campaign_id": campaign.pk,
        "user": maya,
        "actor": actor_of_user(maya),
        "seen_version": 1,
    }
    refused("not_expired", lambda: ask_again(**again), campaign)
    terms = list(campaign.recommendations.values_list("product_id", "impressions"))
    expire_all(campaign)
    client = Client()
    client.force_login(maya)
    assert "Ask for fresh prices" in client.get(campaign.get_absolute_url()).content.decode()
    client.post(f"/campaigns/{campaign.pk}/requote/", {"version": "1"})
    campaign = drive(campaign)
    assert (campaign.status, campaign.plan_version) == ("awaiting_approval", 2)
    assert all(row.quote_expires_at > now() for row in campaign.recommendations.all())
    assert sorted(campaign.recommendations.values_list("product_id", "impressions")) == sorted(terms)
    approve(desk.agency, campaign)
    assert drive(campaign).status == "completed"


@pytest.mark.parametrize(("person", "status"), [("approver", 403), ("viewer", 403), ("outsider", 404)])
def test_who_may_not_ask_again(agency: Agency, person: str, status: int) -> None:
    campaign = waiting_campaign(agency)
    expire_all(campaign)
    client = Client()
    client.force_login(agency.person(person))
    assert client.post(f"/campaigns/{campaign.pk}/requote/", {"version": "1"}).status_code == status
    campaign.refresh_from_db()
    assert campaign.plan_version == 1
