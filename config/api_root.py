"""`GET /api/`: what there is, for whoever starts with nothing but the address and a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from config.api_guard import api_not_found


class ApiRoot(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {"type": "string"}}})
    def get(self, request: Request) -> Response:
        """Every named route under /api/. Routes with an id are given as templates."""
        return Response(dict(endpoints(request)))


def endpoints(request: Request) -> Iterator[tuple[str, str]]:
    for name, route in sorted(_routes()):
        try:
            yield name, reverse(name, request=request)
        except NoReverseMatch:
            yield name, request.build_absolute_uri("/") + route


def _routes() -> Iterator[tuple[str, str]]:
    for prefix, pattern in walk(get_resolver().url_patterns):
        route = prefix + str(pattern.pattern)
        listed = pattern.name and pattern.callback is not api_not_found
        if listed and route.startswith("api/") and route != "api/":
            yield str(pattern.name), _as_template(route)


def walk(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every route of the product, with the text in front of it."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix, pattern


def _as_template(route: str) -> str:
    """`bookings/<uuid:job_id>` as the URI template `bookings/{job_id}` (RFC 6570)."""
    for converter in ("uuid:", "slug:", "str:", "int:", "path:"):
        route = route.replace(f"<{converter}", "<")
    return route.replace("<", "{").replace(">", "}")
