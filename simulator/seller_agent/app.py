"""The routes of the seller-agent dialect."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from simulator.seller_agent import avails, deals, discovery, negotiation, orders, pricing, products, quotes
from simulator.seller_agent.errors import ApiError, on_api_error, on_http_error


def routes() -> list[Route]:
    table = [
        Route("/health", discovery.get_health, methods=["GET"]),
        Route("/.well-known/agent.json", discovery.get_agent_card, methods=["GET"]),
        Route("/api/v1/rate-card", discovery.get_rate_card, methods=["GET"]),
        Route("/api/v1/supply-chain", discovery.get_supply_chain, methods=["GET"]),
        Route("/products", products.list_products, methods=["GET"]),
        Route("/products/avails", avails.post_avails, methods=["POST"]),
        Route("/products/{product_id}", products.get_product, methods=["GET"]),
        Route("/pricing", pricing.post_pricing, methods=["POST"]),
        Route("/api/v1/quotes", quotes.post_quote, methods=["POST"]),
        Route("/api/v1/quotes/{quote_id}", quotes.get_quote, methods=["GET"]),
        Route("/api/v1/deals", deals.post_deal, methods=["POST"]),
        Route("/api/v1/deals/bulk", deals.post_bulk, methods=["POST"]),
        Route("/api/v1/deals/{deal_id}", deals.get_deal, methods=["GET"]),
        Route("/api/v1/deals/{deal_id}/performance", deals.get_performance, methods=["GET"]),
        Route("/api/v1/deals/{deal_id}/lineage", deals.get_lineage, methods=["GET"]),
        Route("/api/v1/negotiations/messages", negotiation.post_message, methods=["POST"]),
        Route("/proposals/{proposal_id}/negotiation", negotiation.get_history, methods=["GET"]),
        Route("/proposals/{proposal_id}/counter", negotiation.post_legacy_counter, methods=["POST"]),
        Route("/api/v1/orders", orders.list_orders, methods=["GET"]),
        Route("/api/v1/orders", orders.post_order, methods=["POST"]),
        Route("/api/v1/orders/{order_id}", orders.get_order, methods=["GET"]),
    ]
    for route in table:
        route.methods = (route.methods or set()) - {"HEAD"}  # observed: HEAD is 405 everywhere
    return table


def build() -> Starlette:
    return Starlette(
        routes=routes(), exception_handlers={ApiError: on_api_error, HTTPException: on_http_error}
    )


decide = deals.decide_deal
