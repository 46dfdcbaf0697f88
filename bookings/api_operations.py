"""REST for the operations list: the same rows and the same acts as the page."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from accounts.drf import requires
from accounts.idempotency import idempotent
from accounts.permissions import allowed
from approvals.errors import Refused
from bookings import cancelling_again, findings, operations, settling
from bookings.adopting import Sighting, look
from bookings.api_decisions import read_body
from bookings.api_operations_schema import (
    AdoptBody,
    CompareBody,
    ComparisonAnswer,
    DeclareBody,
    DoneAnswer,
    NoteBody,
    OperationPage,
)
from bookings.comparing.run import start_comparison
from bookings.discrepancies import Comparison
from bookings.models import Line
from bookings.operations_rows import Row
from bookings.settling import Person
from config.openapi import IDEMPOTENCY_KEY
from config.problems import Problem
from flows.models import Claim
from sellers.models import Seller

ACT = requires(write="operations.act")


class Operations(APIView):
    """Everything that needs a person and is not a decision on a plan."""

    permission_classes = [requires(read="operations.read")]

    @extend_schema(
        operation_id="operations_list",
        parameters=[
            OpenApiParameter("kind", str),
            OpenApiParameter("seller", str, description="Slug of the seller"),
            OpenApiParameter("page", {"type": "integer", "minimum": 1, "maximum": 999_999, "default": 1}),
        ],
        responses=OperationPage,
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        number = asked.get("page", "1")
        if not (number.isascii() and number.isdigit() and len(number) < 7 and int(number) > 0):
            errors = [{"field": "page", "code": "invalid", "message": "Give a whole number from 1."}]
            raise Problem(400, "invalid", "`page` is not a page number.", errors)
        page = operations.operations_page(
            request.user, kind=asked.get("kind", ""), seller=asked.get("seller", ""), number=int(number)
        )
        prices = allowed(request, "money.read")
        body = {
            "results": [_row_as_json(row, prices) for row in page.rows],
            "counts": page.counts,
            "page": page.number,
            "pages": page.pages,
            "total": page.total,
        }
        return Response(body)


def _row_as_json(row: Row, prices: bool) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in PLAIN}
    moments = {name: moment.isoformat() if (moment := getattr(row, name)) else None for name in MOMENTS}
    amount = str(row.amount) if row.amount is not None and prices else None
    answers = [{"at": at.isoformat() if at else None, "said": said} for at, said in row.answers]
    more = {"details": list(row.details), "acts": sorted(row.acts), "state": row.badge}
    return plain | moments | more | {"amount": amount, "answers": answers}


PLAIN = (
    *("kind", "key", "title", "client", "seller", "happened", "does", "can", "currency", "contact"),
    *("reference", "claim_id", "line_id", "discrepancy_id", "step_id"),
)
MOMENTS = ("since", "next_check_at", "quote_expires_at")


def claim_or_404(request: Request, claim_id: uuid.UUID) -> Claim:
    claim = operations.claim_for(request.user, claim_id)
    if claim is None:
        raise Problem(404, "not_found", "There is no such outcome to clear.")
    return claim


class CheckClaim(APIView):
    """Ask the seller now instead of at the next turn."""

    permission_classes = [ACT]

    @extend_schema(
        operation_id="operations_check",
        request=None,
        responses=DoneAnswer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, claim_id: uuid.UUID) -> Response:
        claim_or_404(request, claim_id)
        return self._check(request, claim_id)

    @idempotent
    def _check(self, request: Request, claim_id: uuid.UUID) -> Response:
        hurried = settling.check_now(claim_id=claim_id, actor=actor_of(request))
        return Response({"done": "check_requested", "waiting": hurried})


class DeclareClaim(APIView):
    """Take the outcome as not booked. The seller is asked on, and its word still wins."""

    permission_classes = [ACT]

    @extend_schema(
        operation_id="operations_declare_not_booked",
        request=DeclareBody,
        responses=DoneAnswer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, claim_id: uuid.UUID) -> Response:
        claim_or_404(request, claim_id)
        return self._declare(request, claim_id)

    @idempotent
    def _declare(self, request: Request, claim_id: uuid.UUID) -> Response:
        given = read_body(DeclareBody, request)
        person = Person(int(request.user.pk or 0), actor_of(request))
        settling.declare_not_booked(claim_id=claim_id, person=person, **given)
        return Response({"done": "declared_not_booked"})


class AdoptClaim(APIView):
    """Adopt what the seller has, if it is what was approved. Keeps what was declared not booked before."""

    permission_classes = [ACT]

    @extend_schema(
        operation_id="operations_adopt",
        request=AdoptBody,
        responses=DoneAnswer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, claim_id: uuid.UUID) -> Response:
        claim = claim_or_404(request, claim_id)
        # Read before the transaction that keeps the answer: no call to the outside is made inside one.
        sighting = look(claim, read_body(AdoptBody, request)["reference"])
        try:
            return self._adopt(request, claim, sighting)
        except Refused as refused:
            if refused.code != "differs" or allowed(request, "money.read"):
                raise
            raise Problem(refused.status, refused.code, settling.DIFFERS_WITHOUT_PRICES) from refused

    @idempotent
    def _adopt(self, request: Request, claim: Claim, sighting: Sighting) -> Response:
        settling.take_seen(claim, actor_of(request), sighting)
        return Response({"done": "adopted"})


class CancelLineAgain(APIView):
    """Send a cancellation that failed to the seller once more. Two cancellations have one effect there."""

    permission_classes = [ACT]

    @extend_schema(
        operation_id="operations_cancel_again",
        request=None,
        responses=DoneAnswer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, line_id: uuid.UUID) -> Response:
        line = operations.line_for(request.user, line_id)
        if line is None:
            raise Problem(404, "not_found", "There is no such line.")
        return self._cancel(request, line)

    @idempotent
    def _cancel(self, request: Request, line: Line) -> Response:
        cancelling_again.cancel_again(line=line, actor=actor_of(request))
        return Response({"done": "cancellation_requested"})


class ResolveDiscrepancy(APIView):
    """Note how a discrepancy was cleared. It comes back if something else is found."""

    permission_classes = [ACT]

    @extend_schema(
        operation_id="operations_resolve",
        request=NoteBody,
        responses=DoneAnswer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, discrepancy_id: uuid.UUID) -> Response:
        if not operations.discrepancies_of(request.user).filter(pk=discrepancy_id).exists():
            raise Problem(404, "not_found", "There is no such discrepancy.")
        return self._resolve(request, discrepancy_id)

    @idempotent
    def _resolve(self, request: Request, discrepancy_id: uuid.UUID) -> Response:
        note = read_body(NoteBody, request)["note"]
        user_id = int(request.user.pk or 0)
        findings.resolve(discrepancy_id=discrepancy_id, user_id=user_id, actor=actor_of(request), note=note)
        return Response({"done": "resolved"})


class RunStepAgain(APIView):
    """Give a stopped step its attempts again."""

    permission_classes = [ACT]

    @extend_schema(
        operation_id="operations_run_again",
        request=None,
        responses=DoneAnswer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, step_id: uuid.UUID) -> Response:
        if not operations.steps_of(request.user).filter(pk=step_id).exists():
            raise Problem(404, "not_found", "There is no such step.")
        return self._run(request, step_id)

    @idempotent
    def _run(self, request: Request, step_id: uuid.UUID) -> Response:
        settling.run_again(step_id=step_id, actor=actor_of(request))
        return Response({"done": "running_again"})


class Comparisons(APIView):
    """Compare a seller's records with ours now; the run under way, if there is one."""

    permission_classes = [requires(write="ops.write")]

    @extend_schema(
        operation_id="operations_compare",
        request=CompareBody,
        responses={202: ComparisonAnswer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        slug = read_body(CompareBody, request)["seller"]
        seller = Seller.objects.filter(slug=slug).first()
        if seller is None:
            raise Problem(404, "not_found", "There is no seller with this slug.")
        comparison: Comparison | None = start_comparison(seller=seller, actor=actor_of(request))
        if comparison is None:
            raise Problem(409, "busy", "A comparison ended at this moment. Try again.")
        answer = {"comparison_id": str(comparison.pk), "seller": slug, "state": comparison.status}
        return Response(answer, status=202)
