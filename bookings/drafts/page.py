"""What the page of a brief shows: its form in steps or whole, who will approve, what is worth a second look."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest

from bookings import selectors
from bookings.drafts import services as drafts
from bookings.drafts.approval import Preview, approval_preview
from bookings.drafts.check import Judged, judge
from bookings.drafts.fields import wire_of
from bookings.drafts.keeping import ticket_for
from bookings.drafts.models import BriefDraft
from bookings.drafts.paths import form_field
from bookings.drafts.steps import FIELDS_OF_STEP, REVIEW, STEP_OF, TITLES, step_in
from bookings.drafts.templates import templates_for
from bookings.forms import BriefForm
from bookings.warnings import Warning
from planning.fields import read_number
from planning.money import CURRENCY_EXPONENTS
from planning.types import FieldError

STEPS, PAGE = "steps", "page"
MODES = (STEPS, PAGE)
PAST = 20  # campaigns offered for copying


@dataclass(frozen=True)
class Opened:
    """The form as this request shows it. `version` 0: nothing of it is kept yet."""

    draft_id: uuid.UUID
    version: int
    data: Mapping[str, Any]
    saved: BriefDraft | None = None


@dataclass(frozen=True)
class Row:
    label: str
    value: str


def mode_of(user: Any) -> str:
    """In steps, unless the person has chosen to see the form whole."""
    return PAGE if user.one_page_forms else STEPS


def page_context(request: HttpRequest, form: BriefForm, opened: Opened, **extra: Any) -> dict[str, Any]:
    mode, step = mode_of(request.user), step_in(request.GET.get("step", ""))
    judged = judge(request.user, wire_of(opened.data, request.user), draft_id=opened.draft_id)
    refused = {STEP_OF[name] for name in form.errors if name in STEP_OF} if form.is_bound else set()
    shown = (refused or {step}) if form.is_bound else {step}
    passed = {row["step"] for row in problems_of(form, judged.errors) if row["step"] < step}
    return {
        "form": form,
        "opened": opened,
        "ticket": ticket_for(request.user, opened.draft_id),
        "mode": mode,
        "step": min(shown),
        "shown": set(FIELDS_OF_STEP) if mode == PAGE else shown,
        "steps": _steps(min(shown), refused | passed),
        "preview": preview_of(request.user, opened.data, judged),
        "problems": problems_of(form, judged.errors),
        "warnings": problems_of(form, judged.warnings),
        "fresh": opened.version == 0 and not opened.data.get("name"),
        "review": review_of(form, opened.data),
        "timezone": judged.timezone,
        "most_open": drafts.MOST_OPEN,
    } | extra


def ways_in(user: Any, except_for: uuid.UUID) -> dict[str, Any]:
    """What a new brief can start from."""
    return {
        "drafts": list(drafts.open_drafts(user).exclude(pk=except_for)[: drafts.LISTED]),
        "drafts_open": drafts.open_drafts(user).count(),
        "templates": list(templates_for(user)),
        "past": list(selectors.campaigns_for(user).order_by("-created_at", "-id")[:PAST]),
    }


def preview_of(user: Any, data: Mapping[str, Any], judged: Judged) -> Preview:
    """From what is typed so far: a budget that can be read counts, even while the rest does not hold."""
    budget = judged.brief.budget if judged.brief else read_number(data.get("budget", ""))
    currency = str(data.get("currency") or "USD")
    return approval_preview(
        user,
        judged.organization,
        budget if budget is not None and budget > 0 else None,
        currency if currency in CURRENCY_EXPONENTS else "USD",
        auto_approve=bool(data.get("auto_approve")),
    )


def review_of(form: BriefForm, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Everything that was filled in, step by step, as the form words it."""
    return [
        {
            "number": number,
            "title": TITLES[number - 1],
            "rows": [
                Row(str(form.fields[name].label), said)
                for name in names
                if (said := _said(form.fields[name], data.get(name))) and _counts(name, data)
            ],
        }
        for number, names in FIELDS_OF_STEP.items()
    ]


def problems_of(form: BriefForm, found: Sequence[FieldError | Warning]) -> list[dict[str, Any]]:
    """The API's own errors, or warnings, each with the field and the step of the form that it belongs to."""
    return [
        {
            "path": one.field,
            "field": name,
            "label": str(form.fields[name].label) if name else "",
            "step": STEP_OF.get(name, REVIEW),
            "code": one.code,
            "message": one.message,
        }
        for one in found
        for name in [form_field(one.field) or ""]
    ]


def _counts(name: str, data: Mapping[str, Any]) -> bool:
    """A choice that only goes with a number says nothing without it."""
    return name != "frequency_interval" or bool(data.get("frequency_count"))


def _said(field: forms.Field, value: Any) -> str:
    """Choices by their labels."""
    if not value:
        return ""
    labels = {str(key): str(label) for key, label in getattr(field, "choices", ())}
    if isinstance(value, list):
        return ", ".join(labels.get(one, one) for one in map(str, value))
    return "Yes" if isinstance(field, forms.BooleanField) else labels.get(str(value), str(value))


def _steps(current: int, wrong: set[int]) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "label": title,
            "state": "failed"
            if number in wrong
            else "current"
            if number == current
            else "done"
            if number < current
            else "todo",
        }
        for number, title in enumerate(TITLES, 1)
    ]
