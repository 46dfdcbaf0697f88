"""Orders of an account. The name is unique within the account; the budget is no limit."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.opendirect.accounts import PUBLISHER_ID
from simulator.opendirect.errors import Fault, not_found, raise_all, refused
from simulator.opendirect.moments import must_read
from simulator.opendirect.properties import (
    Property,
    an_object,
    check_body,
    number,
    objects,
    one_of,
    read_body,
    text,
    utc,
)
from simulator.opendirect.reading import account_of, no_query, page
from simulator.seller import Seller, seller_of
from simulator.wire_json import JsonReply

_ORDER = {
    "accountid": Property(text(36), required=True),
    "publisherid": Property(one_of(PUBLISHER_ID), required=True),
    "advertiserbrandid": Property(text(36), required=True),
    "name": Property(text(100), required=True),
    "currency": Property(one_of("USD"), required=True),
    "brand": Property(text(25)),
    "budget": Property(number),
    "startdate": Property(utc),
    "enddate": Property(utc),
    "preferredbillingmethod": Property(one_of("Electronic", "Postal")),
    "contacts": Property(objects),
    "providerdata": Property(an_object),
    "specialinstructions": Property(text(255)),
    "ext": Property(an_object),
}
_READ_ONLY = ("id", "orderstatus", "orderexpirydate", "packageonly")
_FILTERS = ("accountid", "publisherid", "orderstatus", "currency", "name", "startdate", "enddate")


def _orders(seller: Seller, account: dict[str, Any]) -> list[dict[str, Any]]:
    return seller.store.all("order", parent=account["id"])


def order_of(request: Request) -> dict[str, Any]:
    """The order of the URI, within the caller's account. Raises SpecError 404."""
    account = account_of(request)
    wanted = request.path_params["order_id"]
    order = seller_of(request).store.get("order", wanted)
    if order is None or order["accountid"] != account["id"]:
        raise not_found("order", wanted)
    return order


def save_order(seller: Seller, order: dict[str, Any]) -> None:
    seller.store.put("order", order["id"], order, parent=order["accountid"])


async def list_orders(request: Request) -> Response:
    rows = _orders(seller_of(request), account_of(request))
    return JsonReply(page(request, "orders", rows, _FILTERS))


async def get_order(request: Request) -> Response:
    order = order_of(request)
    no_query(request)
    return JsonReply(order)


def _check_rules(seller: Seller, account: dict[str, Any], body: dict[str, Any], id: str = "") -> None:
    faults = []
    if body["accountid"] != account["id"]:
        faults.append(Fault("InvalidValue", "accountid must be the account of the URI."))
    if any(o["name"] == body["name"] and o["id"] != id for o in _orders(seller, account)):
        faults.append(Fault("DuplicateName", "An order of this account has this name already."))
    start, end = body.get("startdate"), body.get("enddate")
    if start and not id and must_read(start).date() < seller.clock.now().date():
        faults.append(Fault("InvalidDates", "startdate is in the past."))
    if start and end and must_read(end) <= must_read(start):
        faults.append(Fault("InvalidDates", "enddate must be after startdate."))
    raise_all(faults)


async def post_order(request: Request) -> Response:
    account = account_of(request)
    no_query(request)
    body = await read_body(request)
    check_body(body, _ORDER, read_only=_READ_ONLY)
    seller = seller_of(request)
    with seller.store.transaction():
        _check_rules(seller, account, body)
        order = {"id": "ord-" + secrets.token_hex(8), **body, "orderstatus": "PENDING"}
        save_order(seller, order)
        names = ("name", "accountid", "budget", "providerdata")
        data = {"order_id": order["id"], **{name: body.get(name) for name in names}}
        seller.journal.effect("order.created", data)
    return JsonReply(order, headers={"Location": f"{request.url}/{order['id']}"})


async def change_order(request: Request) -> Response:
    """PATCH changes what is sent, PUT takes a full order."""
    order = order_of(request)
    no_query(request)
    body = await read_body(request)
    partial = request.method == "PATCH"
    check_body(body, _ORDER, read_only=_READ_ONLY, partial=partial)
    seller = seller_of(request)
    kept = order if partial else {name: order[name] for name in ("id", "orderstatus")}
    changed = {**kept, **body}
    with seller.store.transaction():
        _check_rules(seller, account_of(request), changed, order["id"])
        save_order(seller, changed)
        seller.journal.effect("order.updated", {"order_id": order["id"], "changed": sorted(body)})
    return JsonReply(changed)


async def delete_order(request: Request) -> Response:
    order = order_of(request)
    no_query(request)
    seller = seller_of(request)
    with seller.store.transaction():
        lines = seller.store.all("line", parent=order["id"])
        if any(line["bookingstatus"] != "Draft" for line in lines):
            raise refused("IllegalAction", "Only an order whose lines are all Draft can be deleted.")
        for line in lines:
            seller.store.delete("line", line["id"])
        seller.store.delete("order", order["id"])
        seller.journal.effect("order.deleted", {"order_id": order["id"], "lines": len(lines)})
    return JsonReply({"id": order["id"]})
