"""Where state lives, in either shape: PostgreSQL and Redis where settings name them, else SQLite and this process."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import environ

env = environ.Env()

REDIS_WAIT = {"socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True}
# Neighbouring databases of one server: each may be flushed without the others.
BROKER, LIVE_FEED, CACHE, SELLER_STATE = range(4)


def database(url: str, folder: Path, worker_threads: int) -> dict[str, Any]:
    return _postgres(url, worker_threads) if url else _sqlite(folder)


def _postgres(url: str, worker_threads: int) -> dict[str, Any]:
    given = env.db_url_config(url)
    return given | {
        "ENGINE": "config.postgresql",  # looks whether a connection answers before it gives it away
        "CONN_MAX_AGE": 0,  # the pool keeps connections, Django must not
        "OPTIONS": {
            # A thread holds one connection at a time, so a process needs as many as it has threads that query, and
            # a few for the keeper of leases, the watchman and the metrics. Whoever finds none free waits, then fails
            # with a clear error. The pool opens with the first query, thus after a fork.
            "pool": {
                "min_size": 1,
                "max_size": env.int("FLIGHTDECK_DB_POOL", worker_threads + 4),
                "timeout": env.float("FLIGHTDECK_DB_POOL_TIMEOUT", 5.0),
                "max_idle": 120.0,
                # The pool doubles its pauses while the server is away and takes no new try meanwhile: given up soon,
                # the next query tries afresh, and nobody sleeps on once the server is back.
                "reconnect_timeout": 3.0,
            },
            # Nobody waits for ever: not for a lock, not for a statement, not for a server that is gone.
            "options": "-c lock_timeout=5000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000",
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "application_name": "flightdeck",
        }
        | given.get("OPTIONS", {}),  # what the address says, such as `?sslmode=verify-full`, is the last word
    }


def _sqlite(folder: Path) -> dict[str, Any]:
    """IMMEDIATE + WAL: 0 of 2,000 writes failed with "database is locked", against 1,400-1,600 with the defaults."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": folder / "flightdeck.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON",
        },
        # Threads cannot share the default in-memory test database; two runs may not share a file.
        "TEST": {"NAME": str(Path(tempfile.gettempdir()) / f"flightdeck-test-{os.getpid()}.sqlite3")},
    }


def broker(redis: str) -> str:
    return _numbered(redis, BROKER) if redis else "memory://localhost/"


def broker_options(redis: str) -> dict[str, Any]:
    """The row is the queue: a bell that Redis lost is rung again by the sweep. Redelivery is only a bonus, and its
    delay must exceed the longest task, or the broker hands the same task to two workers (reliability.md, section 5)."""
    if not redis:
        return {"polling_interval": 0.02}
    return {
        "visibility_timeout": 120,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "max_retries": 0,  # of whoever rings; a worker's own connection tries for ever
    } | REDIS_WAIT


def channel_layer(redis: str) -> dict[str, Any]:
    if not redis:
        return {"BACKEND": "flows.layer.LoopBoundInMemoryLayer"}
    address = _numbered(redis, LIVE_FEED)
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # Channels of pub/sub know no database numbers: the prefix keeps two installations on one server apart.
        "CONFIG": {"hosts": [{"address": address} | REDIS_WAIT], "prefix": f"fd-{address[-4:]}"},
    }


def cache(redis: str) -> dict[str, Any]:
    if not redis:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "flightdeck"}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _numbered(redis, CACHE),
        "OPTIONS": REDIS_WAIT,
    }


def seller_state(redis: str) -> str:
    """Who calls whom and who is ill; may be lost at any time. Empty: each process keeps its own."""
    return _numbered(redis, SELLER_STATE) if redis else ""


def _numbered(redis: str, offset: int) -> str:
    address, _, first = redis.rpartition("/") if redis.count("/") > 2 else (redis, "", "0")
    return f"{address}/{int(first or 0) + offset}"
