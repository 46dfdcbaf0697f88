"""`/api/v1/orders`: fulfilment records, not insertion orders. Nothing is checked, everyone sees all."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.clock import stamp
from simulator.seller import Seller, seller_of
from simulator.seller_agent import fields
from simulator.seller_agent.errors import business_error
from simulator.seller_agent.reading import read_checked
from simulator.wire_json import JsonReply

_REQUEST: fields.Spec = (
    ("deal_id", fields.text(), False),
    ("quote_id", fields.text(), False),
    ("metadata", fields.mapping, False),
)


async def post_order(request: Request) -> Response:
    body = await read_checked(request, _REQUEST)
    seller = seller_of(request)
    now = stamp(seller.clock.now())
    order: dict[str, Any] = {
        "order_id": "ORD-" + secrets.token_hex(6).upper(),
        "status": "draft",
        "deal_id": body.get("deal_id"),
        "quote_id": body.get("quote_id"),
        "created_at": now,
        "metadata": body.get("metadata") or {},
        "audit_log": {"entries": [{"at": now, "to_status": "draft"}]},
    }
    with seller.store.transaction():
        seller.store.put("order", order["order_id"], order)
        seller.journal.effect(
            "order.created", {name: order[name] for name in ("order_id", "deal_id", "quote_id", "metadata")}
        )
    return JsonReply(order)


async def list_orders(request: Request) -> Response:
    wanted = request.query_params.get("status")
    orders = [o for o in seller_of(request).store.all("order") if wanted in (None, o["status"])]
    return JsonReply({"orders": orders, "count": len(orders)})


def _load(seller: Seller, order_id: str) -> dict[str, Any]:
    order = seller.store.get("order", order_id)
    if order is None:
        raise business_error(404, "order_not_found", f"Order '{order_id}' not found.")
    return order


async def get_order(request: Request) -> Response:
    return JsonReply(_load(seller_of(request), request.path_params["order_id"]))
