"""The OpenDirect seller: tokens, parties, paging, search, avails, catalogue."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.identity import Buyer
from simulator.opendirect.catalogue import BREAKS
from simulator.opendirect.reading import like
from simulator.testing import RunningSeller, running_seller
from tests.simulator.flights import FLIGHT
from tests.simulator.opendirect_errors import ORDERS, codes


@pytest.mark.parametrize(
    "headers", [{}, {"AccessToken": "wrong"}, {"Authorization": "Bearer ask_live_demo_advertiser"}]
)
def test_only_a_valid_access_token_opens(publisher: RunningSeller, headers: dict[str, str]) -> None:
    answer = httpx.get(publisher.url + "/products", headers=headers)
    assert (answer.status_code, codes(answer)) == (401, ["InvalidAccessToken"])


def test_outside_the_version_base_is_404(publisher: RunningSeller, od_client: httpx.Client) -> None:
    assert httpx.get(publisher.origin + "/products").status_code == 404
    answer = od_client.request("DELETE", "/products")
    assert (answer.status_code, codes(answer)) == (405, ["MethodNotAllowed"])


def test_parties_of_the_token(od_client: httpx.Client) -> None:
    organizations = od_client.get("/organizations").json()["organizations"]
    assert [row["organizationtype"] for row in organizations] == ["publisher", "agency", "advertiser"]
    found = od_client.get(
        "/accounts", params={"advertiserid": "advertiser-demo", "buyerid": "agency-demo"}
    ).json()
    assert [row["id"] for row in found["accounts"]] == ["acc-demo"]
    assert od_client.get("/accounts", params={"advertiserid": "someone"}).json()["accounts"] == []
    brand = od_client.get("/advertiserbrands").json()["advertiserbrands"][0]
    assert brand["organizationid"] == "advertiser-demo"
    assert od_client.get("/organizations/org-northlight").json()["name"] == "Northlight Media"
    assert od_client.get("/organizations/org-x").status_code == 404


def test_an_account_can_be_opened_for_oneself_only(od_client: httpx.Client) -> None:
    body = {"advertiserid": "advertiser-demo", "buyerid": "agency-demo", "name": "Second"}
    opened = od_client.post("/accounts", json=body)
    assert opened.headers["location"].endswith(opened.json()["id"])
    assert od_client.get(f"/accounts/{opened.json()['id']}").json()["name"] == "Second"
    assert od_client.post("/accounts", json=body | {"buyerid": "someone"}).status_code == 400


def test_another_buyers_account_is_not_there(tmp_path: Path) -> None:
    other = Buyer(agency="a2", advertiser="v2", account="acc-other")
    with running_seller("opendirect", tmp_path, keys={"other": other}) as seller:
        assert (
            httpx.get(f"{seller.url}/accounts/acc-demo", headers={"AccessToken": "other"}).status_code == 404
        )
        assert (
            httpx.get(f"{seller.url}/accounts/acc-other", headers={"AccessToken": "other"}).status_code == 200
        )


def test_products_page_without_gap_or_overlap(od_client: httpx.Client) -> None:
    pages = [
        od_client.get("/products", params={"count": 10, "offset": offset}).json()
        for offset in (0, 10, 20, 30)
    ]
    assert [len(page["products"]) for page in pages] == [10, 10, 8, 0]
    assert len({row["id"] for page in pages for row in page["products"]}) == 28
    assert pages[1]["paging"] == {"offset": 10, "count": 10, "totalrecords": 28, "countlimit": 250}


def test_without_paging_the_list_is_cut_short(od_client: httpx.Client) -> None:
    assert len(od_client.get("/products").json()["products"]) == 25


@pytest.mark.parametrize("query", ["count=0", "count=251", "count=x", "offset=-1", "$top=5", "limit=5"])
def test_other_paging_is_a_violation(publisher: RunningSeller, od_client: httpx.Client, query: str) -> None:
    assert od_client.get(f"/products?{query}").status_code == 400
    assert publisher.journal.violations()[0].data["path"] == "/v2/products"


def test_catalogue_has_a_choice_for_every_channel(od_client: httpx.Client) -> None:
    rows = od_client.get("/products", params={"count": 250}).json()["products"]
    types = Counter(row["producttags"][0] for row in rows)
    assert types == {"display": 7, "video": 5, "ctv": 6, "mobile_app": 5, "native": 5}
    for row in rows:
        assert any(tag.startswith("viewability:0.") for tag in row["producttags"])
        assert row["minflight"] <= row["maxflight"]
        assert len(row["name"]) <= 100


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"producttags": "CTV"}, 6),
        ({"producttags": ["ctv", "video"]}, 11),
        ({"producttags": ["ctv"], "name": "*match*"}, 1),
        ({"$or": [{"producttags": ["native"]}, {"name": "Archive Remnant"}]}, 6),
        ({"currency": "EUR"}, 0),
        ({"minspend": 15000}, 1),
    ],
)
def test_search(od_client: httpx.Client, body: dict[str, Any], found: int) -> None:
    answer = od_client.post("/products/search", params={"count": 250, "offset": 0}, json=body).json()
    assert answer["paging"]["totalrecords"] == len(answer["products"]) == found


@pytest.mark.parametrize(
    "body", [{}, {"$or": []}, {"$or": [{}]}, {"productTags": ["ctv"]}, {"id": "nlm-d-ros"}]
)
def test_a_search_that_the_text_does_not_know(od_client: httpx.Client, body: dict[str, Any]) -> None:
    assert od_client.post("/products/search", json=body).status_code == 400


def test_avails_price_falls_with_volume_and_tells_what_is_free(od_client: httpx.Client) -> None:
    prices = {}
    for qty in (100_000, 1_000_000, 3_000_000, 8_000_000):
        answer = od_client.post("/products/avails", json=FLIGHT.avails("nlm-c-free", "nope", qty=qty))
        (row,) = answer.json()["avails"]
        prices[qty] = row["price"]
        assert row["availability"] == 620_000 * 30
        assert row["availsstatus"]["status"] == "Available"
    assert list(prices.values()) == [21.50, 20.43, 19.35, 18.06]


@pytest.mark.parametrize(
    ("reading", "answer"), [("available", [3_300_000]), ("capped", [3_300_000]), ("omitted", [])]
)
def test_three_readings_of_a_partial_avail(
    publisher: RunningSeller, od_client: httpx.Client, reading: str, answer: list[int]
) -> None:
    publisher.set_options(avails_reading=reading)
    body = FLIGHT.avails("nlm-c-match", qty=5_000_000)
    rows = od_client.post("/products/avails", json=body).json()["avails"]
    assert [row["availability"] for row in rows] == answer
    assert all(row["availsstatus"]["status"] == "Partially Available" for row in rows)


def test_capped_reading_names_the_volume_asked(publisher: RunningSeller, od_client: httpx.Client) -> None:
    publisher.set_options(avails_reading="capped")
    rows = od_client.post("/products/avails", json=FLIGHT.avails("nlm-c-match", qty=5)).json()["avails"]
    assert rows[0]["availability"] == 5


def test_a_flight_that_cannot_be_sold_shows_in_avails(
    publisher: RunningSeller, od_client: httpx.Client
) -> None:
    rows = od_client.post("/products/avails", json=FLIGHT.avails("nlm-d-life", qty=1000)).json()["avails"]
    assert rows[0]["availability"] == 0
    assert rows[0]["availsstatus"]["reason"] == "InvalidPeriodLength"


def test_a_retired_product_is_listed_but_not_sold(tmp_path: Path) -> None:
    with (
        running_seller("opendirect", tmp_path, stale=1, malformed=2) as seller,
        httpx.Client(base_url=seller.url, headers={"AccessToken": seller.client_key}) as client,
    ):
        rows = client.get("/products?count=250").json()["products"]
        assert len(rows) == 28 + 1 + 2
        retired = next(row for row in rows if row.get("retirementdate"))
        order = client.post(ORDERS, json=FLIGHT.order("A")).json()
        answer = client.post(f"{ORDERS}/{order['id']}/lines", json=FLIGHT.line(retired["id"], 2_000_000))
        assert codes(answer) == ["ProductRetired"]
        body = FLIGHT.avails(retired["id"])
        assert (
            client.post("/products/avails", json=body).json()["avails"][0]["availsstatus"]["status"]
            == "Unavailable"
        )


def test_breaks_only_ever_lower_the_price() -> None:
    for steps in BREAKS.values():
        assert [least for least, _ in steps] == sorted(least for least, _ in steps)
        assert [cut for _, cut in steps] == sorted(cut for _, cut in steps)


@settings(max_examples=60)
@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_wildcards_match_at_both_ends_and_nothing_is_a_pattern_by_accident(
    before: str, core: str, after: str
) -> None:
    value = before + core + after
    if "*" not in value:
        assert like(value, f"*{core}*")
        assert like(value, value)
    assert not like(None, "*")
