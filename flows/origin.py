"""Where an act came from: the request, its session or key, and the address. Set for the time of a request; what the
system does by itself has no origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flows.actors import API_KEY, HUMAN

Origin = dict[str, str]
_read: ContextVar[Callable[[], Origin] | None] = ContextVar("origin", default=None)


@contextmanager
def coming_from(read: Callable[[], Origin]) -> Iterator[None]:
    """`read` is asked when something is recorded, because who asks is found out during the request."""
    before = _read.set(read)
    try:
        yield
    finally:
        _read.reset(before)


def of_act(actor_kind: str) -> Origin:
    """Empty for what no person and no key did."""
    read = _read.get()
    return read() if read is not None and actor_kind in (HUMAN, API_KEY) else {}
