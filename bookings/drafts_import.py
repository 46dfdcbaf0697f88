"""The expert's way in: the brief as JSON, pasted or from a file."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict

LARGEST_FILE = 200_000  # bytes


class BriefFileForm(forms.Form):
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    file = forms.FileField(
        label="From a file",
        required=False,
        help_text="A .json file with one brief. It goes before what stands below.",
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )
    brief = forms.CharField(
        label="Brief as JSON",
        required=False,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "class": "code"}),
        help_text="The same form as POST /api/bookings takes.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.initial.setdefault("form_id", uuid.uuid4())

    def clean_brief(self) -> dict[str, Any]:
        text = self._from_file() or self.cleaned_data["brief"]
        if not text.strip():
            raise forms.ValidationError("Paste a brief, or choose a file.", code="required")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {error}.", code="invalid_json") from error
        if not isinstance(data, dict):
            raise forms.ValidationError("The brief must be a JSON object, in braces.", code="invalid_type")
        return data

    def _from_file(self) -> str:
        """The file's text; it then stands in the box, so that an error can be mended there."""
        upload = self.cleaned_data.get("file")
        if upload is None:
            return ""
        if upload.size > LARGEST_FILE:
            raise forms.ValidationError(
                f"The file has {upload.size:,} bytes; {LARGEST_FILE:,} are read.", code="too_large"
            )
        try:
            text = str(upload.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The file is not text in UTF-8.", code="invalid_json") from error
        self.data = MultiValueDict({**dict(self.data), "form_id": [self.data["form_id"]], "brief": [text]})
        return text
