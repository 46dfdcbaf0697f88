"""From brief to decision under a reviewer's suspicions: dead steps, stale prices, sellers that leave, other money."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from approvals.errors import Refused
from approvals.models import ApprovalRequest, Decision
from bookings import flow, proposals, researching, services
from bookings.models import Campaign
from flows import runner, steps
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Event, Step
from sellers.dialects.base import Quote
from sellers.services import disable_seller
from tests.agency import Agency, set_limits
from tests.driving import Desk, drive
from tests.plans import waiting_campaign

# --- steps that die -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["receive", "allocate"])
def test_a_flow_that_stops_before_research_says_so(desk: Desk, monkeypatch: Any, name: str) -> None:
    """These states have no way to `failed`: the campaign tells, operations can go on, a person can cancel."""
    monkeypatch.setattr(runner, "FIRST_RETRY", 0.0)
    broken = lambda *args: 1 / 0  # noqa: E731
    used = {"receive": "problems_here_and_now", "allocate": "plan_audience"}[name]
    monkeypatch.setattr(flow, used, broken)
    campaign = drive(desk.submit())
    assert [error["code"] for error in campaign.errors] == ["stopped"]
    assert "ZeroDivisionError" in campaign.errors[0]["message"]
    monkeypatch.undo()
    assert steps.revive(Step.objects.get(flow_id=campaign.pk, name=name))
    campaign = drive(campaign)
    assert campaign.status == "awaiting_approval"
    assert campaign.errors == []


# --- prices that do not stand -------------------------------------------------------------------------------


def short_lived(monkeypatch: Any, seconds: float) -> None:
    """Every quote of the seller agent ends so many seconds from now."""
    real = proposals.QuoteTalk.hold

    async def hold(talk: Any) -> None:
        await real(talk)
        for key, quote in talk.quotes.items():
            talk.quotes[key] = shortened(quote, seconds)

    monkeypatch.setattr(proposals.QuoteTalk, "hold", hold)


def shortened(quote: Quote, seconds: float) -> Quote:
    return dataclasses.replace(quote, expires_at=now() + dt.timedelta(seconds=seconds))


def test_a_price_that_has_expired_already_is_no_price(desk: Desk, monkeypatch: Any) -> None:
    """Nobody could approve it, and nothing could be sent: the money goes to lines that can be had."""
    short_lived(monkeypatch, -300)
    campaign = drive(desk.submit())
    assert campaign.status == "failed"
    reasons = {row["reason"] for row in campaign.plan["not_chosen"] if row["code"] == "no_quote"}
    assert any("expired" in reason for reason in reasons)


def test_auto_approve_that_is_refused_leaves_the_plan_to_a_person(desk: Desk, monkeypatch: Any) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Decision:
        raise Refused(409, "quote_expired", "The seller's price has expired.")

    monkeypatch.setattr("approvals.checks.refuse_expired", refuse)
    campaign = drive(desk.submit(budget=4_000, auto_approve=True))
    assert (campaign.status, campaign.errors) == ("awaiting_approval", [])
    assert ApprovalRequest.objects.get(subject_id=campaign.pk).status == "open"
    declined = Event.objects.get(subject_id=str(campaign.pk), type="approval.auto_approve_declined")
    assert declined.payload["reason"] == "The seller's price has expired."


# --- sellers that leave -------------------------------------------------------------------------------------


def test_a_seller_disabled_during_research_is_not_recommended(desk: Desk) -> None:
    campaign = drive(desk.submit(), until=lambda row: consolidation_waits(row))
    disable_seller(seller_id=desk.seller("agent").pk, actor=SYSTEM_ACTOR)
    asked = len(desk.agent.journal.requests("POST", "/api/v1/quotes"))
    campaign = drive(campaign)
    assert campaign.status == "awaiting_approval"
    assert {row.seller.slug for row in campaign.recommendations.all()} == {"direct"}
    assert {row["code"] for row in campaign.plan["not_chosen"] if row["seller"] == "agent"} == {
        "seller_disabled"
    }
    assert len(desk.agent.journal.requests("POST", "/api/v1/quotes")) == asked


def consolidation_waits(campaign: Campaign) -> bool:
    return Step.objects.filter(flow_id=campaign.pk, name="consolidate").exists()


# --- other money --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("currency", "budget"), [("JPY", 100_000), ("KWD", 9_000), ("USD", 999_999_999_999)])
def test_a_currency_or_a_budget_that_no_seller_serves_is_told_plainly(
    desk: Desk, currency: str, budget: int
) -> None:
    campaign = drive(desk.submit(currency=currency, budget=budget, kpis=None))
    assert not Step.objects.filter(flow_id=campaign.pk, state="dead").exists()
    if currency == "USD":
        assert campaign.status == "awaiting_approval"
        return
    assert (campaign.status, campaign.errors[0]["code"]) == ("failed", "no_inventory")
    skipped = [row["reason"] for report in campaign.reports.all() for row in report.skipped]
    assert any("USD" in reason for reason in skipped)


@pytest.mark.parametrize(("currency", "cost"), [("JPY", 30_000), ("KWD", 30_000)])
def test_deciding_in_currencies_without_two_decimals(agency: Agency, currency: str, cost: int) -> None:
    set_limits(self_approval=0, auto_approve=0, currency=currency)
    campaign = waiting_campaign(agency, costs=(cost,), currency=currency)
    decision, lines = services.approve_lines(
        campaign_id=campaign.pk, decider=agency.decider("approver"), everything=True
    )
    assert (decision.total, lines[0].cost, decision.currency) == (Decimal(cost), Decimal(cost), currency)


# --- the rest of the money ----------------------------------------------------------------------------------


def finished(campaign: Campaign, booked: int) -> Campaign:
    """As if the lines were booked up to `booked`, straight in the rows."""
    Campaign.objects.filter(pk=campaign.pk).update(status="completed")
    campaign.lines.filter(cost__gt=booked).update(status="declined")
    campaign.lines.filter(cost__lte=booked).update(status="booked")
    return Campaign.objects.get(pk=campaign.pk)


def the_rest(agency: Agency, campaign: Campaign) -> Campaign:
    manager = agency.person("manager")
    return services.plan_the_rest(
        campaign_id=campaign.pk, prepared_by=manager, actor=agency.decider("manager").actor, door="page"
    )


def test_a_chain_of_followers_never_plans_more_than_the_first_budget(desk: Desk) -> None:
    agency = desk.agency
    first = waiting_campaign(agency, costs=(10_000, 20_000))  # of 60,000
    desk.approve(first)
    second = the_rest(agency, finished(first, booked=10_000))
    assert second.budget == 50_000
    with pytest.raises(Refused, match="already being planned"):
        the_rest(agency, first)
    Campaign.objects.filter(pk=second.pk).update(status="failed")
    third = the_rest(agency, second)
    assert third.budget == 50_000
    with pytest.raises(Refused, match="already being planned"):
        the_rest(agency, first)


@pytest.mark.parametrize("ended", ["cancelled", "validation_failed"])
def test_a_follower_that_came_to_nothing_may_be_followed_by_another(desk: Desk, ended: str) -> None:
    agency = desk.agency
    first = waiting_campaign(agency, costs=(10_000, 20_000))
    desk.approve(first)
    first = finished(first, booked=10_000)
    Campaign.objects.filter(pk=the_rest(agency, first).pk).update(status=ended)
    assert the_rest(agency, first).budget == 50_000


# --- research -----------------------------------------------------------------------------------------------


def test_research_goes_on_after_a_crash_with_the_sellers_that_had_not_reported(
    desk: Desk, monkeypatch: Any
) -> None:
    real = researching._recording
    recorded = []

    def once(talk: Any, finished: Any) -> Any:
        if recorded:
            raise RuntimeError("killed between two reports")
        recorded.append(talk.seller.slug)
        return real(talk, finished)

    monkeypatch.setattr(researching, "_recording", once)
    campaign = desk.submit(channels=["ctv"])
    drive(campaign, until=lambda row: Step.objects.filter(name="research", attempt=1).exists())
    assert campaign.reports.count() == 1
    monkeypatch.undo()
    campaign = drive(campaign)
    assert campaign.status == "awaiting_approval"
    assert campaign.reports.count() == 2
