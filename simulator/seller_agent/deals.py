"""`POST /api/v1/deals`, reads of a deal, and the bulk cancel (seller-agent.md section 6).

A caller needs no claim on a quote or deal: the reference agent checks no ownership.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.clock import parse_stamp, stamp
from simulator.identity import Buyer
from simulator.seller import Seller, SellerCrashed, inside_fault, seller_of
from simulator.seller_agent import audience, fields, idempotency
from simulator.seller_agent.catalogue import find_product
from simulator.seller_agent.errors import business_error
from simulator.seller_agent.negotiation import agreed_price
from simulator.seller_agent.quotes import load_quote, refuse_expired
from simulator.seller_agent.reading import caller, read_checked
from simulator.wire_json import JsonReply

_LIFE = timedelta(days=30)
_HIDDEN = ("visible_from", "notes")

_REQUEST: fields.Spec = (
    ("idempotency_key", fields.text(1), True),
    ("quote_id", fields.text(), True),
    ("buyer_identity", fields.mapping, False),
    ("notes", fields.text(), False),
    ("audience_plan", fields.mapping, False),
    ("consent_context", fields.mapping, False),
)
_KNOWN = tuple(name for name, _, _ in _REQUEST)


async def post_deal(request: Request) -> Response:
    body = await read_checked(request, _REQUEST)
    seller, buyer = seller_of(request), caller(request)
    replayed = idempotency.replay(seller, "deals", "deal booking request", buyer, body, _KNOWN)
    if replayed is not None:
        return JsonReply(replayed)
    if plan := body.get("audience_plan"):
        audience.check_plan(plan)
    quote = load_quote(seller, body["quote_id"])
    refuse_expired(seller, quote)
    if quote["status"] != "available":
        text = f"Quote status is '{quote['status']}', expected 'available'."
        raise business_error(409, "quote_already_booked", text)
    if seller.options.race_window:  # observed: check and booking are not one step
        await asyncio.sleep(seller.options.race_window)
    return JsonReply(_book(seller, buyer, body, quote))


def _book(seller: Seller, buyer: Buyer, body: dict[str, Any], quote: dict[str, Any]) -> dict[str, Any]:
    """Quote first, deal second, idempotency record last: the order of the reference agent."""
    deal = _new_deal(seller, quote, body)
    seller.store.put("quote", quote["quote_id"], {**quote, "status": "booked", "deal_id": deal["deal_id"]})
    crash = inside_fault("crash")
    if crash and not crash.seconds:
        raise SellerCrashed
    if crash:
        deal["visible_from"] = stamp(seller.clock.now() + timedelta(seconds=crash.seconds))
    plan = body.get("audience_plan")
    capabilities = (find_product(seller, quote["product"]["product_id"]) or {}).get("ext", {})
    answer = {
        "deal": _public(deal),
        "audience_plan_snapshot": plan,
        "audience_match_summary": (
            audience.match_summary(plan, capabilities.get("audience_capabilities", [])) if plan else None
        ),
    }
    with seller.store.transaction():
        seller.store.put("deal", deal["deal_id"], {**deal, "answer": answer, "notes": body.get("notes")})
        seller.journal.effect("deal.booked", _summary(deal, body, buyer))
        if not crash:
            idempotency.remember(seller, "deals", buyer, body, _KNOWN, answer)
    if crash:
        raise SellerCrashed
    return answer


def _summary(deal: dict[str, Any], body: dict[str, Any], buyer: Buyer) -> dict[str, Any]:
    return {
        "deal_id": deal["deal_id"],
        "quote_id": deal["quote_id"],
        "product_id": deal["product"]["product_id"],
        "impressions": deal["terms"]["impressions"],
        "cpm_micros": deal["pricing"]["final_cpm"]["amount_micros"],
        "idempotency_key": body["idempotency_key"],
        "notes": body.get("notes"),
        "buyer": buyer.name,
    }


def _new_deal(seller: Seller, quote: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    now = seller.clock.now()
    deal_id = "DEMO-" + secrets.token_hex(6).upper()
    pricing = _deal_pricing(seller, quote)
    return {
        "deal_id": deal_id,
        "deal_type": quote["deal_type"],
        "status": "proposed",
        "quote_id": quote["quote_id"],
        "rate_card_id": None,
        "product": quote["product"],
        "pricing": pricing,
        "terms": quote["terms"],
        "buyer_tier": quote["buyer_tier"],
        "seller_id": None,
        "expires_at": stamp(now + _LIFE),
        "activation_instructions": {
            "ttd": f"In The Trade Desk, create a new PMP deal with Deal ID: {deal_id}",
            "dv360": f"In DV360, add deal {deal_id} under Inventory > My Inventory > Deals",
            "xandr": f"In Xandr, navigate to Deals and enter Deal ID: {deal_id}",
        },
        "openrtb_params": {
            "id": deal_id,
            "bidfloor": pricing["final_cpm"],
            "at": 3 if quote["deal_type"] == "PA" else 1,  # observed: the opposite of OpenRTB's meaning
            "wseat": [],
            "wadomain": [],
        },
        "media_type": "digital",
        "linear_tv": None,
        "created_at": stamp(now),
        "consent_context": body.get("consent_context"),
        "supply_chain": None,
    }


def _deal_pricing(seller: Seller, quote: dict[str, Any]) -> dict[str, Any]:
    """The quote's price, the negotiated one if agreed, and dearer if the fault script says so."""
    pricing = dict(quote["pricing"])
    if agreed := agreed_price(seller, quote["quote_id"]):
        pricing["final_cpm"] = agreed.money
        pricing["rationale"] += f" | Negotiated to ${agreed.cpm:.2f} CPM ({agreed.negotiation_id})"
    if raised := inside_fault("price"):
        micros = round(pricing["final_cpm"]["amount_micros"] * raised.factor / 10_000) * 10_000
        pricing["final_cpm"] = {**pricing["final_cpm"], "amount_micros": micros}
    return pricing


def _public(deal: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in deal.items() if name not in (*_HIDDEN, "answer")}


def _load(seller: Seller, deal_id: str) -> dict[str, Any]:
    """A deal as it stands now: confirmed or expired in the meantime. Raises ApiError 404."""
    deal = seller.store.get("deal", deal_id)
    now = seller.clock.now()
    if deal is None or ("visible_from" in deal and parse_stamp(deal["visible_from"]) > now):
        raise business_error(404, "deal_not_found", f"Deal '{deal_id}' not found.")
    if deal["status"] == "proposed":
        confirm_after = seller.options.confirm_after
        created = parse_stamp(deal["created_at"])
        if confirm_after is not None and created + timedelta(seconds=confirm_after) <= now:
            return set_status(seller, deal, "active")
        if parse_stamp(deal["expires_at"]) <= now:
            return set_status(seller, deal, "expired")
    return deal


def set_status(seller: Seller, deal: dict[str, Any], status: str, reason: str = "") -> dict[str, Any]:
    changed = {**deal, "status": status}
    with seller.store.transaction():
        seller.store.put("deal", deal["deal_id"], changed)
        data = {"deal_id": deal["deal_id"], "was": deal["status"], "reason": reason}
        seller.journal.effect(f"deal.{status}", data)
    return changed


async def get_deal(request: Request) -> Response:
    deal = _load(seller_of(request), request.path_params["deal_id"])
    return JsonReply({**deal["answer"], "deal": _public(deal)})


async def get_performance(request: Request) -> Response:
    """A constant placeholder in the reference agent too."""
    seller = seller_of(request)
    deal = _load(seller, request.path_params["deal_id"])
    return JsonReply(
        {
            "deal_id": deal["deal_id"],
            "impressions_available": 1_000_000,
            "impressions_served": 0,
            "fill_rate": 0.0,
            "win_rate": 0.0,
            "avg_cpm_actual": 0.0,
            "delivery_pacing": "not_started",
            "last_updated": stamp(seller.clock.now()),
        }
    )


async def get_lineage(request: Request) -> Response:
    deal = _load(seller_of(request), request.path_params["deal_id"])
    chain: dict[str, Any] = {"parents": [], "replacements": [], "chain_length": 1}
    return JsonReply({"deal_id": deal["deal_id"], "status": deal["status"], **chain})


async def post_bulk(request: Request) -> Response:
    """Per-item results. Update keeps a note; cancel cancels; create is not simulated and says so."""
    body = await read_checked(request, (("operations", fields.items(fields.mapping), True),))
    caller(request)
    seller = seller_of(request)
    results = [
        {"index": i, "action": operation.get("action"), **_bulk_one(seller, operation)}
        for i, operation in enumerate(body["operations"])
    ]
    succeeded = sum(result["success"] for result in results)
    return JsonReply(
        {
            "total": len(results),
            "succeeded": succeeded,
            "failed": len(results) - succeeded,
            "results": results,
        }
    )


def _bulk_one(seller: Seller, operation: dict[str, Any]) -> dict[str, Any]:
    action = operation.get("action")
    if action == "create":
        return _failed("Bulk create is not simulated")
    if action not in ("update", "cancel"):
        return _failed(f"Unknown action '{action}'. Must be create, update, or cancel.")
    deal_id = str(operation.get("deal_id", ""))
    deal = seller.store.get("deal", deal_id)
    if deal is None:
        return _failed(f"Deal '{deal_id}' not found")
    if action == "update":
        seller.store.put("deal", deal_id, {**deal, "notes": operation.get("notes")})
    elif deal["status"] != "cancelled":
        set_status(seller, deal, "cancelled", str(operation.get("notes") or ""))
    return {"success": True, "deal_id": deal_id, "error": None}


def _failed(error: str) -> dict[str, Any]:
    return {"success": False, "deal_id": None, "error": error}


def decide_deal(seller: Seller, id: str, status: str, reason: str) -> dict[str, Any] | None:
    deal = seller.store.get("deal", id)
    return _public(set_status(seller, deal, status, reason)) if deal else None
