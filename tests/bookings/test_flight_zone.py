"""A campaign in a zone of its own, from the brief to what the sellers hold and how it is compared with our records."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine

from bookings import terms
from flows.clock import now, today
from planning.types import InvalidBrief
from planning.zones import zone
from sellers.dialects.base import Terms
from sellers.models import Exchange
from tests.driving import Desk, drive

TOKYO = "Asia/Tokyo"


def sent_to(slug: str, path: str) -> list[str]:
    """The bodies of what was posted to a seller under a path that ends so."""
    rows = Exchange.objects.filter(seller__slug=slug, method="POST").order_by("pk")
    return [row.request_body for row in rows if row.path.endswith(path)]


def test_lines_start_with_the_days_of_the_campaigns_zone_at_every_seller(desk: Desk) -> None:
    campaign = desk.planned(timezone=TOKYO, pacing="asap")
    desk.approve(campaign)
    campaign = drive(campaign)
    assert campaign.status == "completed"
    assert {line.status for line in campaign.lines.all()} == {"booked"}

    line = campaign.lines.filter(seller__slug="direct").select_related("recommendation").first()
    assert line is not None
    assert terms.differences(line, Terms(flight_start=campaign.start_date)) == []
    held = desk.direct.journal.effects("line.booked")
    assert held
    first = dt.datetime.combine(campaign.start_date, dt.time(), zone(TOKYO)).astimezone(dt.UTC)
    bodies = sent_to("direct", "/lines")
    assert bodies
    assert all(f"{first:%Y-%m-%dT%H:%M:%SZ}" in body for body in bodies)
    assert all("asap" in body for body in bodies)
    deals = sent_to("agent", "/deals")
    assert deals
    assert all("Flight days in Asia/Tokyo. Pacing: asap." in body for body in deals)


def test_a_brief_may_start_today_in_its_zone_and_not_on_a_day_that_is_past_there(desk: Desk) -> None:
    evening = now().replace(hour=20, minute=0)  # of this day in UTC; in Tokyo it is the next
    with time_machine.travel(evening, tick=False):
        with pytest.raises(InvalidBrief) as refused:
            desk.submit(timezone=TOKYO, start_date=today().isoformat())
        assert [(error.field, error.code) for error in refused.value.errors] == [
            ("start_date", "in_the_past")
        ]
        there = today(zone(TOKYO))
        assert there == today() + dt.timedelta(days=1)
        assert desk.submit(timezone=TOKYO, start_date=there.isoformat()).timezone == TOKYO
        assert desk.submit(timezone="America/Los_Angeles", start_date=today().isoformat()).pk


def test_lines_approved_before_there_was_a_zone_keep_the_digest_of_their_claims(desk: Desk) -> None:
    campaign = desk.planned()
    desk.approve(campaign)
    line = campaign.lines.select_related("recommendation", "seller", "campaign").first()
    assert line is not None
    kind = terms.line_kind(line)
    before = terms.intent_hash(terms.intent_for(line, kind), kind)
    del line.campaign.brief["timezone"], line.campaign.brief["pacing"]
    assert terms.intent_hash(terms.intent_for(line, kind), kind) == before
    line.campaign.brief["pacing"] = "asap"
    assert terms.intent_hash(terms.intent_for(line, kind), kind) != before
