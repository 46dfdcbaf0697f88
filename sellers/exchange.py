"""What is kept of each call to a seller: enough to argue about, nothing that opens a door."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sellers.watch import keep_secret

KEPT_BODY = 8192
SHORTEST_SECRET = 4  # shorter "secrets" would blank out ordinary text
MASK = "***"
_PLAIN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "content-type",
        "content-length",
        "date",
        "location",
        "retry-after",
        "x-total-count",
    }
)


@dataclass(frozen=True)
class ExchangeRecord:
    """One request and what came of it. Secrets are removed before the record exists."""

    method: str
    path: str
    request_headers: Mapping[str, str]
    request_body: str
    request_digest: str  # SHA-256 of method, path and exact body bytes
    at: datetime
    elapsed_ms: float
    status: int | None = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response_body: str = ""
    error: str = ""  # stable code of the failure, "" when an answer was read
    sent: bool = True  # False: the seller certainly saw nothing of it
    notes: tuple[str, ...] = ()


class Scrubber:
    """Takes the connection's secrets out of any text, including what a seller echoes back to us."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
        keep_secret(self._secrets)  # the logs must not show them either

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def kept(self, text: str) -> str:
        """`text` without secrets, cut to what is stored."""
        clean = self.text(text)
        return clean if len(clean) <= KEPT_BODY else clean[:KEPT_BODY] + f"... ({len(clean)} characters)"

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Only headers that are known to be harmless keep their value."""
        return {
            name.lower(): self.text(value)[:200] if name.lower() in _PLAIN_HEADERS else MASK
            for name, value in list(headers.items())[:40]
        }


def digest(method: str, path: str, body: bytes) -> str:
    """SHA-256 in hex over what makes two requests the same request."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()
