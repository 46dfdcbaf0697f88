"""What the open page of a brief asks for while somebody types: answers in JSON, 401 once the session has ended."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import page_requires
from bookings.drafts import services as drafts
from bookings.drafts.check import judge
from bookings.drafts.fields import bound, typed_in
from bookings.drafts.keeping import keeps_text, version_in
from bookings.drafts.models import BriefDraft
from bookings.drafts.page import preview_of, problems_of, review_of
from bookings.drafts.templates import drop_template, keep_template
from bookings.views_brief import uuid_in

View = Callable[..., HttpResponseBase]


def answers_401(view: View) -> View:
    """A script cannot follow a redirect to the login page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return JsonResponse({"code": "session_ended"}, status=401)
        return view(request, *args, **kwargs)

    return guarded


@answers_401
@page_requires("booking.create")
@require_POST
def draft_save(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    writer = drafts.Writer(
        seen=version_in(request, "version"),
        tab=request.POST.get("tab", "")[:40],
        save=version_in(request, "tab_save"),
    )
    try:
        draft = drafts.save_draft(owner=request.user, draft_id=pk, data=typed_in(request.POST), writer=writer)
    except drafts.NotYours as other:
        raise Http404 from other
    except drafts.Submitted as done:
        return JsonResponse({"code": "submitted", "url": done.campaign.get_absolute_url()}, status=409)
    except drafts.TooMany as full:
        return JsonResponse(
            {"code": "too_many_drafts", "message": str(full), "url": reverse("brief-drafts")}, status=422
        )
    except drafts.Conflict as conflict:
        return JsonResponse({"code": "newer_version", **_state(conflict.draft)}, status=409)
    return JsonResponse(_state(draft))


@answers_401
@page_requires("booking.create")
@require_POST
def brief_check(request: HttpRequest) -> HttpResponse:
    """The judgement that handing in would meet, and what the page shows of it. Writes nothing."""
    data = typed_in(request.POST)
    form = bound(data, request.user)
    judged = judge(request.user, form.wire(), draft_id=uuid_in(request.POST.get("form_id", "")))
    errors, warnings = problems_of(form, judged.errors), problems_of(form, judged.warnings)
    context = {
        "problems": errors,
        "warnings": warnings,
        "review": review_of(form, data),
        "preview": preview_of(request.user, data, judged),
        "timezone": judged.timezone,
    }
    parts = {
        "approval": render_to_string("bookings/brief/preview.html", context),
        "warnings": render_to_string("bookings/brief/warnings.html", context),
        "review": render_to_string("bookings/brief/review.html", context),
        "zone": render_to_string("bookings/brief/zone.html", context),
    }
    return JsonResponse({"errors": errors, "warnings": warnings, "parts": parts})


@answers_401
@require_GET
def brief_session(request: HttpRequest) -> HttpResponse:
    """Who is signed in now, and the token that this session's forms must carry."""
    return JsonResponse({"user": str(request.user.pk), "csrf": get_token(request)})


@page_requires("booking.create")
@require_POST
def draft_discard(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if drafts.discard_drafts(request.user, [pk]):
        messages.success(request, "The draft is thrown away.")
    return redirect("campaign-new")


@page_requires("booking.create")
@require_http_methods(["GET", "POST"])
def draft_list(request: HttpRequest) -> HttpResponse:
    """Every open draft, the longest untouched first, to go on with or to delete."""
    if request.method == "POST":
        return _delete_ticked(request)
    rows = list(drafts.open_drafts(request.user).order_by("updated_at"))
    context = {"drafts": rows, "most": drafts.MOST_OPEN, "days": drafts.KEPT_FOR.days}
    return render(request, "bookings/brief/drafts.html", context)


def _delete_ticked(request: HttpRequest) -> HttpResponse:
    ticked = [pk for text in request.POST.getlist("draft")[: drafts.MOST_TICKED] if (pk := uuid_in(text))]
    count = drafts.discard_drafts(request.user, ticked)
    if count:
        messages.success(request, f"{count} draft{'' if count == 1 else 's'} deleted.")
    else:
        messages.error(request, "Nothing was deleted: tick the drafts that should go.")
    return redirect("brief-drafts")


@keeps_text
@page_requires("booking.create")
@require_POST
def template_keep(request: HttpRequest) -> HttpResponse:
    """Of the whole form as it stands, which is kept as a draft first."""
    data, draft_id = typed_in(request.POST), uuid_in(request.POST.get("form_id", ""))
    if draft_id is None:
        raise Http404
    writer = drafts.Writer(version_in(request, "version"))
    try:
        drafts.save_draft(owner=request.user, draft_id=draft_id, data=data, writer=writer)
    except drafts.NotYours as other:
        raise Http404 from other
    except drafts.TooMany as full:
        messages.error(request, str(full))
        return redirect("brief-drafts")
    except (drafts.Conflict, drafts.Submitted):
        pass  # the template is of what was sent; the newer draft stays as it is
    name, shared = request.POST.get("template_name", ""), request.POST.get("template_for") == "agency"
    if problem := keep_template(request.user, name, data, shared=shared):
        messages.error(request, problem)
    else:
        whose = "for everybody of the agency" if shared else "for you"
        messages.success(request, f"The template is kept {whose}.")
    return redirect("campaign-draft", pk=draft_id)


@page_requires("booking.create")
@require_POST
def template_drop(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if not drop_template(request.user, pk):
        raise Http404
    messages.success(request, "The template is removed.")
    return redirect("campaign-new")


def _state(draft: BriefDraft) -> dict[str, Any]:
    return {"version": draft.version, "saved_at": draft.updated_at.isoformat()}
