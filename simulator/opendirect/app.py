"""The routes of the OpenDirect dialect."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route

from simulator.opendirect import delivery, lines, orders, parties, products
from simulator.opendirect.decisions import decide
from simulator.opendirect.errors import SpecError, on_http_error, on_spec_error

__all__ = ["build", "decide"]

_ORDERS = "/accounts/{account_id}/orders"
_ORDER = _ORDERS + "/{order_id}"
_LINE = _ORDER + "/lines/{line_id}"


def routes() -> list[Route]:
    return [
        Route("/organizations", parties.list_organizations, methods=["GET"]),
        Route("/organizations/{organization_id}", parties.get_organization, methods=["GET"]),
        Route("/advertiserbrands", parties.list_brands, methods=["GET"]),
        Route("/accounts", parties.list_accounts, methods=["GET"]),
        Route("/accounts", parties.post_account, methods=["POST"]),
        Route("/accounts/{account_id}", parties.get_account, methods=["GET"]),
        Route("/products", products.list_products, methods=["GET"]),
        Route("/products/search", products.search_products, methods=["POST"]),
        Route("/products/avails", products.post_avails, methods=["POST"]),
        Route("/products/{product_id}", products.get_product, methods=["GET"]),
        Route(_ORDERS, orders.list_orders, methods=["GET"]),
        Route(_ORDERS, orders.post_order, methods=["POST"]),
        Route(_ORDER, orders.get_order, methods=["GET"]),
        Route(_ORDER, orders.change_order, methods=["PATCH", "PUT"]),
        Route(_ORDER, orders.delete_order, methods=["DELETE"]),
        Route(_ORDER + "/lines", lines.list_lines, methods=["GET"]),
        Route(_ORDER + "/lines", lines.post_line, methods=["POST"]),
        Route(_LINE, lines.get_line, methods=["GET"]),
        Route(_LINE, lines.change_line, methods=["PATCH", "PUT"]),
        Route(_LINE, lines.delete_line, methods=["DELETE"]),
        Route(_LINE + "/stats", delivery.get_stats, methods=["GET"]),
        Route(_LINE + "/placements", delivery.list_placements, methods=["GET"]),
    ]


def build() -> Starlette:
    app = Starlette(
        routes=[Mount("/v2", routes=routes())],
        exception_handlers={SpecError: on_spec_error, HTTPException: on_http_error},
    )
    app.router.redirect_slashes = False
    return app
