"""A campaign from brief to booked lines, and what was learnt and decided on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django_fsm import transition

from bookings.states import (
    BEFORE_BOOKING,
    CAMPAIGN_TONE,
    CHANNEL_TONE,
    LINE_TONE,
    TERMINAL,
    CampaignStatus,
    ChannelState,
    LineStatus,
    RecommendationState,
    ReportState,
)
from flows.clock import now
from flows.fields import Lifecycle, StateField
from flows.ids import new_id
from flows.models import Flow
from planning import brief as briefs
from planning.codec import from_json
from planning.types import BookingPolicy, Brief
from planning.zones import UTC_NAME

if TYPE_CHECKING:
    from bookings.saga_models import Compensation

S = CampaignStatus


def money_field(**kwargs: Any) -> models.DecimalField:
    """Three places cover every ISO 4217 minor unit in use; values are rounded to the currency's own."""
    return models.DecimalField(max_digits=16, decimal_places=3, **kwargs)


def cpm_field(**kwargs: Any) -> models.DecimalField:
    """CPM travels as integer micros on several wires, hence six places."""
    return models.DecimalField(max_digits=16, decimal_places=6, **kwargs)


class Campaign(Flow):
    """One brief on its way to booked lines. The id is the REST `job_id`."""

    flow_name = "campaign"

    name = models.CharField(max_length=100)
    organization = models.ForeignKey("crm.Organization", on_delete=models.PROTECT, related_name="campaigns")
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="campaigns"
    )
    prepared_via = models.CharField(max_length=10)
    status = StateField(default=S.INITIALIZED, choices=S.choices)
    brief = models.JSONField()  # the stored form, `planning.brief.brief_from_json` reads it
    unused_fields = models.JSONField(default=list, blank=True)
    budget = money_field()
    currency = models.CharField(max_length=3)
    start_date = models.DateField()
    end_date = models.DateField()
    auto_approve = models.BooleanField(default=False)
    audience_plan = models.JSONField(null=True, blank=True)
    plan = models.JSONField(null=True, blank=True)  # the selection: value, bound, gap, reasons, not chosen
    plan_version = models.PositiveIntegerField(default=1)  # rises when the plan is made anew
    editors = models.JSONField(default=list, blank=True)  # ids of whoever did so: they prepared it too
    follows = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="followers"
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="campaign_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="campaign_by_status"),
            models.Index(fields=["organization", "-created_at", "-id"], name="campaign_of_client"),
            models.Index(
                fields=["organization", "status", "-created_at", "-id"], name="campaign_of_client_by_status"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=S.values), name="campaign_status_known"),
            models.CheckConstraint(condition=models.Q(budget__gt=0), name="campaign_budget_positive"),
            models.CheckConstraint(
                condition=models.Q(end_date__gte=models.F("start_date")), name="campaign_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaign", args=[self.pk])

    def is_over(self) -> bool:
        return self.status in TERMINAL

    @property
    def tone(self) -> str:
        return CAMPAIGN_TONE[S(self.status)]

    def read_brief(self) -> Brief:
        return briefs.brief_from_json(self.brief)

    @property
    def booking_policy(self) -> BookingPolicy:
        """Part of the brief as it was handed in; nothing changes it afterwards."""
        return from_json(BookingPolicy, self.brief.get("booking_policy") or {})

    @property
    def timezone(self) -> str:
        """IANA name; the days of the flight are counted in it."""
        return self.brief.get("timezone") or UTC_NAME

    @property
    def plan_key(self) -> str:
        """Tells the consolidation of this version from those before it."""
        return "" if self.plan_version == 1 else f"v{self.plan_version}"

    # The seed's transitions, in its order; the last one is a person's.

    @transition(field=status, source=S.INITIALIZED, target=S.BRIEF_RECEIVED)
    def receive_campaign_brief(self) -> None:
        """The brief holds."""

    @transition(field=status, source=S.INITIALIZED, target=S.VALIDATION_FAILED)
    def fail_validation(self, errors: list[dict[str, str]]) -> None:
        """The brief cannot hold here and now; `errors` name the fields."""
        self.errors = [*self.errors, *errors]

    @transition(field=status, source=S.BRIEF_RECEIVED, target=S.BUDGET_ALLOCATED)
    def allocate_budget(self, audience_plan: dict[str, Any]) -> None:
        """The budget is split over the requested channels."""
        self.audience_plan = audience_plan

    @transition(field=status, source=S.BUDGET_ALLOCATED, target=S.RESEARCHING)
    def start_research(self) -> None:
        """Every funded channel is being researched."""

    @transition(field=status, source=S.RESEARCHING, target=S.AWAITING_APPROVAL)
    def consolidate_recommendations(self, plan: dict[str, Any]) -> None:
        """A plan lies before a person."""
        self.plan = plan

    @transition(field=status, source=S.AWAITING_APPROVAL, target=S.EXECUTING_BOOKINGS)
    def approve(self) -> None:
        """At least one line is approved."""

    @transition(field=status, source=S.AWAITING_APPROVAL, target=S.RESEARCHING)
    def revise(self) -> None:
        """A person changed the brief's money or limits: the plan is made anew."""
        self.plan_version += 1

    @transition(field=status, source=S.EXECUTING_BOOKINGS, target=S.AWAITING_APPROVAL)
    def take_back(self) -> None:
        """The only approval was undone before anything of it was sent."""

    @transition(field=status, source=S.EXECUTING_BOOKINGS, target=S.COMPLETED)
    def complete(self) -> None:
        """Every approved line is settled and at least one is booked."""

    @transition(
        field=status, source=[S.BUDGET_ALLOCATED, S.RESEARCHING, S.EXECUTING_BOOKINGS], target=S.FAILED
    )
    def fail(self, errors: list[dict[str, str]], plan: dict[str, Any] | None = None) -> None:
        """Nothing can be booked; `errors` say why."""
        self.errors = [*self.errors, *errors]
        if plan is not None:
            self.plan = plan

    @transition(field=status, source=list(BEFORE_BOOKING), target=S.CANCELLED)
    def cancel(self, reason: str) -> None:
        """A person ended it before any booking started."""
        self.errors = [*self.errors, {"code": "cancelled", "message": reason}]


class ChannelBudget(models.Model):
    """What a channel got and how its research went."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="channels")
    channel = models.CharField(max_length=20)
    position = models.PositiveSmallIntegerField()
    share = models.DecimalField(max_digits=6, decimal_places=4)
    amount = money_field()
    reasons = models.JSONField(default=list)
    state = models.CharField(max_length=12, choices=ChannelState.choices, default=ChannelState.WAITING)
    note = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["campaign", "channel"], name="one_budget_per_channel")]

    def __str__(self) -> str:
        return f"{self.channel}: {self.amount}"

    @property
    def tone(self) -> str:
        return CHANNEL_TONE[ChannelState(self.state)]


class SellerReport(models.Model):
    """What one seller said about one channel."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="reports")
    channel = models.CharField(max_length=20)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=ReportState.choices)
    code = models.CharField(max_length=60, default="", blank=True)
    reason = models.TextField(default="", blank=True)
    products = models.PositiveIntegerField(default=0)  # catalogue rows that could be read
    offers = models.JSONField(default=list)
    skipped = models.JSONField(
        default=list
    )  # rows that could not be read or do not fit, each with its reason
    elapsed_ms = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        ordering = ["channel", "seller__slug"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "channel", "seller"], name="one_report_per_seller"),
        ]

    def __str__(self) -> str:
        return f"{self.seller_id} on {self.channel}: {self.state}"


class Recommendation(models.Model):
    """One line that the plan proposes, at a price that the seller stands by until `quote_expires_at`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="recommendations")
    rank = models.PositiveIntegerField()
    channel = models.CharField(max_length=20)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="+")
    product_id = models.CharField(max_length=255)
    product_name = models.CharField(max_length=255)
    product = models.JSONField()  # the catalogue row as we read it
    deal_type = models.CharField(max_length=4)
    guaranteed = models.BooleanField(default=False)
    impressions = models.PositiveBigIntegerField()
    cpm = cpm_field()
    list_cpm = cpm_field()
    cost = money_field()
    currency = models.CharField(max_length=3)
    start_date = models.DateField()
    end_date = models.DateField()
    quote_id = models.CharField(max_length=255, default="", blank=True)
    quote_expires_at = models.DateTimeField()
    quote_note = models.TextField(default="", blank=True)  # the seller's words
    available = models.PositiveBigIntegerField(null=True, blank=True)
    score = models.DecimalField(max_digits=6, decimal_places=2)
    value = models.DecimalField(max_digits=20, decimal_places=4)
    explanation = models.JSONField(default=list)
    state = models.CharField(
        max_length=10, choices=RecommendationState.choices, default=RecommendationState.OPEN
    )
    decided_reason = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "seller", "product_id", "channel"], name="one_recommendation_per_product"
            ),
            models.CheckConstraint(
                condition=models.Q(impressions__gt=0), name="recommendation_buys_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_name} at {self.seller_id}"

    @property
    def saving(self) -> Decimal:
        """What the line costs less than at list price, in the campaign's currency."""
        return max(Decimal(0), (self.list_cpm - self.cpm) * self.impressions / 1000)


class Line(Lifecycle):
    """An approved line on its way to the seller. What was approved never changes here."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="lines")
    recommendation = models.OneToOneField(Recommendation, on_delete=models.PROTECT, related_name="line")
    decision = models.ForeignKey("approvals.Decision", on_delete=models.PROTECT, related_name="+")
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()  # in the order of rank; a seller's lines are booked one by one
    fingerprint = models.CharField(max_length=64)  # of the approved terms
    impressions = models.PositiveBigIntegerField()
    cpm = cpm_field()
    cost = money_field()
    currency = models.CharField(max_length=3)
    status = StateField(default=LineStatus.DRAFT, choices=LineStatus.choices)
    refs = models.JSONField(default=dict, blank=True)  # the seller's ids: deal_id, order_id, line_id
    seller_status = models.CharField(max_length=60, default="", blank=True)
    confirmed = models.JSONField(default=dict, blank=True)  # terms as the seller confirmed them
    confirmed_cost = money_field(null=True, blank=True)
    note = models.TextField(default="", blank=True)  # what is going on, in words
    code = models.CharField(max_length=60, default="", blank=True)
    back_to_person = models.BooleanField(default=False)  # price rose, product gone: needs a new decision
    attention = models.BooleanField(default=False)  # ops must look: outcome unknown, or a cancellation failed
    free_cancel_until = models.DateField(null=True, blank=True)  # last such day; None = none was left
    not_before = models.DateTimeField(null=True, blank=True)  # until then its approval can be undone
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["created_at"], name="line_attention", condition=models.Q(attention=True)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=LineStatus.values), name="line_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recommendation_id}: {self.status}"

    @property
    def tone(self) -> str:
        return "warn" if self.attention else LINE_TONE[LineStatus(self.status)]

    @property
    def undoing(self) -> Compensation | None:
        """The line's cancellation at the seller, if one was ever wanted."""
        return getattr(self, "compensation", None)

    def seconds_to_wait(self) -> float:
        """How long nothing may be sent yet."""
        return max(0.0, (self.not_before - now()).total_seconds()) if self.not_before else 0.0

    @property
    def seller_reference(self) -> str:
        """The seller's own id of what was booked; empty until the seller gave one."""
        return str(self.refs.get("deal_id") or self.refs.get("line_id") or "")

    @transition(
        field=status, source=[LineStatus.DRAFT, LineStatus.RESERVED], target=LineStatus.PENDING_BOOKING
    )
    def accept(self) -> None:
        """The seller took it and has not confirmed it yet."""

    @transition(
        field=status,
        source=[LineStatus.DRAFT, LineStatus.RESERVED, LineStatus.PENDING_BOOKING],
        target=LineStatus.BOOKED,
    )
    def book(self) -> None:
        """The seller says that it is booked."""

    @transition(
        field=status,
        source=[LineStatus.DRAFT, LineStatus.RESERVED, LineStatus.PENDING_BOOKING],
        target=LineStatus.DECLINED,
    )
    def decline(self, code: str, reason: str, back_to_person: bool = False) -> None:
        """It is not booked, and why."""
        self.code, self.note, self.back_to_person = code, reason, back_to_person

    @transition(
        field=status,
        source=[LineStatus.DRAFT, LineStatus.RESERVED, LineStatus.PENDING_BOOKING],
        target=LineStatus.EXPIRED,
    )
    def expire(self, reason: str) -> None:
        """The seller let it lapse."""
        self.code, self.note, self.back_to_person = "expired", reason, True

    @transition(
        field=status,
        source=[LineStatus.DRAFT, LineStatus.RESERVED, LineStatus.PENDING_BOOKING, LineStatus.BOOKED],
        target=LineStatus.CANCELED,
    )
    def cancel(self, reason: str, code: str = "canceled", back_to_person: bool = False) -> None:
        """Canceled at the seller."""
        self.code, self.note, self.back_to_person = code, reason, back_to_person

    @transition(field=status, source=LineStatus.DECLINED, target=LineStatus.PENDING_BOOKING)
    def reinstate(self) -> None:
        """It stands at the seller after all, and a person keeps it."""
        self.code, self.note, self.back_to_person = "", "", False


__all__ = [
    "Campaign",
    "ChannelBudget",
    "Line",
    "Recommendation",
    "ReportState",
    "SellerReport",
]

from bookings import discrepancies, presence, saga_models  # noqa: E402, F401  registers their models
from bookings.client_view import models as client_models  # noqa: E402, F401
from bookings.drafts import models as drafts_models  # noqa: E402, F401
