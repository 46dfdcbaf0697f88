"""The page on which a person says what to be told, how and when."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import page_requires
from accounts.models import User
from notifications import services, wishes
from notifications.forms import PreferencesForm
from notifications.kinds import Channel
from notifications.views import READ
from sellers.guard import UnsafeUrl

WORDS = {
    "https_required": "Webhooks are called over https only.",
    "scheme_not_allowed": "Webhooks are called over https only.",
    "port_not_allowed": "Webhooks are called on port 443 or 8443 only.",
    "credentials_in_url": "Leave user names and passwords out of the address.",
    "invalid_url": "Give a plain address such as https://hooks.example/flightdeck, without ? and #.",
}


@page_requires(READ)
@require_http_methods(["GET", "HEAD", "POST"])
def notification_settings(request: HttpRequest) -> HttpResponse:
    user = _person(request)
    preference = wishes.preference_of(user.pk)
    form = PreferencesForm(user, preference, request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return _page(request, form)
    if not form.is_valid():
        return _page(request, form, status=422)
    services.save_preferences(user, form.chosen())
    messages.success(request, "Your preferences are kept.")
    return redirect("notification-settings")


@page_requires(READ)
@require_POST
def notification_webhook(request: HttpRequest) -> HttpResponse:
    """Set or remove the own webhook. The secret goes into this one answer only."""
    user = _person(request)
    if request.POST.get("remove"):
        services.remove_hook(user)
        messages.success(request, "The webhook is removed.")
        return redirect("notification-settings")
    url = request.POST.get("url", "").strip()
    try:
        secret, refused = services.set_hook(user, url), ""
    except UnsafeUrl as unsafe:
        secret, refused = (
            "",
            WORDS.get(unsafe.code, "This address cannot be used: it does not lead to a public host."),
        )
    form = PreferencesForm(user, wishes.preference_of(user.pk))
    return _page(request, form, status=422 if refused else 200, secret=secret, refused=refused, asked_url=url)


def _page(request: HttpRequest, form: PreferencesForm, *, status: int = 200, **extra: Any) -> HttpResponse:
    context = {
        "form": form,
        "channels": Channel,
        "hook_url": form.preference.hook_url,
        "address": form.user.email,
    }
    return render(request, "notifications/settings.html", context | extra, status=status)


def _person(request: HttpRequest) -> User:
    """`page_requires` has seen to it."""
    assert isinstance(request.user, User)
    return request.user
