"""The pages where a brief is written: adapters over the same reader and service as REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import page_requires
from accounts.actors import actor_of
from approvals.states import Door
from bookings import drafts, selectors, services
from bookings.clients import choose_client
from bookings.drafts_check import judge
from bookings.drafts_fields import typed_in
from bookings.drafts_filling import moved_ahead, not_carried, typed_from
from bookings.drafts_import import BriefFileForm
from bookings.drafts_keeping import keeps_text, version_in
from bookings.drafts_models import BriefDraft
from bookings.drafts_page import MODE_COOKIE, MODES, Opened, page_context, ways_in
from bookings.drafts_templates import find_template
from bookings.forms import BriefForm
from bookings.models import Campaign
from flows.ids import new_id
from planning.types import Brief, InvalidBrief

A_YEAR = 365 * 24 * 3600  # seconds


@keeps_text
@page_requires("booking.create")
@require_http_methods(["GET", "POST"])
def campaign_new(request: HttpRequest) -> HttpResponse:
    """A GET keeps nothing: the draft begins with the first save of what is typed."""
    if request.method == "POST":
        return _take(request, _form_id(request) or new_id())
    opened = Opened(uuid.uuid4(), 0, _start(request))
    return _page(request, _unbound(request, opened), opened, **ways_in(request.user, opened.draft_id))


@keeps_text
@page_requires("booking.create")
@require_http_methods(["GET", "POST"])
def campaign_draft(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if request.method == "POST":
        return _take(request, pk)
    draft = drafts.find_draft(request.user, pk)
    if draft is None:
        raise Http404
    if draft.campaign is not None:
        return redirect(draft.campaign)
    opened = Opened(draft.pk, draft.version, draft.data, draft)
    return _page(request, _unbound(request, opened), opened, kept=request.GET.get("kept") == "1")


@page_requires("booking.create")
@require_http_methods(["GET", "POST"])
def campaign_new_json(request: HttpRequest) -> HttpResponse:
    form = BriefFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        answer = _take_json(request, form, form.cleaned_data["brief"])
        if answer is not None:
            return answer
    return render(request, "bookings/campaign_new_json.html", {"form": form})


def _take(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """Keep what was sent, whatever the button was; then do what the button says."""
    go = request.POST.get("go", "")
    seen = version_in(request, "newer_version" if go == "take-over" else "version")
    try:
        draft = drafts.save_draft(
            owner=request.user, draft_id=draft_id, data=typed_in(request.POST), writer=drafts.Writer(seen)
        )
    except drafts.NotYours as other:
        raise Http404 from other
    except drafts.Submitted as done:
        return redirect(done.campaign)
    except drafts.Conflict as conflict:
        return _conflict(request, conflict.draft)
    if go == "":
        return _hand_in(request, draft)
    return _move_on(request, draft, go)


def _hand_in(request: HttpRequest, draft: BriefDraft) -> HttpResponse:
    form = BriefForm(request.POST, user=request.user)
    wire = form.wire()
    try:
        return redirect(
            drafts.submit_draft(
                draft=draft, wire=wire, owner=request.user, actor=actor_of(request), door=Door.PAGE
            )
        )
    except drafts.NotYours as other:
        raise Http404 from other
    except InvalidBrief as invalid:
        judged = judge(request.user, wire, draft_id=draft.pk)
        form.take_errors(judged.errors or invalid.errors)
    return _page(request, form, Opened(draft.pk, draft.version, draft.data, draft))


def _move_on(request: HttpRequest, draft: BriefDraft, go: str) -> HttpResponse:
    """To a step, or to the other way of showing the form."""
    step = go.removeprefix("step-") if go.startswith("step-") else request.GET.get("step", "1")
    answer = redirect(f"{reverse('campaign-draft', args=[draft.pk])}?step={step if step.isdigit() else 1}")
    if go in MODES:
        answer.set_cookie(
            MODE_COOKIE, go, max_age=A_YEAR, httponly=True, samesite="Lax", secure=request.is_secure()
        )
    return answer


def _conflict(request: HttpRequest, newer: BriefDraft) -> HttpResponse:
    """The text that was sent, with the choice to look at the newer one or to replace it."""
    opened = Opened(newer.pk, version_in(request, "version"), typed_in(request.POST))
    return _page(request, _unbound(request, opened), opened, status=409, newer=newer)


def _page(
    request: HttpRequest, form: BriefForm, opened: Opened, *, status: int = 200, **extra: Any
) -> HttpResponse:
    context = page_context(request, form, opened, **extra)
    return render(request, "bookings/campaign_new.html", context, status=status)


def _unbound(request: HttpRequest, opened: Opened) -> BriefForm:
    return BriefForm(initial=dict(opened.data) | {"form_id": opened.draft_id}, user=request.user)


def _start(request: HttpRequest) -> dict[str, Any]:
    """Empty, or copied from a campaign or a template that this person may see."""
    if wanted := request.GET.get("from"):
        return _copied(request, wanted)
    template_id = uuid_in(request.GET.get("template", ""))
    if template_id is not None:
        template = find_template(request.user, template_id)
        if template is None:
            raise Http404
        return dict(template.data)
    return {}


def _copied(request: HttpRequest, wanted: str) -> dict[str, Any]:
    campaign = selectors.visible_campaign(request.user, wanted)
    if campaign is None:
        raise Http404
    brief = campaign.read_brief()
    start, end = moved_ahead(brief)
    _tell_what_is_left_out(request, brief)
    typed = typed_from(brief, campaign.organization.slug)
    return typed | {"start_date": start.isoformat(), "end_date": end.isoformat(), "auto_approve": ""}


def _take_json(request: HttpRequest, form: BriefFileForm, data: dict[str, Any]) -> HttpResponse | None:
    """A campaign, or a draft of the form; None with the errors beside the text."""
    form_id = form.cleaned_data["form_id"]
    try:
        if request.POST.get("go") == "form":
            return _open_in_form(request, data)
        return redirect(_submit(request, data, form_id))
    except InvalidBrief as invalid:
        for error in invalid.errors:
            form.add_error("brief", f"{error.field}: {error.message}")
        return None


def _open_in_form(request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
    judged = judge(request.user, data)
    if judged.brief is None or judged.organization is None:
        raise InvalidBrief(judged.errors)
    typed = typed_from(judged.brief, judged.organization.slug)
    _tell_what_is_left_out(request, judged.brief)
    draft = drafts.save_draft(owner=request.user, draft_id=new_id(), data=typed, writer=drafts.Writer())
    return redirect("campaign-draft", pk=draft.pk)


def _tell_what_is_left_out(request: HttpRequest, brief: Brief) -> None:
    if missing := not_carried(brief):
        messages.warning(
            request, f"The form has no field for these parts of the brief: {', '.join(missing)}."
        )


def _submit(request: HttpRequest, data: dict[str, Any], form_id: uuid.UUID | None) -> Campaign:
    """One campaign per form, however often it is sent."""
    organization, brief = choose_client(request.user, data)
    return services.submit_brief(
        data=brief,
        organization=organization,
        prepared_by=request.user,
        actor=actor_of(request),
        door=Door.PAGE,
        campaign_id=form_id,
    )


def _form_id(request: HttpRequest) -> uuid.UUID | None:
    return uuid_in(request.POST.get("form_id", ""))


def uuid_in(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
