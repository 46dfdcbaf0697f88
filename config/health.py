"""Is the process alive, and may it be sent work? Open to anyone, so it tells nothing else."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from flows.clock import now
from flows.models import Heartbeat

OLDEST_HEARTBEAT = 15.0  # seconds; a worker writes one each second


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Both answers in one document; 200 as long as the process answers."""
    checks = readiness()
    ready = is_ready(checks)
    return JsonResponse(
        {"status": "ok" if ready else "degraded", "live": True, "ready": ready, "checks": checks}
    )


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok", "live": True})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """503 until the database answers and a worker has been seen in the last 15 s."""
    checks = readiness()
    good = is_ready(checks)
    status = "ok" if good else "degraded"
    return JsonResponse({"status": status, "ready": good, "checks": checks}, status=200 if good else 503)


def readiness() -> dict[str, dict[str, Any]]:
    try:
        return {"database": _database(), "worker": _worker()}
    except DatabaseError:
        return {"database": {"ok": False}, "worker": {"ok": False, "heartbeat_age_seconds": None}}


def is_ready(checks: dict[str, dict[str, Any]]) -> bool:
    return all(check["ok"] for check in checks.values())


def _database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return {"ok": True}


def _worker() -> dict[str, Any]:
    newest = Heartbeat.objects.order_by("-at").values_list("at", flat=True).first()
    age = None if newest is None else round((now() - newest).total_seconds(), 1)
    return {"ok": age is not None and age < OLDEST_HEARTBEAT, "heartbeat_age_seconds": age}
