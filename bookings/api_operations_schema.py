"""What the operations API takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class AnswerRow(serializers.Serializer[Any]):
    at = serializers.DateTimeField(allow_null=True)
    said = serializers.CharField()


class OperationRow(serializers.Serializer[Any]):
    """One row. Amount and details are left out for who may not see money."""

    kind = serializers.CharField()
    key = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    client = serializers.CharField()
    seller = serializers.CharField()
    happened = serializers.CharField()
    does = serializers.CharField(help_text="What the product does by itself")
    can = serializers.CharField(help_text="What a person can do")
    since = serializers.DateTimeField(allow_null=True)
    next_check_at = serializers.DateTimeField(allow_null=True)
    quote_expires_at = serializers.DateTimeField(allow_null=True)
    amount = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    answers = AnswerRow(many=True)
    details = serializers.ListField(child=serializers.CharField())
    contact = serializers.CharField()
    reference = serializers.CharField()
    claim_id = serializers.CharField()
    line_id = serializers.CharField()
    discrepancy_id = serializers.CharField()
    step_id = serializers.CharField()
    acts = serializers.ListField(child=serializers.CharField())


class OperationPage(serializers.Serializer[Any]):
    results = OperationRow(many=True)
    counts = serializers.DictField(child=serializers.IntegerField())
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    total = serializers.IntegerField()


class DeclareBody(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)
    confirmation = serializers.CharField(
        max_length=20,
        required=False,
        default="",
        help_text="`not booked` while it is still being asked by itself",
    )


class AdoptBody(serializers.Serializer[Any]):
    reference = serializers.CharField(max_length=255, help_text="The seller's id of the deal, line or order")


class NoteBody(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=2000)


class CompareBody(serializers.Serializer[Any]):
    seller = serializers.CharField(max_length=60, help_text="Slug of the seller")


class DoneAnswer(serializers.Serializer[Any]):
    done = serializers.CharField()
    waiting = serializers.BooleanField(required=False)


class ComparisonAnswer(serializers.Serializer[Any]):
    comparison_id = serializers.CharField()
    seller = serializers.CharField()
    state = serializers.CharField()
