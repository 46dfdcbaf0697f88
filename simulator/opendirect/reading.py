"""Who calls, which account, which query parameters."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from simulator.identity import ANONYMOUS, Buyer
from simulator.opendirect.accounts import accounts_of
from simulator.opendirect.errors import Fault, SpecError, not_found, violation
from simulator.seller import seller_of

MAX_COUNT = 250
DEFAULT_COUNT = 25


def caller(request: Request) -> Buyer:
    """The buyer of the `AccessToken` header. Raises SpecError 401."""
    buyer = seller_of(request).buyer(request.headers.get("accesstoken", ""))
    if buyer is None or buyer is ANONYMOUS:
        raise SpecError(401, Fault("InvalidAccessToken", "A valid AccessToken header is required."))
    return buyer


def account_of(request: Request) -> dict[str, Any]:
    """The account of the URI, if it is the caller's. Raises SpecError 404 otherwise."""
    wanted = request.path_params["account_id"]
    found = accounts_of(seller_of(request), caller(request))
    account = next((account for account in found if account["id"] == wanted), None)
    if account is None:
        raise not_found("account", wanted)
    return account


def no_query(request: Request) -> None:
    if request.url.query:
        raise violation("UnknownParameter", f"no query is defined here: {request.url.query}")


def page(
    request: Request, name: str, rows: list[dict[str, Any]], filterable: tuple[str, ...] = ()
) -> dict[str, Any]:
    """One page of a collection after its plain `property=value` filters (`*` is a wildcard)."""
    query = dict(request.query_params)
    count = _whole(query.pop("count", str(DEFAULT_COUNT)), "count", 1)
    offset = _whole(query.pop("offset", "0"), "offset", 0)
    if unknown := sorted(set(query) - set(filterable)):
        raise violation("UnknownParameter", f"not a parameter here: {', '.join(unknown)}")
    if count > MAX_COUNT:
        raise violation("InvalidParameter", f"count is at most {MAX_COUNT}.")
    kept = [row for row in rows if all(like(row.get(field), wanted) for field, wanted in query.items())]
    return {
        name: kept[offset : offset + count],
        "paging": {"offset": offset, "count": count, "totalrecords": len(kept), "countlimit": MAX_COUNT},
    }


def _whole(text: str, name: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise violation("InvalidParameter", f"{name} must be a whole number, at least {least}.")
    return int(text)


def like(value: Any, pattern: str) -> bool:
    """Whether a value equals the pattern, upper and lower case alike, `*` standing for anything."""
    if value is None:
        return False
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, str(value), re.IGNORECASE | re.DOTALL) is not None


ACTIONS: tuple[str, ...] = ("book", "reserve", "cancel", "reset")


def action_of(request: Request) -> str:
    """The bare query key of a line action, empty without a query. Raises SpecError on any other spelling."""
    query = request.url.query
    if query and query not in ACTIONS:
        wanted = "a bare ?book, ?reserve, ?cancel or ?reset"
        raise violation("UnknownParameter", f"expected {wanted}, got ?{query}")
    return query


async def empty_body(request: Request) -> None:
    if (await request.body()).strip() not in (b"", b"{}"):
        raise violation("UnexpectedBody", "A line action has an empty body.")
