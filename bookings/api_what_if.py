"""REST for exploring another budget, price ceiling or channel split, and for making the plan anew with it."""

from __future__ import annotations

import uuid
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
from bookings import selectors
from bookings.api import detail, refuse_invisible
from bookings.api_decisions import read_body
from bookings.api_schema import CampaignDetail
from bookings.models import Campaign
from bookings.presenting import money_text
from bookings.revising import ask_seller_again, revise_plan
from bookings.what_if import Figures, Shown, explore
from config.openapi import IDEMPOTENCY_KEY
from config.problems import Problem
from planning import codec
from planning.brief_constraints import MOST_IMPRESSIONS
from planning.types import CHANNELS, Infeasible, InvalidBrief, LineWish, PlanLine
from planning.what_if import Change
from sellers.api_schema import StrictSerializer

MONEY: dict[str, Any] = {"max_digits": 16, "decimal_places": 3, "min_value": Decimal(0)}


class ProductNamed(StrictSerializer):
    channel = serializers.ChoiceField(CHANNELS)
    seller = serializers.SlugField(max_length=100)
    product_id = serializers.CharField(max_length=255)


class LineWanted(ProductNamed):
    impressions = serializers.IntegerField(
        min_value=0,
        max_value=MOST_IMPRESSIONS,
        allow_null=True,
        required=False,
        help_text="Exactly so many; 0 leaves the product out; null or absent takes it in at any volume",
    )


class ChangeBody(StrictSerializer):
    """What is to be different; what is left out stays as it is."""

    budget = serializers.DecimalField(**MONEY, required=False, help_text="In the campaign's currency")
    max_cpm = serializers.DecimalField(
        max_digits=16, decimal_places=6, min_value=Decimal(0), required=False, help_text="Highest CPM"
    )
    shares = serializers.DictField(
        child=serializers.DecimalField(
            max_digits=7, decimal_places=6, min_value=Decimal(0), max_value=Decimal(1)
        ),
        required=False,
        help_text="Exact parts of the budget, 0 to 1, by channel; the other channels share the rest",
    )

    lines = LineWanted(  # type: ignore[call-arg]  # max_length is the list's
        many=True, required=False, max_length=100, help_text="What is wanted of single products from now on"
    )
    freed = ProductNamed(  # type: ignore[call-arg]
        many=True, required=False, max_length=100, help_text="Products of which the plan chooses again"
    )


class ReviseBody(ChangeBody):
    version = serializers.IntegerField(min_value=1, help_text="The plan's version that was looked at")


class AskSellerBody(StrictSerializer):
    seller = serializers.SlugField(max_length=60, help_text="A seller that was not heard to the end")
    version = serializers.IntegerField(min_value=1, help_text="The plan's version that was looked at")


class FiguresShown(serializers.Serializer):
    budget = serializers.CharField()
    cost = serializers.CharField()
    impressions = serializers.IntegerField()
    cpm = serializers.CharField(allow_null=True)
    value = serializers.CharField()
    lines = serializers.IntegerField()


class LineShown(serializers.Serializer):
    channel = serializers.ChoiceField(CHANNELS)
    seller = serializers.CharField()
    product_id = serializers.CharField()
    impressions = serializers.IntegerField()
    cpm = serializers.CharField()
    cost = serializers.CharField()


class MovedShown(serializers.Serializer):
    before = LineShown()
    after = LineShown()


class WhatIfAnswer(serializers.Serializer):
    """The plan under the change beside the one that waits. Nothing was saved and no seller was asked."""

    now = FiguresShown()
    then = FiguresShown()
    bound = serializers.CharField(help_text="Proven upper bound on the value of any plan under the change")
    gap = serializers.CharField(help_text="(bound - value) / bound")
    budget_allocations = serializers.DictField(child=serializers.CharField())
    lines = LineShown(many=True)
    added = LineShown(many=True)
    removed = LineShown(many=True)
    moved = MovedShown(many=True)


class WhatIf(APIView):
    """Compute the plan that other money or limits would give, from what the sellers have offered."""

    permission_classes = [requires(write="money.read")]

    @extend_schema(operation_id="bookings_what_if", request=ChangeBody, responses=WhatIfAnswer)
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        campaign = _explorable(request, job_id)
        change = _change(read_body(ChangeBody, request))
        try:
            shown = explore(campaign, change)
        except Infeasible as problem:
            raise _impossible(problem) from problem
        return Response(_answer(shown, campaign.currency))


class Revise(APIView):
    """Make a waiting plan anew under the change: the sellers are asked for binding prices, approval starts again."""

    permission_classes = [requires(write="booking.create")]

    @extend_schema(
        operation_id="bookings_revise",
        request=ReviseBody,
        responses={202: CampaignDetail},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._revise(request, job_id)

    @idempotent
    def _revise(self, request: Request, job_id: uuid.UUID) -> Response:
        body = read_body(ReviseBody, request)
        try:
            revise_plan(
                campaign_id=job_id,
                change=_change(body),
                user=request.user,
                actor=actor_of(request),
                seen_version=body["version"],
            )
        except (Infeasible, InvalidBrief) as problem:
            raise _impossible(problem) from problem
        answer = detail(request, job_id)
        answer.status_code = 202
        return answer


class AskSeller(APIView):
    """Ask one seller again where it was not heard to the end, and make the plan anew with what it says."""

    permission_classes = [requires(write="booking.create")]

    @extend_schema(
        operation_id="bookings_ask_seller",
        request=AskSellerBody,
        responses={202: CampaignDetail},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        refuse_invisible(request, job_id)
        return self._ask(request, job_id)

    @idempotent
    def _ask(self, request: Request, job_id: uuid.UUID) -> Response:
        body = read_body(AskSellerBody, request)
        ask_seller_again(
            campaign_id=job_id,
            seller_slug=body["seller"],
            user=request.user,
            actor=actor_of(request),
            seen_version=body["version"],
        )
        answer = detail(request, job_id)
        answer.status_code = 202
        return answer


def _explorable(request: Request, job_id: uuid.UUID) -> Campaign:
    refuse_invisible(request, job_id)
    campaign = selectors.visible_campaign(request.user, job_id)
    if campaign is None or not campaign.audience_plan:
        raise Problem(409, "wrong_state", "The budget of this campaign has not been split yet.")
    return campaign


def _impossible(problem: Infeasible | InvalidBrief) -> Problem:
    return Problem(
        422, "no_plan", "There is no plan under this change; nothing was changed.", errors=problem.errors
    )


def _change(body: dict[str, Any]) -> Change:
    return Change(
        budget=body.get("budget"),
        max_cpm=body.get("max_cpm"),
        shares=body.get("shares", {}),
        lines=tuple(LineWish(**({"impressions": None} | line)) for line in body.get("lines", [])),
        freed=tuple((one["channel"], one["seller"], one["product_id"]) for one in body.get("freed", [])),
    )


def _answer(shown: Shown, currency: str) -> dict[str, Any]:
    plan = shown.answer.plan
    return {
        "now": _figures(shown.now, currency),
        "then": _figures(shown.then, currency),
        "bound": str(plan.bound),
        "gap": str(plan.gap),
        "budget_allocations": {
            pair.channel: money_text(pair.allocated_then, currency) for pair in shown.channels
        },
        "lines": [_line(line, currency) for line in plan.lines],
        "added": [_line(line, currency) for line in shown.changes.added],
        "removed": [_line(line, currency) for line in shown.changes.removed],
        "moved": [
            {"before": _line(pair.before, currency), "after": _line(pair.after, currency)}
            for pair in shown.changes.moved
        ],
    }


def _figures(figures: Figures, currency: str) -> dict[str, Any]:
    return {
        "budget": money_text(figures.budget, currency),
        "cost": money_text(figures.cost, currency),
        "impressions": figures.impressions,
        "cpm": None if figures.cpm is None else str(figures.cpm),
        "value": str(figures.value),
        "lines": figures.lines,
    }


def _line(line: PlanLine, currency: str) -> dict[str, Any]:
    return {
        "channel": line.channel,
        "seller": line.seller,
        "product_id": line.product_id,
        "impressions": line.impressions,
        "cpm": codec.to_json(line.cpm.normalize()),
        "cost": money_text(line.cost, currency),
    }
