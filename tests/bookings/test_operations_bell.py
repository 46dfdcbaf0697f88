"""What starts a comparison, the text for a seller, and rows of cancellations."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from bookings import operations, seller_contact
from bookings.discrepancies import Comparison
from bookings.models import Line
from bookings.tasks import start_comparisons
from flows.clock import now
from flows.models import Claim
from sellers.models import Seller
from tests.agency import Agency
from tests.bookings.clearing import AGENT_ONLY, best_line
from tests.driving import Desk
from tests.plans import make_seller

NIGHT = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)


def test_the_bell_starts_one_run_a_night_from_its_hour_on(agency: Agency, settings: Any) -> None:
    settings.FLIGHTDECK_COMPARE_HOUR_UTC = 3
    make_seller("northlight")
    with time_machine.travel(NIGHT - dt.timedelta(minutes=5), tick=False):
        start_comparisons()
    assert not Comparison.objects.exists()
    with time_machine.travel(NIGHT + dt.timedelta(hours=7), tick=False):  # nothing ran at the hour itself
        start_comparisons()
        start_comparisons()
    assert Comparison.objects.get().night == NIGHT.date()


def test_the_bell_is_rung_by_the_schedule() -> None:
    names = [entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()]
    assert "bookings.tasks.start_comparisons" in names
    assert start_comparisons.name == "bookings.tasks.start_comparisons"


def test_a_disabled_seller_is_still_compared_while_we_hold_something_there(desk: Desk, settings: Any) -> None:
    settings.FLIGHTDECK_COMPARE_HOUR_UTC = 0
    best_line(desk, desk.planned(**AGENT_ONLY))
    Seller.objects.update(enabled=False)
    start_comparisons()
    assert [row.seller.slug for row in Comparison.objects.select_related("seller")] == ["agent"]


def test_the_command_starts_one_seller_or_all(agency: Agency) -> None:
    make_seller("northlight")
    make_seller("harbor")
    said = StringIO()
    call_command("compare_sellers", seller="harbor", stdout=said)
    assert [row.seller.slug for row in Comparison.objects.select_related("seller")] == ["harbor"]
    call_command("compare_sellers", stdout=said)
    assert Comparison.objects.count() == 2
    assert "harbor: Reading the seller's records" in said.getvalue()
    with pytest.raises(CommandError):
        call_command("compare_sellers", seller="nobody", stdout=said)


def test_the_text_for_the_seller_is_one_fact_a_line_whatever_the_seller_called_things(desk: Desk) -> None:
    line = best_line(desk, desk.planned(**AGENT_ONLY))
    line.recommendation.product_name = "Prime\nOur reference: forged\r\n time"
    text = seller_contact.about_line(line, seller_contact.ASK_BOOKED, sent_at=now())
    assert text.count("\nOur reference:") == 1
    assert "Prime Our reference: forged time" in text
    assert f"{line.cpm:,.2f}" in text
    assert f"{line.cpm:,.2f}" not in seller_contact.about_line(line, "Please.", prices=False)


def test_an_unknown_cancellation_is_listed_and_cannot_be_declared(desk: Desk) -> None:
    line: Line = best_line(desk, desk.planned(**AGENT_ONLY))
    Claim.objects.create(
        flow_name="campaign",
        flow_id=line.campaign_id,
        subject_id=line.pk,
        kind="cancel",
        target="agent",
        key=f"fd-cancel-{line.pk.hex}",
        payload_hash="0" * 64,
        state="escalated",
        stop_checks_at=now(),
    )
    (row,) = operations.operations_page(desk.agency.person("ops"), kind="outcome").rows
    assert row.acts == {"check"}
    assert "counts as booked" in row.does
    assert "must not stand" in row.contact
