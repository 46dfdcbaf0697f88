"""What the capture does not show: keys, trust, confirmation, expiry, races, a changing world."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.identity import Buyer
from simulator.testing import RunningSeller, running_seller

CTV = "prod-53e78a97"


def quote(client: httpx.Client, key: str = "q", **ask: Any) -> dict[str, Any]:
    body = {"idempotency_key": key, "product_id": CTV, "deal_type": "PD", "impressions": 1_000_000, **ask}
    answer = client.post("/api/v1/quotes", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["quote"]
    return found


def book(client: httpx.Client, quote_id: str, key: str = "d", **more: Any) -> httpx.Response:
    return client.post("/api/v1/deals", json={"idempotency_key": key, "quote_id": quote_id, **more})


def test_health_and_card(agent_client: httpx.Client) -> None:
    assert agent_client.get("/health").json() == {"status": "healthy"}
    card = agent_client.get("/.well-known/agent.json").json()
    assert card["capabilities"]["protocols"] == ["opendirect21"]
    assert {"ctv", "display", "video", "native", "mobile_app"} <= set(card["inventory_types"])
    assert agent_client.get("/.well-known/agent-card.json").status_code == 404


def test_catalogue_gives_every_channel_a_choice(agent_client: httpx.Client) -> None:
    rows = agent_client.get("/products", params={"limit": 500}).json()["products"]
    assert len({row["product_id"] for row in rows}) == len(rows) == 34
    types = Counter(row["ext"]["inventory_type"] for row in rows)
    assert all(types[kind] >= 4 for kind in ("ctv", "display", "video", "native", "mobile_app"))
    for row in rows:
        if row["base_price"] is not None:
            assert 0 < row["ext"]["floor_cpm"] <= row["base_price"]["amount_micros"] / 1_000_000
        for fact in ("viewability", "completion_rate"):
            assert 0 <= row["ext"].get(fact, 0) <= 1


def test_pages_meet_without_gap_or_overlap(agent_client: httpx.Client) -> None:
    pages = [
        agent_client.get("/products", params={"limit": 7, "offset": offset}).json()["products"]
        for offset in range(0, 42, 7)
    ]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 6, 0]
    assert len({row["product_id"] for page in pages for row in page}) == 34


def test_malformed_and_stale_rows_only_when_asked(tmp_path: Path) -> None:
    with running_seller("seller-agent", tmp_path, malformed=2, stale=1) as seller:
        rows = httpx.get(f"{seller.url}/products?limit=500").json()["products"]
        assert len(rows) == 34 + 2 + 1
        assert sum(not isinstance(row.get("product_id"), str) for row in rows) == 1
        stale = rows[-1]["product_id"]
        assert httpx.get(f"{seller.url}/products/{stale}").status_code == 404


@pytest.mark.parametrize(
    ("buyer", "tier"),
    [
        (Buyer(), "public"),
        (Buyer(advertiser="v"), "public"),
        (Buyer(seat="s", advertiser="v"), "seat"),
        (Buyer(agency="a"), "agency"),
        (Buyer(agency="a", advertiser="v"), "advertiser"),
    ],
)
def test_a_key_is_worth_its_identity(tmp_path: Path, buyer: Buyer, tier: str) -> None:
    with running_seller("seller-agent", tmp_path, buyer=buyer) as seller:
        headers = {"Authorization": f"Bearer {seller.client_key}"}
        with httpx.Client(base_url=seller.url, headers=headers) as client:
            assert quote(client)["buyer_tier"] == tier


def test_an_unknown_agent_url_lowers_the_tier(tmp_path: Path) -> None:
    trust = {"http://a.example": "registered", "http://b.example": "blocked"}
    with (
        running_seller("seller-agent", tmp_path, agent_trust=trust) as seller,
        httpx.Client(base_url=seller.url, headers={"X-Api-Key": seller.client_key}) as client,
    ):
        assert quote(client, "1", agent_url="http://nobody.example")["buyer_tier"] == "public"
        assert quote(client, "2", agent_url="http://a.example")["buyer_tier"] == "seat"
        body = {"product_id": CTV, "agent_url": "http://b.example"}
        assert client.post("/pricing", json=body).status_code == 403


def test_a_deal_stays_proposed_unless_the_seller_confirms(
    agent: RunningSeller, agent_client: httpx.Client
) -> None:
    deal_id = book(agent_client, quote(agent_client)["quote_id"]).json()["deal"]["deal_id"]
    read = lambda: agent_client.get(f"/api/v1/deals/{deal_id}").json()["deal"]["status"]  # noqa: E731
    assert read() == "proposed"
    agent.set_clock(10)
    assert read() == "proposed"
    agent.set_options(confirm_after=5)
    assert read() == "active"
    assert [e.type for e in agent.journal.effects()][-2:] == ["deal.booked", "deal.active"]


def test_an_unconfirmed_deal_expires(agent: RunningSeller, agent_client: httpx.Client) -> None:
    deal_id = book(agent_client, quote(agent_client)["quote_id"]).json()["deal"]["deal_id"]
    agent.set_clock(31 * 86_400)
    assert agent_client.get(f"/api/v1/deals/{deal_id}").json()["deal"]["status"] == "expired"


def test_an_expired_quote_is_410_even_when_booked(agent: RunningSeller, agent_client: httpx.Client) -> None:
    booked, idle = (quote(agent_client, key)["quote_id"] for key in "ab")
    book(agent_client, booked)
    agent.set_clock(86_401)
    for quote_id in (booked, idle):
        answer = agent_client.get(f"/api/v1/quotes/{quote_id}")
        assert (answer.status_code, answer.json()["detail"]["error"]) == (410, "quote_expired")
    assert book(agent_client, idle, "late").status_code == 410


def test_the_sellers_people_can_decline_a_deal(agent: RunningSeller, agent_client: httpx.Client) -> None:
    deal_id = book(agent_client, quote(agent_client)["quote_id"]).json()["deal"]["deal_id"]
    agent.decide(deal_id, "rejected", "brand conflict")
    assert agent_client.get(f"/api/v1/deals/{deal_id}").json()["deal"]["status"] == "rejected"
    with pytest.raises(RuntimeError, match="404"):
        agent.decide("DEMO-NONE", "rejected")


def test_booking_twice_leaves_one_deal_in_the_journal(
    agent: RunningSeller, agent_client: httpx.Client
) -> None:
    quote_id = quote(agent_client)["quote_id"]
    first, again = (book(agent_client, quote_id, notes="REF-1") for _ in range(2))
    assert first.json() == again.json()
    assert book(agent_client, quote_id, "other").status_code == 409
    (effect,) = agent.journal.effects("deal.booked")
    assert effect.data["deal_id"] == first.json()["deal"]["deal_id"]
    assert (effect.data["notes"], effect.data["idempotency_key"]) == ("REF-1", "d")


def test_the_seller_can_race_itself_into_two_deals(agent: RunningSeller, agent_client: httpx.Client) -> None:
    agent.set_options(race_window=0.2)
    quote_id = quote(agent_client)["quote_id"]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda key: book(agent_client, quote_id, key), ["a", "b"]))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(agent.journal.effects("deal.booked")) == 2


def test_a_raised_price_meets_new_quotes_only(agent: RunningSeller, agent_client: httpx.Client) -> None:
    old = quote(agent_client, "old")
    agent.raise_price(CTV, 1.2)
    assert quote(agent_client, "new")["pricing"]["base_cpm"]["amount_micros"] == 42_000_000
    assert agent_client.get(f"/api/v1/quotes/{old['quote_id']}").json()["quote"]["pricing"] == old["pricing"]


def test_a_gone_product_is_listed_but_not_sold(agent: RunningSeller, agent_client: httpx.Client) -> None:
    agent.set_gone(CTV)
    listed = agent_client.get("/products?limit=500").json()["products"]
    assert CTV in {row["product_id"] for row in listed}
    body = {"idempotency_key": "q", "product_id": CTV, "deal_type": "PD", "impressions": 100_000}
    assert agent_client.post("/api/v1/quotes", json=body).status_code == 404
    agent.set_gone(CTV, False)
    assert agent_client.post("/api/v1/quotes", json=body).status_code == 200


def test_orders_carry_our_reference(agent: RunningSeller, agent_client: httpx.Client) -> None:
    body = {"deal_id": "DEMO-1", "metadata": {"reference": "REF-1"}}
    order = agent_client.post("/api/v1/orders", json=body).json()
    listed = agent_client.get("/api/v1/orders", params={"status": "draft"}).json()["orders"]
    assert [row["metadata"] for row in listed] == [{"reference": "REF-1"}]
    assert agent_client.get(f"/api/v1/orders/{order['order_id']}").json() == order
    assert agent_client.get("/api/v1/orders/ORD-NONE").json()["detail"]["error"] == "order_not_found"


def test_an_empty_or_headerless_body_is_refused(agent_client: httpx.Client) -> None:
    raw = b'{"product_id": "prod-53e78a97"}'
    request = agent_client.build_request("POST", "/pricing", content=raw)
    assert "content-type" not in request.headers
    assert agent_client.send(request).status_code == 422
    too_short = {"idempotency_key": "", "product_id": CTV, "deal_type": "PD"}
    problem = agent_client.post("/api/v1/quotes", json=too_short).json()["detail"][0]
    assert (problem["type"], problem["loc"]) == ("string_too_short", ["body", "idempotency_key"])


def test_bulk_cancel_of_an_unknown_deal_fails_alone(agent: RunningSeller, agent_client: httpx.Client) -> None:
    deal_id = book(agent_client, quote(agent_client)["quote_id"]).json()["deal"]["deal_id"]
    operations = [{"action": "cancel", "deal_id": id} for id in ("DEMO-NONE", deal_id, deal_id)]
    answer = agent_client.post("/api/v1/deals/bulk", json={"operations": operations}).json()
    assert [row["success"] for row in answer["results"]] == [False, True, True]
    assert len(agent.journal.effects("deal.cancelled")) == 1
