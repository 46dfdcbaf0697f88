"""`GET /metrics` for Prometheus: with the token, or from this machine where no token is set."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from config.watching import processes
from config.watching.database import DatabaseGauges

database_gauges = DatabaseGauges()


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """What processes counted and what the database holds. 401 without the right token; 403 from elsewhere where no
    token is set."""
    return _refusal(request) or _as_text(processes.exposition() + _of_the_database())


def counted(request: HttpRequest) -> HttpResponse:
    """The same without the database, for the port of a worker."""
    return _refusal(request) or _as_text(processes.exposition())


def _as_text(content: bytes) -> HttpResponse:
    return HttpResponse(content, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    if settings.FLIGHTDECK_METRICS_TOKEN:
        if _has_token(request):
            return None
        refusal = HttpResponse("A bearer token is needed.\n", status=401, content_type="text/plain")
        refusal["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refusal
    if _from_this_machine(request):
        return None
    return HttpResponse("Set FLIGHTDECK_METRICS_TOKEN.\n", status=403, content_type="text/plain")


def _of_the_database() -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(database_gauges)
    return generate_latest(registry)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given, right = token.strip().encode(), settings.FLIGHTDECK_METRICS_TOKEN.encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(given, right)


def _from_this_machine(request: HttpRequest) -> bool:
    """Behind a proxy every request comes from this machine, so there its address proves nothing."""
    proxied = settings.SECURE_PROXY_SSL_HEADER or "Forwarded" in request.headers
    if proxied or "X-Forwarded-For" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
