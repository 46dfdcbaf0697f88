"""Transactions: joining the caller's, and doing one thing at a time where there is no row to lock."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from django.db import connection, transaction


def joined() -> AbstractContextManager[object]:
    """The caller's transaction, or one of its own where there is none.

    Without the savepoint of a nested `atomic()`, which costs two round trips: what fails in here is to fail the whole.
    """
    return nullcontext() if transaction.get_connection().in_atomic_block else transaction.atomic()


def one_at_a_time(name: str) -> None:
    """Wait until no other transaction holds `name`; held until ours ends.

    On SQLite the IMMEDIATE transaction itself lets nobody else write.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("one_at_a_time() needs a transaction")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
