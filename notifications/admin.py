"""What operations see of notices and their deliveries. Nothing is edited; a dead delivery runs again with its step."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.decorators import display

from flows.admin import ReadOnly
from notifications.models import Delivery, Notice, Preference


@admin.register(Notice)
class NoticeAdmin(ReadOnly, ModelAdmin):
    list_display = ["created_at", "kind", "title", "recipient", "read_at"]
    list_filter = ["kind"]
    list_select_related = ["recipient"]
    search_fields = ["title", "recipient__username", "key"]
    ordering = ["-created_at"]
    show_full_result_count = False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, ModelAdmin):
    list_display = ["created_at", "channel", "shown_state", "recipient", "tries", "sent_at", "note"]
    list_filter = ["status", "channel"]
    list_select_related = ["recipient"]
    search_fields = ["key", "recipient__username"]
    ordering = ["-created_at"]
    show_full_result_count = False

    @display(
        description="state",
        ordering="status",
        label={"sent": "success", "waiting": "info", "dropped": "warning", "failed": "danger"},
    )
    def shown_state(self, delivery: Delivery) -> str:
        return str(delivery.status)


@admin.register(Preference)
class PreferenceAdmin(ReadOnly, ModelAdmin):
    list_display = ["user", "digest_hour", "quiet_from", "quiet_until", "deputy"]
    list_select_related = ["user", "deputy"]
    search_fields = ["user__username"]
    exclude = ["hook_secret"]
