"""The registry for operations. Everything that changes goes through `sellers.services`; keys go in, never out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminPasswordWidget

from accounts.actors import actor_of
from accounts.permissions import can
from flows.admin import ReadOnly, back_to
from sellers import selectors, services
from sellers.forms import NewSellerForm
from sellers.gate import MOST_CONCURRENT
from sellers.models import Exchange, Seller, SellerOutage
from sellers.outages import last_outages
from sellers.presenting import status_of, why_out

TONES = {"ok": "success", "failing": "danger", "out": "danger", "unprobed": "info", "disabled": "warning"}


class KeyForm(BaseDialogForm):
    key = forms.CharField(
        label="New key",
        max_length=4096,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
    )

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        problem = services.key_problem(key)
        if problem:
            raise forms.ValidationError(problem.message)
        return key


class LimitForm(BaseDialogForm):
    calls = forms.IntegerField(
        label="Calls at once",
        required=False,
        min_value=1,
        max_value=MOST_CONCURRENT,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Left empty: as many as at any other seller.",
    )


@admin.register(Seller)
class SellerAdmin(ModelAdmin):
    list_display = ["name", "shown_status", "dialect", "base_url", "enabled", "probed_at", "shown_probe"]
    list_filter = ["enabled", "dialect"]
    search_fields = ["name", "slug", "base_url"]
    ordering = ["name"]
    actions_detail = ["probe", "limit_calls", "rotate_key", "disable", "enable"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "shown_status", "dialect", "base_url"]}),
        (
            "Who we are to it",
            {"fields": ["shown_key", "seat_id", "agency_id", "advertiser_id", "account_id"]},
        ),
        ("Wire", {"fields": ["currency", "options"]}),
        ("Health", {"fields": ["shown_outages"]}),
        ("Last probe", {"fields": ["probed_at", "shown_probe", "probe_result"]}),
        ("Record", {"fields": ["created_at", "created_by"]}),
    ]
    add_fields = [
        "url",
        "dialect",
        "name",
        "slug",
        "key",
        "seat_id",
        "agency_id",
        "advertiser_id",
        "account_id",
        "currency",
        "options",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Seller]:
        return selectors.list_sellers()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can(request.user, "seller.write")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can(request.user, "seller.read")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a seller is changed by its actions, each with an event of its own

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its lines and exchanges must keep their seller: disable it

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return can(request.user, "seller.write")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            return NewSellerForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else [(None, {"fields": self.add_fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.fieldsets for name in part["fields"]] if obj else []

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Seller:
        seller: Seller = form.register(actor=actor_of(request), created_by=request.user)
        return seller

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Already stored by the service, with its event."""

    @display(description="status", label=TONES)
    def shown_status(self, seller: Seller) -> str:
        return status_of(seller)

    @display(description="key")
    def shown_key(self, seller: Seller) -> str:
        return seller.key_hint or "none"

    @display(description="outages")
    def shown_outages(self, seller: Seller) -> str:
        return "; ".join(_in_words(outage) for outage in last_outages(seller)) or "none on record"

    @display(description="said")
    def shown_probe(self, seller: Seller) -> str:
        return str(seller.probe_result.get("summary", ""))[:160]

    @action(
        description="Probe",
        permissions=["operate"],
        dialog={
            "title": "Probe this seller",
            "description": "Reads its catalogue and checks our key. Nothing is booked.",
            "form_class": None,
            "form_submit_text": "Probe",
        },
    )
    def probe(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        result = services.probe_seller(seller_id=_uuid(object_id), actor=actor_of(request))
        messages.add_message(request, messages.SUCCESS if result.ok else messages.ERROR, result.summary)
        return back_to(request, "admin:sellers_seller_change", object_id)

    @action(
        description="Replace key",
        permissions=["operate"],
        dialog={
            "title": "Replace the key",
            "description": "The old key is gone at once. The new one is stored encrypted and not shown again.",
            "form_class": KeyForm,
            "form_submit_text": "Replace",
        },
    )
    def rotate_key(self, request: HttpRequest, form: KeyForm, object_id: str) -> HttpResponse:
        services.rotate_key(seller_id=_uuid(object_id), key=form.cleaned_data["key"], actor=actor_of(request))
        messages.success(request, "The key was replaced.")
        return back_to(request, "admin:sellers_seller_change", object_id)

    @action(
        description="Limit calls",
        permissions=["operate"],
        dialog={
            "title": "Limit the calls to this seller",
            "description": "So many calls run at once, whatever campaigns they are for; the others wait.",
            "form_class": LimitForm,
            "form_submit_text": "Set",
        },
    )
    def limit_calls(self, request: HttpRequest, form: LimitForm, object_id: str) -> HttpResponse:
        calls = form.cleaned_data["calls"]
        services.limit_calls(seller_id=_uuid(object_id), calls=calls, actor=actor_of(request))
        messages.success(request, f"At most {calls} calls at once." if calls else "No limit of its own.")
        return back_to(request, "admin:sellers_seller_change", object_id)

    @action(
        description="Disable",
        permissions=["operate"],
        dialog={
            "title": "Disable this seller",
            "description": "New research leaves it out. Lines already approved are no longer sent to it; "
            "what it has sold stays.",
            "form_class": None,
            "form_submit_text": "Disable",
        },
    )
    def disable(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._switch(request, object_id, services.disable_seller, "disabled")

    @action(
        description="Enable",
        permissions=["operate"],
        dialog={
            "title": "Enable this seller",
            "description": "New research asks it again.",
            "form_class": None,
            "form_submit_text": "Enable",
        },
    )
    def enable(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._switch(request, object_id, services.enable_seller, "enabled")

    def _switch(
        self, request: HttpRequest, object_id: str, service: Callable[..., Seller], word: str
    ) -> HttpResponse:
        seller = service(seller_id=_uuid(object_id), actor=actor_of(request))
        messages.success(request, f"{seller.name} is {word}.")
        return back_to(request, "admin:sellers_seller_change", object_id)


@admin.register(SellerOutage)
class SellerOutageAdmin(ReadOnly, ModelAdmin):
    list_display = ["seller", "began_at", "ended_at", "reason", "calls_failed"]
    list_filter = ["seller", "reason"]
    list_select_related = ["seller"]
    ordering = ["-began_at"]
    show_full_result_count = False


@admin.register(Exchange)
class ExchangeAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "seller", "method", "path", "status", "error", "elapsed_ms", "sent"]
    list_filter = ["seller", "status", "error", "method", "sent"]
    search_fields = ["correlation_id", "flow_id", "path"]
    list_select_related = ["seller"]
    ordering = ["-at"]
    date_hierarchy = "at"
    show_full_result_count = False


def _in_words(outage: SellerOutage) -> str:
    until = f"to {outage.ended_at:%Y-%m-%d %H:%M:%S}" if outage.ended_at else "until now"
    return f"{outage.began_at:%Y-%m-%d %H:%M:%S} UTC {until}: {why_out(outage)}"


def _uuid(object_id: str) -> UUID:
    try:
        return UUID(object_id)
    except ValueError as wrong:
        raise Http404 from wrong
