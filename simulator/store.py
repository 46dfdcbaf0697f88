"""Durable state of one seller: JSON documents in one SQLite file.

Only the server thread writes. Effects of the journal go through the same connection, so that a deal and its
journal entry commit together or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulator.wire_json import encode

_SCHEMA = """
create table if not exists doc (
    kind text not null, id text not null, parent text not null default '', body text not null,
    primary key (kind, id)
);
create index if not exists doc_parent on doc (kind, parent);
create table if not exists journal (
    seq integer primary key autoincrement, at text not null, kind text not null, type text not null,
    request integer, data text not null
);
create trigger if not exists journal_no_update before update on journal
    begin select raise(abort, 'the journal is append-only'); end;
create trigger if not exists journal_no_delete before delete on journal
    begin select raise(abort, 'the journal is append-only'); end;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Opens (and if new, creates) the state file, in autocommit mode with a write-ahead log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    db.execute("pragma journal_mode=wal")
    # A killed process loses nothing with synchronous=off, only a crash of the whole machine would.
    db.execute("pragma synchronous=off")
    db.executescript(_SCHEMA)
    return db


class Store:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner block joins the outer one. Must not be held across an await."""
        if self._depth:
            yield
            return
        self.db.execute("begin immediate")
        self._depth = 1
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        else:
            self.db.execute("commit")
        finally:
            self._depth = 0

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        row = self.db.execute("select body from doc where kind = ? and id = ?", (kind, id)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind: str, id: str, body: dict[str, Any], *, parent: str = "") -> None:
        self.db.execute(
            "insert into doc (kind, id, parent, body) values (?, ?, ?, ?) "
            "on conflict (kind, id) do update set body = excluded.body",
            (kind, id, parent, encode(body).decode()),
        )

    def delete(self, kind: str, id: str) -> None:
        self.db.execute("delete from doc where kind = ? and id = ?", (kind, id))

    def all(self, kind: str, *, parent: str | None = None) -> list[dict[str, Any]]:
        """Documents in the order of their creation."""
        if parent is None:
            rows = self.db.execute("select body from doc where kind = ? order by rowid", (kind,))
        else:
            rows = self.db.execute(
                "select body from doc where kind = ? and parent = ? order by rowid", (kind, parent)
            )
        return [json.loads(row[0]) for row in rows]
