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
    """401 without the right token; 403 from elsewhere where no token is set."""
    if settings.FLIGHTDECK_METRICS_TOKEN:
        if not _has_token(request):
            refusal = HttpResponse("A bearer token is needed.\n", status=401, content_type="text/plain")
            refusal["WWW-Authenticate"] = 'Bearer realm="metrics"'
            return refusal
    elif not _from_this_machine(request):
        return HttpResponse("Set FLIGHTDECK_METRICS_TOKEN.\n", status=403, content_type="text/plain")
    return HttpResponse(processes.exposition() + _of_the_database(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


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
