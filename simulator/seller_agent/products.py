"""`GET /products`, `GET /products/{id}`. No key is looked at, everyone sees the same."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from simulator.seller import seller_of
from simulator.seller_agent import fields
from simulator.seller_agent.catalogue import find_product, listing
from simulator.seller_agent.errors import ApiError
from simulator.wire_json import JsonReply

_DEFAULT_LIMIT = 50


async def list_products(request: Request) -> Response:
    query = dict(request.query_params)
    spec: fields.Spec = (("limit", fields.whole(1, 500), False), ("offset", fields.whole(0), False))
    if problems := fields.check_fields(query, spec, ("query",)):
        raise ApiError(422, problems)
    limit, offset = int(query.get("limit", _DEFAULT_LIMIT)), int(query.get("offset", 0))
    rows = listing(seller_of(request))
    return JsonReply(
        {
            "products": rows[offset : offset + limit],
            "total_count": len(rows),
            "limit": limit,
            "offset": offset,
        }
    )


async def get_product(request: Request) -> Response:
    product = find_product(seller_of(request), request.path_params["product_id"])
    if product is None:
        raise ApiError(404, "Product not found")
    return JsonReply(product)
