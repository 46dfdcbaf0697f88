"""What the process leans on besides its database's rows: broker, live feed, migrations, the database's clock.

Answers are kept for a while: health is open to anyone, who must not make us knock at Redis a thousand times a second.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.watching.kept import Kept
from flows.clock import now

PATIENCE = 0.5  # seconds for Redis to answer
CLOCKS_AGREE = 5.0  # seconds


def _broker() -> bool:
    return _redis_answers(settings.CELERY_BROKER_URL)


def _live_feed() -> bool:
    layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    hosts = layer.get("CONFIG", {}).get("hosts", [])
    return all(_redis_answers(host) for host in hosts)


def _redis_answers(address: Any) -> bool:
    """True for what lives in this process."""
    url = str(address.get("address", "") if isinstance(address, dict) else address)
    if not url.startswith(("redis://", "rediss://", "unix://")):
        return True
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _migrations_wait() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


broker_answers = Kept(_broker, 2.0)
live_feed_answers = Kept(_live_feed, 2.0)
migrations_wait = Kept(_migrations_wait, 60.0)


def clock_difference() -> float:
    """Seconds by which this process's clock is ahead of the database's (behind: negative), to the round trip."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            theirs = cursor.fetchone()[0]
        else:
            cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
            theirs = dt.datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=dt.UTC)
    return (now() - theirs).total_seconds()
