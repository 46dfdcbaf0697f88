"""The drawings: what they show is what the tables and the plan say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bookings import alternatives, charts
from bookings.models import Campaign
from flows.models import Event
from tests.agency import Agency
from tests.driving import Desk, drive
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign


def url(campaign: Campaign) -> str:
    return f"/campaigns/{campaign.pk}/charts/"


def test_every_drawing_of_a_planned_campaign_has_its_table(desk: Desk, browse: Browse) -> None:
    campaign = desk.planned()
    page = browse("manager").get(url(campaign))
    words = text_of(page)
    for title in (
        "This plan against other budgets",
        "What each channel's money achieves",
        "Prices of the lines",
        "The course of the campaign",
    ):
        assert title in words
    body = page.content.decode()
    assert body.count('class="chart__svg"') == 4
    assert body.count("<summary>The numbers</summary>") == 4
    assert "style=" not in body
    for row in campaign.recommendations.all():
        assert f"{row.rank}. " in words


def test_the_plan_stands_on_its_curves(desk: Desk) -> None:
    campaign = desk.planned()
    chart = charts.responses(campaign)
    assert chart
    amounts = {curve.label: curve.amount for curve in chart.curves}
    assert amounts == {row.channel: row.amount for row in campaign.channels.all()}
    for curve in chart.curves:
        heights = [value for _, value in curve.rows]
        assert heights == sorted(heights)
        assert chart.left <= curve.mark_x <= chart.right
        assert chart.top <= curve.mark_y <= chart.bottom


def test_more_budget_is_never_worth_less_and_never_more_than_the_bound(desk: Desk) -> None:
    campaign = desk.planned()
    chart = alternatives.chart(campaign, list(campaign.recommendations.all()))
    assert chart
    bounds = [row.bound for row in chart.rows]
    assert bounds == sorted(bounds)
    assert all(row.value <= row.bound for row in chart.rows)
    assert [row.current for row in chart.rows].count(True) == 1
    assert Event.objects.filter(type="campaign.revise").count() == 0


def test_the_course_shows_each_seller_and_the_wait_for_a_person(desk: Desk, browse: Browse) -> None:
    campaign = desk.planned()
    desk.approve(campaign)
    campaign = drive(campaign)
    words = text_of(browse("approver").get(url(campaign)))
    assert "Agent, CTV" in words
    assert "Booking" in words


@pytest.mark.parametrize(
    ("value", "top"),
    [("0", "1"), ("0.07", "0.08"), ("3", "4"), ("8.5", "10"), ("12.5", "20"), ("1000", "1000")],
)
def test_axes_end_on_round_numbers(value: str, top: str) -> None:
    assert charts.round_up(Decimal(value)) == Decimal(top)


def test_a_campaign_without_a_plan_says_so(desk: Desk, browse: Browse) -> None:
    campaign = desk.submit()
    assert "Nothing to draw yet" in text_of(browse("manager").get(url(campaign)))


def test_who_sees_no_prices_sees_no_charts(agency: Agency, browse: Browse) -> None:
    campaign: Any = waiting_campaign(agency)
    answers = {
        name: browse(name).get(url(campaign)).status_code for name in ("viewer", "ops", "outsider", "finance")
    }
    assert answers == {"viewer": 403, "ops": 403, "outsider": 404, "finance": 200}
