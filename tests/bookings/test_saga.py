"""Booking policies: what stands when a line is refused, unknown or late. The sellers' journals are the truth."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bookings import terms
from bookings.approving import fingerprints, rows_of_plan
from bookings.models import Campaign, Line
from flows.clock import now
from flows.models import Claim, Step
from tests.driving import Desk, drive
from tests.standing import check_end, drive_checked, events, standing

KEEP = {"kind": "keep_partial"}
ALL = {"kind": "all_or_nothing"}
MOST = {"kind": "at_least", "share": "0.8"}
POLICIES = pytest.mark.parametrize("policy", [KEEP, ALL, MOST], ids=["keep", "all", "most"])
SELLERS = pytest.mark.parametrize("seller", ["agent", "direct"])


def planned(desk: Desk, seller: str, policy: dict[str, Any]) -> Campaign:
    """Four lines or more at one seller, or at both."""
    only = {"sellers_included": [seller]} if seller != "both" else None
    return desk.planned(channels=["branding", "ctv"], constraints=only, booking_policy=policy)


def lines_of(campaign: Campaign) -> list[Line]:
    return list(campaign.lines.select_related("seller", "recommendation").order_by("position"))


def refuse(desk: Desk, seller: str, nth: int = 1, count: int = 1) -> None:
    """The seller says no to the nth booking: to the deal, or to `?book` of a line that is in Draft there by then."""
    if seller == "agent":
        body = {"detail": {"error": "invalid_status", "message": "Not today"}}
        rule: dict[str, Any] = {"method": "POST", "path": "/api/v1/deals", "body": body}
        desk.agent.faults({"kind": "status", "status": 400, "nth": nth, "count": count} | rule)
    else:
        body = {"errors": [{"code": "Refused", "message": "Not today"}]}
        rule = {"method": "PATCH", "path": "/v2/accounts", "contains": "?book", "body": body}
        desk.direct.faults({"kind": "status", "status": 400, "nth": nth, "count": count} | rule)


def cancelled_at(desk: Desk, seller: str) -> list[str]:
    """Ids in the order in which the seller cancelled them."""
    if seller == "agent":
        return [effect.data["deal_id"] for effect in desk.agent.journal.effects("deal.cancelled")]
    return [effect.data["line_id"] for effect in desk.direct.journal.effects("line.canceled")]


def booked_at(desk: Desk, seller: str) -> list[str]:
    if seller == "agent":
        return [effect.data["deal_id"] for effect in desk.agent.journal.effects("deal.booked")]
    return [effect.data["line_id"] for effect in desk.direct.journal.effects("line.booked")]


# --- each policy, each outcome -------------------------------------------------------------------------------------


@POLICIES
@SELLERS
def test_when_all_goes_well_every_policy_books_everything(
    desk: Desk, seller: str, policy: dict[str, Any]
) -> None:
    campaign = planned(desk, seller, policy)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "completed"
    assert {line.status for line in lines_of(campaign)} == {"booked"}
    assert not Claim.objects.filter(kind="cancel").exists()
    assert not campaign.unwindings.exists()
    check_end(desk, campaign)


@SELLERS
def test_keep_partial_lets_the_others_stand(desk: Desk, seller: str) -> None:
    campaign = planned(desk, seller, KEEP)
    refuse(desk, seller, nth=2)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "completed"
    assert [line.status for line in lines_of(campaign)].count("declined") == 1
    check_end(desk, campaign)


@SELLERS
def test_all_or_nothing_takes_the_others_back_in_reverse_order(desk: Desk, seller: str) -> None:
    campaign = planned(desk, seller, ALL)
    refuse(desk, seller, nth=3)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert campaign.errors[0]["code"] == "policy_not_kept"
    assert cancelled_at(desk, seller) == booked_at(desk, seller)[::-1]
    assert len(cancelled_at(desk, seller)) == 2
    first, second, refused, *unsent = lines_of(campaign)
    assert [first.status, second.status, refused.status] == ["canceled", "canceled", "declined"]
    assert {first.code, second.code, *(line.code for line in unsent)} == {"policy"}
    assert not Claim.objects.filter(subject_id__in=[line.pk for line in unsent]).exists()
    assert all(line.back_to_person for line in (first, second, *unsent))
    assert standing(desk) == {}
    check_end(desk, campaign)


def test_at_least_a_share_stands_with_less_than_everything(desk: Desk) -> None:
    """The smallest of the direct seller's five lines costs a twelfth of the whole."""
    campaign = planned(desk, "direct", MOST)
    refuse(desk, "direct", nth=5)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    lost = [line for line in lines_of(campaign) if line.status == "declined"]
    assert campaign.status == "completed"
    assert [line.cost for line in lost] == [min(line.cost for line in lines_of(campaign))]
    assert not campaign.unwindings.exists()
    check_end(desk, campaign)


def test_at_least_a_share_is_taken_back_below_it(desk: Desk) -> None:
    """The first line alone costs two fifths of the whole."""
    campaign = planned(desk, "direct", MOST)
    refuse(desk, "direct", nth=1)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert standing(desk) == {}
    told = events(campaign, "saga.unwinding")[0].payload
    assert Decimal(told["possible"]) < Decimal(told["needed"]) == Decimal(told["approved"]) * Decimal("0.8")
    check_end(desk, campaign)


@POLICIES
@SELLERS
def test_an_outcome_that_is_found_later_counts_as_booked(
    desk: Desk, seller: str, policy: dict[str, Any]
) -> None:
    campaign = planned(desk, seller, policy)
    rule = {"agent": ("POST", "/api/v1/deals", ""), "direct": ("PATCH", "/v2/accounts", "?book")}[seller]
    method, path, contains = rule
    running = desk.agent if seller == "agent" else desk.direct
    running.faults(kind="cut", method=method, path=path, contains=contains, when="after", nth=2, count=1)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "completed"
    assert running.journal.faults()
    assert {line.status for line in lines_of(campaign)} == {"booked"}
    check_end(desk, campaign)


@POLICIES
def test_an_outcome_that_stays_unknown_takes_nothing_back(desk: Desk, policy: dict[str, Any]) -> None:
    """Nobody knows that it failed; its money stays reserved, and it is with operations."""
    campaign = planned(desk, "agent", policy)
    desk.agent.faults(kind="crash", method="POST", path="/api/v1/deals", seconds=0, nth=1, count=1)
    desk.approve(campaign)
    first, *others = lines_of(campaign)
    unknown = Claim.objects.filter(subject_id=first.pk, state="unknown")
    drive(campaign, until=lambda row: unknown.exists())
    unknown.update(stop_checks_at=now())
    booked = campaign.lines.filter(status="booked")
    drive_checked(desk, campaign, until=lambda row: booked.count() == len(others))
    first.refresh_from_db()
    assert (campaign.status, first.status, first.attention) == ("executing_bookings", "draft", True)
    assert not campaign.unwindings.exists()


# --- unwinding with lines in every state ---------------------------------------------------------------------------


def test_a_line_whose_outcome_is_unknown_is_asked_about_first_and_then_taken_back(desk: Desk) -> None:
    desk.direct.set_options(async_after=600)
    campaign = planned(desk, "both", ALL)
    desk.agent.faults(kind="crash", method="POST", path="/api/v1/deals", seconds=3.0, nth=1, count=1)
    desk.approve(campaign)
    late = next(line for line in lines_of(campaign) if line.seller.slug == "agent")
    pending = campaign.lines.filter(status="pending_booking")
    unknown = Claim.objects.filter(subject_id=late.pk, state="unknown")
    drive_checked(desk, campaign, until=lambda row: unknown.exists() and pending.exists())
    desk.direct.decide(pending.get().refs["line_id"], "decline", "Sold out")
    campaign = drive_checked(desk, campaign)
    late.refresh_from_db()
    assert campaign.status == "failed"
    assert (late.status, late.code) == ("canceled", "policy")
    assert cancelled_at(desk, "agent") == [late.refs["deal_id"]]
    check_end(desk, campaign)


def test_while_one_line_stays_unknown_the_booked_ones_are_taken_back_all_the_same(desk: Desk) -> None:
    """Days of free cancellation may run out; the unknown one is never forgotten and keeps the campaign open."""
    campaign = planned(desk, "both", ALL)
    desk.agent.faults(kind="crash", method="POST", path="/api/v1/deals", seconds=0, nth=1, count=1)
    desk.approve(campaign)
    unknown = next(line for line in lines_of(campaign) if line.seller.slug == "agent")
    direct = campaign.lines.filter(seller__slug="direct")
    drive(campaign, until=lambda row: not direct.exclude(status="booked").exists())
    Claim.objects.filter(subject_id=unknown.pk).update(stop_checks_at=now())
    refuse(desk, "agent", nth=1)
    drive_checked(desk, campaign, until=lambda row: not direct.exclude(status="canceled").exists())
    unknown.refresh_from_db()
    assert unknown.status == "draft"
    assert Claim.objects.get(subject_id=unknown.pk).state in ("unknown", "escalated")
    campaign.refresh_from_db()
    assert campaign.status == "executing_bookings"


def test_a_line_that_waits_for_the_sellers_decision_is_cancelled_once_that_is_made(desk: Desk) -> None:
    """OpenDirect allows nothing while a booking is pending."""
    desk.direct.set_options(async_after=600)
    campaign = planned(desk, "direct", ALL)
    refuse(desk, "direct", nth=2)
    desk.approve(campaign)
    undecided = Claim.objects.filter(kind="cancel", state="not_sent")
    campaign = drive_checked(desk, campaign, until=lambda row: undecided.exists())
    pending = campaign.lines.get(status="pending_booking")
    assert not [one for one in desk.direct.journal.requests("PATCH") if "cancel" in str(one.data)]
    desk.direct.decide(pending.refs["line_id"], "approve")
    campaign = drive_checked(desk, campaign)
    pending.refresh_from_db()
    assert (campaign.status, pending.code) == ("failed", "policy")
    assert cancelled_at(desk, "direct") == [pending.refs["line_id"]]
    check_end(desk, campaign)


def test_a_seller_that_refuses_in_the_end_leaves_nothing_to_cancel(desk: Desk) -> None:
    desk.direct.set_options(async_after=600)
    campaign = planned(desk, "direct", ALL)
    refuse(desk, "direct", nth=2)
    desk.approve(campaign)
    undecided = Claim.objects.filter(kind="cancel", state="not_sent")
    campaign = drive_checked(desk, campaign, until=lambda row: undecided.exists())
    desk.direct.decide(campaign.lines.get(status="pending_booking").refs["line_id"], "decline", "Sold out")
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert cancelled_at(desk, "direct") == []
    check_end(desk, campaign)


def test_an_unconfirmed_deal_is_cancelled_without_waiting(desk: Desk) -> None:
    desk.agent.set_options(confirm_after=None)
    campaign = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=3)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert sorted(cancelled_at(desk, "agent")) == sorted(booked_at(desk, "agent"))
    assert {line.status for line in lines_of(campaign)} == {"declined"}  # none of them was ever booked
    check_end(desk, campaign)


def test_two_lines_that_fail_at_once_take_the_rest_back_once(desk: Desk) -> None:
    campaign = planned(desk, "both", ALL)
    refuse(desk, "agent", nth=1)
    refuse(desk, "direct", nth=1)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert len(events(campaign, "saga.unwinding")) == 1
    assert len(events(campaign, "saga.unwound")) == 1
    check_end(desk, campaign)


def test_a_line_that_comes_dearer_takes_the_others_back_too(desk: Desk) -> None:
    campaign = planned(desk, "agent", ALL)
    desk.agent.faults(kind="price", method="POST", path="/api/v1/deals", factor=1.1, nth=3, count=1)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    codes = [line.code for line in lines_of(campaign)]
    assert campaign.status == "failed"
    assert sorted(set(codes)) == ["differs", "policy"]
    assert len(cancelled_at(desk, "agent")) == 3
    check_end(desk, campaign)


# --- what the policy is measured by --------------------------------------------------------------------------------


def test_lines_that_nobody_approved_do_not_count(desk: Desk) -> None:
    campaign = planned(desk, "agent", ALL)
    rows = list(campaign.recommendations.order_by("rank"))
    desk.approve(campaign, recommendation_ids=[row.pk for row in rows[:2]])
    campaign = drive_checked(desk, campaign)
    assert (campaign.status, campaign.lines.count()) == ("completed", 2)
    check_end(desk, campaign)


def test_each_approval_stands_or_falls_for_itself(desk: Desk) -> None:
    """Who approved two lines got two lines; somebody else's later approval cannot undo them."""
    campaign = planned(desk, "agent", ALL)
    rows = [row.pk for row in campaign.recommendations.order_by("rank")]
    first, _ = desk.approve(campaign, recommendation_ids=rows[:2])
    second, _ = desk.approve(campaign, recommendation_ids=rows[2:])
    refuse(desk, "agent", nth=4)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "completed"
    assert {line.status for line in campaign.lines.filter(decision=first)} == {"booked"}
    assert not campaign.lines.filter(decision=second, status="booked").exists()
    assert [row.decision_id for row in campaign.unwindings.all()] == [second.pk]
    assert campaign.errors[0]["code"] == "policy_not_kept"
    check_end(desk, campaign)


def test_a_brief_that_was_changed_after_the_approval_books_nothing_more(desk: Desk) -> None:
    """The policy is part of what was approved; no door changes it, and a change in the database is noticed."""
    campaign = planned(desk, "agent", ALL)
    approved = fingerprints(rows_of_plan(campaign))
    desk.approve(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(brief={**campaign.brief, "booking_policy": KEEP})
    campaign.refresh_from_db()
    assert set(fingerprints(rows_of_plan(campaign)).values()).isdisjoint(approved.values())
    campaign = drive_checked(desk, campaign)
    assert (campaign.status, {line.code for line in lines_of(campaign)}) == (
        "failed",
        {"changed_since_approval"},
    )
    assert desk.agent.journal.effects("deal.booked") == []


def test_the_rest_is_planned_again_with_the_same_policy(desk: Desk) -> None:
    from accounts.actors import actor_of_user
    from bookings import services

    campaign = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=1)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    manager = desk.agency.person("manager")
    rest = services.plan_the_rest(
        campaign_id=campaign.pk, prepared_by=manager, actor=actor_of_user(manager), door="page"
    )
    assert rest.booking_policy.kind == "all_or_nothing"
    assert rest.budget == campaign.budget  # nothing stands, so all the money is there again


# --- the order of booking ------------------------------------------------------------------------------------------


def not_cancelable(desk: Desk, slug: str) -> None:
    seller = desk.seller(slug)
    seller.options = {**seller.options, "non_cancelable": True}
    seller.save()


def test_what_cannot_be_cancelled_free_is_booked_last(desk: Desk) -> None:
    not_cancelable(desk, "agent")
    campaign = planned(desk, "both", ALL)
    desk.approve(campaign)
    direct = campaign.lines.filter(seller__slug="direct")
    assert not Step.objects.filter(name="book", key__in=_keys(campaign, "agent")).exists()

    def in_order(row: Campaign) -> bool:
        sent = bool(desk.agent.journal.requests("POST", "/api/v1/deals"))
        assert not sent or not direct.exclude(status="booked").exists()
        return False

    campaign = drive_checked(desk, campaign, until=in_order)
    assert campaign.status == "completed"
    assert [line.free_cancel_until is None for line in lines_of(campaign)] == sorted(
        line.free_cancel_until is None for line in lines_of(campaign)
    )
    check_end(desk, campaign)


def test_what_cannot_be_cancelled_free_is_never_sent_when_the_first_lines_fail(desk: Desk) -> None:
    not_cancelable(desk, "agent")
    campaign = planned(desk, "both", ALL)
    refuse(desk, "direct", nth=1)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert desk.agent.journal.requests("POST", "/api/v1/deals") == []
    check_end(desk, campaign)


def test_keep_partial_waits_for_nobody(desk: Desk) -> None:
    not_cancelable(desk, "agent")
    campaign = planned(desk, "both", KEEP)
    desk.approve(campaign)
    assert Step.objects.filter(name="book", key__in=_keys(campaign, "agent")).exists()


def _keys(campaign: Campaign, slug: str) -> list[str]:
    return [str(pk) for pk in campaign.lines.filter(seller__slug=slug).values_list("pk", flat=True)]


def test_the_write_that_makes_a_line_has_its_name_in_every_dialect(desk: Desk) -> None:
    """`_not_booked` removes a draft only for writes after that one."""
    campaign = planned(desk, "both", KEEP)
    desk.approve(campaign)
    kinds = {line.seller.slug: terms.line_kind(line) for line in lines_of(campaign)}
    assert kinds == {"agent": "deal", "direct": "line"}
