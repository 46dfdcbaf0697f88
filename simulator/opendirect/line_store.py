"""Lines as stored: loading with the seller's clock applied, saving with a journal entry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request

from simulator.clock import parse_stamp, stamp
from simulator.opendirect.availability import available
from simulator.opendirect.catalogue import find_product
from simulator.opendirect.errors import not_found
from simulator.opendirect.moments import must_read, write_utc
from simulator.opendirect.orders import order_of, save_order
from simulator.seller import Seller, seller_of

RESERVATION = timedelta(days=7)
_INTERNAL = ("pending",)


def public(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in _INTERNAL}


def put_line(seller: Seller, line: dict[str, Any]) -> None:
    seller.store.put("line", line["id"], line, parent=line["orderid"])


def move(
    seller: Seller, line: dict[str, Any], status: str, *, effect: str = "", **changes: Any
) -> dict[str, Any]:
    """Saves a line in a new state and journals it, e.g. as `line.booked`."""
    moved = {**line, **changes, "bookingstatus": status}
    with seller.store.transaction():
        put_line(seller, moved)
        data = {"line_id": line["id"], "order_id": line["orderid"], "product_id": line["productid"]}
        data |= {"was": line["bookingstatus"], "reason": moved.get("statechangereason")}
        data |= {name: moved.get(name) for name in ("qty", "rate", "cost", "name")}
        seller.journal.effect(effect or f"line.{status.lower()}", data)
        if status == "Booked":
            _approve_order(seller, line["orderid"])
    return moved


def _approve_order(seller: Seller, order_id: str) -> None:
    """Sellers commonly approve an order when its first line books."""
    order = seller.store.get("order", order_id)
    if order and order["orderstatus"] == "PENDING":
        save_order(seller, {**order, "orderstatus": "APPROVED"})
        seller.journal.effect("order.approved", {"order_id": order_id})


def settle(seller: Seller, line: dict[str, Any]) -> dict[str, Any]:
    """Applies everything that the clock has brought about since the line was last read."""
    while (changed := _one_step(seller, line, seller.clock.now())) is not None:
        line = changed
    return line


def _one_step(seller: Seller, line: dict[str, Any], now: datetime) -> dict[str, Any] | None:
    status = line["bookingstatus"]
    due = line.get("pending")
    if status in ("PendingReservation", "PendingBooking"):
        return answer_pending(seller, line) if due and parse_stamp(due) <= now else None
    if status == "Reserved" and must_read(line["reservedexpirydate"]) <= now:
        return move(seller, line, "Expired", statechangereason="The reservation ran out.")
    if status == "Booked" and must_read(line["startdate"]) <= now:
        return move(seller, line, "InFlight")
    if status == "InFlight" and must_read(line["enddate"]) <= now:
        return move(seller, line, "Finished")
    return None


def answer_pending(seller: Seller, line: dict[str, Any]) -> dict[str, Any]:
    """The seller's yes to a pending line, or Declined if the volume is gone."""
    target = "Reserved" if line["bookingstatus"] == "PendingReservation" else "Booked"
    return confirm(seller, line, target)


def confirm(seller: Seller, line: dict[str, Any], target: str) -> dict[str, Any]:
    product = find_product(seller, line["productid"])
    if product is None:
        reason = "The product is no longer sold."
        return move(seller, line, "Declined", statechangereason=reason, pending=None)
    start, end = must_read(line["startdate"]), must_read(line["enddate"])
    free = available(seller, line["productid"], start, end, except_line=line["id"])
    if free < line["qty"]:
        reason = f"Only {free} impressions are available."
        return move(seller, line, "Declined", statechangereason=reason, pending=None)
    expiry = write_utc(seller.clock.now() + RESERVATION) if target == "Reserved" else None
    return move(seller, line, target, reservedexpirydate=expiry, pending=None)


def pending_until(seller: Seller, line: dict[str, Any]) -> str | None:
    """When a pending line will be answered; None = only by the seller's people (special instructions)."""
    if line.get("specialinstructions"):
        return None
    return stamp(seller.clock.now() + timedelta(seconds=seller.options.async_after or 0))


def lines_of(request: Request) -> list[dict[str, Any]]:
    seller = seller_of(request)
    order = order_of(request)
    with seller.store.transaction():
        return [settle(seller, line) for line in seller.store.all("line", parent=order["id"])]


def line_of(request: Request) -> dict[str, Any]:
    """The line of the URI as it stands now. Raises SpecError 404."""
    seller = seller_of(request)
    order = order_of(request)
    wanted = request.path_params["line_id"]
    line = seller.store.get("line", wanted)
    if line is None or line["orderid"] != order["id"]:
        raise not_found("line", wanted)
    with seller.store.transaction():
        return settle(seller, line)
