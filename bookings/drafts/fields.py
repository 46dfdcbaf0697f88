"""The form of a brief as plain data: field -> text, or list of texts. So it is kept, and so it is read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from bookings.forms import SHARE_FIELDS, BriefForm

LISTS = frozenset(
    name for name, field in BriefForm.base_fields.items() if isinstance(field, forms.MultipleChoiceField)
)
DRAFT_FIELDS = (*(name for name in BriefForm.base_fields if name != "form_id"), *SHARE_FIELDS)


def typed_in(post: QueryDict) -> dict[str, Any]:
    """Every field as typed, for keeping. What a browser cannot send (NUL) no database has to take."""
    return {
        name: [_clean(one) for one in post.getlist(name)] if name in LISTS else _clean(post.get(name, ""))
        for name in DRAFT_FIELDS
    }


def wire_of(data: Mapping[str, Any], user: Any) -> dict[str, Any]:
    """The wire form of what was kept."""
    return bound(data, user).wire()


def bound(data: Mapping[str, Any], user: Any) -> BriefForm:
    sent = MultiValueDict(
        {name: value if isinstance(value, list) else [value] for name, value in data.items()}
    )
    return BriefForm(sent, user=user)


def _clean(text: str) -> str:
    return text.replace("\x00", "").replace("\r\n", "\n")
