"""Cancelling at the seller: one claim, one effect, whatever happens to the call; what cannot be cancelled is said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import transaction

from bookings import cancelling, saga
from bookings.models import Campaign, Line
from bookings.saga_models import Compensation
from bookings.selectors import campaign_view
from bookings.services import check_line_now
from flows import lifecycle, runner, steps
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Claim, Step
from tests.bookings.test_saga import (
    ALL,
    KEEP,
    SELLERS,
    booked_at,
    cancelled_at,
    lines_of,
    planned,
    refuse,
)
from tests.driving import Desk, drive, run_due
from tests.standing import check_end, drafts, drive_checked, events, standing

PATHS: dict[str, dict[str, Any]] = {
    "agent": {"method": "POST", "path": "/api/v1/deals/bulk"},
    "direct": {"method": "PATCH", "path": "/v2/accounts", "contains": "?cancel"},
}


def unwinding(desk: Desk, seller: str, *faults: dict[str, Any]) -> Campaign:
    """Two lines booked and the third refused, with faults on the cancellations that follow."""
    campaign = planned(desk, seller, ALL)
    refuse(desk, seller, nth=3)
    running(desk, seller).faults(*[{**PATHS[seller], **fault} for fault in faults])
    desk.approve(campaign)
    return campaign


def running(desk: Desk, seller: str) -> Any:
    return desk.agent if seller == "agent" else desk.direct


def cancel_requests(desk: Desk, seller: str) -> int:
    method, path = PATHS[seller]["method"], PATHS[seller]["path"]
    found = running(desk, seller).journal.requests(method, path)
    return len([one for one in found if seller == "agent" or "cancel" in str(one.data)])


def refusing(seller: str, **more: Any) -> dict[str, Any]:
    """The seller answers that it does not cancel this, and does not."""
    if seller == "agent":
        return {
            "kind": "status",
            "status": 200,
            "body": {"results": [{"success": False, "error": "Too late"}]},
        } | more
    return {"kind": "status", "status": 400, "body": {"errors": [{"message": "Too late"}]}} | more


# --- lost answers, lost calls, lost processes ----------------------------------------------------------------------


@SELLERS
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["cut", "status"])
def test_a_cancellation_whose_answer_is_lost_has_one_effect(
    desk: Desk, seller: str, when: str, kind: str
) -> None:
    campaign = unwinding(desk, seller, {"kind": kind, "when": when, "count": 1})
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert running(desk, seller).journal.faults()
    assert sorted(cancelled_at(desk, seller)) == sorted(booked_at(desk, seller))
    compensated = Compensation.objects.filter(line__campaign=campaign).count()
    assert Claim.objects.filter(kind="cancel", state="done").count() == compensated >= 2
    check_end(desk, campaign)


@SELLERS
def test_a_cancellation_that_is_late_is_not_overtaken(desk: Desk, seller: str, settings: Any) -> None:
    """We stop waiting, the seller goes on and commits; meanwhile the booking is still to be seen."""
    campaign = unwinding(desk, seller, {"kind": "delay", "seconds": 4.5, "count": 1})
    settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 3.0
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert sorted(cancelled_at(desk, seller)) == sorted(booked_at(desk, seller))
    check_end(desk, campaign)


@SELLERS
@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
def test_a_process_that_dies_between_claim_and_answer_cancels_once(
    desk: Desk, seller: str, sent: bool, settings: Any, monkeypatch: Any
) -> None:
    campaign = unwinding(desk, seller)
    settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 3.0
    real, died = cancelling.call, []

    class Died(BaseException):
        """Nothing of ours runs after it, as after SIGKILL."""

    def dying(connection: Any, question: Any) -> Any:
        if died:
            return real(connection, question)
        died.append(True)
        if sent:
            real(connection, question)
        raise Died

    monkeypatch.setattr(cancelling, "call", dying)
    with pytest.raises(Died):
        drive(campaign)
    (claim,) = Claim.objects.filter(kind="cancel")
    assert claim.state == "sending"
    steps.release_abandoned()
    Step.objects.filter(state="running").update(lease_until=now(), rung_at=None)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    claim.refresh_from_db()
    assert claim.sends == (1 if sent else 2)
    assert sorted(cancelled_at(desk, seller)) == sorted(booked_at(desk, seller))
    check_end(desk, campaign)


def test_an_exception_between_claim_and_call_is_tried_again(
    desk: Desk, settings: Any, monkeypatch: Any
) -> None:
    campaign = unwinding(desk, "agent")
    settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 3.0
    real, failed = cancelling.call, []

    def failing(connection: Any, question: Any) -> Any:
        if not failed:
            failed.append(True)
            raise RuntimeError("a bug of ours")
        return real(connection, question)

    monkeypatch.setattr(cancelling, "call", failing)
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    check_end(desk, campaign)


def test_a_cancellation_that_dies_is_with_operations_and_holds_up_no_other(
    desk: Desk, monkeypatch: Any
) -> None:
    campaign = unwinding(desk, "agent")
    monkeypatch.setattr(runner, "FIRST_RETRY", 0.0)
    victim: list[Any] = []

    def broken(work: Any, line: Line, claim: Claim, *, fresh: bool) -> Any:
        victim.append(line.pk) if not victim else None
        if line.pk == victim[0]:
            raise RuntimeError("a bug of ours")
        return send(work, line, claim, fresh=fresh)

    send = cancelling.send
    monkeypatch.setattr(cancelling, "send", broken)
    monkeypatch.setattr(
        cancelling, "reconcile", lambda work, line, claim: broken(work, line, claim, fresh=False)
    )
    drive_checked(
        desk, campaign, until=lambda row: Step.objects.filter(name="compensate", state="dead").exists()
    )
    drive_checked(desk, campaign, until=lambda row: len(cancelled_at(desk, "agent")) == 1)
    line = campaign.lines.get(pk=victim[0])
    assert (line.status, line.attention) == ("booked", True)
    assert campaign_view(campaign).money.committed == line.cost
    monkeypatch.undo()
    assert steps.revive(Step.objects.get(name="compensate", state="dead"))
    Claim.objects.filter(subject_id=line.pk, kind="cancel").update(at_work_until=now())
    assert drive_checked(desk, campaign).status == "failed"
    check_end(desk, campaign)


@SELLERS
def test_a_seller_that_says_yes_and_shows_no_change_is_asked_again(desk: Desk, seller: str) -> None:
    """Only what the seller shows counts; two cancellations are one effect."""
    campaign = unwinding(desk, seller)
    shown = {"agent": {"deal.status": "active"}, "direct": {"bookingstatus": "Booked"}}[seller]
    path = {"agent": "/api/v1/deals", "direct": "/v2/accounts"}[seller]
    drive_checked(desk, campaign, until=lambda row: row.unwindings.exists())
    newest = lines_of(campaign)[1]
    waiting = Compensation.objects.filter(state="waiting")
    running(desk, seller).faults(
        {
            "kind": "mutate",
            "method": "GET",
            "path": path,
            "contains": newest.seller_reference,
            "set": shown,
            "factor": 1.0,
            "count": 3 if seller == "direct" else 2,
        }
    )
    drive(campaign, until=lambda row: waiting.exists())
    line = waiting.get().line
    assert (line.pk, line.status) == (newest.pk, "booked")
    assert line.cost <= campaign_view(campaign).money.committed
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    assert sorted(cancelled_at(desk, seller)) == sorted(booked_at(desk, seller))
    check_end(desk, campaign)


# --- what cannot be cancelled --------------------------------------------------------------------------------------


@SELLERS
def test_what_the_seller_will_not_cancel_stands_and_is_said(desk: Desk, seller: str) -> None:
    campaign = unwinding(desk, seller, refusing(seller, count=1))
    campaign = drive_checked(desk, campaign)
    stuck = campaign.lines.get(status="booked")
    assert campaign.status == "completed"  # with what stands
    assert (stuck.attention, stuck.undoing and stuck.undoing.state) == (True, "failed")
    assert "Too late" in stuck.note
    assert [error["code"] for error in campaign.errors][:2] == ["policy_not_kept", "cancel_failed"]
    assert campaign_view(campaign).money.committed == stuck.cost
    assert len(events(campaign, "compensation.failed")) == 1
    assert len(cancelled_at(desk, seller)) == 1  # the other one is not held up
    assert list(standing(desk)) == [stuck.pk.hex[:12]]
    check_end(desk, campaign)


@SELLERS
def test_after_a_refusal_nothing_is_sent_but_the_seller_is_looked_at(desk: Desk, seller: str) -> None:
    """Operations agree it by telephone: the late truth arrives by itself."""
    campaign = unwinding(desk, seller, refusing(seller, count=1))
    campaign = drive_checked(desk, campaign)
    stuck = campaign.lines.get(status="booked")
    sent = cancel_requests(desk, seller)
    assert check_line_now(line=stuck, actor=SYSTEM_ACTOR)
    run_due(campaign)
    stuck.refresh_from_db()
    assert (stuck.status, cancel_requests(desk, seller)) == ("booked", sent)
    word = {"agent": "cancelled", "direct": "Canceled"}[seller]
    running(desk, seller).decide(stuck.seller_reference, word, "by telephone")
    assert check_line_now(line=campaign.lines.get(pk=stuck.pk), actor=SYSTEM_ACTOR)
    run_due(campaign)
    stuck.refresh_from_db()
    campaign.refresh_from_db()
    assert (stuck.status, stuck.code, stuck.attention) == ("canceled", "policy", False)
    assert (campaign.status, campaign.errors[-1]["code"]) == ("completed", "cancelled_late")
    assert cancel_requests(desk, seller) == sent
    check_end(desk, campaign)


@SELLERS
def test_a_cancellation_that_stays_unknown_goes_to_operations(desk: Desk, seller: str) -> None:
    """Past its limit nothing more is sent; the money stays committed, and the campaign ends as what is true."""
    campaign = unwinding(desk, seller, {"kind": "status", "status": 503})
    unclear = Claim.objects.filter(kind="cancel", state="unknown")
    drive_checked(desk, campaign, until=lambda row: unclear.count() == 2)
    unclear.update(stop_checks_at=now())
    campaign = drive_checked(desk, campaign)
    stuck = campaign.lines.filter(status="booked")
    assert (campaign.status, stuck.count()) == ("completed", 2)
    of_them = Claim.objects.filter(kind="cancel", subject_id__in=stuck.values("pk"))
    assert {claim.state for claim in of_them} == {"escalated"}
    assert all(line.attention for line in stuck)
    sent = cancel_requests(desk, seller)
    with time_machine.travel(now() + dt.timedelta(hours=1)):
        run_due(campaign)
    assert cancel_requests(desk, seller) == sent
    check_end(desk, campaign)


def test_a_seller_that_is_down_gets_the_cancellation_when_it_is_back(desk: Desk) -> None:
    campaign = unwinding(desk, "agent")
    drive_checked(desk, campaign, until=lambda row: row.unwindings.exists())
    desk.agent.stop()
    not_sent = Claim.objects.filter(kind="cancel", state="not_sent")
    drive(campaign, until=lambda row: not_sent.count() == 2)
    assert campaign_view(campaign).money.committed == sum(
        line.cost for line in lines_of(campaign) if line.status == "booked"
    )
    desk.agent.start()
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "failed"
    check_end(desk, campaign)


def test_waiting_for_a_cancellation_holds_no_worker(desk: Desk) -> None:
    campaign = unwinding(desk, "agent", {"kind": "status", "status": 503})
    unclear = Claim.objects.filter(kind="cancel", state="unknown")
    drive_checked(desk, campaign, until=lambda row: unclear.count() == 2)
    waiting = Step.objects.filter(flow_id=campaign.pk, name="compensate")
    assert {step.state for step in waiting} == {"pending"}
    assert all(step.lease_until is None and step.not_before > step.created_at for step in waiting)


# --- never somebody else's booking ---------------------------------------------------------------------------------


def test_a_seller_that_answers_with_another_booking_of_ours_is_asked_what_it_really_made(desk: Desk) -> None:
    campaign = planned(desk, "agent", KEEP)
    desk.approve(campaign)
    first, second, *_ = lines_of(campaign)
    answered = Claim.objects.filter(subject_id=first.pk, state="done")
    drive_checked(desk, campaign, until=lambda row: answered.exists())
    first.refresh_from_db()
    stolen = {"deal.deal_id": first.refs["deal_id"], "deal.quote_id": second.recommendation.quote_id}
    desk.agent.faults(
        {
            "kind": "mutate",
            "method": "POST",
            "path": "/api/v1/deals",
            "set": stolen,
            "factor": 1.0,
            "count": 1,
        }
    )
    campaign = drive_checked(desk, campaign)
    assert campaign.status == "completed"
    assert desk.agent.journal.faults()
    assert len({line.refs["deal_id"] for line in lines_of(campaign)}) == len(lines_of(campaign))
    check_end(desk, campaign)


def test_a_reference_that_two_lines_carry_is_never_cancelled(desk: Desk) -> None:
    """Whatever went wrong before: cancelling it might take back the other line's booking."""
    campaign = planned(desk, "agent", KEEP)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    first, second, *_ = lines_of(campaign)
    Line.objects.filter(pk=second.pk).update(refs=first.refs)
    with transaction.atomic():
        locked = lifecycle.lock(Campaign, campaign.pk)
        row = lifecycle.lock(Line, second.pk)
        saga.want_cancelled(locked, row, "differs", "It differs.", back_to_person=True)
    run_due(campaign)
    second.refresh_from_db()
    assert (second.status, second.attention) == ("booked", True)
    assert cancelled_at(desk, "agent") == []
    assert cancel_requests(desk, "agent") == 0


# --- drafts --------------------------------------------------------------------------------------------------------


def test_a_line_refused_after_it_was_written_down_leaves_no_draft(desk: Desk) -> None:
    campaign = planned(desk, "direct", KEEP)
    refuse(desk, "direct", nth=1)
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    lost = campaign.lines.get(status="declined")
    assert campaign.status == "completed"
    assert drafts(desk) == []
    assert len(desk.direct.journal.effects("line.deleted")) == 1
    assert "Not today" in lost.note
    check_end(desk, campaign)


def test_a_draft_that_the_seller_keeps_binds_nobody(desk: Desk) -> None:
    campaign = planned(desk, "direct", KEEP)
    refuse(desk, "direct", nth=1)
    desk.direct.faults(
        kind="status",
        method="DELETE",
        path="/v2/accounts",
        status=400,
        body={"errors": [{"message": "No"}]},
        count=1,
    )
    desk.approve(campaign)
    campaign = drive_checked(desk, campaign)
    lost = campaign.lines.get(status="declined")
    assert campaign.status == "completed"
    assert "binds nobody" in lost.note
    assert len(drafts(desk)) == 1
    assert campaign_view(campaign).money.reserved == campaign_view(campaign).money.committed


def test_a_draft_that_could_not_be_booked_in_time_is_removed(desk: Desk, monkeypatch: Any) -> None:
    from bookings import booking
    from flows.work import Later

    campaign = planned(desk, "direct", KEEP)
    best = campaign.recommendations.order_by("rank").first()
    assert best is not None
    desk.approve(campaign, recommendation_ids=[best.pk])
    real = booking._write
    monkeypatch.setattr(
        booking, "_write", lambda work, row, kind: Later(0.0) if kind == "book" else real(work, row, kind)
    )
    drive(campaign, until=lambda row: Claim.objects.filter(kind="line", state="done").exists())
    monkeypatch.undo()
    with time_machine.travel(now() + dt.timedelta(days=2)):
        campaign = drive(campaign)
    line = campaign.lines.get()
    assert (campaign.status, line.status, line.code) == ("failed", "declined", "quote_expired")
    assert drafts(desk) == []
