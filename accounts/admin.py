"""Ops see people and keys, change roles of others, issue and revoke keys. No secret is ever shown again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import services
from accounts.actors import actor_of
from accounts.models import ApiKey, User
from accounts.permissions import SCOPES

admin.site.unregister(Group)


def _login_at_the_one_door(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """The admin's own login form would know no limit on guessing."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.GET.get("next") or request.get_full_path())
    if not admin.site.has_permission(request):
        raise PermissionDenied
    return redirect("admin:index")


admin.site.login = _login_at_the_one_door  # type: ignore[method-assign]


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "full_name", "role", "state", "email", "last_login"]
    list_filter = ["role", "is_active", "is_superuser"]
    search_fields = ["username", "first_name", "last_name", "email"]
    ordering = ["username"]
    filter_horizontal = ()
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Access", {"fields": ["role", "is_active", "is_superuser"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": ["username", "email", "role", "usable_password", "password1", "password2"],
            },
        )
    ]
    readonly_fields = ["last_login", "date_joined"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Nobody changes the own access, and only a superuser makes or unmakes one."""
        fixed = [*self.readonly_fields]
        if not request.user.is_superuser:
            fixed.append("is_superuser")
        if obj is not None and obj.pk == request.user.pk:
            fixed += ["role", "is_active", "is_superuser"]
        return fixed

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what people did stays theirs; disable instead

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = _access(User.objects.get(pk=obj.pk)) if change else {}
        super().save_model(request, obj, form, change)
        if before != _access(obj):
            services.record_access(obj, before, _access(obj), actor_of(request))

    @display(description="Name", ordering="first_name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @display(description="State", label={"active": "success", "disabled": "danger"})
    def state(self, user: User) -> str:
        return "active" if user.is_active else "disabled"


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = ApiKey
        fields = ["user", "name", "scopes", "expires_at"]

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        services.check_expiry(expires_at)
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    form = ApiKeyForm
    list_display = [
        "name",
        "prefix",
        "user",
        "scope_list",
        "key_state",
        "created_at",
        "last_used_at",
        "expires_at",
    ]
    list_filter = ["user__role", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["prefix", "created_at", "last_used_at", "revoked_at"] if obj is not None else []
        return ["name", "user", "scopes", "expires_at", *shown]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a key keeps what it was issued with; issue another and revoke this one

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        data = form.cleaned_data
        key, token = services.issue_key(
            user=data["user"],
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data["expires_at"],
            actor=actor_of(request),
        )
        obj.__dict__.update(key.__dict__)
        request.issued_token = token  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponse:
        """The token goes into this one page only: a message would lie in a cookie or the session."""
        context = self.admin_site.each_context(request) | {
            "title": "API key issued",
            "opts": self.model._meta,
            "key": obj,
            "token": request.issued_token,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/accounts/apikey/issued.html", context)

    @admin.action(description="Revoke the chosen keys", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        keys = list(queryset.filter(revoked_at=None))
        for key in keys:
            services.revoke_key(key=key, actor=actor_of(request))
        self.message_user(request, f"Revoked: {len(keys)}.", messages.SUCCESS)

    @display(description="Scopes")
    def scope_list(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @display(
        description="State",
        label={"active": "success", "expired": "warning", "revoked": "danger", "user disabled": "danger"},
    )
    def key_state(self, key: ApiKey) -> str:
        return key.state


def _access(user: User) -> dict[str, Any]:
    return {"role": str(user.role), "is_active": user.is_active, "is_superuser": user.is_superuser}
