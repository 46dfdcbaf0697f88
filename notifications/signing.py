"""The signature of a webhook: HMAC-SHA256 over the timestamp, a dot and the exact bytes of the body."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any

VERSION = "v1"


def new_secret() -> str:
    return "fdhook_" + secrets.token_urlsafe(32)


def body_of(content: dict[str, Any]) -> bytes:
    """Compact JSON, UTF-8: these bytes are signed and these bytes are sent."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"{VERSION}={mac.hexdigest()}"


def headers_of(secret: str, delivery_id: object, timestamp: str, body: bytes) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "flightdeck-id": str(delivery_id),
        "flightdeck-timestamp": timestamp,
        "flightdeck-signature": signature_of(secret, timestamp, body),
    }
