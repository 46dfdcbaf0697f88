"""REST for the booking flow: thin adapters over services and selectors."""

from __future__ import annotations

import uuid

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from accounts.drf import requires
from accounts.idempotency import idempotent
from accounts.permissions import allowed
from approvals.states import Door
from bookings import presenting, selectors, services
from bookings.api_schema import (
    LIST_STATUSES,
    BriefBody,
    CampaignDetail,
    CampaignPage,
    EventPage,
    JobAnswer,
)
from bookings.clients import choose_client
from bookings.models import Campaign
from bookings.states import CampaignStatus
from config.openapi import IDEMPOTENCY_KEY
from config.pagination import DEFAULT_SIZE, LARGEST_SIZE, NewestFirst
from config.problems import Problem
from flows import events
from planning.types import FieldError, InvalidBrief

EVENTS_PAGE = 200
PAGE_SIZE = f"Rows per page. More than {LARGEST_SIZE} is read as {LARGEST_SIZE}"


def campaign_or_404(request: Request, job_id: uuid.UUID) -> Campaign:
    campaign = selectors.visible_campaign(request.user, job_id)
    if campaign is None:
        raise Problem(404, "not_found", "There is no booking with this id.")
    return campaign


def refuse_invisible(request: Request, job_id: uuid.UUID) -> None:
    """For commands, whose service reads the campaign under its lock."""
    if not selectors.is_visible(request.user, job_id):
        raise Problem(404, "not_found", "There is no booking with this id.")


def started(request: Request, campaign: Campaign) -> Response:
    """202 with where to look: the flow runs in the background."""
    url = reverse("api-booking", args=[campaign.pk])
    return Response(
        {"job_id": str(campaign.pk), "status": "pending", "url": url},
        status=202,
        headers={"Location": request.build_absolute_uri(url)},
    )


def detail(request: Request, job_id: uuid.UUID) -> Response:
    view = selectors.campaign_view(campaign_or_404(request, job_id))
    return Response(presenting.campaign_detail(view, prices=allowed(request, "money.read")))


class Bookings(APIView):
    """The list of bookings, and the door for new briefs."""

    permission_classes = [requires(read="booking.read", write="booking.create")]

    @extend_schema(
        operation_id="bookings_list",
        parameters=[
            OpenApiParameter("status", str, enum=LIST_STATUSES),
            OpenApiParameter("cursor", str, description="Taken from `next` or `previous`"),
            OpenApiParameter(
                "page_size", {"type": "integer", "minimum": 1, "default": DEFAULT_SIZE}, description=PAGE_SIZE
            ),
        ],
        responses=CampaignPage,
    )
    def get(self, request: Request) -> Response:
        status = request.query_params.get("status")
        status = CampaignStatus.INITIALIZED if status == "pending" else status
        if status is not None and status not in CampaignStatus.values:
            known = ", ".join(LIST_STATUSES)
            raise Problem(
                400,
                "unknown_status",
                "There is no such status.",
                errors=[FieldError("status", "unknown_status", f"Leave it out, or use one of: {known}.")],
            )
        listed = selectors.campaign_list(request.user, status=status or "")
        pages = NewestFirst()
        page = pages.paginate_queryset(listed.rows, request, view=self, parts=listed.parts)
        selectors.load_progress(page)
        return pages.get_paginated_response([presenting.campaign_summary(row) for row in page])

    @extend_schema(
        operation_id="bookings_create",
        request=BriefBody,
        responses={202: JobAnswer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        data = request.data
        if not isinstance(data, dict):
            raise Problem(400, "invalid_brief", "Send the brief as a JSON object.")
        try:
            organization, brief = choose_client(request.user, data)
            campaign = services.submit_brief(
                data=brief,
                organization=organization,
                prepared_by=request.user,
                actor=actor_of(request),
                door=Door.REST,
            )
        except InvalidBrief as invalid:
            raise Problem(
                400, "invalid_brief", "The brief has errors; nothing was started.", errors=invalid.errors
            ) from invalid
        return started(request, campaign)


class Booking(APIView):
    permission_classes = [requires(read="booking.read")]

    @extend_schema(operation_id="bookings_read", responses=CampaignDetail)
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        return detail(request, job_id)


class Rest(APIView):
    """Plan what a finished campaign did not book, with the money that is left: a new booking."""

    permission_classes = [requires(write="booking.create")]

    @extend_schema(
        operation_id="bookings_plan_the_rest",
        request=None,
        responses={202: JobAnswer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._plan(request, job_id)

    @idempotent
    def _plan(self, request: Request, job_id: uuid.UUID) -> Response:
        try:
            campaign = services.plan_the_rest(
                campaign_id=job_id, prepared_by=request.user, actor=actor_of(request), door=Door.REST
            )
        except InvalidBrief as invalid:
            raise Problem(
                400, "invalid_brief", "The rest cannot be planned.", errors=invalid.errors
            ) from invalid
        return started(request, campaign)


AFTER = OpenApiParameter(
    "after",
    {"type": "integer", "minimum": 0, "maximum": 999_999_999_999, "default": 0},
    description="`last` of the page before",
)


class Events(APIView):
    """What happened, oldest first, from position `after` on."""

    permission_classes = [requires(read="booking.read")]

    @extend_schema(operation_id="bookings_events", parameters=[AFTER], responses=EventPage)
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        campaign = campaign_or_404(request, job_id)
        after = request.query_params.get("after", "0")
        if not after.isdecimal() or len(after) > 12:
            raise Problem(
                400,
                "invalid_position",
                "`after` is the position of the last event that you have: a whole number.",
                errors=[FieldError("after", "invalid_position", "Use a whole number, 0 for the beginning.")],
            )
        rows = events.since("campaign", campaign.pk, int(after), EVENTS_PAGE)
        return Response(
            {
                "events": [
                    {
                        "seq": row.position,
                        "type": row.type,
                        "at": row.at.isoformat(),
                        "actor": {"kind": row.actor_kind, "label": row.actor_label},
                        "correlation_id": str(row.correlation_id),
                        "payload": row.payload if allowed(request, "money.read") else {},
                        "hash": row.hash,
                    }
                    for row in rows
                ],
                "last": rows[-1].position if rows else int(after),
                "more": len(rows) == EVENTS_PAGE,
            }
        )
