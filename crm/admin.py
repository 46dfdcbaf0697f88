"""Ops keep the parties, the people there, and who of ours works for whom."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from crm import services
from crm.models import Assignment, Contact, Organization
from flows.actors import HUMAN, Actor


class ContactInline(TabularInline):
    model = Contact
    extra = 0


class AssignmentInline(TabularInline):
    model = Assignment
    extra = 0
    verbose_name = "person who works for this client"
    verbose_name_plural = "who sees this client"


@admin.register(Organization)
class OrganizationAdmin(ModelAdmin):
    list_display = ["name", "lifecycle", "currency", "timezone", "created_at"]
    list_filter = ["lifecycle", "currency"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [AssignmentInline, ContactInline]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        organization = form.instance
        before = set(organization.assignments.values_list("user_id", flat=True))
        super().save_related(request, form, formsets, change)
        after = set(organization.assignments.values_list("user_id", flat=True))
        actor = Actor(HUMAN, str(request.user.pk), str(request.user))
        services.record_assignments(organization, before, after, actor)
