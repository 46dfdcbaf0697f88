"""The confirmation document: approved beside confirmed, by whom, and as CSV."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

from bookings.models import Line
from tests.agency import Agency
from tests.deciding import approve, ids_of
from tests.driving import Desk, drive
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign


def url(campaign: Any, end: str = "") -> str:
    return f"/campaigns/{campaign.pk}/confirmation/{end}"


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_what_was_booked_with_the_sellers_own_numbers(desk: Desk, browse: Browse) -> None:
    campaign = desk.planned()
    desk.approve(campaign)
    campaign = drive(campaign)
    words = text_of(browse("manager").get(url(campaign)))
    lines = list(campaign.lines.all())
    total = sum(line.confirmed_cost or line.cost for line in lines)
    assert f"{total:,.2f}" in words
    for line in lines:
        assert line.seller_reference in words
    rows = rows_of(browse("finance").get(url(campaign, "csv/")))
    assert sum(Decimal(row["confirmed_cost"]) for row in rows) == total
    assert {row["seller_reference"] for row in rows} == {line.seller_reference for line in lines}


def test_a_cheaper_confirmation_and_a_lost_line_are_told_apart(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    _, lines = approve(agency, campaign)
    Line.objects.filter(pk=lines[0].pk).update(status="booked", confirmed_cost=Decimal("9900.00"))
    Line.objects.filter(pk=lines[1].pk).update(status="declined", note="=SUM(A1:A9) sold out")
    words = text_of(browse("approver").get(url(campaign)))
    assert "-100" in words
    assert "Booking is still going on" in words
    assert "USD" in words
    first, second, third = rows_of(browse("approver").get(url(campaign, "csv/")))
    assert (first["confirmed_cost"], first["difference"]) == ("9900.000", "-100.000")
    assert second["note"].startswith("'=SUM")
    assert (third["confirmed_cost"], third["difference"]) == ("", "")


def test_sums_meet(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    approve(agency, campaign, recommendation_ids=ids_of(campaign)[:2])
    document = browse("manager").get(url(campaign)).context["document"]
    sums = document.sums
    assert sums.approved == sums.open + sums.released + sum(
        line.cost for line in document.lines if line.status == "booked"
    )


def test_without_prices_nothing_of_them_is_told(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(11_111, 22_222))
    _, lines = approve(agency, campaign)
    campaign.recommendations.update(impressions=700)
    Line.objects.update(impressions=700, refs={"deal_id": "secret-deal"})
    page = browse("viewer").get(url(campaign)).content.decode()
    for secret in ("11,111", "22,222", "33,333", "CPM", "secret-deal"):
        assert secret not in page
    assert browse("viewer").get(url(campaign, "csv/")).status_code == 403
    assert len(lines) == 2


def test_nothing_approved_and_other_clients_have_no_document(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    assert browse("manager").get(url(campaign)).status_code == 404
    approve(agency, campaign)
    assert browse("outsider").get(url(campaign)).status_code == 404
