"""Orders and lines: strict bodies, the seller's own prices and rules, actions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

from simulator.testing import RunningSeller
from tests.simulator.flights import FLIGHT
from tests.simulator.opendirect_errors import ORDERS, codes


@pytest.fixture
def lines(order_id: str) -> str:
    return f"{ORDERS}/{order_id}/lines"


def test_booked_volume_is_gone_and_comes_back_when_canceled(od_client: httpx.Client, lines: str) -> None:
    def free() -> int:
        body = FLIGHT.avails("nlm-c-news")
        found: int = od_client.post("/products/avails", json=body).json()["avails"][0]["availability"]
        return found

    assert free() == 12_300_000
    line = od_client.post(lines, json=FLIGHT.line(qty=9_000_000)).json()
    assert free() == 12_300_000
    od_client.patch(f"{lines}/{line['id']}?book")
    assert free() == 3_300_000
    second = od_client.post(lines, json=FLIGHT.line(qty=4_000_000, name="second")).json()
    declined = od_client.patch(f"{lines}/{second['id']}?book").json()
    assert declined["bookingstatus"] == "Declined"
    assert "3300000" in declined["statechangereason"]
    od_client.patch(f"{lines}/{line['id']}?cancel")
    assert free() == 12_300_000


def test_rate_and_cost_are_the_sellers(publisher: RunningSeller, od_client: httpx.Client, lines: str) -> None:
    line = od_client.post(lines, json=FLIGHT.line(qty=3_000_000, rate=1, cost=2)).json()
    assert (line["rate"], line["cost"]) == (25.92, 77_760)
    publisher.raise_price("nlm-c-news", 1.1)
    assert od_client.get(f"{lines}/{line['id']}").json()["rate"] == 25.92
    booked = od_client.patch(f"{lines}/{line['id']}?book").json()
    assert (booked["rate"], booked["cost"]) == (28.51, 85_530)


def test_a_price_fault_at_booking(publisher: RunningSeller, od_client: httpx.Client, lines: str) -> None:
    line = od_client.post(lines, json=FLIGHT.line(qty=1_000_000)).json()
    publisher.faults(kind="price", contains="?book", factor=1.5)
    assert od_client.patch(f"{lines}/{line['id']}?book").json()["rate"] == 40.5
    assert publisher.journal.effects("line.booked")[0].data["cost"] == 40_500


def test_order_is_created_with_200_location_and_defaults(od_client: httpx.Client) -> None:
    body = FLIGHT.order(
        "A", budget=1000, brand="Demo", providerdata={"campaignid": "c-1", "campaignname": "A"}
    )
    answer = od_client.post(ORDERS, json=body)
    assert answer.status_code == 200
    assert answer.json()["orderstatus"] == "PENDING"
    assert httpx.get(answer.headers["location"], headers=dict(od_client.headers)).json() == answer.json()
    assert answer.json()["providerdata"] == body["providerdata"]


def test_order_name_is_the_natural_key(
    publisher: RunningSeller, od_client: httpx.Client, order_id: str
) -> None:
    again = od_client.post(ORDERS, json=FLIGHT.order("Spring launch"))
    assert codes(again) == ["DuplicateName"]
    for pattern in ("Spring launch", "spring*", "*LAUNCH"):
        found = od_client.get(ORDERS, params={"name": pattern, "count": 250, "offset": 0}).json()["orders"]
        assert [order["id"] for order in found] == [order_id]
    assert od_client.get(ORDERS, params={"name": "Spring"}).json()["orders"] == []
    assert len(publisher.journal.effects("order.created")) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": "mine"}, "ReadOnlyProperty"),
        ({"orderstatus": "APPROVED"}, "ReadOnlyProperty"),
        ({"Name": "A"}, "UnknownProperty"),
        ({"name": "x" * 101}, "InvalidValue"),
        ({"brand": "x" * 26}, "InvalidValue"),
        ({"currency": "EUR"}, "InvalidValue"),
        ({"publisherid": "org-other"}, "InvalidValue"),
        ({"accountid": "acc-other"}, "InvalidValue"),
        ({"advertiserbrandid": None}, "MissingProperty"),
        ({"startdate": "2020-01-01T00:00:00Z"}, "InvalidDates"),
        ({"startdate": "2030-01-01"}, "InvalidValue"),
    ],
)
def test_order_bodies_that_are_refused(
    od_client: httpx.Client, change: dict[str, Any], expected: str
) -> None:
    answer = od_client.post(ORDERS, json=FLIGHT.order("A") | change)
    assert (answer.status_code, codes(answer)) == (400, [expected])
    assert od_client.get(ORDERS).json()["orders"] == []


def test_all_errors_come_at_once_and_violations_are_journaled(
    publisher: RunningSeller, od_client: httpx.Client
) -> None:
    answer = od_client.post(ORDERS, json={"orderStatus": "x", "id": "1", "name": ""})
    assert Counter(codes(answer)) == {
        "UnknownProperty": 1,
        "ReadOnlyProperty": 1,
        "InvalidValue": 1,
        "MissingProperty": 4,
    }
    assert len(publisher.journal.violations()) == 7


def test_order_changes(od_client: httpx.Client, order_id: str) -> None:
    url = f"{ORDERS}/{order_id}"
    assert od_client.patch(url, json={"budget": 5}).json()["budget"] == 5
    replaced = od_client.put(url, json=FLIGHT.order("Renamed")).json()
    assert (replaced["name"], "budget" in replaced, replaced["orderstatus"]) == ("Renamed", False, "PENDING")
    assert od_client.put(url, json={"name": "partial"}).status_code == 400


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"bookingstatus": "Booked"}, "ReadOnlyProperty"),
        ({"quantity": 5}, "UnknownProperty"),
        ({"qty": 1.5}, "InvalidValue"),
        ({"qty": 0}, "InvalidValue"),
        ({"name": "x" * 201}, "InvalidValue"),
        ({"ratetype": "CPC"}, "InvalidValue"),
        ({"startdate": "2030-01-01T00:00:00"}, "InvalidValue"),
        ({"targeting": {"geo": "US"}}, "InvalidValue"),
        ({"frequencyinterval": "day", "frequencycount": 3}, "InvalidValue"),
        ({"productid": "nope"}, "ProductNotAvailable"),
        ({"qty": 100_000}, "BelowMinimumSpend"),
        ({"productid": "nlm-d-life", "qty": 400_000}, "InvalidPeriodLength"),
    ],
)
def test_line_bodies_that_are_refused(
    od_client: httpx.Client, lines: str, change: dict[str, Any], expected: str
) -> None:
    answer = od_client.post(lines, json=FLIGHT.line() | change)
    assert (answer.status_code, codes(answer)) == (400, [expected])
    assert od_client.get(lines).json()["lines"] == []


@pytest.mark.parametrize(("days_ahead", "status"), [(2, 400), (3, 200)])
def test_lead_time_counts_whole_days(
    publisher: RunningSeller, od_client: httpx.Client, lines: str, days_ahead: int, status: int
) -> None:
    publisher.set_clock((30 - days_ahead) * 86_400)
    answer = od_client.post(lines, json=FLIGHT.line("nlm-c-news"))
    assert answer.status_code == status, answer.text


def test_order_dates_stretch_over_the_lines(od_client: httpx.Client, order_id: str, lines: str) -> None:
    od_client.post(lines, json=FLIGHT.line())
    order = od_client.get(f"{ORDERS}/{order_id}").json()
    assert {name: order[name] for name in FLIGHT.dates} == FLIGHT.dates


def test_lines_are_listed_and_filtered(od_client: httpx.Client, lines: str) -> None:
    made = [od_client.post(lines, json=FLIGHT.line(name=name)).json()["id"] for name in ("one", "two")]
    od_client.patch(f"{lines}/{made[1]}?reserve")
    found = od_client.get(lines, params={"bookingstatus": "Reserved"}).json()["lines"]
    assert [line["id"] for line in found] == [made[1]]
    placements = od_client.get(f"{lines}/{made[0]}/placements").json()["placements"]
    assert placements[0]["lineid"] == made[0]


@pytest.mark.parametrize("query", ["action=book", "book=", "book=true", "Book", "book&reserve"])
def test_actions_are_bare_query_keys(
    publisher: RunningSeller, od_client: httpx.Client, lines: str, query: str
) -> None:
    line = od_client.post(lines, json=FLIGHT.line()).json()
    answer = od_client.patch(f"{lines}/{line['id']}?{query}")
    assert codes(answer) == ["UnknownParameter"]
    assert publisher.journal.effects("line.booked") == []
    assert len(publisher.journal.violations()) == 1


def test_an_action_takes_no_body_and_put_works_too(od_client: httpx.Client, lines: str) -> None:
    line = od_client.post(lines, json=FLIGHT.line()).json()
    assert codes(od_client.patch(f"{lines}/{line['id']}?book", json={"qty": 1})) == ["UnexpectedBody"]
    assert od_client.put(f"{lines}/{line['id']}?book").json()["bookingstatus"] == "Booked"


def test_booking_needs_a_quantity(od_client: httpx.Client, lines: str) -> None:
    body = FLIGHT.line()
    body.pop("qty")
    line = od_client.post(lines, json=body).json()
    assert codes(od_client.patch(f"{lines}/{line['id']}?book")) == ["QuantityMissing"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_writes_are_json(od_client: httpx.Client, content_type: str) -> None:
    answer = od_client.post(ORDERS, content=b"{}", headers={"Content-Type": content_type})
    assert codes(answer) == ["InvalidContentType"]
    assert codes(od_client.post(ORDERS, content=b"[", headers={"Content-Type": "application/json"})) == [
        "InvalidJson"
    ]


@pytest.mark.parametrize("text", ["[", "[]", "", '{"budget": NaN}', '{"budget": Infinity}'])
def test_what_is_no_json_object_is_refused(od_client: httpx.Client, text: str) -> None:
    answer = od_client.post(ORDERS, content=text, headers={"Content-Type": "application/json"})
    assert codes(answer) == ["InvalidJson"]


@pytest.mark.parametrize("party", ["advertiser-demo", "agency-demo", "acc-demo"])
def test_a_blocked_party_can_draft_but_not_trade(
    publisher: RunningSeller, od_client: httpx.Client, lines: str, party: str
) -> None:
    publisher.decide(party, "Pending")
    assert od_client.post("/products/avails", json=FLIGHT.avails("nlm-c-news")).status_code == 400
    line = od_client.post(lines, json=FLIGHT.line()).json()
    assert od_client.patch(f"{lines}/{line['id']}?book").status_code == 400
    publisher.decide(party, "Approved")
    assert od_client.patch(f"{lines}/{line['id']}?book").json()["bookingstatus"] == "Booked"


def test_a_gone_product_declines_a_draft(
    publisher: RunningSeller, od_client: httpx.Client, lines: str
) -> None:
    line = od_client.post(lines, json=FLIGHT.line()).json()
    publisher.set_gone("nlm-c-news")
    assert codes(od_client.patch(f"{lines}/{line['id']}?book")) == ["ProductNotAvailable"]
    assert od_client.get("/products/nlm-c-news").status_code == 404
