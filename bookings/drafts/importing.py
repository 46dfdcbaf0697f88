"""The expert's way in: the brief as JSON or as a sheet, pasted or from a file. With an error nothing is imported."""

from __future__ import annotations

import codecs
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict

from bookings.drafts.fields import wire_of
from bookings.drafts.sheet import BadSheet, Sheet, is_sheet, read_sheet
from planning.types import FieldError

LARGEST_FILE = 200_000  # bytes
BY_MARK = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Imported:
    """The wire form of what was given, and how an error of it is told."""

    wire: Mapping[str, Any]
    sheet: Sheet | None = None

    def said(self, error: FieldError) -> str:
        return self.sheet.said(error) if self.sheet else f"{error.field}: {error.message}"


class BriefFileForm(forms.Form):
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    file = forms.FileField(
        label="From a file",
        required=False,
        help_text="A .json or .csv file with one brief. It goes before what stands below.",
        widget=forms.FileInput(attrs={"accept": ".json,.csv,application/json,text/csv"}),
    )
    brief = forms.CharField(
        label="Brief as JSON or as a sheet",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "class": "code"}),
        help_text="JSON as POST /api/bookings takes it, or the two columns field and value of a spreadsheet.",
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if not self.is_bound:
            self.initial.setdefault("form_id", uuid.uuid4())

    def clean_brief(self) -> Imported:
        text = self._from_file() or self.cleaned_data["brief"]
        if not text.strip():
            raise forms.ValidationError("Paste a brief, or choose a file.", code="required")
        return self._sheet(text) if self._is_sheet(text) else _json(text)

    def _is_sheet(self, text: str) -> bool:
        upload = self.cleaned_data.get("file")
        return is_sheet(text) or bool(upload and upload.name.lower().endswith(".csv"))

    def _sheet(self, text: str) -> Imported:
        try:
            sheet = read_sheet(text.replace("\x00", ""), self.user)
        except BadSheet as bad:
            raise forms.ValidationError(
                [forms.ValidationError(one, code="invalid_sheet") for one in bad.sentences]
            ) from bad
        return Imported(wire_of(sheet.typed, self.user), sheet)

    def _from_file(self) -> str:
        """The file's text; it then stands in the box, so that an error can be mended there."""
        upload = self.cleaned_data.get("file")
        if upload is None:
            return ""
        if upload.size > LARGEST_FILE:
            raise forms.ValidationError(
                f"The file has {upload.size:,} bytes; {LARGEST_FILE:,} are read.", code="too_large"
            )
        text = _decoded(upload.read())
        self.data = MultiValueDict({**dict(self.data), "form_id": [self.data["form_id"]], "brief": [text]})
        return text


def _decoded(raw: bytes) -> str:
    """By its mark, else as UTF-8. Other encodings are not guessed: names would be changed unseen."""
    encoding = next((name for mark, name in BY_MARK if raw.startswith(mark)), "utf-8")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        text = "The file is not text in UTF-8. In a spreadsheet, save it as CSV UTF-8."
        raise forms.ValidationError(text, code="invalid_encoding") from error


def _json(text: str) -> Imported:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not text.lstrip().startswith(("{", "[")):
            say = f"This is not JSON: {error}. A sheet begins with a row that says field and value."
            raise forms.ValidationError(say, code="invalid_json") from error
        raise forms.ValidationError(f"This is not JSON: {error}.", code="invalid_json") from error
    if not isinstance(data, dict):
        raise forms.ValidationError("The brief must be a JSON object, in braces.", code="invalid_type")
    return Imported(data)
