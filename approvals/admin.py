"""Ops see requests and decisions, and set the limits. They never decide."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from approvals.models import ApprovalItem, ApprovalPolicy, ApprovalRequest, Decision
from flows.admin import ReadOnly


class ItemInline(ReadOnly, TabularInline):
    model = ApprovalItem
    fields = ["label", "amount", "state", "expires_at"]
    readonly_fields = fields
    extra = 0


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnly, ModelAdmin):
    list_display = ["title", "kind", "status", "currency", "ceiling", "prepared_label", "created_at"]
    list_filter = ["status", "kind", "currency"]
    search_fields = ["title", "prepared_label"]
    inlines = [ItemInline]


@admin.register(Decision)
class DecisionAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "verdict", "actor_label", "door", "total", "currency", "request"]
    list_filter = ["verdict", "door", "currency"]
    search_fields = ["actor_label", "request__title", "fingerprint"]
    list_select_related = ["request"]


@admin.register(ApprovalPolicy)
class ApprovalPolicyAdmin(ModelAdmin):
    list_display = [
        *("kind", "currency", "self_approval_limit", "auto_approve_limit"),
        *("second_person_above", "people_needed", "undo_seconds"),
    ]
    list_filter = ["kind"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
