"""The main job: a brief becomes lines that sellers have confirmed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import time_machine

from bookings.models import Line
from bookings.selectors import campaign_view
from flows.clock import now
from flows.events import first_bad_position
from flows.models import Claim, Event, Step
from tests.driving import Desk, drive


def test_a_brief_becomes_booked_lines_at_both_sellers(desk: Desk) -> None:
    campaign = desk.planned()
    desk.approve(campaign)
    campaign = drive(campaign)

    assert campaign.status == "completed"
    lines = list(campaign.lines.select_related("seller"))
    assert {line.seller.slug for line in lines} == {"agent", "direct"}
    assert {line.status for line in lines} == {"booked"}
    _ids_are_in_the_sellers_journals(desk, lines)


def _ids_are_in_the_sellers_journals(desk: Desk, lines: list[Line]) -> None:
    booked = {
        "agent": [effect.data["deal_id"] for effect in desk.agent.journal.effects("deal.booked")],
        "direct": [effect.data["line_id"] for effect in desk.direct.journal.effects("line.booked")],
    }
    for slug, ids in booked.items():
        ours = [line.seller_reference for line in lines if line.seller.slug == slug]
        assert sorted(ids) == sorted(ours)


def test_the_plan_stays_within_the_budget_and_its_costs_are_recomputed(desk: Desk) -> None:
    campaign = desk.planned()
    rows = list(campaign.recommendations.all())
    for row in rows:
        exact = row.cpm * row.impressions / 1000
        assert abs(row.cost - exact) <= Decimal("0.005")
        assert row.cpm <= 45
    for channel in campaign.channels.all():
        assert sum(row.cost for row in rows if row.channel == channel.channel) <= channel.amount
    assert sum(channel.amount for channel in campaign.channels.all()) == campaign.budget


def test_the_same_brief_gives_the_same_plan(desk: Desk) -> None:
    first, second = desk.planned(), desk.planned()
    assert first.plan["digest"] == second.plan["digest"]


def test_statuses_pass_in_the_seeds_order(desk: Desk) -> None:
    campaign = desk.planned()
    desk.approve(campaign)
    campaign = drive(campaign)
    moves = [
        event.payload["to"]
        for event in Event.objects.filter(subject_type="campaign", subject_id=str(campaign.pk)).order_by(
            "position"
        )
        if "to" in event.payload and "from" in event.payload
    ]
    assert moves == [
        "brief_received",
        "budget_allocated",
        "researching",
        "awaiting_approval",
        "executing_bookings",
        "completed",
    ]


def test_everything_is_in_the_audit_chain(desk: Desk) -> None:
    campaign = desk.planned()
    desk.approve(campaign, by="approver")
    campaign = drive(campaign)
    events = Event.objects.filter(subject_type="campaign", subject_id=str(campaign.pk))
    types = set(events.values_list("type", flat=True))
    assert {"campaign.submitted", "seller.called", "approval.granted", "line.status_changed"} <= types
    assert events.filter(type="approval.granted").get().actor_label == "approver"
    assert set(events.values_list("correlation_id", flat=True)) == {campaign.correlation_id}
    assert first_bad_position("campaign", str(campaign.pk)) is None


def test_committed_equals_what_the_sellers_confirmed(desk: Desk) -> None:
    campaign = desk.planned()
    desk.approve(campaign)
    money = campaign_view(drive(campaign)).money
    assert money.committed == money.approved == sum(line.confirmed_cost for line in campaign.lines.all())
    assert money.committed <= campaign.budget


def test_each_write_has_one_claim_and_was_sent_once(desk: Desk) -> None:
    campaign = desk.planned()
    desk.approve(campaign)
    campaign = drive(campaign)
    claims = Claim.objects.filter(flow_id=campaign.pk)
    assert {claim.state for claim in claims} == {"done"}
    assert {claim.sends for claim in claims} == {1}
    direct_lines = campaign.lines.filter(seller__slug="direct").count()
    assert claims.filter(kind="order").count() == 1
    assert claims.filter(kind="book").count() == direct_lines


def test_proposed_is_not_booked(desk: Desk) -> None:
    desk.agent.set_options(confirm_after=None)
    campaign = desk.planned(constraints={"sellers_included": ["agent"]})
    desk.approve(campaign)
    accepted = lambda row: not row.lines.exclude(status="pending_booking").exists()  # noqa: E731
    campaign = drive(campaign, until=accepted)

    assert campaign.status == "executing_bookings"
    assert {line.seller_status for line in campaign.lines.all()} == {"proposed"}
    assert campaign_view(campaign).money.committed == 0

    with time_machine.travel(now() + dt.timedelta(hours=2)):
        drive(campaign, until=lambda row: not row.lines.filter(attention=False).exists())
    assert "has not confirmed since" in campaign.lines.first().note

    desk.agent.set_options(confirm_after=0.0)
    Step.objects.filter(flow_id=campaign.pk, state="pending").update(not_before=now())
    assert drive(campaign).status == "completed"
    assert not campaign.lines.filter(attention=True).exists()
