"""The products on sale: the reference agent's 13, and those of a fictional publisher in `harborlight.csv`.

USD CPM; `cap` is impressions in total, empty = none; viewability and completion 0..1, empty = not said.
"""

from __future__ import annotations

import csv
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from simulator.seller import Seller

SELLER_ID = "seller-premium-pub-001"

MALFORMED: tuple[dict[str, Any], ...] = (
    {"product_id": "prod-0badc0de", "name": "Negative Price Banner", "pricing_model": "cpm",
     "base_price": {"amount_micros": -4_000_000, "currency": "USD"}, "ext": {"inventory_type": "display"}},
    {"product_id": None, "name": 42, "base_price": "twelve", "ext": "none"},
    {"name": "No id at all", "base_price": {"amount_micros": 9_000_000, "currency": "USD"},
     "available_impressions": "lots"},
)  # fmt: skip


@cache
def _reference() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(Path(__file__).with_name("reference_catalogue.json").read_text("utf-8")))


@cache
def _added() -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    """Products that are sold, and products that are only still listed."""
    with Path(__file__).with_name("harborlight.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    sold = tuple(_product(row) for row in rows if not row["gone"])
    return sold, tuple(_product(row) for row in rows if row["gone"])


def _product_id(name: str) -> str:
    """Stable across restarts and machines, like the reference agent's ids."""
    return "prod-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def _content(text: str) -> dict[str, list[str]] | None:
    """Reads `genre=family;genre=comedy`."""
    found: dict[str, list[str]] = {}
    for name, _, value in (pair.partition("=") for pair in filter(None, text.split(";"))):
        found.setdefault(name, []).append(value)
    return found or None


def _product(row: dict[str, str]) -> dict[str, Any]:
    facts = {"viewability": row["viewability"], "completion_rate": row["completion"]}
    return {
        "product_id": _product_id(row["name"]),
        "seller_organization_id": SELLER_ID,
        "name": row["name"],
        "description": row["description"],
        "base_price": {"amount_micros": round(float(row["base"]) * 1_000_000), "currency": "USD"},
        "pricing_type": "fixed",
        "pricing_model": "cpm",
        "delivery_type": "Guaranteed",
        "domain": None,
        "ad_formats": [row["type"]],
        "audience_targeting": None,
        "ad_product_targeting": None,
        "content_targeting": _content(row["content"]),
        "available_impressions": int(row["cap"]) if row["cap"] else None,
        "commercial_terms": None,
        "ext": {
            "inventory_type": row["type"],
            "floor_cpm": float(row["floor"]),
            "minimum_impressions": 10_000,
            "deal_types": row["deal_types"].split(),
            "audience_capabilities": row["audiences"].split(),
            **{name: float(value) for name, value in facts.items() if value},
        },
    }


def _priced(seller: Seller, product: dict[str, Any]) -> dict[str, Any]:
    """The product at the price that the control port may have set."""
    factor = seller.override(product["product_id"]).get("factor", 1.0)
    if factor == 1.0 or product["base_price"] is None:
        return product
    micros = round(product["base_price"]["amount_micros"] * factor / 10_000) * 10_000
    return {**product, "base_price": {**product["base_price"], "amount_micros": micros}}


def _sold(seller: Seller) -> list[dict[str, Any]]:
    rows = list(_reference())
    if seller.options.catalogue == "full":
        rows += _added()[0]
    return [_priced(seller, row) for row in rows]


def products(seller: Seller) -> list[dict[str, Any]]:
    """Everything that can be read as a product, stale ones included."""
    return [*_sold(seller), *_added()[1][: seller.options.stale]]


def listing(seller: Seller) -> list[dict[str, Any]]:
    """What `GET /products` pages through, malformed rows included."""
    return [*MALFORMED[: seller.options.malformed], *products(seller)]


def find_product(seller: Seller, id: str) -> dict[str, Any] | None:
    """A product on sale, or None if unknown or gone."""
    if seller.override(id).get("gone"):
        return None
    return next((row for row in _sold(seller) if row["product_id"] == id), None)


def base_cpm(product: dict[str, Any]) -> float | None:
    """List price in USD; None = price on request."""
    price = product["base_price"]
    return price["amount_micros"] / 1_000_000 if price else None
