"""Health, the agent card, the rate card and the supply chain."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from simulator.seller import seller_of
from simulator.seller_agent.catalogue import SELLER_ID, products
from simulator.wire_json import JsonReply

_RATE_CARD = {"display": 12.0, "video": 25.0, "ctv": 35.0, "mobile_app": 18.0, "native": 10.0, "audio": 15.0}
_SKILLS = {
    "list_products": "Browse the catalogue",
    "check_avails": "Ask what is available in a flight",
    "request_quote": "Get a price for an identity and a volume",
    "negotiate": "Exchange offers on a quote",
    "book_deal": "Turn a quote into a Deal ID",
}


async def get_health(request: Request) -> Response:
    return JsonReply({"status": "healthy"})


async def get_agent_card(request: Request) -> Response:
    seller = seller_of(request)
    types = dict.fromkeys(row["ext"]["inventory_type"] for row in products(seller))
    return JsonReply(
        {
            "name": seller.options.name,
            "description": "A simulated seller agent.",
            "url": str(request.base_url).rstrip("/"),
            "version": "2.4.2",
            "provider": {"organization": seller.options.name},
            "capabilities": {
                "protocols": ["opendirect21"],
                "streaming": False,
                "push_notifications": False,
            },
            "skills": [
                {"id": id, "name": id.replace("_", " ").title(), "description": text}
                for id, text in _SKILLS.items()
            ],
            "authentication": {"schemes": ["api_key", "bearer"]},
            "inventory_types": list(types),
            "supported_deal_types": ["pg", "pmp", "preferred_deal", "private_auction"],
            "audience_capabilities": {"agentic": {"supported": False}},
        }
    )


async def get_rate_card(request: Request) -> Response:
    entries = [{"inventory_type": type, "base_cpm": cpm} for type, cpm in _RATE_CARD.items()]
    return JsonReply({"entries": entries, "currency": "USD"})


async def get_supply_chain(request: Request) -> Response:
    name = seller_of(request).options.name
    node = {"asi": "seller.example", "sid": SELLER_ID, "name": name, "domain": "seller.example"}
    return JsonReply(
        {
            "seller_id": SELLER_ID,
            "seller_name": name,
            "seller_type": "PUBLISHER",
            "domain": "seller.example",
            "schain": [{**node, "seller_type": "PUBLISHER", "is_direct": True}],
        }
    )
