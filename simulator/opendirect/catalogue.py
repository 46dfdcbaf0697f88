"""Northlight Media, a fictional publisher: the products of `northlight.csv` and what they cost in volume.

USD CPM, impressions per day, minimum spend in USD, lead time and flight in days; viewability and completion 0..1.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from simulator.opendirect.accounts import PUBLISHER_ID
from simulator.seller import Seller

CENT = Decimal("0.01")
Row = dict[str, str]

BREAKS: dict[str, tuple[tuple[int, Decimal], ...]] = {
    "none": (),
    "mild": ((2_000_000, Decimal("0.04")), (6_000_000, Decimal("0.08"))),
    "steep": ((1_000_000, Decimal("0.05")), (3_000_000, Decimal("0.10")), (8_000_000, Decimal("0.16"))),
}
"""From this many impressions in one line (inclusive), this part off the rate."""

_US = "geo:US"

_RETIRED = "2026-03-31T23:59:59Z"

MALFORMED: tuple[dict[str, Any], ...] = (
    {"id": "nlm-x-minus", "publisherid": PUBLISHER_ID, "name": "Credit Note Banner", "currency": "USD",
     "baseprice": -7.5, "ratetype": "CPM", "producttags": ["display"]},
    {"id": None, "name": ["not", "a", "name"], "baseprice": "call us", "producttags": 7},
    {"name": "No id at all", "currency": "USD", "baseprice": 11, "ratetype": "CPM"},
)  # fmt: skip

_SPECS: dict[str, dict[str, Any]] = {
    "display": {"display": {"placementtype": 1, "w": 300, "h": 250}},
    "native": {"display": {"placementtype": 1, "nativefmt": {"asset": []}}},
    "video": {"video": {"ptype": 1, "mime": ["video/mp4"], "mindur": 6, "maxdur": 30}},
    "ctv": {"video": {"ptype": 1, "mime": ["video/mp4"], "mindur": 15, "maxdur": 30}},
    "mobile_app": {"display": {"placementtype": 2, "w": 320, "h": 480}},
}
_CONTEXTS: dict[str, dict[str, Any]] = {
    "ctv": {"app": {"name": "Northlight TV"}, "device": {"type": 3}},
    "mobile_app": {"app": {"name": "Northlight"}, "device": {"type": 1}},
}


@cache
def _rows() -> dict[str, Row]:
    with Path(__file__).with_name("northlight.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def _daily_words(daily: int) -> str:
    if daily >= 1_000_000:
        return "Millions"
    return "Hundreds of Thousands" if daily >= 100_000 else "Tens of Thousands"


@cache
def _base(id: str) -> dict[str, Any]:
    row = _rows()[id]
    facts = [f"viewability:{row['viewability']}"]
    if row["completion"]:
        facts.append(f"completion_rate:{row['completion']}")
    return {
        "id": id,
        "publisherid": PUBLISHER_ID,
        "name": row["name"],
        "description": row["description"],
        "currency": "USD",
        "baseprice": Decimal(row["cpm"]),
        "ratetype": "CPM",
        "deliverytype": "guaranteed",
        "estdailyavails": _daily_words(int(row["daily"])),
        "minspend": int(row["minspend"]),
        "minflight": int(row["minflight"]),
        "maxflight": int(row["maxflight"]),
        "leadtime": int(row["leadtime"]),
        "activedate": "2026-01-01T00:00:00Z",
        "retirementdate": _RETIRED if row["retired"] else None,
        "allownocreative": True,
        "languages": ["en"],
        "producttags": [row["type"], *row["tags"].split(), *facts],
        "adunit": [{"gpid": f"northlight/{id}", "name": row["name"], "spec": _SPECS[row["type"]]}],
        "domain": "northlight.example",
        "tz": "GMT",
        "context": _CONTEXTS.get(row["type"], {"site": {"domain": "northlight.example"}}),
        "reservedexpirytime": "P7D",
        "advertiseridaccess": None,
        "buyeridaccess": None,
        "intermediaryidaccess": None,
    }


def _product(seller: Seller, id: str) -> dict[str, Any]:
    product = _base(id)
    factor = Decimal(str(seller.override(id).get("factor", 1)))
    return {**product, "baseprice": (product["baseprice"] * factor).quantize(CENT)}


def products(seller: Seller) -> list[dict[str, Any]]:
    stale = [id for id, row in _rows().items() if row["retired"]]
    hidden = {*stale[seller.options.stale :], *seller.gone_products()}
    return [_product(seller, id) for id in _rows() if id not in hidden]


def listing(seller: Seller) -> list[dict[str, Any]]:
    """What lists and searches page through, malformed rows included."""
    return [*MALFORMED[: seller.options.malformed], *products(seller)]


def find_product(seller: Seller, id: str) -> dict[str, Any] | None:
    return next((row for row in products(seller) if row["id"] == id), None)


def daily_impressions(product_id: str) -> int:
    return int(_rows()[product_id]["daily"])


def discount(product_id: str, qty: int) -> Decimal:
    """The part taken off the base price for this many impressions in one line."""
    steps = [cut for least, cut in BREAKS[_rows()[product_id]["breaks"]] if qty >= least]
    return steps[-1] if steps else Decimal(0)
