"""What ops need of the kernel: steps (dead letters first), claims, the event stream."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from flows import steps
from flows.models import Claim, Event, Step


class ReadOnly:
    """History and the kernel's own rows are looked at, never edited by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def back_to(request: HttpRequest, route: str, object_id: str) -> HttpResponse:
    """To the object's page. A dialog posts by HTMX, which would swap a redirected page into the dialog."""
    url = reverse(route, args=[object_id])
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


@admin.register(Step)
class StepAdmin(ReadOnly, ModelAdmin):
    list_display = ["name", "key", "flow_id", "shown_state", "attempt", "not_before", "finished_at", "error"]
    list_filter = ["state", "flow_name", "name"]
    search_fields = ["flow_id", "key", "error"]
    ordering = ["-created_at"]
    actions = ["run_again"]

    @display(
        description="state",
        ordering="state",
        label={"done": "success", "running": "info", "pending": "warning", "dead": "danger"},
    )
    def shown_state(self, step: Step) -> str:
        return step.state

    @admin.action(description="Run dead steps again")
    def run_again(self, request: HttpRequest, queryset: QuerySet[Step]) -> None:
        revived = sum(steps.revive(step) for step in queryset)
        level = messages.SUCCESS if revived else messages.WARNING
        messages.add_message(
            request, level, f"{revived} of {queryset.count()} steps were dead and run again."
        )


@admin.register(Claim)
class ClaimAdmin(ReadOnly, ModelAdmin):
    list_display = ["kind", "target", "shown_state", "subject_id", "checks", "next_check_at", "created_at"]
    list_filter = ["state", "kind", "target"]
    search_fields = ["subject_id", "flow_id", "key"]
    ordering = ["-created_at"]

    @display(
        description="state",
        ordering="state",
        label={
            "done": "success",
            "refused": "danger",
            "unknown": "warning",
            "escalated": "danger",
            "sending": "info",
        },
    )
    def shown_state(self, claim: Claim) -> str:
        return claim.state


@admin.register(Event)
class EventAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "type", "subject_type", "subject_id", "position", "actor_label"]
    list_filter = ["type", "actor_kind", "subject_type"]
    search_fields = ["subject_id", "correlation_id", "actor_label"]
    ordering = ["-id"]
    show_full_result_count = False
