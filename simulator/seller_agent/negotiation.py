"""Negotiation messages and their history (seller-agent.md section 7).

State is keyed by quote id; the negotiation id that is answered is not a key. Anyone may continue anyone's
negotiation and the opener's strategy stays: both observed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.clock import stamp
from simulator.seller import Seller, seller_of
from simulator.seller_agent import fields, idempotency
from simulator.seller_agent.catalogue import base_cpm, find_product
from simulator.seller_agent.errors import ApiError
from simulator.seller_agent.ladder import STRATEGIES, Position, Strategy, respond
from simulator.seller_agent.pricing import TIER_DISCOUNTS, money
from simulator.seller_agent.reading import caller, effective_tier, read_checked
from simulator.wire_json import JsonReply

_REQUEST: fields.Spec = (
    ("idempotency_key", fields.text(1), True),
    ("action", fields.one_of("accept", "counter", "reject", "final_offer"), True),
    ("negotiation_id", fields.text(), False),
    ("proposal_id", fields.text(), False),
    ("quote_id", fields.text(), False),
    ("buyer_price", fields.money, False),
    ("round_number", fields.whole(), False),
    ("buyer_identity", fields.mapping, False),
    ("agent_url", fields.text(), False),
    ("rationale", fields.text(), False),
)
_KNOWN = tuple(name for name, _, _ in _REQUEST)
_STATUS_AFTER = {"accept": "accepted", "reject": "rejected"}


@dataclass(frozen=True)
class Agreed:
    negotiation_id: str
    cpm: float

    @property
    def money(self) -> dict[str, Any]:
        return money(self.cpm)


def agreed_price(seller: Seller, quote_id: str) -> Agreed | None:
    """The price agreed on a quote, if its negotiation was accepted by either side."""
    state = seller.store.get("negotiation", quote_id)
    if state is None or state["status"] != "accepted":
        return None
    return Agreed(state["negotiation_id"], state["rounds"][-1]["seller_price"])


async def post_message(request: Request) -> Response:
    body = await read_checked(request, _REQUEST)
    _check_message(body)
    seller, buyer = seller_of(request), caller(request)
    replayed = idempotency.replay(seller, "negotiations", "negotiation message", buyer, body, _KNOWN)
    if replayed is not None:
        return JsonReply(replayed)
    key = body.get("quote_id") or body.get("proposal_id") or body["negotiation_id"]
    with seller.store.transaction():
        if body["action"] in ("accept", "reject"):
            state, number = _close(seller, key, body["action"])
        else:
            tier = effective_tier(request, buyer, body)
            state, number = _counter(seller, key, body["buyer_price"]["amount_micros"] / 1_000_000, tier)
        answer = _answer(state, number)
        idempotency.remember(seller, "negotiations", buyer, body, _KNOWN, answer)
    return JsonReply(answer)


def _check_message(body: dict[str, Any]) -> None:
    action, has_price = body["action"], body.get("buyer_price") is not None
    complaint = ""
    if not any(body.get(name) for name in ("negotiation_id", "proposal_id", "quote_id")):
        complaint = "NegotiationMessage requires negotiation_id, proposal_id, or quote_id"
    elif action in ("counter", "final_offer") and not has_price:
        complaint = f"action '{action}' requires buyer_price"
    elif action == "reject" and has_price:
        complaint = "action 'reject' must not carry buyer_price"
    if complaint:
        raise ApiError(422, [fields.value_error(("body",), complaint, body)])


def _counter(seller: Seller, key: str, offer: float, tier: str) -> tuple[dict[str, Any], int]:
    """Answers the state after the round and the round's number."""
    state = seller.store.get("negotiation", key) or _open(seller, key, tier)
    if state["status"] != "active":
        raise ApiError(400, f"Negotiation is {state['status']}, cannot counter")
    rounds = state["rounds"]
    last = rounds[-1]["seller_price"] if rounds else state["base_price"]
    position = Position(state["base_price"], state["floor_price"], last, len(rounds))
    reply = respond(_strategy(state), position, offer)
    conceded = rounds[-1]["cumulative_concession_pct"] if rounds else 0.0
    if reply.action in ("counter", "final_offer"):
        conceded = (state["base_price"] - reply.price) / state["base_price"]
    _add_round(
        seller,
        state,
        buyer_price=offer,
        seller_price=reply.price,
        action=reply.action,
        concession=reply.concession,
        cumulative=conceded,
        rationale=reply.rationale,
    )
    _save(seller, key, state, _STATUS_AFTER.get(reply.action, "active"))
    return state, len(rounds)


def _close(seller: Seller, key: str, action: str) -> tuple[dict[str, Any], int]:
    """The buyer takes or leaves the last price. Repeating an accept is harmless."""
    state = seller.store.get("negotiation", key)
    if state is None:
        raise ApiError(404, "No negotiation found for this proposal")
    if state["status"] == action + "ed":
        return state, len(state["rounds"])
    if state["status"] != "active":
        raise ApiError(400, f"Negotiation is {state['status']}, cannot {action}")
    price = state["rounds"][-1]["seller_price"]
    accepted = action == "accept"
    _add_round(
        seller,
        state,
        buyer_price=price,
        seller_price=price,
        action=action,
        concession=0.0,
        cumulative=0.0,
        rationale=f"Buyer accepted at ${price:.2f} CPM." if accepted else "Buyer declined (walk-away).",
    )
    state["closed_by_buyer"] = True
    _save(seller, key, state, _STATUS_AFTER[action])
    return state, len(state["rounds"])


def _open(seller: Seller, key: str, tier: str) -> dict[str, Any]:
    quote = seller.store.get("quote", key)
    if quote is None:
        raise ApiError(404, "Proposal not found")
    product = find_product(seller, quote["product"]["product_id"])
    base = base_cpm(product) if product else None
    if product is None or base is None:
        raise ApiError(404, "Proposal not found")
    return {
        "negotiation_id": "neg-" + secrets.token_hex(4),
        "proposal_id": key,
        "product_id": product["product_id"],
        "buyer_tier": tier,
        "strategy": STRATEGIES[tier].name,
        "base_price": round(base * (1 - TIER_DISCOUNTS[tier]), 2),
        "floor_price": product["ext"]["floor_cpm"],
        "status": "active",
        "rounds": [],
        "started_at": _bare(seller),
        "completed_at": None,
        "closed_by_buyer": False,
    }


def _strategy(state: dict[str, Any]) -> Strategy:
    return STRATEGIES[state["buyer_tier"]]


def _bare(seller: Seller) -> str:
    """History timestamps carry no zone."""
    return stamp(seller.clock.now()).removesuffix("Z")


def _add_round(
    seller: Seller,
    state: dict[str, Any],
    *,
    buyer_price: float,
    seller_price: float,
    action: str,
    concession: float,
    cumulative: float,
    rationale: str,
) -> None:
    state["rounds"].append(
        {
            "round_number": len(state["rounds"]) + 1,
            "buyer_price": buyer_price,
            "seller_price": seller_price,
            "action": action,
            "concession_pct": concession,
            "cumulative_concession_pct": cumulative,
            "rationale": rationale,
            "timestamp": _bare(seller),
        }
    )


def _save(seller: Seller, key: str, state: dict[str, Any], status: str) -> None:
    state["status"] = status
    if status != "active":
        state["completed_at"] = _bare(seller)
    seller.store.put("negotiation", key, state)
    last = state["rounds"][-1]
    seller.journal.effect(
        f"negotiation.{last['action']}",
        {
            "quote_id": key,
            "round": last["round_number"],
            "seller_price": last["seller_price"],
            "status": status,
        },
    )


def _rounds_remaining(state: dict[str, Any], number: int) -> int:
    return 0 if state["closed_by_buyer"] else max(_strategy(state).rounds - number, 0)


def _answer(state: dict[str, Any], number: int) -> dict[str, Any]:
    last = state["rounds"][number - 1]
    prices = {name: money(last[name]) for name in ("buyer_price", "seller_price")}
    return {
        "negotiation_id": state["negotiation_id"],
        "status": state["status"],
        "round": {**last, **prices, "timestamp": last["timestamp"] + "Z"},
        "rounds_remaining": _rounds_remaining(state, number),
    }


async def get_history(request: Request) -> Response:
    """No key needed, and it shows the floor: both observed."""
    state = seller_of(request).store.get("negotiation", request.path_params["proposal_id"])
    if state is None:
        raise ApiError(404, "No negotiation found for this proposal")
    shown = {name: value for name, value in state.items() if name != "closed_by_buyer"}
    counts = {"total_rounds": len(state["rounds"]), "max_rounds": _strategy(state).rounds}
    return JsonReply({**shown, **counts, "package_id": None})


async def post_legacy_counter(request: Request) -> Response:
    """`POST /proposals/{id}/counter`: the same ladder in plain decimals."""
    body = await read_checked(request, (("buyer_price", fields.number, True),))
    seller = seller_of(request)
    tier = effective_tier(request, caller(request), body)
    with seller.store.transaction():
        state, number = _counter(seller, request.path_params["proposal_id"], float(body["buyer_price"]), tier)
    last = {name: value for name, value in state["rounds"][number - 1].items() if name != "timestamp"}
    return JsonReply(
        {
            "negotiation_id": state["negotiation_id"],
            **last,
            "status": state["status"],
            "rounds_remaining": _rounds_remaining(state, number),
        }
    )
