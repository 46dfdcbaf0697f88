"""One call to a seller, as far as it came, and what its caller gets: a reply or a failure that says what is certain."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flows.clock import now
from flows.ids import new_id
from sellers.dialects.base import SellerError
from sellers.retrying import retry_after

PROBED = "tried whether the seller is back"  # noted on the calls that did


class CallFailed(SellerError):
    """No complete answer was read. `sent` False proves that the seller saw nothing of the request.

    `retry_after`: seconds after which it may be worth another try, where that is known.
    """

    def __init__(
        self, code: str, message: str, *, sent: bool, retryable: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(code, message, retryable=retryable)
        self.sent = sent
        self.retry_after = retry_after


@dataclass(frozen=True)
class Reply:
    """A complete answer of any status. `data` is None and `problem` says why when the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    data: Any = None
    text: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Seconds that the seller asks us to wait."""
        return retry_after(self.headers)


@dataclass
class Call:
    """`sent` and the times are those of the present attempt."""

    method: str
    path: str
    body: bytes
    repeatable: bool
    id: UUID = field(default_factory=new_id)
    started: float = field(default_factory=time.perf_counter)
    at: datetime = field(default_factory=now)
    sent: bool = False
    queued: bool = False  # waits for its turn here: the seller has no part in that
    troubled: bool = False  # an attempt before this one failed
    probe: bool = False  # the one call that tries whether an ill seller is back

    def begin_attempt(self) -> None:
        self.sent, self.started, self.at = False, time.perf_counter(), now()

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self.sent = True

    @property
    def elapsed_ms(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 1)
