"""The error bodies of the seller agent: `detail` is a text, an object or a list, and a 500 is not even JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sellers.dialects.base import SellerError
from sellers.dialects.values import prose
from sellers.http import Reply

SHORT = 300


def problem_of(reply: Reply) -> tuple[str, str]:
    """A stable code (`quote_expired`, else `http_404`) and the seller's words, bounded."""
    fallback = f"http_{reply.status}"
    if not isinstance(reply.data, Mapping):
        return fallback, prose(reply.text, SHORT)
    detail = reply.data.get("detail", reply.data)
    if isinstance(detail, str):
        return fallback, prose(detail, SHORT)
    if isinstance(detail, list):
        return "schema" if reply.status == 422 else fallback, "; ".join(map(_complaint, detail[:5]))[:SHORT]
    if isinstance(detail, Mapping):
        code = prose(detail.get("error"), 60)
        return code or fallback, prose(detail.get("message"), SHORT) or code
    return fallback, ""


def error_of(reply: Reply, doing: str) -> SellerError:
    """The answer as an error of a read."""
    if reply.ok:
        return SellerError(
            "bad_answer", f"{doing}: the seller's answer is unusable ({reply.problem or 'wrong shape'})."
        )
    code, words = problem_of(reply)
    retryable = reply.status == 429 or reply.status >= 500
    return SellerError(
        code, f"{doing}: HTTP {reply.status}" + (f', "{words}"' if words else ""), retryable=retryable
    )


def route_is_absent(reply: Reply) -> bool:
    """404 or 405 of the framework itself, as opposed to 'this product does not exist'."""
    return reply.status == 405 or (reply.status == 404 and problem_of(reply)[1] in ("Not Found", ""))


def _complaint(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return prose(entry, 120)
    place = ".".join(str(part) for part in entry.get("loc", [])) if isinstance(entry.get("loc"), list) else ""
    return f"{prose(place, 80)}: {prose(entry.get('msg'), 120)}".removeprefix(": ")
