"""REST for deciding on a booking and for cancelling it; deciding may wait for the sellers' answers."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from accounts.drf import requires
from accounts.idempotency import idempotent
from accounts.permissions import allowed
from approvals.models import Decision
from approvals.services import Decider
from approvals.states import Door, Verdict
from bookings import presenting, services, undoing
from bookings.api import detail, refuse_invisible
from bookings.api_schema import (
    PREFER,
    ApproveAllBody,
    ApproveAnswer,
    ApproveBody,
    CampaignDetail,
    ReasonBody,
    RejectBody,
    UndoBody,
)
from bookings.models import Line
from bookings.states import LINE_LOST, LINE_OPEN, CampaignStatus, LineStatus
from config.openapi import IDEMPOTENCY_KEY
from config.problems import Problem

AWAITS_OTHERS = "awaiting_second_approval"
LONGEST_WAIT = 30.0
WAIT = re.compile(r"(?:^|[,;])\s*wait(?:\s*=\s*\"?([0-9]{1,9})\"?)?\s*(?=[,;]|$)", re.IGNORECASE)


class Approve(APIView):
    """Approve chosen lines. Booking runs in the background unless `Prefer: wait` asks to wait for it."""

    permission_classes = [requires(write="booking.confirm")]
    everything = False

    @extend_schema(
        operation_id="bookings_approve",
        request=ApproveBody,
        responses={200: ApproveAnswer, 202: ApproveAnswer},
        parameters=[PREFER, IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        decided = self._decide(request, job_id)
        if decided.status_code >= 300:
            return decided
        return _settled(decided, seconds_to_wait(request))

    @idempotent
    def _decide(self, request: Request, job_id: uuid.UUID) -> Response:
        chosen = (
            read_body(ApproveBody, request) if not self.everything else read_body(ApproveAllBody, request)
        )
        decision, lines = services.approve_lines(
            campaign_id=job_id,
            decider=decider_of(request),
            recommendation_ids=chosen.get("recommendation_ids", []),
            product_ids=chosen.get("approved_product_ids", []),
            everything=self.everything,
            seen=_fingerprints(chosen),
            seen_total=chosen.get("expected_total"),
        )
        return Response(_taken(decision, lines), status=202)


class ApproveAll(Approve):
    """Approve every line that is still open."""

    everything = True

    @extend_schema(
        operation_id="bookings_approve_all",
        request=ApproveAllBody,
        responses={200: ApproveAnswer, 202: ApproveAnswer},
        parameters=[PREFER, IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        return super().post(request, job_id)


class Reject(APIView):
    permission_classes = [requires(write="booking.decide")]

    @extend_schema(
        operation_id="bookings_reject",
        request=RejectBody,
        responses=CampaignDetail,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._decide(request, job_id)

    @idempotent
    def _decide(self, request: Request, job_id: uuid.UUID) -> Response:
        chosen = read_body(RejectBody, request)
        services.reject_lines(
            campaign_id=job_id,
            decider=decider_of(request),
            reason=chosen["reason"],
            recommendation_ids=chosen.get("recommendation_ids", []),
            product_ids=chosen.get("product_ids", []),
        )
        return detail(request, job_id)


class Undo(APIView):
    """Take an approval back before anything of it is sent."""

    permission_classes = [requires(write="booking.confirm")]

    @extend_schema(
        operation_id="bookings_undo",
        request=UndoBody,
        responses=CampaignDetail,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._undo(request, job_id)

    @idempotent
    def _undo(self, request: Request, job_id: uuid.UUID) -> Response:
        body = read_body(UndoBody, request)
        undoing.undo_approval(
            campaign_id=job_id,
            decision_id=body["decision_id"],
            decider=decider_of(request),
            reason=body["reason"],
        )
        return detail(request, job_id)


class Cancel(APIView):
    """End a campaign before any booking has started."""

    permission_classes = [requires(write="booking.cancel")]

    @extend_schema(
        operation_id="bookings_cancel",
        request=ReasonBody,
        responses=CampaignDetail,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._cancel(request, job_id)

    @idempotent
    def _cancel(self, request: Request, job_id: uuid.UUID) -> Response:
        reason = read_body(ReasonBody, request)["reason"]
        services.cancel_campaign(campaign_id=job_id, actor=actor_of(request), reason=reason)
        return detail(request, job_id)


def decider_of(request: Request) -> Decider:
    key = request.auth if hasattr(request.auth, "prefix") else None
    return Decider(
        actor=actor_of(request),
        user_id=request.user.pk,
        door=Door.REST,
        via_key=key.prefix if key else "",
        only_confirms=not allowed(request, "booking.decide"),
    )


def _taken(decision: Decision, lines: Sequence[Line]) -> dict[str, Any]:
    """What a decision is answered with before any seller has been asked."""
    waits = decision.verdict == Verdict.ENDORSE
    text = (
        "Your approval is recorded. Another person must approve exactly these lines before they are booked."
    )
    return {
        "status": AWAITS_OTHERS if waits else CampaignStatus.EXECUTING_BOOKINGS,
        "approved_count": len(lines),
        "booked": 0,
        "failed": 0,
        "total_cost": presenting.money_text(decision.total, decision.currency),
        "currency": decision.currency,
        "background": not waits,
        "message": text if waits else "Approved. The lines are being booked in the background.",
        "decision_id": str(decision.pk),
        "fingerprint": decision.fingerprint,
        "acts_at": decision.acts_at.isoformat() if decision.acts_at else None,
    }


def read_body(serializer_class: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Problem(400, "invalid_body", "Send a JSON object.")
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _fingerprints(chosen: dict[str, Any]) -> dict[uuid.UUID, str] | None:
    """What the approver had before their eyes, where they say so."""
    given = chosen.get("fingerprints")
    return {uuid.UUID(key): value for key, value in given.items()} if given else None


def seconds_to_wait(request: Request) -> float:
    """RFC 7240: `Prefer: wait=10`; a bare `wait` means as long as we allow."""
    found = WAIT.search(request.headers.get("Prefer", ""))
    if found is None:
        return 0.0
    return min(float(found.group(1) or LONGEST_WAIT), LONGEST_WAIT)


def _settled(decided: Response, seconds: float) -> Response:
    """Wait for the bookings if asked to; the answer tells what the sellers have said by then."""
    if seconds <= 0 or decided.data["status"] == AWAITS_OTHERS:
        return decided
    until = time.monotonic() + seconds
    lines = _lines_of(decided.data["decision_id"])
    while any(line.status in LINE_OPEN for line in lines) and time.monotonic() < until:
        time.sleep(0.1)
        lines = _lines_of(decided.data["decision_id"])
    booked = [line for line in lines if line.status == LineStatus.BOOKED]
    open_lines = [line for line in lines if line.status in LINE_OPEN]
    failed = [line for line in lines if line.status in LINE_LOST]
    body = dict(decided.data)
    body |= {
        "status": _verdict(len(booked), len(failed), len(open_lines)),
        "booked": len(booked),
        "failed": len(failed),
        "total_cost": presenting.money_text(
            sum((line.confirmed_cost or line.cost for line in booked), start=Decimal(0)),
            decided.data["currency"],
        ),
        "background": bool(open_lines),
        "message": f"{len(booked)} booked, {len(failed)} refused, {len(open_lines)} still open.",
    }
    headers = {"Preference-Applied": f"wait={seconds:g}"}
    return Response(body, status=202 if open_lines else 200, headers=headers)


def _lines_of(decision_id: str) -> list[Line]:
    return list(Line.objects.filter(decision_id=decision_id))


def _verdict(booked: int, failed: int, still_open: int) -> str:
    if still_open:
        return CampaignStatus.EXECUTING_BOOKINGS
    if failed and booked:
        return "partial"
    return "success" if booked else "failed"
