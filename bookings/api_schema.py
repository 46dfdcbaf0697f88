"""Request and response shapes, for reading bodies and for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from approvals.states import Verdict
from bookings.states import (
    CampaignStatus,
    ChannelState,
    CompensationState,
    LineStatus,
    RecommendationState,
    ReportState,
)
from planning.booking_policy import KINDS
from planning.brief_delivery import PACINGS
from planning.types import CHANNELS
from sellers.api_schema import StrictSerializer

MONEY: dict[str, Any] = {"max_digits": 16, "decimal_places": 3}
HIDDEN: dict[str, Any] = {"required": False}
"""Left out of the answer for whoever may not see prices (security.md 8.2)."""
FIRST_STATUS = ["pending"]
JOB_STATUSES = ["pending", *[status for status in CampaignStatus.values if status != "initialized"]]
APPROVE_STATUSES = ["executing_bookings", "awaiting_second_approval", "success", "partial", "failed"]
LIST_STATUSES = ["pending", *CampaignStatus.values]

PREFER = OpenApiParameter(
    "Prefer",
    {"type": "string", "pattern": "^wait(=[0-9]{1,4})?$"},
    OpenApiParameter.HEADER,
    description="`wait` or `wait=seconds` (30 at most): answer when the sellers have answered",
)


class PolicyBody(serializers.Serializer):
    """What becomes of the other lines of an approval when one of them cannot be booked."""

    kind = serializers.ChoiceField(
        KINDS,
        help_text="keep_partial: they stay. all_or_nothing: they are cancelled. at_least: they are cancelled when "
        "less than `share` of the approved cost can be booked",
    )
    share = serializers.DecimalField(
        max_digits=9,
        decimal_places=6,
        required=False,
        help_text="With at_least only: 0 < share <= 1 of the approved cost, or a percentage",
    )


class BriefBody(serializers.Serializer):
    """A campaign brief; camelCase and snake_case are both read. `planning.brief` checks it and names every error."""

    client = serializers.CharField(
        required=False, help_text="Slug of the client; may be left out with one client"
    )
    name = serializers.CharField(max_length=100)
    objectives = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, max_length=20
    )
    budget = serializers.DecimalField(**MONEY, help_text="Greater than 0, in `currency`")
    currency = serializers.CharField(default="USD", help_text="ISO 4217")
    start_date = serializers.DateField(help_text="First day, from its first minute in `timezone`")
    end_date = serializers.DateField(help_text="Last day, included")
    timezone = serializers.CharField(
        required=False, help_text="IANA name such as Europe/Berlin; the client's own where it is left out"
    )
    pacing = serializers.ChoiceField(
        PACINGS,
        required=False,
        help_text="even where it is left out. No seller's format has a field for it: ahead and asap go with the order "
        "as an instruction",
    )
    target_audience = serializers.DictField(
        help_text="age, gender, geo, interests, demographics, behaviors; an empty object means everybody"
    )
    kpis = serializers.DictField(
        required=False, help_text="max_cpm, target_cpm, viewability, completion_rate, ctr, brand_safety"
    )
    channels = serializers.ListField(child=serializers.ChoiceField([*CHANNELS, "mobile_app"]), required=False)
    constraints = serializers.DictField(
        required=False,
        help_text="sellers_included, sellers_excluded, channel_shares, seller_shares, max_seller_share, frequency_cap",
    )
    auto_approve = serializers.BooleanField(required=False)
    booking_policy = PolicyBody(required=False)
    advertiser = serializers.CharField(required=False)
    notes = serializers.CharField(required=False)


class JobAnswer(serializers.Serializer):
    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(FIRST_STATUS)
    url = serializers.CharField(help_text="Path of the job")


class ApproveBody(StrictSerializer):
    """Name the lines by `recommendation_ids`, or by `approved_product_ids` as in the booking flow document."""

    recommendation_ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    approved_product_ids = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, max_length=500
    )
    fingerprints = serializers.DictField(
        child=serializers.CharField(max_length=64),
        required=False,
        help_text="recommendation_id -> fingerprint as read; refused with 409 when a line has changed since",
    )
    expected_total = serializers.DecimalField(
        **MONEY,
        required=False,
        help_text="The total that the approver saw; another total is refused with 409",
    )

    def validate_fingerprints(self, value: dict[str, str]) -> dict[str, str]:
        for key in value:
            serializers.UUIDField().run_validation(key)
        return value


class ApproveAllBody(StrictSerializer):
    expected_total = serializers.DecimalField(
        **MONEY,
        required=False,
        help_text="The total that the approver saw; another total is refused with 409",
    )


class ApproveAnswer(serializers.Serializer):
    status = serializers.ChoiceField(
        APPROVE_STATUSES,
        help_text="executing_bookings until every approved line is settled; awaiting_second_approval when the "
        "policy wants another person to approve the same lines",
    )
    approved_count = serializers.IntegerField()
    booked = serializers.IntegerField()
    failed = serializers.IntegerField()
    total_cost = serializers.CharField()
    currency = serializers.CharField()
    background = serializers.BooleanField()
    message = serializers.CharField()
    decision_id = serializers.UUIDField()
    fingerprint = serializers.CharField()
    acts_at = serializers.DateTimeField(
        allow_null=True, help_text="Nothing is sent earlier; until then the approval can be undone"
    )


class UndoBody(StrictSerializer):
    decision_id = serializers.UUIDField(help_text="As the approval answered it")
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class RejectBody(StrictSerializer):
    recommendation_ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    product_ids = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, max_length=500
    )
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class ReasonBody(StrictSerializer):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class CampaignSummary(serializers.Serializer):
    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(JOB_STATUSES)
    name = serializers.CharField()
    client = serializers.CharField()
    budget = serializers.CharField()
    currency = serializers.CharField()
    start_date = serializers.DateField()
    end_date = serializers.DateField()
    progress = serializers.FloatField(min_value=0, max_value=1)
    prepared_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class Recommendation(serializers.Serializer):
    """One line of the plan. Prices are left out for whoever may not see them."""

    recommendation_id = serializers.UUIDField()
    product_id = serializers.CharField()
    product_name = serializers.CharField()
    channel = serializers.ChoiceField(CHANNELS)
    seller = serializers.CharField()
    seller_name = serializers.CharField()
    rank = serializers.IntegerField()
    deal_type = serializers.CharField()
    guaranteed = serializers.BooleanField()
    impressions = serializers.IntegerField()
    available = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    start_date = serializers.DateField()
    end_date = serializers.DateField()
    quote_expires_at = serializers.DateTimeField()
    status = serializers.ChoiceField(RecommendationState.choices)
    score = serializers.CharField(**HIDDEN)
    cpm = serializers.CharField(**HIDDEN)
    list_cpm = serializers.CharField(**HIDDEN)
    cost = serializers.CharField(**HIDDEN)
    saving = serializers.CharField(**HIDDEN)
    quote_id = serializers.CharField(allow_null=True, **HIDDEN)
    quote_note = serializers.CharField(allow_blank=True, **HIDDEN)
    explanation = serializers.ListField(child=serializers.CharField(), **HIDDEN)
    reason = serializers.CharField(allow_blank=True, **HIDDEN)
    fingerprint = serializers.CharField(**HIDDEN)


class BookedLine(serializers.Serializer):
    """An approved line. `booked` only when the seller said so; ids are the seller's."""

    line_id = serializers.UUIDField()
    recommendation_id = serializers.UUIDField()
    product_id = serializers.CharField()
    product_name = serializers.CharField()
    channel = serializers.ChoiceField(CHANNELS)
    seller = serializers.CharField()
    booking_status = serializers.ChoiceField(LineStatus.choices)
    booked = serializers.BooleanField()
    seller_status = serializers.CharField(allow_blank=True)
    impressions = serializers.IntegerField()
    currency = serializers.CharField()
    needs_decision = serializers.BooleanField()
    needs_attention = serializers.BooleanField()
    code = serializers.CharField(allow_blank=True)
    cancellation = serializers.ChoiceField(
        CompensationState.choices,
        allow_null=True,
        help_text="Where the cancellation of a line that must not stand is; null when none was wanted",
    )
    free_cancel_until = serializers.DateField(
        allow_null=True, help_text="Last day of free cancellation, by the trade's standard terms"
    )
    approved_by = serializers.CharField()
    approved_at = serializers.DateTimeField()
    seller_reference = serializers.CharField(allow_null=True, **HIDDEN)
    refs = serializers.DictField(**HIDDEN)
    approved_cpm = serializers.CharField(**HIDDEN)
    approved_cost = serializers.CharField(**HIDDEN)
    confirmed_cost = serializers.CharField(allow_null=True, **HIDDEN)
    confirmed = serializers.DictField(**HIDDEN)
    note = serializers.CharField(allow_blank=True, **HIDDEN)


class Allocation(serializers.Serializer):
    channel = serializers.ChoiceField(CHANNELS)
    budget = serializers.CharField()
    percentage = serializers.CharField()
    status = serializers.ChoiceField(ChannelState.choices)
    note = serializers.CharField(allow_blank=True)
    reasons = serializers.ListField(child=serializers.CharField())


class Skipped(serializers.Serializer):
    reference = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)


class SellerAnswered(serializers.Serializer):
    """What one seller said about one channel."""

    channel = serializers.ChoiceField(CHANNELS)
    seller = serializers.CharField()
    status = serializers.ChoiceField(ReportState.choices)
    code = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    products = serializers.IntegerField()
    offers = serializers.IntegerField()
    skipped_count = serializers.IntegerField()
    elapsed_ms = serializers.IntegerField()
    skipped = Skipped(many=True, **HIDDEN)


class FlowError(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(required=False, allow_blank=True)


class DecisionMade(serializers.Serializer):
    decision_id = serializers.UUIDField()
    verdict = serializers.ChoiceField(Verdict.choices)
    by = serializers.CharField()
    door = serializers.CharField()
    at = serializers.DateTimeField()
    recommendation_ids = serializers.ListField(child=serializers.UUIDField())
    total = serializers.CharField(**HIDDEN)
    fingerprint = serializers.CharField(**HIDDEN)
    reason = serializers.CharField(allow_blank=True, **HIDDEN)
    acts_at = serializers.DateTimeField(allow_null=True)
    people = serializers.IntegerField(
        help_text="How many people approved exactly this, the last one included"
    )
    undoes = serializers.UUIDField(allow_null=True, help_text="The decision that this one took back")
    undone = serializers.BooleanField()


class PolicyShown(serializers.Serializer):
    kind = serializers.ChoiceField(KINDS)
    share = serializers.CharField(allow_null=True)
    text = serializers.CharField(help_text="What an approval agrees to, in one sentence")


class UnwindingShown(serializers.Serializer):
    """A decision whose booking policy could not be kept: its lines are taken back."""

    decision_id = serializers.UUIDField()
    reason = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class Approval(serializers.Serializer):
    request_id = serializers.UUIDField()
    status = serializers.CharField()
    version = serializers.IntegerField()
    prepared_by = serializers.CharField()
    decisions = DecisionMade(many=True)


class Totals(serializers.Serializer):
    budget = serializers.CharField()
    recommended = serializers.CharField()
    open = serializers.CharField()
    approved = serializers.CharField()
    reserved = serializers.CharField()
    committed = serializers.CharField()


class CampaignDetail(CampaignSummary):
    brief = serializers.DictField()
    unused_fields = serializers.ListField(child=serializers.CharField())
    audience_plan = serializers.DictField(allow_null=True)
    budget_allocations = serializers.DictField(child=Allocation())
    sellers = SellerAnswered(many=True)
    plan = serializers.DictField(allow_null=True)
    recommendations = Recommendation(many=True)
    booked_lines = BookedLine(many=True)
    errors = FlowError(many=True)  # type: ignore[assignment]
    approval = Approval(allow_null=True)
    booking_policy = PolicyShown()
    unwinding = UnwindingShown(many=True)
    follows = serializers.UUIDField(allow_null=True)
    totals = Totals(**HIDDEN)


class CampaignPage(serializers.Serializer):
    results = CampaignSummary(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class EventActor(serializers.Serializer):
    kind = serializers.CharField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]


class EventRow(serializers.Serializer):
    seq = serializers.IntegerField()
    type = serializers.CharField()
    at = serializers.DateTimeField()
    actor = EventActor()
    correlation_id = serializers.UUIDField()
    payload = serializers.DictField()
    hash = serializers.CharField()


class EventPage(serializers.Serializer):
    events = EventRow(many=True)
    last = serializers.IntegerField()
    more = serializers.BooleanField()
