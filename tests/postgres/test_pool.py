"""A process whose idle connections have all died, as after a restart of PostgreSQL, serves again at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import OperationalError, connection

from config.postgresql import base

IDLE = 8
pytestmark = pytest.mark.django_db(transaction=True)


def ask() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def fill_the_pool() -> set[int]:
    """As many connections as threads that asked at once, all idle now; their servers' process ids."""
    together = threading.Barrier(IDLE)

    def use(_: int) -> int:
        try:
            pid = ask()
            together.wait(10)
            return pid
        finally:
            connection.close()

    with ThreadPoolExecutor(IDLE) as threads:
        return set(threads.map(use, range(IDLE)))


def end(pids: set[int]) -> None:
    """By a connection of its own, beside the pool."""
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": True}) as apart:
        apart.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [sorted(pids)])


def test_dead_connections_are_replaced_before_anybody_is_refused() -> None:
    idle = fill_the_pool()
    assert len(idle) == IDLE
    connection.close()
    end(idle)
    assert ask() not in idle


def test_a_server_that_answers_nothing_is_told_within_the_pools_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ask()
    connection.close()
    monkeypatch.setattr(connection.pool, "timeout", 0.5)
    with monkeypatch.context() as patched, pytest.raises(OperationalError, match="no connection of the pool"):
        patched.setattr(base, "_answers", lambda _: False)
        ask()
    assert ask() > 0
