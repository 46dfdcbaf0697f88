"""A database and Redis numbers for one server process that a test starts, where the suite runs on real servers.

A server started by a test must not share the test process's database: it migrates its own and is killed in it.
"""

from __future__ import annotations

import atexit
import itertools
import os
import uuid

import psycopg

# Below lie the databases of the test processes themselves, `tests/lanes/worker.py`.
FIRST_NUMBER, NUMBERS_EACH, SERVERS_EACH = 40, 4, 5

_servers = itertools.count()
_made: list[str] = []


def own_servers() -> dict[str, str]:
    """DATABASE_URL and REDIS_URL of its own; empty in the embedded lane. Dropped when this process ends."""
    environment = {}
    if url := os.environ.get("DATABASE_URL"):
        environment["DATABASE_URL"] = f"{url.rpartition('/')[0]}/{_make_database(url)}"
    if url := os.environ.get("REDIS_URL"):
        environment["REDIS_URL"] = f"{url.rpartition('/')[0]}/{_number()}"
    return environment


def _make_database(url: str) -> str:
    name = f"flightdeck_{uuid.uuid4().hex[:12]}"
    _say(url, f'CREATE DATABASE "{name}"')
    if not _made:
        atexit.register(_drop_all, url)
    _made.append(name)
    return name


def _drop_all(url: str) -> None:
    for name in _made:
        try:
            _say(url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        except psycopg.OperationalError:  # the lane's server has been stopped already, with everything in it
            return


def _say(url: str, statement: str) -> None:
    with psycopg.connect(f"{url.rpartition('/')[0]}/postgres", autocommit=True, connect_timeout=10) as line:
        line.execute(statement)  # type: ignore[call-overload]


def _number() -> int:
    """The numbers come round: a server that was stopped leaves nothing behind that another could mind."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0) % 4
    return FIRST_NUMBER + NUMBERS_EACH * (worker * SERVERS_EACH + next(_servers) % SERVERS_EACH)
