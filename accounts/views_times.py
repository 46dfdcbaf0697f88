"""In which zone a person is shown times: the switch of the user menu, and its page."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.access import page_requires
from accounts.forms import TimesForm
from accounts.models import User
from accounts.services import choose_times
from flows.clock import now

READ = "booking.read"  # held by every role: the choice is each person's own


@page_requires(READ)
@require_http_methods(["GET", "POST"])
def times_settings(request: HttpRequest) -> HttpResponse:
    """The menu sends the choice alone, and the person's zone stays as it is."""
    user = request.user
    assert isinstance(user, User)
    kept = {"times": user.times, "timezone": user.timezone}
    if request.method != "POST":
        return _page(request, TimesForm(initial=kept))
    sent = {name: request.POST.get(name, before) for name, before in kept.items()}
    try:
        choose_times(user=user, **sent)
    except ValidationError as wrong:
        form = TimesForm(sent)
        form.take_errors(wrong)
        return _page(request, form, status=422)
    return redirect(_back(request))


def _page(request: HttpRequest, form: TimesForm, status: int = 200) -> HttpResponse:
    return render(request, "accounts/times.html", {"form": form, "moment": now()}, status=status)


def _back(request: HttpRequest) -> str:
    """Only to a path of ours."""
    wanted = request.POST.get("next", "")
    here = {request.get_host()}
    safe = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=here)
    return wanted if safe else reverse("times-settings")
