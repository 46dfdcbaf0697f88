"""Rate and cost: the seller's numbers, computed anew at every save, reserve and book. USD."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from simulator.opendirect.catalogue import CENT, discount


def rate_of(product: dict[str, Any], qty: int) -> Decimal:
    """CPM for this volume, rounded half up to the cent."""
    rate = product["baseprice"] * (1 - discount(product["id"], qty))
    return Decimal(rate).quantize(CENT, ROUND_HALF_UP)


def cost_of(rate: Decimal, qty: int) -> Decimal:
    """rate x qty / 1000, rounded half up to the cent."""
    return (rate * qty / 1000).quantize(CENT, ROUND_HALF_UP)
