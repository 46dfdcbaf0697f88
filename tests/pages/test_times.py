"""One instant as it is printed: in the campaign's zone, in one's own, in UTC; on every kind of page."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from bookings.models import Campaign
from tests.agency import Agency
from tests.pages.conftest import Browse, text_of
from tests.pages.test_operations import dead_step
from tests.plans import waiting_campaign

AT = dt.datetime(2027, 7, 1, 13, 4, 5, tzinfo=dt.UTC)
PRINTED = {"campaign": "22:04", "own": "03:04", "utc": "13:04"}  # Tokyo, Kiritimati (14 h ahead), UTC
ZONE = {"campaign": "JST", "own": "UTC+14", "utc": "UTC"}


@pytest.fixture
def campaign(agency: Agency) -> Campaign:
    with time_machine.travel(AT, tick=False):
        return waiting_campaign(agency, timezone="Asia/Tokyo")


def choose(name: str, times: str) -> None:
    User.objects.filter(username=name).update(times=times, timezone="Pacific/Kiritimati")


def times_in(response: Any, at: dt.datetime = AT) -> list[str]:
    """What every `<time>` of this instant prints."""
    found = re.findall(
        rf'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}"[^>]*>([^<]*)</time>', response.content.decode()
    )
    assert found
    return found


@pytest.mark.parametrize("times", ["campaign", "own", "utc"])
def test_on_a_campaigns_page(browse: Browse, campaign: Campaign, times: str) -> None:
    choose("manager", times)
    page = browse("manager").get(campaign.get_absolute_url())
    assert any(f"{PRINTED[times]} {ZONE[times]}" in words for words in times_in(page))
    exact = 'title="Thu 1 Jul 2027, 13:04:05 UTC'
    assert exact in page.content.decode()
    assert ('tabindex="0">' in page.content.decode().split(exact)[1][:60]) == (times != "utc")


@pytest.mark.parametrize(
    ("times", "clock"), [("campaign", "13:04 UTC"), ("own", "03:04 UTC+14"), ("utc", "13:04 UTC")]
)
def test_on_the_work_page_where_no_campaign_gives_the_zone(
    browse: Browse, campaign: Campaign, times: str, clock: str
) -> None:
    choose("approver", times)
    page = browse("approver").get(reverse("work"))
    assert any(clock in words for words in times_in(page))


@pytest.mark.parametrize(
    ("times", "clock"), [("campaign", "13:04:05"), ("own", "03:04:05"), ("utc", "13:04:05")]
)
def test_in_the_audit_trail(
    agency: Agency, browse: Browse, campaign: Campaign, times: str, clock: str
) -> None:
    choose("manager", times)
    page = browse("manager").get(reverse("audit"))
    assert any(clock in words for words in times_in(page))
    head = "Time, Pacific/Kiritimati" if times == "own" else "Time, UTC"
    assert head in text_of(page)


@pytest.mark.parametrize("times", ["campaign", "own", "utc"])
def test_in_the_trail_of_one_campaign(browse: Browse, campaign: Campaign, times: str) -> None:
    choose("manager", times)
    page = browse("manager").get(reverse("campaign-events", args=[campaign.pk]))
    assert any(f"{PRINTED[times]}:05" in words for words in times_in(page))
    heads = {"campaign": "Time, Asia/Tokyo", "own": "Time, Pacific/Kiritimati", "utc": "Time, UTC"}
    assert heads[times] in text_of(page)


@pytest.mark.parametrize(
    ("times", "clock"), [("campaign", "13:04 UTC"), ("own", "03:04 UTC+14"), ("utc", "13:04 UTC")]
)
def test_on_the_operations_page(browse: Browse, campaign: Campaign, times: str, clock: str) -> None:
    dead_step(campaign, finished_at=AT, not_before=AT)
    choose("ops", times)
    page = browse("ops").get(reverse("operations"))
    assert any(clock in words for words in times_in(page))


def test_the_days_of_the_audit_filter_are_those_that_are_printed(browse: Browse, campaign: Campaign) -> None:
    day = {"since": "2027-07-02", "until": "2027-07-02"}  # where it is 03:04 on the 2nd
    choose("manager", "own")
    assert {row.at for row in browse("manager").get(reverse("audit"), day).context["events"]} == {AT}
    choose("manager", "utc")
    assert browse("manager").get(reverse("audit"), day).context["events"] == []


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (dt.datetime(2027, 10, 31, 0, 30, tzinfo=dt.UTC), "31 Oct 2027, 02:30 CEST"),
        (dt.datetime(2027, 10, 31, 1, 30, tzinfo=dt.UTC), "31 Oct 2027, 02:30 CET"),
        (dt.datetime(2027, 3, 28, 0, 59, tzinfo=dt.UTC), "28 Mar 2027, 01:59 CET"),
        (dt.datetime(2027, 3, 28, 1, 0, tzinfo=dt.UTC), "28 Mar 2027, 03:00 CEST"),
    ],
)
def test_the_name_of_the_zone_follows_the_clock_changes(
    agency: Agency, browse: Browse, at: dt.datetime, words: str
) -> None:
    row = waiting_campaign(agency, timezone="Europe/Berlin")
    Campaign.objects.filter(pk=row.pk).update(created_at=at)
    assert words in times_in(browse("manager").get(row.get_absolute_url()), at)


def test_the_choice_does_not_leak_into_the_next_request_or_the_api(
    agency: Agency, browse: Browse, api: Any, campaign: Campaign
) -> None:
    choose("manager", "own")
    browse("manager").get(campaign.get_absolute_url())
    browse("approver").get(campaign.get_absolute_url())
    answer = api("manager").get(f"/api/bookings/{campaign.pk}").json()
    assert answer["created_at"].startswith("2027-07-01T13:04:05")
    assert answer["brief"]["timezone"] == "Asia/Tokyo"
    assert "13:04" in times_in(browse("approver").get(reverse("work")))[0]


# --- the switch ------------------------------------------------------------------------------------------------


def test_the_menu_switches_and_leads_back(browse: Browse, campaign: Campaign) -> None:
    client = browse("manager")
    page = client.get(campaign.get_absolute_url())
    assert f'name="next" value="{campaign.get_absolute_url()}"' in page.content.decode()
    sent = client.post(reverse("times-settings"), {"times": "own", "next": campaign.get_absolute_url()})
    assert sent["Location"] == campaign.get_absolute_url()
    user = User.objects.get(username="manager")
    assert (user.times, user.timezone) == ("own", "UTC")


@pytest.mark.parametrize(
    "away", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", "\\\\evil"]
)
def test_the_way_back_stays_in_the_house(browse: Browse, away: str) -> None:
    sent = browse("viewer").post(reverse("times-settings"), {"times": "utc", "next": away})
    assert sent["Location"] == reverse("times-settings")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (
            {"timezone": "Mars/Olympus"},
            "&#x27;Mars/Olympus&#x27; is not an IANA time zone, such as Europe/Berlin.",
        ),
        ({"timezone": "<b>"}, "&#x27;&lt;b&gt;&#x27; is not an IANA time zone"),
        ({"times": "moon"}, "Choose one of campaign, own, utc."),
    ],
)
def test_what_does_not_exist_is_refused_by_name(browse: Browse, sent: dict[str, str], said: str) -> None:
    answer = browse("manager").post(reverse("times-settings"), {"times": "own", "timezone": "UTC"} | sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    user = User.objects.get(username="manager")
    assert (user.times, user.timezone) == ("campaign", "UTC")


def test_every_role_chooses_for_itself_and_looking_changes_nothing(agency: Agency, browse: Browse) -> None:
    for name in ("manager", "approver", "finance", "ops", "viewer"):
        client = browse(name)
        assert "Now:" in text_of(client.get(reverse("times-settings"), {"times": "own"}))
        client.post(reverse("times-settings"), {"times": "own", "timezone": "asia/kathmandu"})
        assert "UTC+5:45" in text_of(client.get(reverse("times-settings")))
    assert User.objects.filter(timezone="Asia/Kathmandu").count() == 5
    assert User.objects.get(username="outsider").timezone == "UTC"
    assert Client().get(reverse("times-settings")).status_code == 302
