"""`POST /products/avails` in both request dialects (seller-agent.md section 3).

The price is the public list price, and booked deals do not reduce availability: both observed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.seller import Seller, seller_of
from simulator.seller_agent import fields
from simulator.seller_agent.catalogue import base_cpm, find_product
from simulator.seller_agent.errors import ApiError, unpriced
from simulator.seller_agent.reading import read_object
from simulator.wire_json import JsonReply

_DATASOURCE = "iab-agentic-primitives"
_SPEC_LOC: fields.Loc = ("body", "function-after[_end_after_start(), ProductAvailsSearch]")
_LEGACY_LOC: fields.Loc = ("body", "function-after[_end_after_start(), AvailsRequest]")

_SPEC_FORM: fields.Spec = (
    ("productids", fields.items(fields.text(), 1), True),
    ("accountid", fields.text(0, 36), True),
    ("advertiserbrandid", fields.text(0, 36), True),
    ("startdate", fields.moment, True),
    ("enddate", fields.moment, True),
    ("currency", fields.text(), False),
    ("producttargeting", fields.items(fields.mapping), False),
)
_LEGACY_FORM: fields.Spec = (
    ("productid", fields.text(), True),
    ("startdate", fields.moment, True),
    ("enddate", fields.moment, True),
    ("requestedImpressions", fields.whole(0), False),
    ("budget", fields.number, False),
    ("targeting", fields.mapping, False),
)
_SNAKE_CASE = {
    "product_id": "productid",
    "start_date": "startdate",
    "end_date": "enddate",
    "requested_impressions": "requestedImpressions",
}


async def post_avails(request: Request) -> Response:
    """The answer follows the form that fits; if none does, both forms complain."""
    body = await read_object(request)
    spec_problems = _problems(body, _SPEC_FORM, _SPEC_LOC)
    if not spec_problems:
        return JsonReply(_spec_answer(seller_of(request), body))
    legacy = {**body, **{new: body[old] for old, new in _SNAKE_CASE.items() if old in body}}
    legacy_problems = _problems(legacy, _LEGACY_FORM, _LEGACY_LOC)
    if not legacy_problems:
        return JsonReply(_legacy_answer(seller_of(request), legacy))
    raise ApiError(422, spec_problems + legacy_problems)


def _problems(body: dict[str, Any], form: fields.Spec, loc: fields.Loc) -> list[fields.Problem]:
    problems = fields.check_fields(body, form, loc)
    if not problems and _moment(body["enddate"]) <= _moment(body["startdate"]):
        return [fields.value_error(loc, "enddate must be after startdate", body)]
    return problems


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _volume(product: dict[str, Any], cpm: float, asked: int | None, budget: float | None) -> tuple[int, int]:
    """Impressions wanted, and impressions there are: the wish capped by the product's cap, if it has one."""
    wanted = asked
    if wanted is None:
        wanted = int(budget / cpm * 1000) if budget is not None else product["ext"]["minimum_impressions"]
    cap = product["available_impressions"]
    return wanted, wanted if cap is None else min(wanted, cap)


def _legacy_answer(seller: Seller, body: dict[str, Any]) -> dict[str, Any]:
    product = find_product(seller, body["productid"])
    if product is None:
        raise ApiError(404, f"Product '{body['productid']}' not found")
    cpm = _cpm(product)
    _, available = _volume(product, cpm, fields.lax_int(body.get("requestedImpressions")), body.get("budget"))
    answer = {"productid": product["product_id"], "availableImpressions": available}
    if "PG" in product["ext"]["deal_types"]:
        answer["guaranteedImpressions"] = available
    answer |= {"estimatedCpm": cpm, "totalCost": round(available * cpm / 1000, 2)}
    targeting = {**(product["audience_targeting"] or {}), **(product["content_targeting"] or {})}
    return answer | ({"availableTargeting": sorted(targeting)} if targeting else {})


def _cpm(product: dict[str, Any]) -> float:
    cpm = base_cpm(product)
    if cpm is None:
        raise unpriced(product["product_id"])
    return cpm


def _spec_answer(seller: Seller, body: dict[str, Any]) -> dict[str, Any]:
    """One unknown or unpriced id fails the whole call."""
    found = {id: find_product(seller, id) for id in body["productids"]}
    if unknown := [id for id, product in found.items() if product is None]:
        raise ApiError(404, f"Products not found: {', '.join(unknown)}")
    asked, budget = _investment(body.get("producttargeting") or [])
    return {"avails": [_spec_row(body, product, asked, budget) for product in found.values() if product]}


def _investment(targeting: list[dict[str, Any]]) -> tuple[int | None, float | None]:
    """Volume and budget, which this form hides in product targeting entries, shared by all ids."""
    wishes = {
        str(entry.get("target", "")).lower(): (entry.get("targetvalues") or [None])[0]
        for entry in targeting
        if str(entry.get("name", "")).lower() == "investment"
    }
    asked, budget = wishes.get("requestedimpressions"), wishes.get("budget")
    try:
        return (int(asked) if asked is not None else None, float(budget) if budget is not None else None)
    except ValueError:
        raise ApiError(422, "targetvalues of an Investment entry must be numbers") from None


def _spec_row(
    body: dict[str, Any], product: dict[str, Any], asked: int | None, budget: float | None
) -> dict[str, Any]:
    cpm = _cpm(product)
    wanted, available = _volume(product, cpm, asked, budget)
    status: dict[str, Any] = {"status": "Available"}
    if available < wanted:
        status = {"status": "Partially Available" if available else "Unavailable", "reason": "Booked"}
    status["producttargeting"] = [
        {
            "name": "Inventory",
            "type": "Audience",
            "datasource": _DATASOURCE,
            "target": "impressions",
            "targetvalues": [str(available)],
            "selectable": False,
            "count": float(available),
        }
    ]
    return {
        "productid": product["product_id"],
        "accountid": body["accountid"],
        "availability": available,
        "availsstatus": status,
        "currency": body.get("currency") or "USD",
        "price": cpm,
        "startdate": body["startdate"],
        "enddate": body["enddate"],
    }
