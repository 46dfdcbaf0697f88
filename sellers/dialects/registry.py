"""Which adapter speaks which dialect."""

from __future__ import annotations

from datetime import timedelta

from sellers.dialects.base import Connection, SellerDialect
from sellers.dialects.opendirect import OpenDirect
from sellers.dialects.seller_agent import SellerAgent
from sellers.http import SellerHttp

DIALECTS: dict[str, type[SellerAgent] | type[OpenDirect]] = {
    "seller-agent": SellerAgent,
    "opendirect": OpenDirect,
}


def open_dialect(connection: Connection, http: SellerHttp) -> SellerDialect:
    """The adapter for `connection.dialect`. Raises `KeyError` for a dialect that we do not speak."""
    return DIALECTS[connection.dialect](connection, http)


def can_cancel(dialect: str) -> bool:
    """Whether a booking can be cancelled over this wire at all. Raises `KeyError`."""
    return DIALECTS[dialect].can_cancel


def write_kinds(dialect: str) -> tuple[str, ...]:
    """The commits of a dialect, in the order in which they are sent. Raises `KeyError`."""
    return DIALECTS[dialect].write_kinds


def lists_lines(dialect: str) -> bool:
    """Whether the seller can be asked for the lines that it holds for us. Raises `KeyError`."""
    return DIALECTS[dialect].lists_lines


def replay_window(dialect: str) -> timedelta | None:
    """For how long a key of ours gets its first answer again; None where the wire has no keys. Raises `KeyError`."""
    return DIALECTS[dialect].replay_window
