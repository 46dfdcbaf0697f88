"""Booking under a reviewer's suspicions: lines that share an order, calls that are late, sellers that never answer."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from bookings import booking
from bookings.models import Campaign, Line
from bookings.selectors import campaign_view
from flows import runner, steps
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Claim, Step
from flows.work import Later
from sellers.services import disable_seller
from tests.driving import Desk, drive

AGENT_ONLY: dict[str, Any] = {"constraints": {"sellers_included": ["agent"]}, "channels": ["ctv"]}
DIRECT_ONLY: dict[str, Any] = {"constraints": {"sellers_included": ["direct"]}, "channels": ["ctv"]}
DIRECT_WIDE: dict[str, Any] = {
    "constraints": {"sellers_included": ["direct"]},
    "channels": ["branding", "ctv", "performance"],
    "budget": 200_000,
}


def one_line(desk: Desk, campaign: Campaign) -> Line:
    best = campaign.recommendations.order_by("rank").first()
    assert best is not None
    desk.approve(campaign, recommendation_ids=[best.pk])
    return campaign.lines.get()


def lines_of(campaign: Campaign) -> list[Line]:
    return list(campaign.lines.order_by("position"))


# --- one line must not hold up or spoil another ------------------------------------------------------------------


def test_behind_a_dead_line_all_others_are_booked_not_only_the_next(desk: Desk, monkeypatch: Any) -> None:
    campaign = desk.planned(**DIRECT_WIDE)
    desk.approve(campaign)
    first, *others = lines_of(campaign)
    assert len(others) >= 2
    real = booking._write

    def broken(work: Any, line: Line, kind: str) -> Any:
        if line.pk == first.pk:
            raise RuntimeError("a bug of ours")
        return real(work, line, kind)

    monkeypatch.setattr(booking, "_write", broken)
    monkeypatch.setattr(runner, "FIRST_RETRY", 0.0)
    drive(campaign, until=lambda row: not steps_open(row))
    assert {line.status for line in lines_of(campaign)[1:]} == {"booked"}


def steps_open(campaign: Campaign) -> bool:
    return Step.objects.filter(flow_id=campaign.pk, state__in=("pending", "running")).exists()


def test_a_line_with_operations_holds_up_no_other(desk: Desk, monkeypatch: Any) -> None:
    """Unknown beyond its time, and still asked for ever: the seller's other lines go on."""
    campaign = desk.planned(**DIRECT_WIDE)
    desk.direct.faults(
        kind="status", method="POST", path="/v2/accounts", contains="/lines", status=500, count=1
    )
    desk.approve(campaign)
    first, *others = lines_of(campaign)
    drive(campaign, until=lambda row: Claim.objects.filter(subject_id=first.pk, state="unknown").exists())
    monkeypatch.setattr(
        booking, "_reconcile", lambda *args: (booking.Answer(booking.Outcome.UNKNOWN, "silent"), [])
    )
    Claim.objects.filter(subject_id=first.pk).update(stop_checks_at=now())
    booked = campaign.lines.exclude(pk=first.pk).filter(status="booked")
    drive(campaign, until=lambda row: booked.count() == len(others))
    first.refresh_from_db()
    assert (first.status, first.attention) == ("draft", True)


def test_a_product_that_is_gone_does_not_spoil_the_order_of_the_others(desk: Desk) -> None:
    campaign = desk.planned(**DIRECT_WIDE)
    rows = list(campaign.recommendations.order_by("rank"))
    sold = [row.product_id for row in rows]
    at = next(index for index, product in enumerate(sold) if sold.count(product) == 1)
    desk.approve(campaign, recommendation_ids=[row.pk for row in rows[at:]])
    assert campaign.lines.count() >= 2
    desk.direct.set_gone(sold[at])
    campaign = drive(campaign)
    assert campaign.status == "completed"
    assert [line.status for line in lines_of(campaign)] == ["declined"] + ["booked"] * (len(rows) - at - 1)
    assert len(desk.direct.journal.effects("order.created")) == 1


# --- calls that may still be under way ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "path", "contains", "effect"),
    [
        (DIRECT_ONLY, "/v2/accounts/acc-demo/orders", "", "order.created"),
        (DIRECT_ONLY, "/v2/accounts", "/lines", "line.created"),
        (AGENT_ONLY, "/api/v1/deals", "", "deal.booked"),
    ],
    ids=["order", "line", "deal"],
)
def test_a_call_that_commits_after_we_stopped_waiting_is_not_repeated(
    desk: Desk, settings: Any, wanted: dict[str, Any], path: str, contains: str, effect: str
) -> None:
    seller = desk.agent if wanted is AGENT_ONLY else desk.direct
    campaign = desk.planned(**wanted)
    settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 2.0
    seller.faults(kind="delay", method="POST", path=path, contains=contains, seconds=3.6, count=1)
    one_line(desk, campaign)
    began = time.monotonic()
    campaign = drive(campaign)
    time.sleep(max(0.0, 4.5 - (time.monotonic() - began)))  # by now the late call has committed too
    assert campaign.status == "completed"
    assert len(seller.journal.effects(effect)) == 1


def test_after_a_crash_the_seller_gets_time_to_finish_what_it_was_doing(desk: Desk, settings: Any) -> None:
    """The process died with the call on the wire; the seller commits a moment after we are back."""
    campaign = desk.planned(**DIRECT_ONLY)
    settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 3.0
    line = one_line(desk, campaign)
    desk.direct.faults(
        kind="delay", method="POST", path="/v2/accounts", contains="/lines", seconds=2.0, count=1
    )

    class Died(BaseException):
        """Nothing of ours runs after it, as after SIGKILL."""

    real = booking.call

    def dying(connection: Any, question: Any) -> Any:
        settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 0.3  # as long as we lived
        answer = real(connection, question)
        settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 3.0
        if Claim.objects.filter(subject_id=line.pk, kind="line", state="sending").exists():
            raise Died
        return answer

    booking.call = dying
    try:
        with pytest.raises(Died):
            drive(campaign)
    finally:
        booking.call = real
    steps.release_abandoned()
    Step.objects.filter(state="running").update(lease_until=now(), rung_at=None)
    assert drive(campaign).status == "completed"
    time.sleep(2.0)
    assert len(desk.direct.journal.effects("line.created")) == 1


def test_what_certainly_never_left_is_given_up_when_its_price_has_expired(desk: Desk) -> None:
    """A seller that is gone for good: nothing was ever sent, so nothing is unknown, and the campaign can end."""
    campaign = desk.planned(**AGENT_ONLY)
    line = one_line(desk, campaign)
    desk.agent.stop()
    drive(campaign, until=lambda row: Claim.objects.filter(subject_id=line.pk, checks__gte=1).exists())
    with time_machine.travel(now() + dt.timedelta(days=2)):
        campaign = drive(campaign)
    line.refresh_from_db()
    assert (campaign.status, line.status, line.code) == ("failed", "declined", "quote_expired")
    assert line.back_to_person
    desk.agent.start()


def test_a_seller_that_was_disabled_gets_no_second_try(desk: Desk) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(kind="cut", method="POST", path="/api/v1/deals", when="before", count=1)
    line = one_line(desk, campaign)
    drive(campaign, until=lambda row: Claim.objects.filter(subject_id=line.pk, state="unknown").exists())
    disable_seller(seller_id=desk.seller("agent").pk, actor=SYSTEM_ACTOR)
    campaign = drive(campaign)
    line.refresh_from_db()
    assert (line.status, line.code) == ("declined", "seller_disabled")
    assert desk.agent.journal.effects("deal.booked") == []


def test_a_seller_cannot_send_us_to_sleep(desk: Desk) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(
        {
            "kind": "status",
            "method": "POST",
            "path": "/api/v1/deals",
            "status": 429,
            "headers": {"Retry-After": "999999"},
            "count": 1,
        }
    )
    line = one_line(desk, campaign)
    drive(campaign, until=lambda row: Claim.objects.filter(subject_id=line.pk, checks__gte=1).exists())
    step = Step.objects.get(name="book", key=str(line.pk))
    assert step.not_before < now() + dt.timedelta(minutes=15)


# --- prices --------------------------------------------------------------------------------------------------------


def test_an_expired_price_is_not_booked_because_an_order_is_there(desk: Desk, monkeypatch: Any) -> None:
    campaign = desk.planned(**DIRECT_ONLY)
    line = one_line(desk, campaign)
    real = booking._write
    monkeypatch.setattr(
        booking, "_write", lambda work, row, kind: Later(0.0) if kind == "line" else real(work, row, kind)
    )
    drive(campaign, until=lambda row: Claim.objects.filter(kind="order", state="done").exists())
    monkeypatch.undo()
    with time_machine.travel(now() + dt.timedelta(days=2)):
        campaign = drive(campaign)
    line.refresh_from_db()
    assert (line.status, line.code, line.back_to_person) == ("declined", "quote_expired", True)
    assert desk.direct.journal.effects("line.created") == []


# --- taking back ---------------------------------------------------------------------------------------------------


def dearer(desk: Desk, campaign: Campaign) -> Line:
    desk.agent.faults(kind="price", method="POST", path="/api/v1/deals", factor=1.1, count=1)
    return one_line(desk, campaign)


def test_taken_back_means_that_the_seller_shows_it_as_cancelled(desk: Desk) -> None:
    """An answer to the cancellation is not enough: here the deal goes on for a while."""
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(
        {
            "kind": "mutate",
            "method": "GET",
            "path": "/api/v1/deals",
            "set": {"deal.status": "active"},
            "factor": 1.0,
            "count": 2,
        }
    )
    line = dearer(desk, campaign)
    drive(campaign, until=lambda row: campaign.lines.filter(compensation__state="waiting").exists())
    line.refresh_from_db()
    assert line.status == "draft"  # its money stays reserved as long as the seller shows a deal
    assert campaign_view(campaign).money.reserved == line.cost
    assert drive(campaign).status == "failed"
    line.refresh_from_db()
    assert (line.status, line.code, line.attention) == ("declined", "differs", False)


def test_a_deal_that_was_cancelled_already_is_taken_back(desk: Desk) -> None:
    """The first cancellation worked and its answer was lost; this seller refuses a second one."""
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(
        {"kind": "cut", "method": "POST", "path": "/api/v1/deals/bulk", "when": "after", "count": 1},
        {
            "kind": "mutate",
            "method": "POST",
            "path": "/api/v1/deals/bulk",
            "set": {"results.0.success": False, "results.0.error": "already cancelled"},
            "factor": 1.0,
            "nth": 2,
        },
    )
    line = dearer(desk, campaign)
    assert drive(campaign, seconds=15).status == "failed"
    line.refresh_from_db()
    assert (line.status, line.code) == ("declined", "differs")


def test_a_draft_that_was_deleted_already_is_taken_back(desk: Desk) -> None:
    campaign = desk.planned(**DIRECT_ONLY)
    best = campaign.recommendations.order_by("rank").first()
    assert best is not None
    desk.direct.raise_price(best.product_id, 1.05)
    desk.direct.faults(kind="cut", method="DELETE", path="/v2/accounts", when="after", count=1)
    desk.approve(campaign, recommendation_ids=[best.pk])
    assert drive(campaign, seconds=15).status == "failed"
    line = campaign.lines.get()
    assert (line.status, line.code, line.back_to_person) == ("declined", "differs", True)
    assert len(desk.direct.journal.effects("line.deleted")) == 1


# --- the seller's own words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["InFlight", "Finished"])
def test_a_line_that_runs_already_is_booked(desk: Desk, word: str) -> None:
    """The flight began between our booking and our look at it: Booked was never to be seen."""
    desk.direct.set_options(async_after=600)
    campaign = desk.planned(**DIRECT_ONLY)
    line = one_line(desk, campaign)
    drive(campaign, until=lambda row: campaign.lines.filter(status="pending_booking").exists())
    line.refresh_from_db()
    desk.direct.faults(
        {"kind": "mutate", "method": "GET", "path": "/v2/accounts", "contains": "/lines/", "factor": 1.0}
        | {"set": {"bookingstatus": word}}
    )
    assert drive(campaign, seconds=15).status == "completed"
    line.refresh_from_db()
    assert (line.status, line.seller_status) == ("booked", word)
    assert line.confirmed_cost == line.cost > Decimal(0)


def test_words_that_are_no_text_at_all_break_nothing(desk: Desk) -> None:
    """Half a character, as JSON can spell it, fits neither a hash nor a database."""
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(
        {
            "kind": "bad_json",
            "method": "GET",
            "path": "/api/v1/deals",
            "text": '{"deal": {"deal_id": "x\\ud800", "status": "\\ud800"}}',
            "count": 1,
        },
        {
            "kind": "status",
            "method": "POST",
            "path": "/api/v1/deals",
            "status": 400,
            "body": '{"detail": {"error": "\\ud800", "message": "no \\ud800 way"}}',
            "headers": {"Content-Type": "application/json"},
            "count": 1,
        },
    )
    line = one_line(desk, campaign)
    assert drive(campaign).status == "failed"
    line.refresh_from_db()
    assert line.status == "declined"
