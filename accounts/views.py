"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse

from accounts.forms import LoginForm
from accounts.models import User
from accounts.roles import Role


class Login(LoginView):
    """429 with Retry-After after too many wrong attempts; `next` leads to this host only."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        if form.is_throttled:
            response.status_code = 429
            response["Retry-After"] = str(form.seconds_to_wait())
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"demo_users": demo_users()}


class Logout(LogoutView):
    """POST only, so that no link or image signs anyone out."""

    http_method_names = ["post"]


def demo_users() -> list[dict[str, str]]:
    """The people of the demo, for its own login page; empty everywhere else."""
    if not settings.FLIGHTDECK_DEMO:
        return []
    password = getattr(settings, "FLIGHTDECK_DEMO_PASSWORD", "")
    people = User.objects.filter(is_active=True, email__endswith=".example").exclude(role=Role.API_CLIENT)
    return [_introduced(user, password) for user in people.order_by("pk")]


def _introduced(user: User, password: str) -> dict[str, str]:
    role = user.effective_role
    return {"username": user.username, "role": role.label, "note": role.meaning, "password": password}
