"""One conversation per seller for all channels: what is asked, what is told, and who waits for whom."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.models import Campaign, SellerReport
from flows import runner
from flows.models import Event, Step
from simulator.testing import RunningSeller
from tests.driving import Desk, drive

CHANNELS = ["branding", "ctv", "mobile", "performance"]


def asked(seller: RunningSeller, method: str, path: str) -> int:
    return sum(entry.data["path"] == path for entry in seller.journal.requests(method, path))


def order_of(campaign: Campaign, type: str) -> list[tuple[str, str]]:
    events = Event.objects.filter(subject_id=str(campaign.pk), type=type).order_by("position")
    return [(event.payload["seller"], event.payload["channel"]) for event in events]


def test_a_catalogue_is_read_once_for_all_channels(desk: Desk) -> None:
    desk.planned(channels=CHANNELS, budget=120_000)
    assert asked(desk.agent, "GET", "/products") == 1
    assert asked(desk.agent, "POST", "/products/avails") == 1
    assert asked(desk.direct, "POST", "/v2/products/search") == 1


def test_every_seller_reports_on_every_channel(desk: Desk) -> None:
    campaign = desk.planned(channels=CHANNELS, budget=120_000)
    expected = {(seller, channel) for seller in ("agent", "direct") for channel in CHANNELS}
    assert set(campaign.reports.values_list("seller__slug", "channel")) == expected
    told = order_of(campaign, "research.seller_reported")
    assert (set(told), len(told)) == (expected, len(expected))
    for report in campaign.reports.all():
        assert {offer["channel"] for offer in report.offers} <= {report.channel}


def test_a_row_that_cannot_be_read_is_told_where_it_belongs(desk: Desk) -> None:
    """The unpriced board of the agent is out-of-home: branding's reader sees it, ctv's does not."""
    campaign = desk.planned(channels=["branding", "ctv"], budget=120_000)

    def skipped(channel: str) -> set[tuple[str, str]]:
        report = campaign.reports.get(seller__slug="agent", channel=channel)
        return {(row["reference"], row["reason"]) for row in report.skipped}

    assert ("prod-f114d7a7", "unpriced") in skipped("branding")
    assert "prod-f114d7a7" not in {reference for reference, _ in skipped("ctv")}


def test_a_seller_that_hangs_holds_back_nobody_else(desk: Desk, settings: Any) -> None:
    settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS = 4.0
    desk.agent.faults(kind="hang", path="/products", seconds=0)
    campaign = drive(desk.submit(channels=["branding", "ctv"]))
    assert campaign.status == "awaiting_approval"
    told = order_of(campaign, "research.seller_reported")
    assert [seller for seller, _ in told] == ["direct", "direct", "agent", "agent"]
    states = set(campaign.reports.values_list("seller__slug", "state"))
    assert states == {("direct", "ok"), ("agent", "failed")}


def test_what_was_told_before_a_crash_is_not_asked_again(desk: Desk, monkeypatch: Any) -> None:
    real = SellerReport.objects.bulk_create
    told: list[Any] = []

    def once(rows: Any) -> Any:
        if told:
            raise RuntimeError("killed between two sellers")
        told.extend(real(rows))
        return told

    monkeypatch.setattr(runner, "FIRST_RETRY", 0.0)
    monkeypatch.setattr(SellerReport.objects, "bulk_create", once)
    campaign = desk.submit(channels=CHANNELS, budget=120_000)
    drive(campaign, until=lambda row: Step.objects.filter(name="research", attempt=1).exists())
    first = {report.seller.slug for report in told}
    assert len(told) == len(CHANNELS)
    monkeypatch.undo()
    assert drive(campaign).status == "awaiting_approval"
    reads = {
        "agent": asked(desk.agent, "GET", "/products"),
        "direct": asked(desk.direct, "POST", "/v2/products/search"),
    }
    assert {slug: count for slug, count in reads.items() if count == 1} == dict.fromkeys(first, 1)


@pytest.mark.parametrize(("most", "status"), [(8, "awaiting_approval"), (1, "researching")])
def test_one_worker_goes_on_with_a_flow_but_not_for_ever(
    desk: Desk, monkeypatch: Any, most: int, status: str
) -> None:
    monkeypatch.setattr(runner, "RUN_ON", most)
    campaign = desk.submit()
    runner.run_on(Step.objects.get(flow_id=campaign.pk).pk)
    campaign.refresh_from_db()
    assert campaign.status == status
