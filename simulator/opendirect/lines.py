"""Lines: create in Draft, edit and delete in Draft, and the actions reserve, book, cancel, reset."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.clock import stamp
from simulator.opendirect.accounts import require_trading
from simulator.opendirect.availability import flight_faults
from simulator.opendirect.catalogue import CENT, find_product
from simulator.opendirect.errors import Fault, raise_all, refused
from simulator.opendirect.line_store import confirm, line_of, lines_of, move, pending_until, public, put_line
from simulator.opendirect.moments import must_read
from simulator.opendirect.orders import order_of, save_order
from simulator.opendirect.products import FREQUENCY_INTERVALS
from simulator.opendirect.properties import (
    Property,
    an_object,
    check_body,
    number,
    objects,
    one_of,
    positive,
    read_body,
    text,
    utc,
)
from simulator.opendirect.rates import cost_of, rate_of
from simulator.opendirect.reading import account_of, action_of, caller, empty_body, no_query, page
from simulator.opendirect.states import is_legal
from simulator.seller import Seller, SellerCrashed, inside_fault, seller_of
from simulator.wire_json import JsonReply

_LINE = {
    "name": Property(text(200), required=True),
    "productid": Property(text(36), required=True),
    "startdate": Property(utc, required=True),
    "enddate": Property(utc, required=True),
    "ratetype": Property(one_of("CPM")),
    "rate": Property(number),
    "qty": Property(positive),
    "cost": Property(number),
    "frequencycount": Property(positive),
    "frequencyinterval": Property(one_of(*FREQUENCY_INTERVALS)),
    "targeting": Property(objects),
    "producttargeting": Property(objects),
    "comment": Property(text(255)),
    "specialinstructions": Property(text(255)),
    "providerdata": Property(an_object),
    "ext": Property(an_object),
}
_READ_ONLY = ("id", "orderid", "bookingstatus", "statechangereason", "reservedexpirydate")
_FILTERS = ("name", "bookingstatus", "startdate", "enddate")


async def list_lines(request: Request) -> Response:
    rows = [public(line) for line in lines_of(request)]
    return JsonReply(page(request, "lines", rows, _FILTERS))


async def get_line(request: Request) -> Response:
    line = line_of(request)
    no_query(request)
    return JsonReply(public(line))


async def post_line(request: Request) -> Response:
    order = order_of(request)
    no_query(request)
    body = await read_body(request)
    check_body(body, _LINE, read_only=_READ_ONLY)
    seller = seller_of(request)
    line = {
        "id": "line-" + secrets.token_hex(8),
        "orderid": order["id"],
        **body,
        "bookingstatus": "Draft",
        "ratetype": "CPM",
    }
    line = _priced(seller, line)
    with seller.store.transaction():
        line = move(seller, line, "Draft", effect="line.created")
        save_order(seller, _stretched(order, line))
    return JsonReply(public(line), headers={"Location": f"{request.url}/{line['id']}"})


def _priced(seller: Seller, line: dict[str, Any]) -> dict[str, Any]:
    """The line with the seller's rate and cost. Raises SpecError with every rule of the product it breaks."""
    product = find_product(seller, line["productid"])
    if product is None:
        raise refused("ProductNotAvailable", f"No product {line['productid']!r} is on sale.")
    start, end = must_read(line["startdate"]), must_read(line["enddate"])
    faults = flight_faults(product, start, end, seller.clock.now())
    qty = line.get("qty")
    rate = rate_of(product, qty or 0)
    cost = cost_of(rate, qty or 0)
    if qty and cost < product["minspend"]:
        faults.append(Fault("BelowMinimumSpend", f"{cost} is below the minimum of {product['minspend']}."))
    raise_all(faults)
    return {**line, "rate": rate, "cost": cost}


def _stretched(order: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    """Order dates follow the lines."""
    starts = [d for d in (order.get("startdate"), line["startdate"]) if d]
    ends = [d for d in (order.get("enddate"), line["enddate"]) if d]
    return {**order, "startdate": min(starts, key=must_read), "enddate": max(ends, key=must_read)}


def _require(action: str, line: dict[str, Any]) -> None:
    if not is_legal(action, line["bookingstatus"]):
        raise refused("IllegalAction", f"A line in {line['bookingstatus']} cannot {action}.")


async def change_line(request: Request) -> Response:
    """PATCH or PUT: an edit, or with a bare query key one of the actions."""
    line = line_of(request)
    action = action_of(request)
    if not action:
        return await _edit(request, line)
    await empty_body(request)
    _require(action, line)
    seller = seller_of(request)
    if action == "cancel":
        return JsonReply(public(_cancel(seller, line)))
    if action == "reset":
        cleared = {"statechangereason": None, "reservedexpirydate": None}
        return JsonReply(public(move(seller, line, "Draft", effect="line.reset", **cleared)))
    require_trading(seller, caller(request), account_of(request))
    return JsonReply(public(_commit(seller, line, action)))


async def _edit(request: Request, line: dict[str, Any]) -> Response:
    _require("edit", line)
    body = await read_body(request)
    partial = request.method == "PATCH"
    check_body(body, _LINE, read_only=_READ_ONLY, partial=partial)
    if body.get("productid", line["productid"]) != line["productid"]:
        raise refused("IllegalChange", "The product of a line is fixed.")
    seller = seller_of(request)
    kept = line if partial else {name: line[name] for name in ("id", "orderid", "bookingstatus", "ratetype")}
    changed = _priced(seller, {**kept, **body})
    with seller.store.transaction():
        put_line(seller, changed)
        save_order(seller, _stretched(order_of(request), changed))
        data = {"line_id": line["id"], "changed": sorted(body), "qty": changed.get("qty")}
        seller.journal.effect("line.updated", {**data, "rate": changed["rate"], "cost": changed["cost"]})
    return JsonReply(public(changed))


def _commit(seller: Seller, line: dict[str, Any], action: str) -> dict[str, Any]:
    """Reserve or book: at once, or pending first. The rate is computed anew and can differ from the draft's."""
    if not line.get("qty"):
        raise refused("QuantityMissing", "qty is needed before reserve or book.")
    line = _dearer(_priced(seller, line))
    target = {"reserve": "Reserved", "book": "Booked"}[action]
    pending = {"reserve": "PendingReservation", "book": "PendingBooking"}[action]
    if crash := inside_fault("crash"):
        due = stamp(seller.clock.now() + timedelta(seconds=crash.seconds)) if crash.seconds else None
        move(seller, line, pending, pending=due)
        raise SellerCrashed
    if seller.options.async_after is None and not line.get("specialinstructions"):
        return confirm(seller, line, target)
    return move(seller, line, pending, pending=pending_until(seller, line))


def _dearer(line: dict[str, Any]) -> dict[str, Any]:
    raised = inside_fault("price")
    if not raised:
        return line
    rate = (line["rate"] * Decimal(str(raised.factor))).quantize(CENT)
    return {**line, "rate": rate, "cost": cost_of(rate, line["qty"])}


def _cancel(seller: Seller, line: dict[str, Any]) -> dict[str, Any]:
    in_flight = line["bookingstatus"] == "InFlight"
    status = seller.options.cancel_in_flight if in_flight else "Canceled"
    return move(seller, line, status, statechangereason="Canceled by the buyer.", reservedexpirydate=None)


async def delete_line(request: Request) -> Response:
    line = line_of(request)
    no_query(request)
    _require("delete", line)
    seller = seller_of(request)
    with seller.store.transaction():
        seller.store.delete("line", line["id"])
        seller.journal.effect("line.deleted", {"line_id": line["id"], "order_id": line["orderid"]})
    return JsonReply({"id": line["id"]})
