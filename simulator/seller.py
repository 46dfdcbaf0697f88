"""One running seller: its options, clock, state, journal and fault script."""

from __future__ import annotations

import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from simulator.clock import SellerClock
from simulator.faults import Fault, FaultScript
from simulator.identity import ANONYMOUS, Buyer
from simulator.journal import Journal
from simulator.options import SellerOptions
from simulator.store import Store, connect

inside_faults: ContextVar[tuple[Fault, ...]] = ContextVar("inside_faults", default=())
"""Faults that the handler itself must act out: a crash between two writes, a price raised while booking."""


class SellerCrashed(Exception):
    """The seller died between two of its own writes; the buyer sees a reset."""


@dataclass
class Seller:
    options: SellerOptions
    store: Store
    journal: Journal
    clock: SellerClock = field(default_factory=SellerClock)
    faults: FaultScript = field(default_factory=FaultScript)
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, options: SellerOptions) -> Seller:
        """Opens the state file and restores what the control port had changed."""
        db = connect(options.state)
        seller = cls(options, Store(db), Journal(db))
        clock = seller.store.get("control", "clock")
        seller.clock.offset = clock["offset"] if clock else 0.0
        seller.overrides = {row["product_id"]: row["change"] for row in seller.store.all("override")}
        return seller

    def override(self, product_id: str) -> dict[str, Any]:
        """What the control port changed about a product: `factor` on its price, `gone`."""
        return self.overrides.get(product_id, {})

    def gone_products(self) -> set[str]:
        return {id for id, change in self.overrides.items() if change.get("gone")}

    def change_product(self, product_id: str, change: dict[str, Any]) -> dict[str, Any]:
        """Changes a product from now on, durably. Answers everything that differs from the catalogue."""
        changed = {**self.override(product_id), **change}
        with self.store.transaction():
            self.store.put("override", product_id, {"product_id": product_id, "change": changed})
            self.journal.effect("product.changed", {"product_id": product_id, **changed})
        self.overrides[product_id] = changed
        return changed

    def buyer(self, key: str) -> Buyer | None:
        """The identity of a key, ANONYMOUS without one, None for an unknown one."""
        if not key:
            return ANONYMOUS
        for known, buyer in self.options.keys.items():
            if secrets.compare_digest(known.encode(), key.encode()):
                return buyer
        return None

    def close(self) -> None:
        self.journal.close()


def seller_of(request: Request) -> Seller:
    seller: Seller = request.app.state.seller
    return seller


def inside_fault(kind: str) -> Fault | None:
    return next((fault for fault in inside_faults.get() if fault.kind == kind), None)
