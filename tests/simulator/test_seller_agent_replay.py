"""The simulated seller agent answers like the captured one.

Out of scope, with their number in the capture: deal export (08: 21-26), from-template (27-35), bulk create (part
of 36, and 38), migrate and deprecate (39-43), curators (44-45), legacy POST /deals (46), push and distribute
(47-49), agentic audience match (50-51). The score of an audience match (08: 13) comes from an embedding there.
"""

from __future__ import annotations

from typing import Any

import httpx

from tests.simulator.replay import CTV, PRE_ROLL, Replay, exchanges, seen


def test_catalogue(anonymous: httpx.Client) -> None:
    replay = Replay(anonymous)
    for exchange in exchanges("03-products"):
        answer = replay.send(exchange, "agency")
        if {"products", "detail", "product_id"} & exchange["response"]["body"].keys():
            replay.check(exchange, answer)
        else:  # the capture only noted how many there were
            assert len(answer.json()["products"]) == 13, exchange["name"]


def test_avails(anonymous: httpx.Client) -> None:
    replay = Replay(anonymous)
    for exchange in exchanges("04-avails"):
        replay.check(exchange, replay.send(exchange, "agency"))


def test_error_shapes(anonymous: httpx.Client) -> None:
    tiers = {"auth: both headers, X-Api-Key wins": "seat", "absurd volume": "advertiser"}
    replay = Replay(anonymous)
    for exchange in exchanges("16-errors"):
        answer = replay.send(exchange, tiers.get(exchange["name"], "agency"))
        if exchange["name"] == "huge limit header":
            assert len(answer.json()["products"]) == 13
            continue
        if exchange["name"] == "trailing slash":
            assert answer.headers["location"].endswith("/products")
            exchange["response"]["headers"].pop("location")
        if "content-type" not in exchange["response"]["headers"]:
            assert answer.status_code == exchange["response"]["status"]
            continue
        replay.check(exchange, answer)


def _quote_tier(exchange: dict[str, Any]) -> str:
    if exchange["name"] == "bad key":
        return "nobody"
    quote = exchange["response"]["body"].get("quote", {}) if exchange["response"]["status"] == 200 else {}
    return str(quote.get("buyer_tier", "agency"))


def test_quotes(anonymous: httpx.Client) -> None:
    replay = Replay(anonymous)
    for exchange in exchanges("07-quotes"):
        if "flight_start" not in exchange["request"].get("body", {}):
            _forget_default_dates(exchange)
        answer = replay.send(exchange, _quote_tier(exchange))
        if _has_no_dates(exchange):
            answer = _without_dates(answer)
        replay.check(exchange, answer)


def _has_no_dates(exchange: dict[str, Any]) -> bool:
    return exchange["request"]["method"] == "POST" and "flight_start" not in exchange["request"]["body"]


def _forget_default_dates(exchange: dict[str, Any]) -> None:
    if exchange["response"]["status"] == 200 and exchange["request"]["method"] == "POST":
        exchange["response"]["body"]["quote"]["terms"] |= {"flight_start": None, "flight_end": None}


def _without_dates(answer: httpx.Response) -> httpx.Response:
    """Dates that were left out default to today and 30 days on, so they cannot equal the capture's."""
    body = answer.json()
    if "quote" in body:
        body["quote"]["terms"] |= {"flight_start": None, "flight_end": None}
    headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
    return httpx.Response(answer.status_code, headers=headers, json=body)


_DEALS_IN_SCOPE = [*range(21), 37, 52, 53]


def _deal_ask(exchange: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The tier and request of the quote that the recorded deal was booked from."""
    deal = (exchange["response"]["body"] or {}).get("deal") if exchange["response"]["status"] == 200 else None
    if not deal:
        return "agency", {"product_id": CTV, "deal_type": "PD", "impressions": 1_000_000}
    ask = {
        "product_id": deal["product"]["product_id"],
        "deal_type": deal["deal_type"],
        "impressions": deal["terms"]["impressions"],
    }
    return deal["buyer_tier"], ask


def test_deals(anonymous: httpx.Client) -> None:
    replay = Replay(anonymous)
    captured = exchanges("08-deals")
    for number in _DEALS_IN_SCOPE:
        exchange = captured[number]
        if quote_id := exchange["request"].get("body", {}).get("quote_id"):
            tier, ask = _deal_ask(exchange)
            replay.need_quote(quote_id, tier, **ask)
        if number == 37:
            _cancel_in_bulk(replay, captured[36])
        answer = replay.send(exchange, "nobody" if exchange["name"] == "bad key" else "agency")
        if number == 13:
            assert answer.json()["audience_match_summary"]["primary"]["match"] == "NONE"
            exchange["response"]["body"]["audience_match_summary"]["primary"]["score"] = 0.0
        replay.check(exchange, answer)


def _cancel_in_bulk(replay: Replay, exchange: dict[str, Any]) -> None:
    operations = replay.with_live_ids(exchange["request"]["body"]["operations"])
    expected = replay.expected(exchange["response"]["body"]["results"])
    answer = replay.client.post("/api/v1/deals/bulk", json={"operations": operations[1:4]})
    assert answer.json()["succeeded"] == 2
    assert [row | {"index": row["index"] + 1} for row in seen(answer)["results"]] == expected[1:4]


def _negotiation_setting(name: str) -> tuple[str | None, str]:
    """Tier of the caller and product of the quote, which the capture only tells in the exchange's name."""
    product = CTV if name.startswith("CTV") else PRE_ROLL
    for tier in ("seat", "advertiser"):
        if f"tier={tier}" in name or name.startswith(f"PreRoll {tier}"):
            return tier, product
    if "tier=None" in name:
        return None, product
    return ("advertiser" if name.startswith("other buyer") else "agency"), product


def test_negotiation(anonymous: httpx.Client) -> None:
    replay = Replay(anonymous)
    for exchange in exchanges("09-negotiation"):
        tier, product = _negotiation_setting(exchange["name"])
        request = exchange["request"]
        quote_id = (request.get("body") or {}).get("quote_id") or request["path"].split("/")[2]
        if quote_id.startswith("qt-"):
            replay.need_quote(quote_id, tier, product_id=product, deal_type="PD", impressions=2_000_000)
        replay.check(exchange, replay.send(exchange, tier))
