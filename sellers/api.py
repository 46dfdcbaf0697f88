"""REST for the registry: thin adapters over services and selectors."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from accounts.drf import requires
from accounts.idempotency import idempotent
from config.openapi import IDEMPOTENCY_KEY
from config.pagination import NewestFirst
from config.problems import Problem
from sellers import selectors, services
from sellers.api_schema import NewSellerBody, SellerAnswer, SellerPage
from sellers.models import Seller
from sellers.presenting import seller_as_json

READ_WRITE = requires(read="seller.read", write="seller.write")


def seller_or_404(slug: str) -> Seller:
    try:
        return selectors.seller_by_slug(slug)
    except Seller.DoesNotExist as missing:
        raise Problem(404, "not_found", "There is no seller with this slug.") from missing


class Sellers(APIView):
    """The registry of sellers."""

    permission_classes = [READ_WRITE]

    @extend_schema(operation_id="sellers_list", responses=SellerPage)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        page = pages.paginate_queryset(selectors.list_sellers(), request, view=self)
        return pages.get_paginated_response([seller_as_json(seller) for seller in page])

    @extend_schema(
        operation_id="sellers_create",
        request=NewSellerBody,
        responses={201: SellerAnswer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        body = NewSellerBody(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = body.validated_data
        try:
            seller = services.add_seller(actor=actor_of(request), created_by=request.user, **given)
        except services.InvalidSeller as invalid:
            detail = "The seller was not registered; every problem is named."
            raise Problem(400, "invalid_seller", detail, errors=invalid.errors) from invalid
        url = reverse("api-seller", args=[seller.slug])
        return Response(
            seller_as_json(seller), status=201, headers={"Location": request.build_absolute_uri(url)}
        )


class SellerDetail(APIView):
    permission_classes = [requires(read="seller.read")]

    @extend_schema(operation_id="sellers_read", responses=SellerAnswer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(seller_as_json(seller_or_404(slug)))


class Disable(APIView):
    """Take the seller out of research; what it has sold stays."""

    permission_classes = [requires(write="seller.write")]

    @extend_schema(operation_id="sellers_disable", request=None, responses=SellerAnswer)
    def post(self, request: Request, slug: str) -> Response:
        seller = services.disable_seller(seller_id=seller_or_404(slug).pk, actor=actor_of(request))
        return Response(seller_as_json(seller))


class Enable(APIView):
    permission_classes = [requires(write="seller.write")]

    @extend_schema(operation_id="sellers_enable", request=None, responses=SellerAnswer)
    def post(self, request: Request, slug: str) -> Response:
        seller = services.enable_seller(seller_id=seller_or_404(slug).pk, actor=actor_of(request))
        return Response(seller_as_json(seller))


class Probe(APIView):
    """Call the seller now. A seller that fails still answers 200 here, with `probe.ok` false and the reason."""

    permission_classes = [requires(write="seller.write")]

    @extend_schema(operation_id="sellers_probe", request=None, responses=SellerAnswer)
    def post(self, request: Request, slug: str) -> Response:
        services.probe_seller(seller_id=seller_or_404(slug).pk, actor=actor_of(request))
        return Response(seller_as_json(seller_or_404(slug)))
