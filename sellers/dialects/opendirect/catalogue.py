"""A product of OpenDirect 2.1 as a `Product`, and the search that finds products of a kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from planning.types import Product
from sellers.dialects.values import (
    BadValue,
    amount,
    cpm,
    currency_code,
    day_or_none,
    identifier,
    prose,
    share_or_none,
    whole,
    whole_or_none,
    words,
)

TAGS: dict[str, tuple[str, ...]] = {
    "display": ("display", "banner"),
    "video": ("video", "olv", "pre-roll"),
    "ctv": ("ctv", "ott", "connected tv"),
    "mobile_app": ("mobile_app", "mobile", "in-app"),
    "native": ("native", "in-feed"),
    "linear_tv": ("linear_tv", "linear"),
    "dooh": ("dooh", "ooh"),
    "audio": ("audio", "podcast"),
}
"""Words in `producttags` that name an inventory type; more telling types first where a product carries several."""

_PRECEDENCE = ("ctv", "linear_tv", "dooh", "audio", "mobile_app", "native", "video", "display")
_CTV_DEVICE = 3  # AdCOM 1.0 device type


def search_body(inventory_types: Sequence[str]) -> dict[str, Any]:
    """A ProductSearch that matches any tag of the wanted types; `$or` joins alternatives (C13)."""
    tags = [tag for kind in inventory_types for tag in TAGS.get(kind, (kind,))]
    return {"$or": [{"producttags": [tag]} for tag in dict.fromkeys(tags)]}


def inventory_type(row: Mapping[str, Any]) -> str:
    """From the tags; else from the context and the ad unit's specification (there is no type field in 2.1)."""
    tags = {_plain(tag) for tag in words(row.get("producttags"))}
    for kind in _PRECEDENCE:
        if tags & set(TAGS[kind]):
            return kind
    return _by_placement(row)


def _by_placement(row: Mapping[str, Any]) -> str:
    context = row.get("context")
    context = context if isinstance(context, Mapping) else {}
    specs = [spec for unit in _ad_units(row) if isinstance(spec := unit.get("spec"), Mapping)]
    device = context.get("device")
    if isinstance(device, Mapping) and device.get("type") == _CTV_DEVICE:
        return "ctv"
    if "dooh" in context:
        return "dooh"
    if any("audio" in spec for spec in specs):
        return "audio"
    if "app" in context:
        return "mobile_app"
    if any("video" in spec for spec in specs):
        return "video"
    if any("display" in spec for spec in specs):
        return "native" if any(_is_native(spec) for spec in specs) else "display"
    return "other"


def product(row: Mapping[str, Any], *, seller: str) -> Product:
    """Raises `BadValue` with the reason why the row cannot be offered. The row has lower-case names."""
    product_id = identifier(row.get("id"), "id")
    if row.get("baseprice") is None:
        raise BadValue("unpriced")
    rate_type = prose(row.get("ratetype"), 20) or "CPM"
    if rate_type.upper() != "CPM":
        raise BadValue(f"priced per {rate_type}, not per 1,000 impressions")
    tags = words(row.get("producttags"))
    delivery = prose(row.get("deliverytype") or row.get("deliveryyype"), 40).lower()
    return Product(
        seller=seller,
        product_id=product_id,
        name=prose(row.get("name"), 200) or product_id,
        description=prose(row.get("description") or row.get("descripion")),
        currency=currency_code(row.get("currency")),
        list_cpm=cpm(row["baseprice"], "baseprice"),
        inventory_type=inventory_type(row),
        formats=tuple(
            dict.fromkeys(name for unit in _ad_units(row) if (name := prose(unit.get("name"), 120)))
        ),
        min_spend=None if row.get("minspend") is None else amount(row["minspend"], "minspend"),
        guaranteed=delivery in ("guaranteed", "exclusive"),
        lead_days=whole(row.get("leadtime") or 0, "leadtime", most=3650),
        min_flight_days=whole_or_none(row.get("minflight"), "minflight", most=3650),
        max_flight_days=whole_or_none(row.get("maxflight"), "maxflight", most=3650),
        active_from=day_or_none(row.get("activedate"), "activedate"),
        retired_on=day_or_none(row.get("retirementdate"), "retirementdate"),
        targeting=_targeting(row, tags),
        content=tuple(tag for tag in tags if ":" not in tag and _plain(tag) not in _TYPE_WORDS),
        viewability=_measure(tags, "viewability"),
        completion_rate=_measure(tags, "completion_rate", "completionrate", "vcr"),
    )


def may_buy(row: Mapping[str, Any], *, advertiser: str, buyer: str) -> bool:
    """Whether the product's access lists admit us; null and empty lists admit everyone."""
    return all(
        not allowed or not ours or ours in allowed
        for allowed, ours in (
            (words(row.get("advertiseridaccess"), 10_000), advertiser),
            (words(row.get("buyeridaccess"), 10_000), buyer),
        )
    )


def _ad_units(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    units = row.get("adunit", row.get("adunits"))
    units = [units] if isinstance(units, Mapping) else units
    return [unit for unit in units if isinstance(unit, Mapping)] if isinstance(units, list) else []


def _is_native(spec: Mapping[str, Any]) -> bool:
    display = spec.get("display")
    return isinstance(display, Mapping) and ("nativefmt" in display or "native" in display)


def _targeting(row: Mapping[str, Any], tags: Iterable[str]) -> tuple[str, ...]:
    names = [
        prose(entry.get("name") or entry.get("target"), 80)
        for entry in row.get("producttargeting") or []
        if isinstance(entry, Mapping)
    ]
    named = [tag for tag in tags if ":" in tag and not _is_measure(tag)]
    return tuple(dict.fromkeys([*(name for name in names if name), *named]))


def _measure(tags: Iterable[str], *names: str) -> Decimal | None:
    """A quality figure in a tag such as `viewability:0.72`; a figure that cannot be read is no figure."""
    for tag in tags:
        name, _, value = tag.partition(":")
        if _plain(name) in names:
            try:
                return share_or_none(Decimal(value.strip()), name)
            except (ArithmeticError, BadValue):
                return None
    return None


def _is_measure(tag: str) -> bool:
    return _plain(tag.partition(":")[0]) in ("viewability", "completion_rate", "completionrate", "vcr")


def _plain(tag: str) -> str:
    """`inventory:ctv` and `CTV` both as `ctv`."""
    return tag.strip().lower().removeprefix("inventory:").removeprefix("type:").removeprefix("format:")


_TYPE_WORDS = frozenset(word for tags in TAGS.values() for word in tags)
