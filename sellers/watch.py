"""Where whoever watches the calls to sellers hooks in, and which secrets the logs must not show."""

from __future__ import annotations

from collections.abc import Iterable

from django.dispatch import Signal

MOST_SECRETS = 500

# seller: its slug, record: ExchangeRecord. Sent on the event loop of the conversation with `send_robust`: listeners
# must be quick, must not touch the database, and hurt no call when they raise.
call_ended = Signal()

_in_use: frozenset[str] = frozenset()


def keep_secret(values: Iterable[str]) -> None:
    """These are keys of sellers: whoever writes logs or reports takes them out."""
    global _in_use
    fresh = frozenset(values) - _in_use
    if fresh:
        kept = _in_use if len(_in_use) + len(fresh) <= MOST_SECRETS else frozenset()
        _in_use = kept | fresh


def secrets_in_use() -> frozenset[str]:
    return _in_use
