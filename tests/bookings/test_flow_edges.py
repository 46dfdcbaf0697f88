"""Where the flow ends early or goes on with less: refused briefs, failing channels, whichever order they report in."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
import time_machine

from bookings import services
from bookings.models import Campaign
from flows import runner, steps
from flows.clock import now
from flows.models import Event, Step
from planning import eligibility
from planning.types import InvalidBrief
from sellers import services as sellers
from tests.driving import Desk, drive


def opened(campaign: Campaign, name: str) -> int:
    return Step.objects.filter(flow_id=campaign.pk, name=name).count()


def test_a_brief_that_holds_no_more_is_refused_with_its_fields(desk: Desk) -> None:
    campaign = desk.submit(constraints={"sellers_included": ["agent"]})
    actor = desk.agency.decider("ops").actor
    sellers.disable_seller(seller_id=desk.seller("agent").pk, actor=actor)
    with time_machine.travel(now() + dt.timedelta(days=61)):
        campaign = drive(campaign)
    assert campaign.status == "validation_failed"
    fields = {error["field"] for error in campaign.errors}
    assert fields == {"start_date", "constraints.sellers_included"}


def test_a_refused_brief_stays_refused(desk: Desk) -> None:
    campaign = desk.submit()
    with time_machine.travel(now() + dt.timedelta(days=90)):
        campaign = drive(campaign)
    assert campaign.status == "validation_failed"
    assert not Step.objects.filter(flow_id=campaign.pk).exclude(name="receive").exists()
    before = campaign.errors
    for step in Step.objects.filter(flow_id=campaign.pk):
        runner.run(step.pk)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.errors) == ("validation_failed", before)


def test_an_infeasible_brief_says_which_constraint_cannot_hold(desk: Desk) -> None:
    with pytest.raises(InvalidBrief) as refused:
        desk.submit(
            channels=["ctv", "mobile"],
            constraints={"channel_shares": {"ctv": {"min": 0.7}, "mobile": {"min": 0.5}}},
        )
    assert any("channel_shares" in error.field for error in refused.value.errors)
    with pytest.raises(InvalidBrief) as unknown:
        desk.submit(constraints={"sellers_excluded": ["nobody"]})
    assert [error.field for error in unknown.value.errors] == ["constraints.sellers_excluded"]
    assert not Campaign.objects.exists()


def test_a_failing_channel_is_shown_and_hides_no_other(desk: Desk, monkeypatch: Any) -> None:
    real = eligibility.shortlist

    def broken(brief: Any, products: Any, channel: str, *args: Any, **options: Any) -> Any:
        if channel == "ctv":
            raise RuntimeError("a bug of ours")
        return real(brief, products, channel, *args, **options)

    monkeypatch.setattr(eligibility, "shortlist", broken)
    campaign = desk.planned(channels=["branding", "ctv"])
    states = dict(campaign.channels.values_list("channel", "state"))
    assert states == {"branding": "reported", "ctv": "failed"}
    assert "could not be judged (RuntimeError)" in campaign.channels.get(channel="ctv").note
    assert set(campaign.recommendations.values_list("channel", flat=True)) == {"branding"}


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["branding", "ctv", "mobile"]))[::2], ids="-".join
)
def test_consolidation_happens_once_whichever_channel_is_last(desk: Desk, order: tuple[str, ...]) -> None:
    """Earlier versions opened one research step per channel; such rows end in the same one consolidation."""
    campaign = drive(desk.submit(channels=list(order)), until=lambda row: row.status == "researching")
    steps.drop(campaign, "research", "")
    for channel in order:
        steps.open_step(campaign, "research", key=channel)
    for position, channel in enumerate(order, 1):
        assert opened(campaign, "consolidate") == 0
        step = Step.objects.get(flow_id=campaign.pk, name="research", key=channel)
        runner.run(step.pk)
        runner.run(step.pk)  # the doorbell rang twice
        assert opened(campaign, "consolidate") == (1 if position == len(order) else 0)
    campaign = drive(campaign)
    assert campaign.status == "awaiting_approval"
    happened = Event.objects.filter(subject_id=str(campaign.pk), type="campaign.consolidate_recommendations")
    assert happened.count() == 1


def test_the_rest_of_a_finished_campaign_is_planned_with_the_money_that_is_left(desk: Desk) -> None:
    campaign = desk.planned()
    first = campaign.recommendations.order_by("rank").first()
    assert first is not None
    desk.approve(campaign, recommendation_ids=[first.pk])
    campaign = drive(campaign)
    assert campaign.status == "completed"
    assert campaign.recommendations.filter(state="open").count() == campaign.recommendations.count() - 1

    manager = desk.agency.person("manager")
    rest = services.plan_the_rest(
        campaign_id=campaign.pk, prepared_by=manager, actor=desk.agency.decider("manager").actor, door="page"
    )
    assert rest.follows == campaign
    assert rest.budget == campaign.budget - first.cost
    assert drive(rest).status == "awaiting_approval"
