"""Response headers that keep a page ours: content security policy, no caching of what a login shows."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from config.socket_address import socket_origin

PAGES = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# The admin's library evaluates expressions and writes styles; nothing else may.
ADMIN = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
API_DOCS = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def _policy_for(request: HttpRequest) -> str:
    if request.path.startswith("/admin/"):
        return ADMIN
    if request.path.startswith("/api/docs"):
        return API_DOCS
    return PAGES + _sockets_elsewhere(request)


def _sockets_elsewhere(request: HttpRequest) -> str:
    """'self' covers sockets of the page's own address; others must be named."""
    try:
        origin = socket_origin(request)
    except DisallowedHost:  # answered with 400 already
        return ""
    return f"; connect-src 'self' {origin}" if origin else ""


class SecurityHeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", _policy_for(request))
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith("/static/"):
            response.setdefault("Cache-Control", "no-store")
        return response
