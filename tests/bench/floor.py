# ruff: noqa: E402  Django is set up before anything of it is imported
"""The least that a DRF endpoint costs here: one row by its key, no sign-in. The floor of the API measurements."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.models import Organization


class OneRow(APIView):
    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    def get(self, request: Request, slug: str) -> Response:
        row = Organization.objects.get(slug=slug)
        return Response({"id": str(row.pk), "name": row.name, "slug": row.slug, "currency": row.currency})


urlpatterns = [
    path("health/live", lambda request: HttpResponse("up")),
    path("one/<slug:slug>", OneRow.as_view()),
]
settings.ROOT_URLCONF = __name__
