"""`POST /api/products/search`: what the sellers have, as objects. It reads; nothing is reserved or booked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from accounts.drf import requires
from config.problems import Problem
from planning import codec
from planning.brief import CHANNEL_NAMES, DEFAULT_CURRENCY
from planning.fields import fold
from planning.money import CURRENCY_EXPONENTS
from planning.types import CHANNELS, FieldError
from sellers.api_schema import StrictSerializer
from sellers.models import Seller
from sellers.search import SKIPPED_SHOWN, Found, Hit, SellerAnswer, Wanted, search_products, words_of
from sellers.selectors import eligible_sellers

# Prices are shown, so who may not see money may not search; who only sees money (finance) does not search either.
MAY_SEARCH = requires(write="money.read") & (requires(write="seller.read") | requires(write="booking.create"))

SEARCH_STATES = ["ok", "partial", "failed"]


class SearchThrottle(UserRateThrottle):
    """One request here becomes several at every seller."""

    scope = "product_search"
    rate = "60/min"


class SearchBody(StrictSerializer):
    query = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="Every word must occur in the product's name, description or content categories",
    )
    channels = serializers.ListField(
        child=serializers.ChoiceField([*CHANNELS, "mobile_app"]),
        required=False,
        max_length=10,
        help_text="Left out or empty: all. `mobile_app` is read as `mobile`",
    )
    max_cpm = serializers.DecimalField(
        max_digits=16,
        decimal_places=6,
        min_value=0,
        required=False,
        help_text="Highest list CPM, in `currency` (USD when none is named)",
    )
    currency = serializers.RegexField(
        r"^[A-Z]{3}\Z", required=False, help_text="Only products sold in this currency, ISO 4217"
    )
    sellers = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=50,
        help_text="Slugs of the sellers to ask; left out or empty: all that are enabled",
    )
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)

    def validate_currency(self, value: str) -> str:
        if value not in CURRENCY_EXPONENTS:
            raise serializers.ValidationError("Give an ISO 4217 code such as USD.", code="unknown_currency")
        return value


class FoundProduct(serializers.Serializer):
    seller = serializers.CharField(help_text="Slug of the seller")
    seller_name = serializers.CharField()
    product_id = serializers.CharField(help_text="The seller's id")
    name = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True, help_text="The seller's words")
    channels = serializers.ListField(child=serializers.CharField(), help_text="Channels that may use it")
    inventory_type = serializers.CharField()
    formats = serializers.ListField(child=serializers.CharField())
    deal_types = serializers.ListField(child=serializers.CharField())
    guaranteed = serializers.BooleanField()
    list_cpm = serializers.CharField(help_text="Per 1,000 impressions, before our discounts")
    currency = serializers.CharField()
    min_impressions = serializers.IntegerField()
    min_spend = serializers.CharField(allow_null=True)
    available = serializers.IntegerField(allow_null=True, help_text="The catalogue's own cap, if it has one")
    lead_days = serializers.IntegerField()
    min_flight_days = serializers.IntegerField(allow_null=True)
    max_flight_days = serializers.IntegerField(allow_null=True)
    active_from = serializers.DateField(allow_null=True)
    retired_on = serializers.DateField(allow_null=True)
    targeting = serializers.ListField(child=serializers.CharField())
    content = serializers.ListField(child=serializers.CharField())
    viewability = serializers.CharField(allow_null=True)
    completion_rate = serializers.CharField(allow_null=True)
    relevance = serializers.IntegerField()


class SkippedProduct(serializers.Serializer):
    reference = serializers.CharField()
    reason = serializers.CharField()


class AskedSeller(serializers.Serializer):
    seller = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(SEARCH_STATES)
    code = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    products = serializers.IntegerField(help_text="Catalogue rows that could be read")
    skipped = SkippedProduct(many=True, help_text=f"The first {SKIPPED_SHOWN} rows that could not")
    skipped_count = serializers.IntegerField()
    elapsed_ms = serializers.IntegerField()


class SearchAnswer(serializers.Serializer):
    products = FoundProduct(many=True)
    matched = serializers.IntegerField(help_text="All that match, also beyond `limit`")
    sellers = AskedSeller(many=True)


class ProductSearch(APIView):
    """Ask every seller for its catalogue and filter it. A seller that fails is listed and hides nothing."""

    permission_classes = [MAY_SEARCH]
    throttle_classes = [UserRateThrottle, SearchThrottle]

    @extend_schema(operation_id="products_search", request=SearchBody, responses=SearchAnswer)
    def post(self, request: Request) -> Response:
        body = SearchBody(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = body.validated_data
        sellers = _sellers(given.get("sellers", []))
        correlation_id = UUID(request.correlation_id)  # type: ignore[attr-defined]
        return Response(_as_json(search_products(_wanted(given), sellers, correlation_id=correlation_id)))


def _wanted(given: dict[str, Any]) -> Wanted:
    max_cpm = given.get("max_cpm")
    channels = {CHANNEL_NAMES[fold(name)] for name in given.get("channels", [])}
    return Wanted(
        words=words_of(given.get("query", "")),
        channels=tuple(channel for channel in CHANNELS if channel in channels),
        max_cpm=max_cpm,
        # A price limit says nothing about prices in other currencies.
        currency=given.get("currency", DEFAULT_CURRENCY if max_cpm is not None else ""),
        limit=given["limit"],
    )


def _sellers(slugs: list[str]) -> list[Seller]:
    """The enabled sellers, or those named. Raises Problem 400 that names each slug that cannot be asked."""
    eligible = {seller.slug: seller for seller in eligible_sellers()}
    known = ", ".join(eligible) or "none"
    errors = [
        FieldError(
            f"sellers.{index}", "unknown_seller", f"No seller to ask is called {slug!r}. Known: {known}."
        )
        for index, slug in enumerate(slugs)
        if slug not in eligible
    ]
    if errors:
        raise Problem(400, "invalid", "Some of the sellers cannot be asked.", errors)
    return [seller for slug, seller in eligible.items() if not slugs or slug in slugs]


def _as_json(found: Found) -> dict[str, Any]:
    return {
        "products": [_product(hit) for hit in found.hits],
        "matched": found.matched,
        "sellers": [_seller(answer) for answer in found.sellers],
    }


def _product(hit: Hit) -> dict[str, Any]:
    """The catalogue row without the seller's floor, which is between the seller and us."""
    row: dict[str, Any] = codec.to_json(hit.product)
    del row["floor_cpm"]
    row["available"] = row.pop("available_cap")
    return row | {
        "seller_name": hit.seller_name,
        "channels": list(hit.channels),
        "relevance": hit.relevance,
    }


def _seller(answer: SellerAnswer) -> dict[str, Any]:
    return {
        "seller": answer.seller,
        "name": answer.name,
        "status": answer.status,
        "code": answer.code,
        "reason": answer.reason,
        "products": answer.products,
        "skipped": [
            {"reference": row.reference[:120], "reason": row.reason[:500]}
            for row in answer.skipped[:SKIPPED_SHOWN]
        ],
        "skipped_count": len(answer.skipped),
        "elapsed_ms": answer.elapsed_ms,
    }
