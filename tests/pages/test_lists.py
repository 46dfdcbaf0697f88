"""The lists: decisions, campaigns, sellers, the audit trail."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.urls import reverse

from bookings.models import Campaign
from flows.clock import now
from flows.models import Event
from sellers.models import Seller
from tests.agency import Agency
from tests.pages.conftest import Browse, text_of
from tests.plans import make_seller, waiting_campaign


def test_the_inbox_says_what_waits_for_whom_and_how_much(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency, costs=(10_000, 20_000), name="Winter <i>coats</i>")
    answer = browse("manager").get(reverse("decisions"))
    words = text_of(answer)
    assert "Winter &lt;i&gt;coats&lt;/i&gt;" in words
    assert "Aurora Outdoor" in words
    assert "USD 30,000.00" in words
    assert "of USD 60,000.00" in words
    assert "Look and decide" in words
    assert ">you</span>" in answer.content.decode()
    assert ">you</span>" not in browse("approver").get(reverse("decisions")).content.decode()


def test_an_empty_inbox_is_said_kindly(browse: Browse) -> None:
    assert "Nothing waits for you" in text_of(browse("approver").get(reverse("decisions")))


def test_the_inbox_has_a_fixed_number_of_queries(
    agency: Agency, browse: Browse, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        waiting_campaign(agency, name=f"Campaign {number}")
    client = browse("approver")
    with django_assert_max_num_queries(10):
        client.get(reverse("decisions"))


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
    assert "1 to 50 of 61" in text_of(page)
    assert "page=2&amp;status=&amp;q=coat" in page.content.decode()
    assert "51 to 61 of 61" in text_of(client.get(reverse("campaigns"), {"q": "coat", "page": 2}))


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
