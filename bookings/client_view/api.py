"""REST for the client's view: thin adapters over the same services as the pages."""

from __future__ import annotations

import uuid

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from accounts.drf import requires
from accounts.idempotency import idempotent
from bookings.api import campaign_or_404, refuse_invisible
from bookings.api_decisions import read_body
from bookings.client_view import presenting, sharing
from bookings.client_view.answering import answer_plan
from bookings.client_view.api_schema import (
    AnswerBody,
    ClientViewAnswer,
    CommentBody,
    CommentList,
    CommentShown,
    FreshLink,
    LinkBody,
    LinkList,
    LinkShown,
)
from bookings.client_view.commenting import write_comment
from bookings.client_view.reading import client_view
from config.openapi import IDEMPOTENCY_KEY
from config.problems import Problem


class View(APIView):
    """The campaign as its client sees it."""

    permission_classes = [requires(read="booking.read")]

    @extend_schema(operation_id="client_view_read", responses=ClientViewAnswer)
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        return _shown(request, job_id)


class Answer(APIView):
    """Agree with the plan that waits, or object to it. An opinion: it approves and books nothing."""

    permission_classes = [requires(write="client_view.answer")]

    @extend_schema(
        operation_id="client_view_answer",
        request=AnswerBody,
        responses=ClientViewAnswer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._answer(request, job_id)

    @idempotent
    def _answer(self, request: Request, job_id: uuid.UUID) -> Response:
        body = read_body(AnswerBody, request)
        answer_plan(
            campaign_id=job_id,
            user=request.user,
            actor=actor_of(request),
            answer=body["answer"],
            text=body["text"],
            seen=body["plan"],
        )
        return _shown(request, job_id)


class Comments(APIView):
    """What client and agency wrote to each other, newest last."""

    permission_classes = [requires(read="booking.read", write="client_view.comment")]

    @extend_schema(operation_id="client_comments_list", responses=CommentList)
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        campaign = campaign_or_404(request, job_id)
        return Response(presenting.comments(list(campaign.client_comments.all())))

    @extend_schema(
        operation_id="client_comments_create",
        request=CommentBody,
        responses={201: CommentShown},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._write(request, job_id)

    @idempotent
    def _write(self, request: Request, job_id: uuid.UUID) -> Response:
        body = read_body(CommentBody, request)
        row = write_comment(campaign_id=job_id, user=request.user, actor=actor_of(request), text=body["text"])
        return Response(presenting.comment(row), status=201)


class Links(APIView):
    """Read-only links for people without a login."""

    permission_classes = [requires(read="client_view.share", write="client_view.share")]

    @extend_schema(operation_id="client_links_list", responses=LinkList)
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        campaign = campaign_or_404(request, job_id)
        return Response({"links": [presenting.link(row) for row in sharing.links_of(campaign)]})

    @extend_schema(
        operation_id="client_links_create",
        request=LinkBody,
        responses={201: FreshLink},
        description="Takes no Idempotency-Key: the answer holds the link, and nothing that does is kept.",
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        body = read_body(LinkBody, request)
        row, token = sharing.make_link(
            campaign_id=job_id,
            user=request.user,
            actor=actor_of(request),
            days=body["days"],
            note=body["note"],
        )
        url = request.build_absolute_uri(reverse("shared", args=[token]))
        return Response(presenting.link(row) | {"url": url}, status=201)


class RevokeLink(APIView):
    """The link opens nothing any more, at once."""

    permission_classes = [requires(write="client_view.share")]

    @extend_schema(operation_id="client_links_revoke", request=None, responses=LinkShown)
    def post(self, request: Request, job_id: uuid.UUID, link_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        row = sharing.revoke_link(campaign_id=job_id, link_id=link_id, actor=actor_of(request))
        if row is None:
            raise Problem(404, "not_found", "This booking has no link with this id.")
        return Response(presenting.link(row))


def _shown(request: Request, job_id: uuid.UUID) -> Response:
    return Response(presenting.view(client_view(campaign_or_404(request, job_id))))
