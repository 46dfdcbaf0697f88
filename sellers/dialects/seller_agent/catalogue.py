"""A row of `GET /products` as a `Product`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from planning.types import Product
from sellers.dialects.values import (
    BadValue,
    amount,
    cpm,
    currency_code,
    day_or_none,
    facets,
    identifier,
    money_cpm,
    prose,
    share_or_none,
    whole,
    whole_or_none,
    words,
)

INVENTORY_TYPES = frozenset({"display", "video", "ctv", "mobile_app", "native", "linear_tv", "dooh", "audio"})
DEAL_TYPES = ("PG", "PD", "PA")


def inventory_type(row: Mapping[str, Any]) -> str:
    """`ext.inventory_type`, else the first known ad format, else `other`."""
    ext = _ext(row)
    for word in (ext.get("inventory_type"), *words(row.get("ad_formats"))):
        if isinstance(word, str) and word.strip().lower() in INVENTORY_TYPES:
            return word.strip().lower()
    return "other"


def product(row: Mapping[str, Any], *, seller: str, currency: str) -> Product:
    """Raises `BadValue` with the reason why the row cannot be offered. `currency` is that of plain numbers.

    `delivery_type` and `pricing_type` are not read: the reference seller states them wrongly.
    """
    product_id = identifier(row.get("product_id"), "product_id")
    ext = _ext(row)
    if row.get("base_price") is None:
        raise BadValue("unpriced")
    model = row.get("pricing_model")
    if isinstance(model, str) and model.lower() != "cpm":
        raise BadValue(f"priced per {prose(model, 20)}, not per 1,000 impressions")
    if "currency" in ext:
        currency = currency_code(ext["currency"])
    list_cpm, currency = money_cpm(row["base_price"], "base_price", currency=currency)
    deal_types = tuple(kind for kind in DEAL_TYPES if kind in words(ext.get("deal_types")))
    return Product(
        seller=seller,
        product_id=product_id,
        name=prose(row.get("name"), 200) or product_id,
        description=prose(row.get("description")),
        currency=currency,
        list_cpm=list_cpm,
        inventory_type=inventory_type(row),
        formats=words(row.get("ad_formats")),
        floor_cpm=None if ext.get("floor_cpm") is None else cpm(ext["floor_cpm"], "floor_cpm"),
        min_impressions=whole(ext.get("minimum_impressions") or 0, "minimum_impressions"),
        min_spend=_minimum_spend(ext),
        deal_types=deal_types,
        guaranteed="PG" in deal_types,
        available_cap=whole_or_none(row.get("available_impressions"), "available_impressions"),
        lead_days=whole(ext.get("lead_days") or 0, "lead_days", most=1000),
        active_from=day_or_none(ext.get("active_from"), "active_from"),
        retired_on=day_or_none(ext.get("retired_on"), "retired_on"),
        targeting=facets(row.get("audience_targeting")) + words(ext.get("audience_capabilities")),
        content=facets(row.get("content_targeting")),
        viewability=share_or_none(ext.get("viewability"), "viewability"),
        completion_rate=share_or_none(ext.get("completion_rate"), "completion_rate"),
    )


def _ext(row: Mapping[str, Any]) -> Mapping[str, Any]:
    ext = row.get("ext")
    return ext if isinstance(ext, Mapping) else {}


def _minimum_spend(ext: Mapping[str, Any]) -> Decimal | None:
    stated = ext.get("minimum_spend", ext.get("min_spend"))
    return None if stated is None else amount(stated, "minimum_spend")
