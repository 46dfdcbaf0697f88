"""Sellers that fail, lie or hang: what happened is found out, nothing is booked twice, nothing dearer is kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bookings import booking
from bookings.models import Campaign, Line
from bookings.selectors import campaign_view
from flows import runner, steps
from flows.models import Claim, Step
from tests.driving import Desk, drive

AGENT_ONLY: dict[str, Any] = {"constraints": {"sellers_included": ["agent"]}, "channels": ["ctv"]}
DIRECT_ONLY: dict[str, Any] = {"constraints": {"sellers_included": ["direct"]}, "channels": ["ctv"]}


def deals(desk: Desk) -> list[str]:
    return [effect.data["deal_id"] for effect in desk.agent.journal.effects("deal.booked")]


def booked_lines(desk: Desk) -> list[str]:
    return [effect.data["line_id"] for effect in desk.direct.journal.effects("line.booked")]


def one_line(desk: Desk, campaign: Campaign) -> Line:
    """Approve the best line only, so that one booking is looked at."""
    best = campaign.recommendations.order_by("rank").first()
    assert best is not None
    desk.approve(campaign, recommendation_ids=[best.pk])
    return campaign.lines.get()


# --- research ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "body": "Internal Server Error"},
        {"kind": "bad_json"},
        {"kind": "drip", "rate": 50.0},
        {"kind": "hang", "seconds": 0},
        {"kind": "cut"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_one_failing_seller_hides_nothing(desk: Desk, settings: Any, fault: dict[str, Any]) -> None:
    settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS = 2.0
    desk.agent.faults({"method": "GET", "path": "/products", **fault})
    campaign = desk.planned()
    silent = campaign.reports.filter(seller__slug="agent")
    assert {report.state for report in silent} == {"failed"}
    assert all(report.reason for report in silent)
    assert {row.seller.slug for row in campaign.recommendations.all()} == {"direct"}


def test_when_no_seller_answers_the_campaign_says_so_and_nothing_waits(desk: Desk) -> None:
    for seller in (desk.agent, desk.direct):
        seller.faults(kind="status", status=503, body="down")
    campaign = drive(desk.submit())
    assert campaign.status == "failed"
    assert campaign.errors[0]["code"] == "research_failed"
    assert {error.get("field") for error in campaign.errors[1:]} == {"channels.branding", "channels.ctv"}
    assert campaign_view(campaign).request is None


def test_malformed_rows_are_skipped_with_a_reason(desk: Desk) -> None:
    desk.agent.faults(
        {"kind": "mutate", "method": "GET", "path": "/products", "set": {"products.0.base_price": "cheap"}}
    )
    campaign = desk.planned(**{**AGENT_ONLY, "channels": ["branding"]})
    report = campaign.reports.get()
    assert report.state == "ok"
    assert any(row["reason"] for row in report.skipped)


# --- booking: seller agent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [None, 0, 1, 40, -1])
def test_a_cut_after_the_deal_was_made_adopts_that_deal(desk: Desk, at: int | None) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(kind="cut", method="POST", path="/api/v1/deals", when="after", at=at, count=1)
    line = one_line(desk, campaign)
    campaign = drive(campaign)
    line.refresh_from_db()
    assert campaign.status == "completed"
    assert deals(desk) == [line.refs["deal_id"]]
    assert Claim.objects.get(subject_id=line.pk).sends == 1


def test_a_cut_before_the_deal_was_made_sends_the_same_key_again(desk: Desk) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(kind="cut", method="POST", path="/api/v1/deals", when="before", count=1)
    line = one_line(desk, campaign)
    campaign = drive(campaign)
    posts = desk.agent.journal.requests("POST", "/api/v1/deals")
    assert campaign.status == "completed"
    assert len(deals(desk)) == 1
    assert len({post.data["idempotency_key"] for post in posts}) == 1
    assert Claim.objects.get(subject_id=line.pk).sends == 2


def test_a_500_after_the_deal_was_made_does_not_book_again(desk: Desk) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(kind="status", method="POST", path="/api/v1/deals", when="after", status=500, count=1)
    one_line(desk, campaign)
    assert drive(campaign).status == "completed"
    assert len(deals(desk)) == 1


def test_an_unreadable_answer_does_not_book_again(desk: Desk) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(kind="bad_json", method="POST", path="/api/v1/deals", count=1)
    one_line(desk, campaign)
    assert drive(campaign).status == "completed"
    assert len(deals(desk)) == 1


def test_a_seller_that_crashes_between_its_two_writes_is_asked_until_it_tells(desk: Desk) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(kind="crash", method="POST", path="/api/v1/deals", seconds=2.0, count=1)
    line = one_line(desk, campaign)
    unknown = lambda row: Claim.objects.filter(subject_id=line.pk, state="unknown").exists()  # noqa: E731
    campaign = drive(campaign, until=unknown)
    line.refresh_from_db()
    assert line.status == "draft"
    assert "unknown" in line.note.lower()
    assert campaign_view(campaign).money.reserved == line.cost  # the money stays reserved meanwhile
    assert drive(campaign).status == "completed"
    assert len(deals(desk)) == 1


def test_a_deal_at_a_higher_price_is_taken_back_and_goes_to_the_person(desk: Desk) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(kind="price", method="POST", path="/api/v1/deals", factor=1.1, count=1)
    line = one_line(desk, campaign)
    campaign = drive(campaign)
    line.refresh_from_db()
    assert line.status == "declined"
    assert line.back_to_person
    assert "CPM" in line.note
    assert campaign.status == "failed"  # it was the only approved line
    assert campaign_view(campaign).money.committed == 0
    assert len(desk.agent.journal.effects("deal.cancelled")) == 1


def test_an_answer_about_another_product_is_not_a_booking(desk: Desk) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    desk.agent.faults(
        {
            "kind": "mutate",
            "method": "POST",
            "path": "/api/v1/deals",
            "set": {"deal.product.product_id": "prod-other"},
            "factor": 1.0,
            "count": 1,
        }
    )
    line = one_line(desk, campaign)
    drive(campaign)
    line.refresh_from_db()
    assert line.status == "declined"
    assert "prod-other" in line.note


def test_a_refusal_is_listed_and_the_other_lines_stand(desk: Desk) -> None:
    campaign = desk.planned(constraints={"sellers_included": ["agent"]})
    desk.agent.faults(
        {
            "kind": "status",
            "method": "POST",
            "path": "/api/v1/deals",
            "status": 410,
            "body": {"detail": {"error": "quote_expired", "message": "Quote has expired"}},
            "count": 1,
        }
    )
    desk.approve(campaign)
    campaign = drive(campaign)
    statuses = sorted(campaign.lines.values_list("status", flat=True))
    assert campaign.status == "completed"
    assert statuses.count("declined") == 1
    assert statuses.count("booked") == len(statuses) - 1
    assert [error["code"] for error in campaign.errors] == ["quote_expired"]
    assert campaign.lines.get(status="declined").back_to_person


# --- booking: OpenDirect -----------------------------------------------------------------------------------------


def test_a_line_that_got_dearer_is_never_booked(desk: Desk) -> None:
    campaign = desk.planned(**DIRECT_ONLY)
    best = campaign.recommendations.order_by("rank").first()
    assert best is not None
    desk.direct.raise_price(best.product_id, 1.05)
    desk.approve(campaign, recommendation_ids=[best.pk])
    campaign = drive(campaign)
    line = campaign.lines.get()
    assert (line.status, line.back_to_person) == ("declined", True)
    assert booked_lines(desk) == []
    assert campaign_view(campaign).money.committed == 0


def test_a_product_that_is_gone_is_not_replaced(desk: Desk) -> None:
    campaign = desk.planned(**DIRECT_ONLY)
    best = campaign.recommendations.order_by("rank").first()
    assert best is not None
    desk.direct.set_gone(best.product_id)
    desk.approve(campaign, recommendation_ids=[best.pk])
    campaign = drive(campaign)
    assert campaign.status == "failed"
    assert campaign.lines.get().status == "declined"
    assert booked_lines(desk) == []


@pytest.mark.parametrize("write", ["/v2/accounts/acc-demo/orders", "lines", "book"])
def test_a_cut_after_any_write_repeats_none_of_them(desk: Desk, write: str) -> None:
    campaign = desk.planned(**DIRECT_ONLY)
    contains = {"lines": "/lines", "book": "?book"}.get(write, "")
    desk.direct.faults(
        {
            "kind": "cut",
            "method": "PATCH" if write == "book" else "POST",
            "path": "/v2/accounts",
            "contains": contains,
            "when": "after",
            "count": 1,
        }
    )
    one_line(desk, campaign)
    assert drive(campaign).status == "completed"
    assert len(desk.direct.journal.effects("order.created")) == 1
    assert len(desk.direct.journal.effects("line.created")) == 1
    assert len(booked_lines(desk)) == 1
    assert desk.direct.journal.faults()


def test_an_asynchronous_seller_is_asked_until_it_has_booked(desk: Desk) -> None:
    desk.direct.set_options(async_after=0.5)
    campaign = desk.planned(**DIRECT_ONLY)
    line = one_line(desk, campaign)
    assert drive(campaign).status == "completed"
    line.refresh_from_db()
    assert line.seller_status == "Booked"
    assert line.confirmed_cost == line.cost > Decimal(0)
    assert len(desk.direct.journal.requests("PATCH")) == 1


def test_a_line_whose_step_is_dead_holds_up_no_other_and_can_be_run_again(
    desk: Desk, monkeypatch: Any
) -> None:
    campaign = desk.planned(constraints={"sellers_included": ["direct"]})
    desk.approve(campaign)
    first = campaign.lines.order_by("position").first()
    assert first is not None
    assert campaign.lines.count() > 1
    real = booking._write

    def broken(work: Any, line: Line, kind: str) -> Any:
        if line.pk == first.pk:
            raise RuntimeError("a bug of ours")
        return real(work, line, kind)

    monkeypatch.setattr(booking, "_write", broken)
    monkeypatch.setattr(runner, "FIRST_RETRY", 0.0)
    others = campaign.lines.exclude(pk=first.pk)
    drive(campaign, until=lambda row: not others.exclude(status="booked").exists())
    first.refresh_from_db()
    assert (first.status, first.attention) == ("draft", True)
    assert campaign_view(campaign).money.reserved == campaign_view(campaign).money.approved

    monkeypatch.setattr(booking, "_write", real)
    assert steps.revive(Step.objects.get(name="book", key=str(first.pk)))
    assert drive(campaign).status == "completed"
    first.refresh_from_db()
    assert (first.status, first.attention) == ("booked", False)
