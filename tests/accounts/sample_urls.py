"""The product's routes and small views that stand for a room's API, to test keys, permissions and repeats over HTTP."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import page_requires
from accounts.actors import actor_of
from accounts.drf import requires
from accounts.idempotency import idempotent
from config.problems import Problem
from config.urls import urlpatterns as product
from crm.models import Organization


class Parties(APIView):
    permission_classes = [requires(read="booking.read", write="booking.create", delete="seller.write")]

    def get(self, request: Request) -> Response:
        actor = actor_of(request)
        return Response({"actor": [actor.kind, actor.id, actor.label]})

    @idempotent
    def post(self, request: Request) -> Response:
        name = request.data.get("name", "")
        if not name:
            raise Problem(400, "invalid", "No name.", [("name", "required", "Give a name.")])
        if name == "teapot":
            return Response({"code": "odd"}, status=422)
        party = Organization.objects.create(name=name, slug=name)
        url = f"/api/parties/{party.pk}"
        return Response({"id": str(party.pk), "name": name, "b": 1, "a": 0.1}, 202, headers={"Location": url})

    def delete(self, request: Request) -> Response:
        return Response(status=204)


class Closed(APIView):
    """Names no action for writing."""

    permission_classes = [requires(read="ops.read")]

    def get(self, request: Request) -> Response:
        return Response({})

    def post(self, request: Request) -> Response:
        return Response({})


@page_requires("ops.read")
def console(request: HttpRequest) -> HttpResponse:
    return HttpResponse("console")


urlpatterns = [
    path("console/", console),
    path("api/parties", Parties.as_view()),
    path("api/parties/<uuid:pk>", Parties.as_view()),
    path("api/closed", Closed.as_view()),
    *product,
]
