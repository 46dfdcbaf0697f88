"""The outermost middleware: names each request, logs it once, counts it."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.api_guard import name_request
from config.watching import context, metrics, tracing
from flows import watch
from flows.origin import Origin, coming_from

logger = logging.getLogger("flightdeck.request")
QUIET = ("/health", "/metrics", settings.STATIC_URL)


class WatchRequests:
    """Binds what the log lines of a request carry. The query string is never logged: it may hold anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name_request(request)
        context.enter_request(request)
        tracing.name_request(request.request_id)  # type: ignore[attr-defined]
        watch.correlation.set(uuid.UUID(request.correlation_id))  # type: ignore[attr-defined]
        started = time.perf_counter()
        try:
            with coming_from(lambda: origin_of(request)):
                response = self.get_response(request)
            seconds = time.perf_counter() - started
            metrics.count_request(request, response, seconds)
            _tell(request, response, seconds)
        finally:
            watch.correlation.set(None)
            context.leave_request()
        return response


def origin_of(request: HttpRequest) -> Origin:
    """The session by a digest that names it among others and opens nothing; the key by itself is the actor."""
    found = {
        "request": str(request.request_id),  # type: ignore[attr-defined]
        "address": str(request.META.get("REMOTE_ADDR", ""))[:64],
    }
    session = getattr(getattr(request, "session", None), "session_key", None)
    if session:
        found["session"] = hashlib.sha256(session.encode()).hexdigest()[:12]
    return found


def _tell(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    logger.log(
        _level(request, response),
        "answered",
        extra={
            "method": (request.method or "")[:16],
            "path": request.path[:500],
            "status": response.status_code,
            "ms": round(seconds * 1000, 1),
        },
    )


def _level(request: HttpRequest, response: HttpResponse) -> int:
    if response.status_code >= 500 and not request.path.startswith(QUIET):
        return logging.WARNING
    # The console of the demo shows the way to its pages; requests would push that out of sight.
    quiet = request.path.startswith(QUIET) or settings.FLIGHTDECK_DEMO
    return logging.DEBUG if quiet else logging.INFO
