"""The lists: campaigns, sellers, the audit trail."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from html import unescape
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import reverse

from approvals.models import ApprovalRequest
from bookings import services
from bookings.models import Campaign, Line
from crm.models import Assignment, Organization
from flows.clock import now
from flows.models import Event
from sellers.models import Seller
from tests.agency import Agency
from tests.pages.conftest import Browse, text_of
from tests.plans import make_seller, waiting_campaign


def test_campaigns_are_filtered_and_searched(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency, name="Boots")
    waiting_campaign(agency, name="Tents")
    Campaign.objects.filter(name="Tents").update(status="completed")
    client, url = browse("viewer"), reverse("campaigns")
    both = text_of(client.get(url))
    assert "Boots" in both
    assert "Tents" in both
    done = text_of(client.get(url, {"status": "completed"}))
    assert "Tents" in done
    assert "Boots" not in done
    found = text_of(client.get(url, {"q": "boo"}))
    assert "Boots" in found
    assert "Tents" not in found
    assert "2 campaigns" in text_of(client.get(url, {"status": "nonsense"}))


def test_a_filter_without_a_match_offers_the_way_back(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency)
    answer = browse("manager").get(reverse("campaigns"), {"q": '"><script>alert(1)</script>'})
    assert "No campaign matches" in text_of(answer)
    assert "Clear the filter" in text_of(answer)
    assert "<script>alert" not in answer.content.decode()


def test_the_first_visit_says_what_to_do(browse: Browse) -> None:
    assert "You hand in a brief" in text_of(browse("manager").get(reverse("campaigns")))
    words = text_of(browse("viewer").get(reverse("campaigns")))
    assert "No campaign yet" in words
    assert "New campaign" not in words


def test_typing_fetches_the_rows_alone(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency)
    rows = browse("manager").get(reverse("campaigns"), HTTP_HX_REQUEST="true").content.decode()
    assert rows.strip().startswith('<div id="campaign-rows"')
    assert "<html" not in rows


def test_many_campaigns_come_in_pages_with_few_queries(
    agency: Agency, browse: Browse, django_assert_max_num_queries: Any
) -> None:
    first = waiting_campaign(agency, name="Coat 0")
    Campaign.objects.bulk_create(
        Campaign(
            name=f"Coat {number}",
            organization=agency.client,
            prepared_by=agency.person("manager"),
            prepared_via="page",
            brief=first.brief,
            budget=1_000,
            currency="USD",
            start_date=first.start_date,
            end_date=first.end_date,
            status="researching",
        )
        for number in range(1, 61)
    )
    client = browse("manager")
    with django_assert_max_num_queries(10):
        page = client.get(reverse("campaigns"), {"q": "coat"})
    assert "50 shown, there are more" in text_of(page)
    older = client.get(reverse("campaigns") + link_of(page, "next"))
    assert "11 shown, there are more" in text_of(older)
    assert "50 shown" in text_of(client.get(reverse("campaigns") + link_of(older, "prev")))


def link_of(page: Any, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page.content.decode())
    assert found, f"no {rel} page"
    return unescape(found.group(1))


def names_on(page: Any) -> list[str]:
    return re.findall(r'class="table__link"[^>]*>([^<]+)<', page.content.decode())


def many_campaigns(agency: Agency, count: int) -> None:
    first = waiting_campaign(agency, name="Number 0")
    Campaign.objects.bulk_create(
        Campaign(
            name=f"Number {number}",
            organization=agency.client if number % 2 else agency.other_client,
            prepared_by=agency.person("manager"),
            prepared_via="page",
            brief=first.brief,
            budget=1_000,
            currency="USD",
            start_date=first.start_date,
            end_date=first.end_date,
            status="researching" if number % 3 else "completed",
        )
        for number in range(1, count)
    )


@pytest.mark.parametrize(
    ("who", "clients"), [("manager", 1), ("manager", 2), ("manager", 30), ("ops", 0)], ids=str
)
@pytest.mark.parametrize("status", ["", "completed"])
def test_paging_shows_every_campaign_once_newest_first(
    agency: Agency, browse: Browse, who: str, clients: int, status: str
) -> None:
    many_campaigns(agency, 130)
    for number in range(2, clients + 1):
        client = agency.other_client if number == 2 else _new_client(number)
        Assignment.objects.create(organization=client, user=agency.person(who))
    rows = Campaign.objects.order_by("-created_at", "-id")
    rows = rows.filter(status=status) if status else rows
    rows = rows.filter(organization=agency.client) if clients == 1 else rows
    expected = list(rows.values_list("name", flat=True))
    browser, address = browse(who), reverse("campaigns")
    page = browser.get(address, {"status": status})
    seen = names_on(page)
    while 'rel="next"' in page.content.decode():
        page = browser.get(address + link_of(page, "next"))
        seen += names_on(page)
    assert seen == expected


def _new_client(number: int) -> Organization:
    return Organization.objects.create(name=f"Client {number}", slug=f"client-{number}")


def test_the_list_says_how_many_there_are_and_stops_counting_at_a_thousand(
    agency: Agency, browse: Browse, monkeypatch: Any
) -> None:
    many_campaigns(agency, 61)
    assert "50 of 61 campaigns" in text_of(browse("ops").get(reverse("campaigns")))
    monkeypatch.setattr("bookings.views.COUNTED", 60)
    assert "50 of more than 60 campaigns" in text_of(browse("ops").get(reverse("campaigns")))


def test_a_list_shows_how_many_lines_are_booked(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    assert "none yet" in text_of(browse("manager").get(reverse("campaigns")))
    services.approve_lines(campaign_id=campaign.pk, decider=agency.decider("approver"), everything=True)
    Line.objects.filter(campaign=campaign, position=0).update(status="booked")
    assert "1 of 3" in text_of(browse("manager").get(reverse("campaigns")))


@pytest.mark.parametrize("cursor", ["x", "W10", "!!", "a" * 5000])
def test_a_cursor_that_is_none_of_ours_shows_the_first_page(
    agency: Agency, browse: Browse, cursor: str
) -> None:
    waiting_campaign(agency, name="Boots")
    assert "Boots" in text_of(browse("manager").get(reverse("campaigns"), {"cursor": cursor}))


def test_the_navigation_counts_what_waits_up_to_ninety_nine(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    navigation = re.compile(r'nav__count">([^<]+)<')
    page = browse("approver").get(reverse("campaigns")).content.decode()
    assert navigation.search(page).group(1) == "1"
    ApprovalRequest.objects.bulk_create(
        ApprovalRequest(
            kind="media_plan",
            subject_type="campaign",
            subject_id=uuid.uuid4(),
            title=f"Plan {number}",
            url="/",
            organization_id=campaign.organization_id,
            currency="USD",
            ceiling=1,
            prepared_label="Somebody",
        )
        for number in range(120)
    )
    page = browse("approver").get(reverse("campaigns")).content.decode()
    assert navigation.search(page).group(1) == "99+"


def test_sellers_with_their_last_test(browse: Browse, agency: Agency) -> None:
    assert "No seller yet" in text_of(browse("manager").get(reverse("sellers")))
    make_seller("northlight")
    make_seller("harbor")
    Seller.objects.filter(slug="harbor").update(
        name="<b>Harbor</b>",
        probed_at=now() - dt.timedelta(minutes=5),
        probe_result={"ok": False, "summary": "<i>503</i>", "latency_ms": 12.4, "products": 3},
    )
    answer = browse("ops").get(reverse("sellers"))
    words, page = text_of(answer), answer.content.decode()
    assert "Enabled, not tested" in words
    assert "Does not answer well" in words
    assert "&lt;i&gt;503&lt;/i&gt;" in page
    assert "<b>Harbor" not in page
    assert page.count("Test now") == 2
    assert "Test now" not in text_of(browse("manager").get(reverse("sellers")))


def test_the_audit_trail_is_read_and_verified(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    url = reverse("campaign-events", args=[campaign.pk])
    words = text_of(browse("manager").get(url))
    assert "Chain verified" in words
    assert "Brief accepted" in words
    assert "Decision asked for" in words
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SET LOCAL session_replication_role = replica"
            )  # past the triggers: a superuser can
        Event.objects.filter(subject_id=str(campaign.pk), position=2).update(actor_label="Somebody else")
    assert "The chain does not hold at position 2" in text_of(browse("manager").get(url))


def test_the_audit_trail_goes_on_after_a_position(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    url = reverse("campaign-events", args=[campaign.pk])
    rest = text_of(browse("manager").get(url, {"after": "3"}))
    assert "Brief accepted" not in rest
    assert "Decision asked for" in rest
    assert "No entries here" in text_of(browse("manager").get(url, {"after": "999"}))
    assert browse("manager").get(url, {"after": "x' OR 1=1"}).status_code == 200
