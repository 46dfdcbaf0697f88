"""Views that fail in every way, so that each failure is seen as a client sees it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from approvals.errors import Refused
from config.pagination import NewestFirst
from config.problems import Problem
from config.urls import urlpatterns as product
from crm.models import Organization

SECRET = "/srv/flightdeck/secret.sqlite3"


class Line(serializers.Serializer[Any]):
    price = serializers.DecimalField(max_digits=8, decimal_places=2)


class Brief(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=5)
    lines = Line(many=True)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["name"] == "whole":
            raise serializers.ValidationError("The whole does not fit.", code="unfit")
        return data


class Echo(APIView):
    def post(self, request: Request) -> Response:
        return Response({"type": type(request.data).__name__, "text": repr(request.data)})


class Checked(APIView):
    def post(self, request: Request) -> Response:
        Brief(data=request.data).is_valid(raise_exception=True)
        return Response({})


class Unavailable(APIException):
    status_code = 503
    default_detail = "Later."


FAILURES: dict[str, Exception] = {
    "problem": Problem(
        409,
        "gone_stale",
        "It moved on.",
        [("lines.0/1.~a", "stale", "Old.")],
        extra={"status": 1, "won_by": "Ana"},
    ),
    "refused": Refused(409, "already_decided", "Ana was first.", "lines", {"decided_by": "Ana"}),
    "404": Http404("secret reason " + SECRET),
    "403": PermissionDenied("secret reason " + SECRET),
    "503": Unavailable(),
    "model": DjangoValidationError({"currency": ["Three letters."], "__all__": ["Not together."]}),
    "500": RuntimeError("no such table: " + SECRET),
    "suspicious": SuspiciousOperation("bad " + SECRET),
}


class Fails(APIView):
    def get(self, request: Request, how: str) -> Response:
        raise FAILURES[how]


def plain_fails(request: HttpRequest, how: str) -> HttpResponse:
    raise FAILURES[how]


class OnePerHour(UserRateThrottle):
    rate = "1/hour"
    scope = "sample"


class Throttled(APIView):
    throttle_classes = [OnePerHour]

    def get(self, request: Request) -> Response:
        return Response({})


class Parties(APIView):
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(Organization.objects.all(), request, view=self)
        return pages.get_paginated_response([row.name for row in rows])


def names(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.request_id} {request.correlation_id}")  # type: ignore[attr-defined]


urlpatterns = [
    path("api/echo", Echo.as_view()),
    path("api/checked", Checked.as_view()),
    path("api/fails/<str:how>", Fails.as_view()),
    path("api/plain/<str:how>", plain_fails),
    path("api/throttled", Throttled.as_view()),
    path("api/parties", Parties.as_view()),
    path("names", names),
    *product,
]
