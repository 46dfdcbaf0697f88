"""Products, product search and avails."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.opendirect.accounts import accounts_of, require_trading
from simulator.opendirect.availability import available, flight_faults
from simulator.opendirect.catalogue import find_product, listing
from simulator.opendirect.errors import Fault, not_found, raise_all, violation
from simulator.opendirect.moments import must_read
from simulator.opendirect.properties import (
    Property,
    check_body,
    objects,
    one_of,
    positive,
    read_body,
    strings,
    text,
    utc,
)
from simulator.opendirect.rates import rate_of
from simulator.opendirect.reading import caller, like, no_query, page
from simulator.seller import Seller, seller_of
from simulator.wire_json import JsonReply

FREQUENCY_INTERVALS = ("Day", "Week", "Month", "Hour", "LineDuration")
_CRITERIA = frozenset(
    {
        *("publisherid", "name", "description", "domain", "tz", "languages", "producttags"),
        *("currency", "baseprice", "ratetype", "deliverytype", "estdailyavails", "minspend"),
        *("minflight", "maxflight", "leadtime", "allownocreative"),
    }
)

_AVAILS = {
    "productids": Property(strings, required=True),
    "accountid": Property(text(36), required=True),
    "advertiserbrandid": Property(text(36), required=True),
    "startdate": Property(utc, required=True),
    "enddate": Property(utc, required=True),
    "currency": Property(one_of("USD")),
    "qty": Property(positive),
    "frequencycount": Property(positive),
    "frequencyinterval": Property(one_of(*FREQUENCY_INTERVALS)),
    "targeting": Property(objects),
    "producttargeting": Property(objects),
    "availabilityfields": Property(strings),
    "grouping": Property(strings),
}
_REASONS = {
    "InvalidPeriodLength": "InvalidPeriodLength",
    "LeadTimeTooShort": "Prohibited",
    "InvalidDates": "InvalidPeriodLength",
}


async def list_products(request: Request) -> Response:
    caller(request)
    return JsonReply(page(request, "products", listing(seller_of(request))))


async def get_product(request: Request) -> Response:
    caller(request)
    no_query(request)
    id = request.path_params["product_id"]
    product = find_product(seller_of(request), id)
    if product is None:
        raise not_found("product", id)
    return JsonReply(product)


async def search_products(request: Request) -> Response:
    """AND between the fields of one criteria object, OR inside a field and inside `$or`."""
    caller(request)
    body = await read_body(request)
    choices = body["$or"] if set(body) == {"$or"} else [body]
    if not isinstance(choices, list) or not choices:
        raise violation("InvalidSearch", "$or takes an array of criteria objects.")
    for criteria in choices:
        _check_criteria(criteria)
    rows = [row for row in listing(seller_of(request)) if any(_fits(row, c) for c in choices)]
    return JsonReply(page(request, "products", rows))


def _check_criteria(criteria: Any) -> None:
    if not isinstance(criteria, dict) or not criteria:
        raise violation("InvalidSearch", "At least one criterion is needed.")
    if unknown := sorted(set(criteria) - _CRITERIA):
        raise violation("UnknownProperty", f"not a search property: {', '.join(unknown)}")


def _fits(row: dict[str, Any], criteria: dict[str, Any]) -> bool:
    return all(_field_fits(row.get(name), wanted) for name, wanted in criteria.items())


def _field_fits(value: Any, wanted: Any) -> bool:
    patterns = wanted if isinstance(wanted, list) else [wanted]
    values = value if isinstance(value, list) else [value]
    return any(like(v, str(pattern)) for v in values for pattern in patterns)


async def post_avails(request: Request) -> Response:
    seller, buyer = seller_of(request), caller(request)
    body = await read_body(request)
    check_body(body, _AVAILS)
    account = next((a for a in accounts_of(seller, buyer) if a["id"] == body["accountid"]), None)
    if account is None:
        raise not_found("account", body["accountid"])
    require_trading(seller, buyer, account)
    if must_read(body["enddate"]) <= must_read(body["startdate"]):
        raise_all([Fault("InvalidDates", "enddate must be after startdate.")])
    rows = [row for id in dict.fromkeys(body["productids"]) if (row := _avails_row(seller, body, id))]
    return JsonReply(page(request, "avails", rows))


def _avails_row(seller: Seller, body: dict[str, Any], product_id: str) -> dict[str, Any] | None:
    """One product's answer; None leaves an unknown, gone or (in one reading) insufficient product out."""
    product = find_product(seller, product_id)
    if product is None:
        return None
    start, end = must_read(body["startdate"]), must_read(body["enddate"])
    faults = flight_faults(product, start, end, seller.clock.now())
    free = 0 if faults else available(seller, product_id, start, end)
    qty = body.get("qty")
    reading = seller.options.avails_reading
    if reading == "omitted" and qty and free < qty:
        return None
    return {
        "productid": product_id,
        "accountid": body["accountid"],
        "price": rate_of(product, qty or 0),
        "startdate": body["startdate"],
        "enddate": body["enddate"],
        "availability": min(free, qty) if reading == "capped" and qty else free,
        "currency": product["currency"],
        "availsstatus": _status(free, qty, faults),
    }


def _status(free: int, qty: int | None, faults: list[Fault]) -> dict[str, Any]:
    targeting: dict[str, Any] = {"producttargeting": []}
    if faults:
        reason = _REASONS.get(faults[0].code, "OutOfCharge")
        return {"status": "Unavailable", "reason": reason, "comment": faults[0].message, **targeting}
    if free == 0 or (qty and free < qty):
        status = "Partially Available" if free else "Unavailable"
        return {"status": status, "reason": "Booked", **targeting}
    return {"status": "Available", **targeting}
