"""Is the process alive, and may it be sent work? Open to anyone, so it tells nothing else.

Ready means: the database answers, and a worker has lately finished the heartbeat, a step that goes the way of every
other step (`flows/heartbeat.py`). Whatever else is wrong is told and degrades: rows are the queue, so without its
broker the product is slower, not down.
"""

from __future__ import annotations

from typing import Any

from django.db import Error as DatabaseFailure
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from config.watching import surroundings
from flows import gauges

OLDEST_HEARTBEAT = 15.0  # seconds; one is due every five
FATAL = ("database", "worker")

Check = dict[str, Any]


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Every answer in one document; 200 as long as the process answers."""
    checks = readiness()
    return JsonResponse(
        {"status": _status(checks), "live": True, "ready": is_ready(checks), "checks": checks}
    )


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Asks nothing and nobody, so that a sick database never makes an orchestrator kill healthy processes."""
    return JsonResponse({"status": "ok", "live": True})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """503 until the database answers and a worker has finished a heartbeat in the last 15 s."""
    checks = readiness()
    good = is_ready(checks)
    return JsonResponse(
        {"status": _status(checks), "ready": good, "checks": checks}, status=200 if good else 503
    )


def readiness() -> dict[str, Check]:
    return _of_the_database() | {
        "broker": {"ok": surroundings.broker_answers()},
        "live_feed": {"ok": surroundings.live_feed_answers()},
    }


def is_ready(checks: dict[str, Check]) -> bool:
    return all(checks[name]["ok"] for name in FATAL)


def _status(checks: dict[str, Check]) -> str:
    return "ok" if all(check["ok"] for check in checks.values()) else "degraded"


def _of_the_database() -> dict[str, Check]:
    try:
        return {
            "database": _database(),
            "worker": _worker(),
            "migrations": {"ok": not surroundings.migrations_wait()},
            "clock": _clock(),
        }
    except DatabaseFailure:
        return {"database": {"ok": False}, "worker": {"ok": False, "heartbeat_age_seconds": None}}


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return {"ok": True}


def _worker() -> Check:
    age = gauges.heartbeat_age()
    shown = None if age is None else round(age, 1)
    return {"ok": age is not None and age < OLDEST_HEARTBEAT, "heartbeat_age_seconds": shown}


def _clock() -> Check:
    """Leases and quotes are judged by the clocks of processes: they must agree with the one that all share."""
    apart = surroundings.clock_difference()
    return {"ok": abs(apart) <= surroundings.CLOCKS_AGREE, "difference_seconds": round(apart, 1)}
