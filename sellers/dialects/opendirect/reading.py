"""Reading OpenDirect answers around the defects of the 2.1 text (contracts/opendirect.md 1.12, D1-D31)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sellers.dialects.base import SellerError
from sellers.dialects.values import prose
from sellers.http import Reply

SHORT = 300

LINE_STATUS = {
    "draft": "draft",
    "pendingreservation": "pending_reservation",
    "reserved": "reserved",
    "pendingbooking": "pending_booking",
    "booked": "booked",
    "inflight": "in_flight",
    "finished": "finished",
    "stopped": "stopped",
    "canceled": "canceled",
    "cancelled": "canceled",
    "pause": "paused",
    "paused": "paused",
    "expired": "expired",
    "declined": "declined",
    "changepending": "change_pending",
}


def lowered(value: Any) -> Any:
    """The same JSON with lower-case property names at every level (D1). Of two spellings the first counts."""
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, item in value.items():
            found.setdefault(str(key).lower(), lowered(item))
        return found
    if isinstance(value, list):
        return [lowered(item) for item in value]
    return value


def listed(reply: Reply, name: str) -> tuple[list[Any], int | None] | None:
    """The rows of a collection and its total, if stated (`paging` object or X-Total-Count); None when it is no list."""
    if not reply.ok:
        return None
    data = lowered(reply.data)
    rows = data if isinstance(data, list) else data.get(name) if isinstance(data, Mapping) else None
    if not isinstance(rows, list):
        return None
    return rows, _total(reply, data)


def entity(reply: Reply, *names: str) -> dict[str, Any] | None:
    """One resource, bare or wrapped in an object of its own name."""
    data = lowered(reply.data) if reply.ok else None
    if not isinstance(data, dict):
        return None
    for name in names:
        if isinstance(data.get(name), dict):
            return dict(data[name])
    return data if "id" in data else None


def line_status(word: Any) -> str:
    """Our word for a bookingstatus in any spelling; empty for one that 2.1 does not know (C32)."""
    return LINE_STATUS.get(str(word).replace(" ", "").replace("_", "").lower(), "")


def state_reason(line: Mapping[str, Any]) -> str:
    """Why the seller moved the line, in any of the document's three spellings (D2)."""
    for name in ("statechangereason", "statechangedreason"):
        if line.get(name):
            return prose(line[name], SHORT)
    return ""


def errors_of(reply: Reply) -> tuple[str, str]:
    """The first code and all messages of an error body, in both spellings (D21, C10)."""
    fallback = f"http_{reply.status}"
    data = lowered(reply.data)
    entries = data.get("errors") if isinstance(data, Mapping) else None
    if isinstance(entries, Mapping):
        entries = [entries]
    if not isinstance(entries, list) or not entries:
        text = prose(data.get("detail") or data.get("message"), SHORT) if isinstance(data, Mapping) else ""
        return fallback, text or prose(reply.text, SHORT)
    found = [entry for entry in entries if isinstance(entry, Mapping)]
    codes = [prose(entry.get("errorcode") or entry.get("code"), 60) for entry in found]
    messages = [prose(entry.get("errormessage") or entry.get("message"), SHORT) for entry in found]
    said = "; ".join(
        message or code for message, code in zip(messages, codes, strict=True) if message or code
    )
    return next((code for code in codes if code), fallback), said[: 3 * SHORT]


def error_of(reply: Reply, doing: str) -> SellerError:
    """The answer as an error of a read. 400, 401 and 404 are final (C11)."""
    if reply.ok:
        return SellerError(
            "bad_answer", f"{doing}: the seller's answer is unusable ({reply.problem or 'wrong shape'})."
        )
    code, words = errors_of(reply)
    retryable = reply.status == 429 or reply.status >= 500
    return SellerError(
        code, f"{doing}: HTTP {reply.status}" + (f', "{words}"' if words else ""), retryable=retryable
    )


def _total(reply: Reply, data: Any) -> int | None:
    paging = data.get("paging") if isinstance(data, Mapping) else None
    stated = paging.get("totalrecords") if isinstance(paging, Mapping) else None
    if isinstance(stated, int) and not isinstance(stated, bool):
        return stated
    header = reply.headers.get("x-total-count", "")
    return int(header) if header.isdecimal() and len(header) < 10 else None
