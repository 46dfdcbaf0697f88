"""JSON as the sellers write it: compact bytes, Decimal as a plain number."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from starlette.responses import Response


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


def encode(body: Any) -> bytes:
    return json.dumps(body, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


class JsonReply(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode(content)
