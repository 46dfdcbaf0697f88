"""Request and response shapes of `/api/sellers`. Rules live in `sellers.validation`; here only types and sizes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from sellers.models import Dialect

SELLER_STATUSES = ["ok", "failing", "out", "unprobed", "disabled"]


class StrictSerializer(serializers.Serializer):
    """A misspelt field is an error, not silence."""

    def to_internal_value(self, data: object) -> object:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such field."))
        return super().to_internal_value(data)


class StrictScheme(OpenApiSerializerExtension):
    """Says in the OpenAPI document that other fields are refused."""

    target_class = "sellers.api_schema.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "additionalProperties": False}


class NewSellerBody(StrictSerializer):
    url = serializers.CharField(max_length=400, help_text="Base URL; OpenDirect includes the version (/v2)")
    dialect = serializers.ChoiceField(choices=Dialect.choices)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    slug = serializers.CharField(max_length=60, required=False, allow_blank=True)
    key = serializers.CharField(
        max_length=4096, required=False, allow_blank=True, trim_whitespace=False, write_only=True
    )
    seat_id = serializers.CharField(max_length=80, required=False, allow_blank=True)
    agency_id = serializers.CharField(max_length=80, required=False, allow_blank=True)
    advertiser_id = serializers.CharField(max_length=80, required=False, allow_blank=True)
    account_id = serializers.CharField(max_length=36, required=False, allow_blank=True)
    currency = serializers.CharField(max_length=3, required=False)
    options = serializers.DictField(required=False)


class SellerOutageAnswer(serializers.Serializer):
    """A time during which the seller did not answer properly and was left alone. The newest comes first."""

    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="null: not over yet")
    reason = serializers.CharField(help_text="connect, deadline, reset, protocol, transport or http_<status>")
    calls_failed = serializers.IntegerField()


class SellerAnswer(serializers.Serializer):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    base_url = serializers.CharField()
    dialect = serializers.ChoiceField(choices=Dialect.choices)
    seat_id = serializers.CharField(allow_blank=True)
    agency_id = serializers.CharField(allow_blank=True)
    advertiser_id = serializers.CharField(allow_blank=True)
    account_id = serializers.CharField(allow_blank=True)
    currency = serializers.CharField()
    options = serializers.DictField()
    has_key = serializers.BooleanField()
    enabled = serializers.BooleanField()
    status = serializers.ChoiceField(choices=SELLER_STATUSES)
    outages = SellerOutageAnswer(many=True)
    probe = serializers.DictField(allow_null=True)
    probed_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class SellerPage(serializers.Serializer):
    results = SellerAnswer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
