"""The append-only record of what reached the seller and what it did: ground truth for tests.

Kinds: `request` (everything that arrived), `effect` (what changed at the seller), `fault` (a scripted fault
that really fired), `violation` (a request that the OpenDirect text does not allow).
"""

from __future__ import annotations

import json
import sqlite3
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.clock import stamp
from simulator.store import connect
from simulator.wire_json import encode

KINDS: tuple[str, ...] = ("request", "effect", "fault", "violation")

current_request: ContextVar[int | None] = ContextVar("current_request", default=None)
"""Sequence number of the request being served; ties effects to it."""


@dataclass(frozen=True)
class Entry:
    """`at` is true time, not the seller's clock. `request` is the seq of the request that caused it."""

    seq: int
    at: str
    kind: str
    type: str
    request: int | None
    data: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


class Journal:
    """Opens the state file of a seller for reading, or appends through the seller's own connection."""

    def __init__(self, source: Path | str | sqlite3.Connection) -> None:
        self._db = source if isinstance(source, sqlite3.Connection) else connect(Path(source))

    def append(self, kind: str, type: str, data: dict[str, Any]) -> int:
        """Adds one entry in the current transaction and answers its sequence number."""
        cursor = self._db.execute(
            "insert into journal (at, kind, type, request, data) values (?, ?, ?, ?, ?)",
            (stamp(datetime.now(UTC)), kind, type, current_request.get(), encode(data).decode()),
        )
        return int(cursor.lastrowid or 0)

    def effect(self, type: str, data: dict[str, Any]) -> int:
        return self.append("effect", type, data)

    def entries(self, kind: str = "", type: str = "", after: int = 0) -> list[Entry]:
        """Entries in order, optionally of one kind and type, later than the sequence number `after`."""
        rows = self._db.execute(
            "select seq, at, kind, type, request, data from journal "
            "where seq > ? and (? = '' or kind = ?) and (? = '' or type = ?) order by seq",
            (after, kind, kind, type, type),
        )
        return [
            Entry(seq, at, kind, type, request, json.loads(data))
            for seq, at, kind, type, request, data in rows
        ]

    def effects(self, type: str = "") -> list[Entry]:
        return self.entries("effect", type)

    def requests(self, method: str = "", path: str = "") -> list[Entry]:
        """Requests, optionally of one method and with a path that starts with `path`."""
        found = self.entries("request", method)
        return [entry for entry in found if entry.data["path"].startswith(path)]

    def faults(self, type: str = "") -> list[Entry]:
        return self.entries("fault", type)

    def violations(self) -> list[Entry]:
        return self.entries("violation")

    def close(self) -> None:
        self._db.close()
