"""From a raw request to a checked body and a known caller."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from simulator.identity import Buyer
from simulator.seller import seller_of
from simulator.seller_agent.errors import ApiError
from simulator.seller_agent.fields import Spec, check_fields, missing, not_an_object, problem


def _is_json(content_type: str) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json"))


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises ApiError 422 as FastAPI would."""
    raw = await request.body()
    if not raw:
        raise ApiError(422, [missing(("body",), None)])
    if not _is_json(request.headers.get("content-type", "")):
        raise ApiError(422, [not_an_object(("body",), raw.decode("utf-8", "replace"))])
    try:
        body = json.loads(raw)
    except json.JSONDecodeError as error:
        found = problem("json_invalid", ("body", error.pos), "JSON decode error", {}, {"error": error.msg})
        raise ApiError(422, [found]) from None
    if not isinstance(body, dict):
        raise ApiError(422, [missing(("body",), None) if body is None else not_an_object(("body",), body)])
    return body


async def read_checked(request: Request, spec: Spec) -> dict[str, Any]:
    body = await read_object(request)
    if problems := check_fields(body, spec):
        raise ApiError(422, problems)
    return body


def caller(request: Request) -> Buyer:
    """Who calls, by `X-Api-Key` or else `Authorization: Bearer`. Raises ApiError 401 on an unknown key."""
    key = request.headers.get("x-api-key", "")
    if not key:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        key = rest.strip() if scheme.lower() == "bearer" else ""
    buyer = seller_of(request).buyer(key)
    if buyer is None:
        raise ApiError(401, "Invalid API key", {"WWW-Authenticate": "Bearer"})
    return buyer


_TRUST_CAPS = {"registered": "seat", "approved": "advertiser", "preferred": "advertiser"}
_ORDER = ("public", "seat", "agency", "advertiser")


def effective_tier(request: Request, buyer: Buyer, body: dict[str, Any]) -> str:
    """The key's tier, capped by the trust in `agent_url` if one is sent. Raises ApiError 403 when blocked."""
    agent_url = body.get("agent_url")
    if not agent_url:
        return buyer.tier
    trust = seller_of(request).options.agent_trust.get(agent_url, "unknown")
    if trust == "blocked":
        raise ApiError(403, "Agent is blocked")
    cap = _TRUST_CAPS.get(trust, "public")
    tier = buyer.tier
    if trust in ("approved", "preferred"):
        tier = max(tier, _claimed(body).tier, key=_ORDER.index)
    return min(tier, cap, key=_ORDER.index)


def _claimed(body: dict[str, Any]) -> Buyer:
    identity = body.get("buyer_identity") or body
    return Buyer(
        seat=identity.get("seat_id") or "",
        agency=identity.get("agency_id") or "",
        advertiser=identity.get("advertiser_id") or "",
    )
