"""Idempotency keys as the reference agent keeps them: per identity and route, 24 h, after the fact."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from simulator.clock import parse_stamp, stamp
from simulator.identity import Buyer
from simulator.seller import Seller
from simulator.seller_agent.errors import business_error
from simulator.wire_json import encode


def _record_id(route: str, buyer: Buyer, body: dict[str, Any]) -> str:
    return f"{route}|{buyer.name}|{body['idempotency_key']}"


def _digest(body: dict[str, Any], known: tuple[str, ...]) -> str:
    payload = {name: body[name] for name in sorted(known) if body.get(name) is not None}
    return hashlib.sha256(encode(payload)).hexdigest()


def replay(
    seller: Seller, route: str, noun: str, buyer: Buyer, body: dict[str, Any], known: tuple[str, ...]
) -> dict[str, Any] | None:
    """The stored answer for this key, None if new. Raises ApiError 409 if the key came with another body."""
    record = seller.store.get("idempotency", _record_id(route, buyer, body))
    life = timedelta(seconds=seller.options.key_life)
    if record is None or parse_stamp(record["at"]) + life < seller.clock.now():
        return None
    if record["digest"] != _digest(body, known):
        text = f"idempotency_key '{body['idempotency_key']}' was already used for a different {noun}."
        raise business_error(409, "idempotency_conflict", text, unsupported=[])
    answer: dict[str, Any] = record["answer"]
    return answer


def remember(
    seller: Seller,
    route: str,
    buyer: Buyer,
    body: dict[str, Any],
    known: tuple[str, ...],
    answer: dict[str, Any],
) -> None:
    record = {"at": stamp(seller.clock.now()), "digest": _digest(body, known), "answer": answer}
    seller.store.put("idempotency", _record_id(route, buyer, body), record)
