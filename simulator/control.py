"""The control port under `/_sim/`: faults, prices, products, clock, options, decisions, journal.

Loopback only, never journaled, never subject to faults.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.faults import KINDS, parse_fault
from simulator.options import CHANGEABLE
from simulator.seller import seller_of
from simulator.wire_json import JsonReply


async def _body(request: Request) -> dict[str, Any]:
    parsed = await request.json()
    if not isinstance(parsed, dict):
        raise ValueError("expected a JSON object")
    return parsed


async def list_faults(request: Request) -> Response:
    rules = seller_of(request).faults.rules
    return JsonReply({"faults": [rule.__dict__ for rule in rules], "kinds": KINDS})


async def add_faults(request: Request) -> Response:
    """Takes one fault or a list; all of them or none."""
    parsed = await request.json()
    script = seller_of(request).faults
    added = [parse_fault(raw) for raw in (parsed if isinstance(parsed, list) else [parsed])]
    return JsonReply({"ids": [script.add(fault).id for fault in added]})


async def clear_faults(request: Request) -> Response:
    return JsonReply({"removed": seller_of(request).faults.clear(request.query_params.get("id", ""))})


async def raise_price(request: Request) -> Response:
    """Multiplies the list price of a product from now on; open quotes keep their price."""
    body = await _body(request)
    return _override(request, str(body["product_id"]), {"factor": float(body["factor"])})


async def change_product(request: Request) -> Response:
    """`gone: true` takes a product off sale although the catalogue still lists it."""
    body = await _body(request)
    return _override(request, str(body["product_id"]), {"gone": bool(body["gone"])})


def _override(request: Request, product_id: str, change: dict[str, Any]) -> Response:
    return JsonReply({"product_id": product_id, **seller_of(request).change_product(product_id, change)})


async def set_clock(request: Request) -> Response:
    """`offset` in seconds is added to the seller's clock, Date header included. Survives a restart."""
    seller = seller_of(request)
    seller.clock.offset = float((await _body(request))["offset"])
    seller.store.put("control", "clock", {"offset": seller.clock.offset})
    return JsonReply({"now": seller.clock.now().isoformat()})


async def set_options(request: Request) -> Response:
    changes = await _body(request)
    if unknown := set(changes) - set(CHANGEABLE):
        raise ValueError(f"not changeable: {', '.join(sorted(unknown))}")
    options = seller_of(request).options
    for name, value in changes.items():
        setattr(options, name, value)
    return JsonReply({name: getattr(options, name) for name in CHANGEABLE})


async def decide(request: Request) -> Response:
    """The seller's own people: sets the status of a deal or line, with a reason (`kind`, `id`, `status`)."""
    body = await _body(request)
    outcome = request.app.state.decide(
        seller_of(request), str(body["id"]), str(body["status"]), str(body.get("reason", ""))
    )
    return JsonReply(outcome) if outcome else JsonReply({"error": "unknown id"}, status_code=404)


async def read_journal(request: Request) -> Response:
    query = request.query_params
    found = seller_of(request).journal.entries(
        query.get("kind", ""), query.get("type", ""), int(query.get("after", "0"))
    )
    return JsonReply({"entries": [entry.as_json() for entry in found]})


async def bad_request(request: Request, error: Exception) -> Response:
    return JsonReply({"error": f"{type(error).__name__}: {error}"}, status_code=400)


def routes() -> list[Route]:
    return [
        Route("/_sim/faults", list_faults, methods=["GET"]),
        Route("/_sim/faults", add_faults, methods=["POST"]),
        Route("/_sim/faults", clear_faults, methods=["DELETE"]),
        Route("/_sim/prices", raise_price, methods=["POST"]),
        Route("/_sim/products", change_product, methods=["POST"]),
        Route("/_sim/clock", set_clock, methods=["POST"]),
        Route("/_sim/options", set_options, methods=["POST"]),
        Route("/_sim/decisions", decide, methods=["POST"]),
        Route("/_sim/journal", read_journal, methods=["GET"]),
    ]
