"""Lines of a plan side by side, and what is said of each to weigh it."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from bookings.comparison import feasibility, side_by_side, weigh
from tests.agency import Agency
from tests.deciding import ids_of
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign


@pytest.mark.parametrize(
    ("impressions", "available", "label"),
    [
        (50, 100, "easy"),
        (51, 100, "possible"),
        (85, 100, "possible"),
        (86, 100, "tight"),
        (5, None, "not stated"),
        (5, 0, "tight"),
    ],
)
def test_delivery_is_judged_by_what_is_free(impressions: int, available: int | None, label: str) -> None:
    assert feasibility(impressions, available).label == label


def test_what_differs_is_marked(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    rows = list(campaign.recommendations.select_related("seller"))
    attributes = {one.name: one for one in side_by_side(rows, weigh(campaign, rows))}
    assert attributes["Cost"].differs
    assert not attributes["Seller"].differs
    assert attributes["Cost"].values == tuple(row.cost for row in rows)


def test_the_page_compares_two_to_four(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(1_000, 2_000, 3_000, 4_000, 5_000))
    client, url, ids = browse("approver"), f"/campaigns/{campaign.pk}/compare/", ids_of(campaign)
    two = client.get(url, {"line": [f"{ids[0]}:fingerprint", ids[1]]})
    assert "Product 1" in text_of(two)
    assert "Product 3" not in text_of(two)
    for wrong in ([], ids[:1], ids[:5], ["x"], [uuid.uuid4(), uuid.uuid4()]):
        assert "Choose two to 4 lines" in text_of(client.get(url, {"line": wrong}))
    part = client.get(url, {"line": ids[:2]}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part


def test_lines_of_another_plan_are_not_compared(agency: Agency, browse: Browse) -> None:
    mine, other = waiting_campaign(agency), waiting_campaign(agency)
    lines: list[Any] = [ids_of(mine)[0], ids_of(other)[0]]
    answer = browse("approver").get(f"/campaigns/{mine.pk}/compare/", {"line": lines})
    assert "Choose two to 4 lines" in text_of(answer)
    assert browse("viewer").get(f"/campaigns/{mine.pk}/compare/").status_code == 403
    assert browse("outsider").get(f"/campaigns/{mine.pk}/compare/").status_code == 404


def test_the_plan_says_what_is_unusual(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    page = browse("approver").get(campaign.get_absolute_url())
    assert "new seller" in text_of(page)
    assert re.search(r'data-sort="cost"', page.content.decode())
    assert "new seller" not in text_of(browse("viewer").get(campaign.get_absolute_url()))


def test_a_long_plan_fetches_a_line_s_reasons_when_asked(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(100,) * 101, budget=60_000)
    row = campaign.recommendations.first()
    row.explanation, row.quote_note = ["Best value."], "<b>Buy</b> now"
    row.save()
    client = browse("approver")
    page = client.get(campaign.get_absolute_url()).content.decode()
    assert "Best value." not in page
    url = f"/campaigns/{campaign.pk}/lines/{row.pk}/why/"
    assert url in page
    part = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "Best value." in part
    assert "&lt;b&gt;Buy&lt;/b&gt;" in part
    assert "<html" in client.get(url).content.decode()
    other = waiting_campaign(agency)
    assert client.get(f"/campaigns/{other.pk}/lines/{row.pk}/why/").status_code == 404
    assert browse("viewer").get(url).status_code == 403
    assert browse("outsider").get(url).status_code == 404
