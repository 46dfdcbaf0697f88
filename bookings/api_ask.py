"""REST for sending a waiting plan to the person who shall decide it."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from accounts.drf import requires
from accounts.idempotency import idempotent
from approvals.asking import LONGEST_NOTE
from bookings.api import detail, refuse_invisible
from bookings.api_decisions import read_body
from bookings.api_schema import CampaignDetail
from bookings.asking import ask_for_decision_of
from config.openapi import IDEMPOTENCY_KEY
from sellers.api_schema import StrictSerializer


class AskBody(StrictSerializer):
    person = serializers.CharField(max_length=150, help_text="User name of who shall decide")
    note = serializers.CharField(max_length=LONGEST_NOTE, required=False, allow_blank=True, default="")


class Ask(APIView):
    """Send a waiting plan to somebody. It changes nobody's right to decide; the person is told."""

    permission_classes = [requires(write="booking.ask")]

    @extend_schema(
        operation_id="bookings_ask", request=AskBody, responses=CampaignDetail, parameters=[IDEMPOTENCY_KEY]
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._ask(request, job_id)

    @idempotent
    def _ask(self, request: Request, job_id: uuid.UUID) -> Response:
        body = read_body(AskBody, request)
        ask_for_decision_of(
            campaign_id=job_id,
            person_id=body["person"],
            user=request.user,
            actor=actor_of(request),
            note=body["note"],
        )
        return detail(request, job_id)
