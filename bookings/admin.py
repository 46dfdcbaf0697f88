"""What ops need of campaigns: lists, states, history, and two safe actions. Deciding is not among them."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.actors import actor_of
from approvals.errors import Refused
from bookings import services
from bookings.discrepancies import Comparison, Declaration, Discrepancy
from bookings.models import Campaign, ChannelBudget, Line, Recommendation, SellerReport
from bookings.saga_models import Compensation, Unwinding
from bookings.states import BEFORE_BOOKING, LINE_OPEN
from flows.admin import ReadOnly, back_to
from flows.models import Event

UNFOLD_TONES = {
    "progress": "info",
    "waiting": "warning",
    "good": "success",
    "bad": "danger",
    "warn": "warning",
    "neutral": "",
}

CANCELLATION_TONES = {
    "wanted": "info",
    "started": "info",
    "waiting": "warning",
    "done": "success",
    "failed": "danger",
}


class CancelForm(BaseDialogForm):
    reason = forms.CharField(min_length=services.SHORTEST_REASON, widget=UnfoldAdminTextareaWidget)


class ChannelInline(ReadOnly, TabularInline):
    model = ChannelBudget
    fields = ["channel", "share", "amount", "state", "note"]
    extra = 0


class ReportInline(ReadOnly, TabularInline):
    model = SellerReport
    fields = ["channel", "seller", "state", "products", "reason", "elapsed_ms", "at"]
    extra = 0


class RecommendationInline(ReadOnly, TabularInline):
    model = Recommendation
    fields = ["rank", "channel", "seller", "product_name", "impressions", "cpm", "cost", "state"]
    extra = 0


class LineInline(ReadOnly, TabularInline):
    """With its cancellation, which hangs on the line and so can be no inline of the campaign itself."""

    model = Line
    fields = ["position", "seller", "cost", "status", "seller_status", "cancellation", "note", "attention"]
    readonly_fields = ["cancellation"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Line]:
        return super().get_queryset(request).select_related("seller", "compensation", "recommendation")

    @admin.display(description="cancellation", empty_value="none")
    def cancellation(self, line: Line) -> str:
        return f"{line.undoing.get_state_display()}: {line.undoing.reason}" if line.undoing else ""


class UnwindingInline(ReadOnly, TabularInline):
    model = Unwinding
    fields = ["decision", "reason", "started_at", "ended_at"]
    extra = 0


class CompensationInline(ReadOnly, TabularInline):
    model = Compensation
    fields = ["state", "code", "reason", "back_to_person", "created_at", "settled_at"]
    readonly_fields = ["created_at"]
    extra = 0


@admin.register(Campaign)
class CampaignAdmin(ReadOnly, ModelAdmin):
    list_display = [
        "name",
        "organization",
        "shown_status",
        "budget",
        "currency",
        "start_date",
        "prepared_by",
        "created_at",
    ]
    list_filter = ["status", "currency", "organization"]
    list_select_related = ["organization", "prepared_by"]
    search_fields = ["name", "id", "organization__name"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    show_full_result_count = False
    inlines = [ChannelInline, ReportInline, RecommendationInline, LineInline, UnwindingInline]
    readonly_fields = ["history"]
    actions_detail = ["cancel_campaign"]

    @display(description="status", ordering="status", label=UNFOLD_TONES)
    def shown_status(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.tone, campaign.get_status_display()

    @admin.display(description="History (newest 50)")
    def history(self, campaign: Campaign) -> str:
        rows = Event.objects.filter(subject_type="campaign", subject_id=str(campaign.pk)).order_by(
            "-position"
        )[:50]
        lines = [
            f"{row.position:>4}  {row.at:%Y-%m-%d %H:%M:%S}  {row.type}  {row.actor_label}" for row in rows
        ]
        return format_html("<pre>{}</pre>", "\n".join(lines))

    @action(
        description="Cancel campaign",
        url_path="cancel",
        permissions=["cancel_campaign"],
        dialog={
            "title": "Cancel this campaign?",
            "description": "Nothing has been booked yet, and nothing will be. This cannot be undone.",
            "form_class": CancelForm,
        },
    )
    def cancel_campaign(self, request: HttpRequest, form: CancelForm, object_id: str) -> HttpResponse:
        try:
            services.cancel_campaign(
                campaign_id=uuid.UUID(object_id), actor=actor_of(request), reason=form.cleaned_data["reason"]
            )
            messages.success(request, "The campaign is cancelled.")
        except Refused as refused:
            messages.error(request, refused.message)
        return back_to(request, "admin:bookings_campaign_change", object_id)

    def has_cancel_campaign_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if object_id is None:
            return True
        return Campaign.objects.filter(pk=object_id, status__in=BEFORE_BOOKING).exists()


@admin.register(Line)
class LineAdmin(ReadOnly, ModelAdmin):
    list_display = [
        "recommendation",
        "campaign",
        "seller",
        "shown_status",
        "cost",
        "seller_status",
        "attention",
        "note",
    ]
    list_filter = ["status", "attention", "back_to_person", "seller"]
    list_select_related = ["recommendation", "campaign", "seller"]
    search_fields = ["campaign__name", "id", "recommendation__product_name", "note"]
    ordering = ["-created_at"]
    inlines = [CompensationInline]
    actions = ["check_now"]

    @display(description="status", ordering="status", label=UNFOLD_TONES)
    def shown_status(self, line: Line) -> tuple[str, str]:
        return line.tone, line.get_status_display()

    @admin.action(description="Ask the seller now")
    def check_now(self, request: HttpRequest, queryset: QuerySet[Line]) -> None:
        waiting = queryset.filter(status__in=LINE_OPEN).select_related("campaign")
        asked = sum(services.check_line_now(line=line, actor=actor_of(request)) for line in waiting)
        level = messages.SUCCESS if asked else messages.WARNING
        messages.add_message(request, level, f"{asked} of {queryset.count()} lines are being asked about.")


@admin.register(Compensation)
class CompensationAdmin(ReadOnly, ModelAdmin):
    """Every cancellation at a seller; sending a failed one again is on the operations page."""

    list_display = [
        "product",
        "campaign",
        "seller",
        "shown_state",
        "code",
        "reason",
        "created_at",
        "settled_at",
    ]
    list_filter = ["state", "code", "line__seller"]
    list_select_related = ["line__campaign", "line__recommendation", "line__seller"]
    search_fields = ["line__campaign__name", "line__recommendation__product_name", "line__id"]
    ordering = ["-created_at"]

    @display(description="state", ordering="state", label=CANCELLATION_TONES)
    def shown_state(self, row: Compensation) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(ordering="line__recommendation__product_name")
    def product(self, row: Compensation) -> str:
        return row.line.recommendation.product_name

    @admin.display(ordering="line__campaign__name")
    def campaign(self, row: Compensation) -> str:
        return row.line.campaign.name

    @admin.display(ordering="line__seller__name")
    def seller(self, row: Compensation) -> str:
        return row.line.seller.name


@admin.register(Unwinding)
class UnwindingAdmin(ReadOnly, ModelAdmin):
    """Approvals that are or were taken back, because their booking policy could not be kept."""

    list_display = ["campaign", "shown_state", "reason", "started_at", "ended_at"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter), "campaign__organization"]
    list_select_related = ["campaign"]
    search_fields = ["campaign__name", "reason"]
    ordering = ["-started_at"]

    @display(description="state", ordering="ended_at", label={"ended": "success", "running": "warning"})
    def shown_state(self, row: Unwinding) -> tuple[str, str]:
        return ("ended", "Ended") if row.ended_at else ("running", "Being taken back")


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnly, ModelAdmin):
    """All of them, closed and resolved ones too; acting is on the operations page."""

    list_display = ["reference", "shown_kind", "seller", "summary", "opened_at", "closed_at", "resolved_by"]
    list_filter = ["kind", "seller", "closed_at", "resolved_at"]
    list_select_related = ["seller", "resolved_by"]
    search_fields = ["reference", "summary", "line__campaign__name"]
    ordering = ["-opened_at"]

    @display(description="kind", ordering="kind", label=UNFOLD_TONES)
    def shown_kind(self, row: Discrepancy) -> tuple[str, str]:
        return row.tone, row.get_kind_display()


@admin.register(Declaration)
class DeclarationAdmin(ReadOnly, ModelAdmin):
    list_display = ["claim", "by_label", "reason", "at", "found_at", "ending"]
    list_select_related = ["claim"]
    search_fields = ["by_label", "reason"]
    ordering = ["-at"]


@admin.register(Comparison)
class ComparisonAdmin(ReadOnly, ModelAdmin):
    list_display = ["seller", "shown_status", "night", "created_at", "finished_at", "counts"]
    list_filter = ["status", "seller"]
    list_select_related = ["seller"]
    ordering = ["-created_at"]

    @display(description="status", ordering="status", label=UNFOLD_TONES)
    def shown_status(self, row: Comparison) -> tuple[str, str]:
        return row.tone, row.get_status_display()
