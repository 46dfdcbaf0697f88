"""The routes of organizations, brands and accounts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from simulator.opendirect.accounts import accounts_of, brands_of, create_account, organizations_of
from simulator.opendirect.errors import not_found
from simulator.opendirect.properties import Property, check_body, read_body, text
from simulator.opendirect.reading import account_of, caller, no_query, page
from simulator.seller import seller_of
from simulator.wire_json import JsonReply

_ACCOUNT = {
    "advertiserid": Property(text(36), required=True),
    "buyerid": Property(text(36), required=True),
    "intermediaryid": Property(text(36)),
    "name": Property(text(255), required=True),
}
_ACCOUNT_FILTERS = ("advertiserid", "buyerid", "intermediaryid", "name", "status", "id")


async def list_organizations(request: Request) -> Response:
    rows = organizations_of(seller_of(request), caller(request))
    return JsonReply(page(request, "organizations", rows, ("name", "status", "id")))


async def get_organization(request: Request) -> Response:
    no_query(request)
    wanted = request.path_params["organization_id"]
    for row in organizations_of(seller_of(request), caller(request)):
        if row["id"] == wanted:
            return JsonReply(row)
    raise not_found("organization", wanted)


async def list_brands(request: Request) -> Response:
    return JsonReply(
        page(request, "advertiserbrands", brands_of(caller(request)), ("id", "name", "organizationid"))
    )


async def list_accounts(request: Request) -> Response:
    rows = accounts_of(seller_of(request), caller(request))
    return JsonReply(page(request, "accounts", rows, _ACCOUNT_FILTERS))


async def get_account(request: Request) -> Response:
    no_query(request)
    return JsonReply(account_of(request))


async def post_account(request: Request) -> Response:
    buyer = caller(request)
    no_query(request)
    body = await read_body(request)
    check_body(body, _ACCOUNT, read_only=("id", "status"))
    account = create_account(seller_of(request), buyer, body)
    return JsonReply(account, headers={"Location": f"{request.url}/{account['id']}"})
