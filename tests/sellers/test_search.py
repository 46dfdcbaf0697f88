"""POST /api/products/search: both sellers asked at once, objects back, a failing seller hides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from planning.eligibility import INVENTORY_CHANNELS
from sellers import search_api
from sellers.models import Exchange
from sellers.search import Wanted, search_products
from sellers.selectors import eligible_sellers
from simulator.testing import running_seller
from tests.driving import Desk, register

Api = Callable[[str], APIClient]
URL = "/api/products/search"


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_api.SearchThrottle, "rate", "10000/min")


def search(client: APIClient, **body: Any) -> dict[str, Any]:
    answer = client.post(URL, body, format="json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def refused(client: APIClient, **body: Any) -> dict[str, str]:
    answer = client.post(URL, body, format="json")
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_products_of_both_sellers_come_as_objects(desk: Desk, api: Api) -> None:
    found = search(api("manager"), limit=200)
    assert {row["seller"] for row in found["products"]} == {"agent", "direct"}
    assert found["matched"] == len(found["products"])
    for row in found["products"]:
        assert Decimal(row["list_cpm"]) >= 0
        assert isinstance(row["channels"], list)
        assert row["name"]
        assert "floor_cpm" not in row
    order = [(row["seller"], row["product_id"]) for row in found["products"]]
    assert order == sorted(order)


def test_each_seller_says_how_it_went(desk: Desk, api: Api) -> None:
    sellers = search(api("manager"))["sellers"]
    assert [(row["seller"], row["status"], row["reason"]) for row in sellers] == [
        ("agent", "ok", ""),
        ("direct", "ok", ""),
    ]
    assert all(row["products"] > 0 for row in sellers)


def test_the_same_search_gives_the_same_answer(desk: Desk, api: Api) -> None:
    first, second = (search(api("manager"), query="video") for _ in range(2))
    assert first["products"] == second["products"]


@pytest.mark.parametrize("channel", ["branding", "ctv", "mobile", "performance"])
def test_a_channel_finds_only_what_it_may_use(desk: Desk, api: Api, channel: str) -> None:
    rows = search(api("manager"), channels=[channel])["products"]
    assert rows
    for row in rows:
        assert channel in row["channels"]
        assert row["inventory_type"] == "linear_tv" or channel in INVENTORY_CHANNELS[row["inventory_type"]]


def test_mobile_app_is_read_as_mobile(desk: Desk, api: Api) -> None:
    one, other = (search(api("manager"), channels=[name])["products"] for name in ("mobile", "mobile_app"))
    assert one == other


def test_several_channels_are_the_union(desk: Desk, api: Api) -> None:
    client = api("manager")
    both = search(client, channels=["ctv", "mobile"])["products"]
    single = [row for name in ("ctv", "mobile") for row in search(client, channels=[name])["products"]]
    assert {row["product_id"] for row in both} == {row["product_id"] for row in single}


def test_max_cpm_is_kept_and_exact_at_the_border(desk: Desk, api: Api) -> None:
    client = api("manager")
    prices = sorted(Decimal(row["list_cpm"]) for row in search(client, currency="USD", limit=200)["products"])
    middle = next(price for price in prices[len(prices) // 2 :] if price > 0)
    rows = search(client, max_cpm=str(middle), limit=200)["products"]
    assert len(rows) == sum(0 < price <= middle for price in prices)
    assert max(Decimal(row["list_cpm"]) for row in rows) == middle
    assert {row["currency"] for row in rows} == {"USD"}


def test_every_word_must_occur_and_the_name_weighs_most(desk: Desk, api: Api) -> None:
    client = api("manager")
    one = search(client)["products"][0]
    word = max(one["name"].split(), key=len)
    rows = search(client, query=word.upper())["products"]
    assert one["product_id"] in {row["product_id"] for row in rows}
    relevance = [row["relevance"] for row in rows]
    assert relevance == sorted(relevance, reverse=True)
    for row in rows:
        text = " ".join([row["name"], row["description"], *row["content"]]).casefold()
        assert word.casefold() in text
    assert search(client, query=f"{word} zzz-nowhere")["products"] == []


def test_the_limit_cuts_and_says_so(desk: Desk, api: Api) -> None:
    client = api("manager")
    everything = search(client, limit=200)
    few = search(client, limit=2)
    assert few["products"] == everything["products"][:2]
    assert few["matched"] == everything["matched"] > 2


def test_only_the_named_sellers_are_asked(desk: Desk, api: Api) -> None:
    found = search(api("manager"), sellers=["direct"])
    assert [row["seller"] for row in found["sellers"]] == ["direct"]
    assert {row["seller"] for row in found["products"]} == {"direct"}
    assert set(Exchange.objects.values_list("seller__slug", flat=True)) == {"direct"}


def test_a_disabled_seller_is_not_asked(desk: Desk, api: Api) -> None:
    seller = desk.seller("direct")
    seller.enabled = False
    seller.save()
    assert [row["seller"] for row in search(api("manager"))["sellers"]] == ["agent"]
    assert refused(api("manager"), sellers=["agent", "direct"]).keys() == {"sellers.1"}


def test_a_failing_seller_is_listed_and_hides_nothing(desk: Desk, api: Api) -> None:
    desk.agent.stop()
    try:
        found = search(api("manager"))
    finally:
        desk.agent.start()
    agent, direct = found["sellers"]
    assert (agent["status"], agent["products"]) == ("failed", 0)
    assert agent["reason"]
    assert direct["status"] == "ok"
    assert {row["seller"] for row in found["products"]} == {"direct"}


def test_a_slow_seller_ends_at_the_deadline(desk: Desk) -> None:
    desk.agent.set_options(rtt=5.0)
    started = time.monotonic()
    found = search_products(Wanted(), eligible_sellers(), seconds=1.0)
    assert time.monotonic() - started < 3
    states = {answer.seller: answer.status for answer in found.sellers}
    assert states == {"agent": "failed", "direct": "ok"}


def test_unreadable_rows_are_named(desk: Desk, api: Api, tmp_path: Path, settings: Any) -> None:
    with running_seller("seller-agent", tmp_path, state="sloppy.sqlite3", malformed=3) as sloppy:
        settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS += [sloppy.origin.removeprefix("http://")]
        register(sloppy, "sloppy", "seller-agent")
        found = search(api("manager"), sellers=["sloppy"])
    assert found["products"]
    assert found["sellers"][0]["skipped_count"] >= 3
    assert all(row["reason"] and row["reference"] for row in found["sellers"][0]["skipped"])


def test_every_call_is_kept_without_the_key(desk: Desk, api: Api) -> None:
    request_id = "0b8b5c70-8a0f-4d0e-9d5c-000000000001"
    api("manager").post(URL, {}, format="json", HTTP_X_REQUEST_ID=request_id)
    kept = Exchange.objects.filter(correlation_id=request_id)
    assert set(kept.values_list("seller__slug", flat=True)) == {"agent", "direct"}
    assert not any(desk.agent.client_key in str(row.request_headers) for row in kept)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channels": ["radio"]}, "channels.0"),
        ({"channels": "ctv"}, "channels"),
        ({"max_cpm": "dear"}, "max_cpm"),
        ({"max_cpm": -1}, "max_cpm"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"sellers": ["nobody"]}, "sellers.0"),
        ({"query": "x" * 201}, "query"),
        ({"querry": "x"}, "querry"),
    ],
)
def test_each_error_names_its_field(desk: Desk, api: Api, body: dict[str, Any], field: str) -> None:
    assert refused(api("manager"), **body).keys() == {field}
    assert not Exchange.objects.exists()


def test_all_errors_come_at_once(desk: Desk, api: Api) -> None:
    assert refused(api("manager"), limit=0, max_cpm=-1).keys() == {"limit", "max_cpm"}


def test_a_list_is_not_a_search(desk: Desk, api: Api) -> None:
    assert api("manager").post(URL, [1], format="json").status_code == 400


@pytest.mark.parametrize(
    ("role", "status"),
    [("manager", 200), ("approver", 200), ("client", 200), ("finance", 403), ("ops", 403), ("viewer", 403)],
)
def test_who_may_search(desk: Desk, api: Api, role: str, status: int) -> None:
    assert api(role).post(URL, {"sellers": ["direct"]}, format="json").status_code == status


def test_strangers_and_other_methods(desk: Desk, api: Api) -> None:
    assert APIClient().post(URL, {}, format="json").status_code == 401
    answer = api("manager").get(URL)
    assert answer.status_code == 405
    assert "POST" in answer["Allow"]


def test_a_search_multiplies_and_is_therefore_limited(
    desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_api.SearchThrottle, "rate", "2/min")
    body = {"sellers": ["direct"]}
    answers = [api("client").post(URL, body, format="json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert answers[-1].json()["code"] == "throttled"
