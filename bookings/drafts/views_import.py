"""Importing a brief: a campaign at once, or a draft of the form."""

from __future__ import annotations

import datetime as dt
import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import page_requires
from accounts.actors import actor_of
from approvals.states import Door
from bookings import csv_cells, services
from bookings.clients import choose_client
from bookings.drafts import services as drafts
from bookings.drafts.check import judge
from bookings.drafts.filling import not_carried, typed_from
from bookings.drafts.importing import BriefFileForm, Imported
from bookings.drafts.sheet import sample
from bookings.models import Campaign
from crm.selectors import visible_organizations
from flows.clock import today
from flows.ids import new_id
from planning.types import Brief, InvalidBrief


@page_requires("booking.create")
@require_http_methods(["GET", "POST"])
def campaign_new_json(request: HttpRequest) -> HttpResponse:
    form = BriefFileForm(request.POST or None, request.FILES or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        answer = _take(request, form, form.cleaned_data["brief"])
        if answer is not None:
            return answer
    return render(request, "bookings/campaign_new_json.html", {"form": form})


@page_requires("booking.create")
@require_GET
def sample_csv(request: HttpRequest) -> HttpResponse:
    """A sheet that can be handed in as it is. With a byte order mark, by which spreadsheets know UTF-8."""
    first = today() + dt.timedelta(days=30)
    client = visible_organizations(request.user).order_by("name").first()
    values = {
        "client": client.slug if client else "",
        "name": "Spring launch",
        "objectives": "brand awareness",
        "start_date": first.isoformat(),
        "end_date": (first + dt.timedelta(days=29)).isoformat(),
        "budget": "25000",
        "currency": "USD",
        "pacing": "even",
        "geo": "US, CA",
        "age": "25-54",
        "channels": "branding, ctv",
    }
    rows = "".join(csv_cells.row(cells) for cells in sample(request.user, values))
    answer = HttpResponse("\ufeff" + rows, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="flightdeck-brief.csv"'
    return answer


def tell_what_is_left_out(request: HttpRequest, brief: Brief) -> None:
    if missing := not_carried(brief):
        messages.warning(
            request, f"The form has no field for these parts of the brief: {', '.join(missing)}."
        )


def _take(request: HttpRequest, form: BriefFileForm, given: Imported) -> HttpResponse | None:
    """A campaign, or a draft of the form; None with the errors beside the text."""
    try:
        if request.POST.get("go") == "form":
            return _open_in_form(request, given)
        return redirect(_submit(request, given, form.cleaned_data["form_id"]))
    except InvalidBrief as invalid:
        for error in judge(request.user, given.wire).errors or invalid.errors:
            form.add_error("brief", given.said(error))
    except drafts.TooMany as full:
        form.add_error("brief", str(full))
    return None


def _open_in_form(request: HttpRequest, given: Imported) -> HttpResponse:
    judged = judge(request.user, given.wire)
    if judged.brief is None or judged.organization is None:
        raise InvalidBrief(judged.errors)
    typed = typed_from(judged.brief, judged.organization.slug)
    draft = drafts.save_draft(owner=request.user, draft_id=new_id(), data=typed, writer=drafts.Writer())
    tell_what_is_left_out(request, judged.brief)
    return redirect("campaign-draft", pk=draft.pk)


def _submit(request: HttpRequest, given: Imported, form_id: uuid.UUID | None) -> Campaign:
    """One campaign per form, however often it is sent."""
    organization, brief = choose_client(request.user, given.wire)
    return services.submit_brief(
        data=brief,
        organization=organization,
        prepared_by=request.user,
        actor=actor_of(request),
        door=Door.PAGE,
        campaign_id=form_id,
    )
