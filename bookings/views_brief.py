"""The pages where a brief is written: adapters over the same reader and service as REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from accounts.access import page_requires
from accounts.actors import actor_of
from accounts.services import choose_form_style
from approvals.states import Door
from bookings import selectors
from bookings.drafts import services as drafts
from bookings.drafts.check import judge
from bookings.drafts.fields import bound, typed_in, wire_of
from bookings.drafts.filling import moved_ahead, typed_from
from bookings.drafts.keeping import keeps_text, version_in
from bookings.drafts.models import BriefDraft
from bookings.drafts.page import MODES, PAGE, Opened, page_context, ways_in
from bookings.drafts.steps import FIELDS_OF_STEP, REVIEW, step_in, step_of
from bookings.drafts.templates import find_template
from bookings.drafts.views_import import tell_what_is_left_out
from bookings.forms import BriefForm
from flows.ids import new_id
from planning.types import FieldError, InvalidBrief


@keeps_text
@page_requires("booking.create")
@require_http_methods(["GET", "POST"])
def campaign_new(request: HttpRequest) -> HttpResponse:
    """A GET keeps nothing: the draft begins with the first save of what is typed."""
    if request.method == "POST":
        return _take(request, _form_id(request) or new_id())
    asked = uuid_in(request.GET.get("draft", ""))
    if asked is not None and drafts.find_draft(request.user, asked) is not None:
        return redirect("campaign-draft", pk=asked)
    opened = Opened(asked or uuid.uuid4(), 0, _start(request))
    found = ways_in(request.user, opened.draft_id)
    return _page(request, _unbound(request, opened), opened, own_url=_own_url(request, opened), **found)


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
    if request.GET.get("wrong") == "1":
        return _page(request, _with_errors(request, draft, step_in(request.GET.get("step", ""))), opened)
    return _page(request, _unbound(request, opened), opened, kept=request.GET.get("kept") == "1")


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
    except drafts.TooMany as full:
        if go != "":
            return _no_room(request, draft_id, full)
        draft = BriefDraft(
            pk=draft_id, version=0, data=typed_in(request.POST)
        )  # at once a campaign: needs no room
    if go == "":
        return _hand_in(request, draft)
    if go.startswith("continue-"):
        return _continue(request, draft, step_in(go.removeprefix("continue-")))
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


def _continue(request: HttpRequest, draft: BriefDraft, step: int) -> HttpResponse:
    """To the next step, if this one holds. What the others show is judged there, and all of it at the end.

    An error is shown by a page of its own, so that Back never asks whether to send the form again.
    """
    if _wrong_in(request, draft, step):
        return _to_step(draft, step, wrong="1")
    return _to_step(draft, step + 1)


def _wrong_in(request: HttpRequest, draft: BriefDraft, step: int) -> list[FieldError]:
    judged = judge(request.user, wire_of(draft.data, request.user), draft_id=draft.pk)
    return [error for error in judged.errors if step_of(error.field) == step]


def _with_errors(request: HttpRequest, draft: BriefDraft, step: int) -> BriefForm:
    form = bound(draft.data, request.user)
    form.take_errors(_wrong_in(request, draft, step), of=FIELDS_OF_STEP.get(step, ()))
    return form


def _move_on(request: HttpRequest, draft: BriefDraft, go: str) -> HttpResponse:
    """To a step, or to the other way of showing the form."""
    if go in MODES:
        choose_form_style(user=request.user, one_page=go == PAGE)
    step = go.removeprefix("step-") if go.startswith("step-") else request.GET.get("step", "")
    return _to_step(draft, step_in(step))


def _to_step(draft: BriefDraft, step: int, **more: str) -> HttpResponse:
    query = urlencode({"step": str(min(step, REVIEW))} | more)
    return redirect(f"{reverse('campaign-draft', args=[draft.pk])}?{query}")


def _conflict(request: HttpRequest, newer: BriefDraft) -> HttpResponse:
    """The text that was sent, with the choice to look at the newer one or to replace it."""
    opened = Opened(newer.pk, version_in(request, "version"), typed_in(request.POST))
    return _page(request, _unbound(request, opened), opened, status=409, newer=newer)


def _no_room(request: HttpRequest, draft_id: uuid.UUID, full: drafts.TooMany) -> HttpResponse:
    """The text that was sent, not kept yet, with the way to the list."""
    opened = Opened(draft_id, 0, typed_in(request.POST))
    return _page(request, _unbound(request, opened), opened, status=409, full=str(full))


def _own_url(request: HttpRequest, opened: Opened) -> str:
    """The address of this very form, to which a browser without a script comes back with what was kept of it."""
    query = request.GET.copy()
    query["draft"] = str(opened.draft_id)
    return "" if "draft" in request.GET else f"{request.path}?{query.urlencode()}"


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
    tell_what_is_left_out(request, brief)
    typed = typed_from(brief, campaign.organization.slug)
    return typed | {"start_date": start.isoformat(), "end_date": end.isoformat(), "auto_approve": ""}


def _form_id(request: HttpRequest) -> uuid.UUID | None:
    return uuid_in(request.POST.get("form_id", ""))


def uuid_in(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
