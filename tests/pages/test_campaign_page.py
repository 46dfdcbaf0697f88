"""What the campaign page shows, to whom, and what it sends again while it is open."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.urls import reverse

from bookings.models import Campaign, Line, Recommendation
from flows.clock import now
from sellers.models import Seller
from tests.agency import Agency
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign

HOSTILE = "<script>alert('x')</script>\" onmouseover=\"alert(1)"
READERS = ("manager", "approver", "finance", "ops", "viewer")


def url_of(campaign: Campaign, name: str = "campaign") -> str:
    return reverse(name, args=[campaign.pk])


def approve_all(agency: Agency, campaign: Campaign) -> list[Line]:
    from bookings import services

    _, lines = services.approve_lines(
        campaign_id=campaign.pk, decider=agency.decider("approver"), everything=True
    )
    return lines


def test_the_plan_stands_with_its_numbers(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(10_000, 20_000, 5_000))
    words = text_of(browse("approver").get(url_of(campaign)))
    assert "Waiting for a decision" in words
    assert "USD 35,000.00" in words or "35,000.00 USD" in words
    assert "58.3 % of the budget" in words
    assert "approver (you) or manager can decide" in words
    for name in ("Product 1", "Product 2", "Product 3"):
        assert name in words
    assert "list 12.00" in words
    assert "saves 2,000.00" in words


def test_one_part_of_the_page_can_decide(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    page = browse("approver").get(url_of(campaign)).content.decode()
    assert page.count("data-decide-tick") == 3
    assert 'data-budget-micros="60000000000"' in page
    for person in ("finance", "ops", "viewer"):
        page = browse(person).get(url_of(campaign)).content.decode()
        assert "data-decide" not in page, person
        assert "campaign-decide" not in page


def without_chance(page: str) -> str:
    """The page without times, ids and tokens: in those any short text turns up sooner or later."""
    page = re.sub(r"<time\b.*?</time>", "", page, flags=re.DOTALL)
    page = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "", page)
    return re.sub(r"\b[A-Za-z0-9]{64}\b", "", page)


@pytest.mark.parametrize("person", ["viewer", "ops"])
def test_no_price_reaches_who_may_not_see_any(agency: Agency, browse: Browse, person: str) -> None:
    campaign = waiting_campaign(agency, costs=(11_111, 22_222))
    line = approve_all(agency, campaign)[0]
    campaign.recommendations.update(  # impressions of their own, or they would be the cost times a hundred
        impressions=700,
        explanation=["It costs 11111.00 USD."],
        quote_note="Our floor is 7.77",
        quote_id="qt-secret",
    )
    line.note, line.confirmed_cost = "CPM 9.99 instead of 8.88", Decimal(11_111)
    line.save()
    client = browse(person)
    for name in ("campaign", "campaign-live", "campaign-events"):
        page = without_chance(client.get(url_of(campaign, name)).content.decode())
        for secret in ("11,111", "22,222", "11111", "22222", "33,333", "CPM", "7.77", "9.99", "qt-secret"):
            assert secret not in page, (name, secret)
        assert "data-cost-micros" not in page


def smuggled(page: str) -> list[str]:
    """Scripts written in the page itself, and handlers in any of its tags: we have none."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "script" and "src" not in dict(attrs):
                found.append("script")
            found.extend(name for name, _ in attrs if name.startswith("on"))

    Reader().feed(page)
    return found


def test_the_reader_of_smuggled_code_finds_it() -> None:
    assert smuggled('<p title="x" onmouseover="y"><script>z</script>') == ["onmouseover", "script"]


@pytest.mark.parametrize("person", READERS)
def test_text_of_a_seller_is_only_text(agency: Agency, browse: Browse, person: str) -> None:
    campaign = waiting_campaign(agency)
    Seller.objects.update(name=HOSTILE[:120])
    campaign.recommendations.update(product_name=HOSTILE, quote_note=HOSTILE, explanation=[HOSTILE])
    seller = Seller.objects.get()
    campaign.channels.create(
        channel="ctv", position=0, share=1, amount=campaign.budget, reasons=[HOSTILE], note=HOSTILE
    )
    campaign.reports.create(
        channel="ctv",
        seller=seller,
        state="partial",
        reason=HOSTILE,
        at=now(),
        skipped=[{"reference": HOSTILE, "reason": HOSTILE}],
    )
    for line in approve_all(agency, campaign):
        line.note, line.seller_status, line.refs = HOSTILE, HOSTILE[:60], {"deal_id": HOSTILE}
        line.save()
    for name in ("campaign", "campaign-live", "campaign-events"):
        page = browse(person).get(url_of(campaign, name)).content.decode()
        assert smuggled(page) == []
        assert ("&lt;script&gt;alert" in page) == (name != "campaign-events")


def test_lines_show_what_was_approved_beside_what_was_confirmed(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(10_000, 20_000))
    first, second = approve_all(agency, campaign)
    Line.objects.filter(pk=first.pk).update(
        status="booked",
        confirmed_cost=Decimal(9_500),
        confirmed={"cpm": "9.50", "impressions": "1000000"},
        refs={"deal_id": "DEAL-7", "quote_id": "qt-1"},
        seller_status="active",
    )
    Line.objects.filter(pk=second.pk).update(
        status="declined", code="unavailable", note="The product is gone.", back_to_person=True
    )
    page = browse("approver").get(url_of(campaign))
    words = text_of(page)
    assert "1 of 2 booked" in words
    assert "DEAL-7" in words
    assert 'data-copy="DEAL-7"' in page.content.decode()
    assert "9,500.00" in words
    assert "1,000,000 at 9.50" in words
    assert 'class="differs"' in page.content.decode()
    assert "The product is gone." in words
    assert "Needs a new decision" in words


def test_accepted_is_never_called_booked(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(10_000,))
    approve_all(agency, campaign)
    Line.objects.update(status="pending_booking", seller_status="proposed")
    words = text_of(browse("approver").get(url_of(campaign)))
    assert "Accepted by seller, not yet confirmed" in words
    assert "0 of 1 booked" in words


def test_a_waiting_line_can_be_asked_about_by_those_who_run_it(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(10_000,))
    (line,) = approve_all(agency, campaign)
    Line.objects.update(status="pending_booking")
    check = reverse("line-check", args=[campaign.pk, line.pk])
    assert check in browse("manager").get(url_of(campaign)).content.decode()
    assert check not in browse("approver").get(url_of(campaign)).content.decode()
    answer = browse("manager").post(check, follow=True)
    assert "The seller is being asked." in text_of(answer)
    assert 'class="notice tone-good"' in answer.content.decode()
    assert browse("approver").post(check).status_code == 403


def test_the_rest_can_be_planned_by_those_who_prepare(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(10_000, 20_000))
    approve_all(agency, campaign)
    Line.objects.filter(cost=10_000).update(status="booked")
    Line.objects.filter(cost=20_000).update(status="declined", back_to_person=True)
    Campaign.objects.update(status="completed")
    assert "Plan the rest again" in text_of(browse("manager").get(url_of(campaign)))
    assert "Plan the rest again" not in text_of(browse("approver").get(url_of(campaign)))


def test_a_failed_campaign_says_why(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    Campaign.objects.update(
        status="failed",
        errors=[
            {"code": "x", "field": "", "message": "No seller had anything <b>free</b>."},
            {"code": "y", "field": "lines.1", "message": "Product 1: CPM 12.00 instead of 10.00"},
        ],
    )
    page = browse("manager").get(url_of(campaign)).content.decode()
    assert "No seller had anything &lt;b&gt;free&lt;/b&gt;." in page
    assert "CPM 12.00 instead of 10.00" in page
    assert "data-live-ended" in page
    assert "data-live-type" not in page
    assert "12.00" not in without_chance(browse("viewer").get(url_of(campaign)).content.decode())


def test_an_expired_price_cannot_be_ticked(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    late = campaign.recommendations.get(rank=1)
    Recommendation.objects.filter(pk=late.pk).update(quote_expires_at=now() - dt.timedelta(minutes=1))
    page = browse("approver").get(url_of(campaign)).content.decode()
    (box,) = re.findall(rf'<input type="checkbox" id="tick-{late.pk}"[^>]*>', page)
    assert "disabled" in box
    assert "Price expired" in page


def test_a_preparer_is_told_the_own_limit(agency: Agency, browse: Browse) -> None:
    from tests.agency import set_limits

    set_limits(self_approval=12_000, auto_approve=0)
    campaign = waiting_campaign(agency)
    assert "you can approve up to USD 12,000.00" in text_of(browse("manager").get(url_of(campaign)))
    assert "you can approve up to" not in text_of(browse("approver").get(url_of(campaign)))


def versions_in(page: str) -> dict[str, str]:
    return dict(re.findall(r'id="([a-z]+)"[^>]*data-live-version="([0-9a-f]+)"', page))


def test_an_open_page_gets_only_what_differs(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    client = browse("approver")
    held: dict[str, Any] = versions_in(client.get(url_of(campaign)).content.decode())
    assert set(held) == {"state", "actions", "lines", "plan", "channels", "history"}
    same = client.get(url_of(campaign, "campaign-live"), held).content.decode()
    assert 'id="campaign-live"' in same
    assert "hx-swap-oob" not in same

    approve_all(agency, campaign)
    news = client.get(url_of(campaign, "campaign-live"), held).content.decode()
    changed = set(re.findall(r'id="([a-z]+)"[^>]*hx-swap-oob', news))
    assert {"state", "lines", "plan", "history"} <= changed
    assert "channels" not in changed
    fresh = versions_in(client.get(url_of(campaign)).content.decode())
    assert {part for part in held if held[part] != fresh[part]} == changed


def test_everybody_else_reads_who_decided(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    approve_all(agency, campaign)
    assert "approver approved 3 lines" in text_of(browse("manager").get(url_of(campaign, "campaign-live")))
    own = browse("approver").get(url_of(campaign, "campaign-live"), {"history": "x"}).content.decode()
    assert 'id="news"' not in own


@pytest.mark.parametrize("person", ["approver", "viewer"])
def test_two_hundred_lines_cost_no_more_queries(
    agency: Agency, browse: Browse, person: str, django_assert_max_num_queries: Any
) -> None:
    campaign = waiting_campaign(agency, costs=(100,) * 200)
    client = browse(person)
    for name in ("campaign", "campaign-live"):
        with django_assert_max_num_queries(20):
            assert client.get(url_of(campaign, name)).status_code == 200
    approve_all(agency, campaign)
    with django_assert_max_num_queries(20):
        assert client.get(url_of(campaign)).status_code == 200
