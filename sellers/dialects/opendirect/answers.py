"""Sorting OpenDirect answers into the classes of reliability.md 6.3."""

from __future__ import annotations

from sellers.dialects.base import Answer, Outcome, SellerError
from sellers.dialects.opendirect.reading import errors_of
from sellers.http import CallFailed, Reply

REFUSALS = frozenset({400, 401, 403, 404, 405, 409, 410, 412, 415, 422})


def refused_or_unknown(reply: Reply) -> Answer:
    """A complete answer that is not a success. Errors of the client class are final (C11), all messages kept (C10)."""
    code, words = errors_of(reply)
    reason = words or f"The seller answered HTTP {reply.status}."
    if reply.status == 429:
        return Answer(Outcome.NOT_SENT, code="busy", reason=reason, retry_after=reply.retry_after)
    outcome = Outcome.REFUSED if reply.status in REFUSALS else Outcome.UNKNOWN
    return Answer(outcome, code=code, reason=reason, retry_after=reply.retry_after)


def failed_write(failed: CallFailed) -> Answer:
    outcome = Outcome.UNKNOWN if failed.sent else Outcome.NOT_SENT
    return Answer(outcome, code=failed.code, reason=failed.message, retry_after=failed.retry_after)


def failed_read(failed: SellerError) -> Answer:
    """A look-up that did not work proves nothing."""
    return Answer(Outcome.UNKNOWN, code=failed.code, reason=failed.message)


def not_started(failed: SellerError) -> Answer:
    """A write that was never sent because something before it failed: final only if the seller said no for good."""
    outcome = Outcome.NOT_SENT if failed.retryable else Outcome.REFUSED
    wait = failed.retry_after if isinstance(failed, CallFailed) else None
    return Answer(outcome, code=failed.code, reason=failed.message, retry_after=wait)
