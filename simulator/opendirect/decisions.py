"""The seller's own people, acting through the control port."""

from __future__ import annotations

from typing import Any

from simulator.opendirect.line_store import answer_pending, move, public, settle
from simulator.opendirect.orders import save_order
from simulator.opendirect.states import STATES
from simulator.seller import Seller

_ORDER_STATES = ("PENDING", "APPROVED", "REJECTED")


def decide(seller: Seller, id: str, status: str, reason: str) -> dict[str, Any] | None:
    """`approve` or `decline` a pending line, or set the state of a line, order, account or organization.

    Answers None for an unknown line or order. Raises ValueError for a state that does not exist.
    """
    with seller.store.transaction():
        if line := seller.store.get("line", id):
            return public(_decide_line(seller, settle(seller, line), status, reason))
        if order := seller.store.get("order", id):
            return _decide_order(seller, order, status)
        if id.startswith(("line-", "ord-")):
            return None
        seller.store.put("status", id, {"status": status})
        seller.journal.effect("party.status", {"id": id, "status": status})
    return {"id": id, "status": status}


def _decide_line(seller: Seller, line: dict[str, Any], status: str, reason: str) -> dict[str, Any]:
    if status == "approve":
        if not line["bookingstatus"].startswith("Pending"):
            raise ValueError(f"nothing to approve in {line['bookingstatus']}")
        return answer_pending(seller, line)
    target = "Declined" if status == "decline" else status
    if target not in STATES:
        raise ValueError(f"no line state {status!r}")
    return move(seller, line, target, statechangereason=reason or None, pending=None)


def _decide_order(seller: Seller, order: dict[str, Any], status: str) -> dict[str, Any]:
    if status not in _ORDER_STATES:
        raise ValueError(f"no order state {status!r}")
    changed = {**order, "orderstatus": status}
    save_order(seller, changed)
    seller.journal.effect(f"order.{status.lower()}", {"order_id": order["id"]})
    return changed
