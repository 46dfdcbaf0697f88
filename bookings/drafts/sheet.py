"""A brief as a sheet of two columns, field and value, as a spreadsheet saves it; and the sample to begin with.

The first row says `field` and `value`; a third column is for remarks and is not read. A field is named as in the sample
or as the form labels it, and its value is written as in the form.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from bookings.drafts.fields import LISTS, bound
from bookings.drafts.paths import form_field
from planning.types import FieldError

HEAD = ("field", "value")
MOST_ROWS = 300
SEPARATORS = (",", ";", "\t")
YES, NO = ("yes", "true", "on", "1", "x"), ("no", "false", "off", "0", "")


class BadSheet(ValueError):
    """With every sentence at once, each naming row and column."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class Sheet:
    """`typed` as in the form; `row_of` says where in the sheet each field stands."""

    typed: Mapping[str, Any]
    row_of: Mapping[str, int]
    labels: Mapping[str, str]

    def said(self, error: FieldError) -> str:
        """An error of the brief, with the row that it comes from."""
        name = form_field(error.field) or ""
        if name in self.row_of:
            return f"Row {self.row_of[name]}, column B ({self.labels[name]}): {error.message}"
        where = f"{self.labels[name]}, no row {name!r}" if name else error.field
        return f"{where}: {error.message}"


def is_sheet(text: str) -> bool:
    return _separator(text) is not None


def read_sheet(text: str, user: Any) -> Sheet:
    """Raises `BadSheet`. Nothing of the brief itself is judged here."""
    fields = _fields(user)
    names = _names(fields)
    sentences: list[str] = []
    typed: dict[str, Any] = {}
    row_of: dict[str, int] = {}
    for number, cells in _rows(text, sentences):
        if extra := next((at for at, cell in enumerate(cells[3:], 3) if cell), None):
            sentences.append(f"Row {number}, column {chr(65 + min(extra, 25))}: nothing is read there.")
        if not cells[0]:
            sentences.append(f"Row {number}, column A: name the field that the value belongs to.")
        elif (name := names.get(_folded(cells[0]))) is None:
            sentences.append(
                f"Row {number}, column A: there is no field {cells[0][:60]!r}.{_near(cells[0], names)}"
            )
        elif name in row_of:
            sentences.append(
                f"Row {number}, column A: {cells[0][:60]!r} stands in row {row_of[name]} already."
            )
        else:
            row_of[name] = number
            typed[name] = _value(fields[name], name, cells[1], number, sentences)
    if sentences:
        raise BadSheet(sentences)
    return Sheet(typed, row_of, {name: str(field.label) for name, field in fields.items()})


def sample(user: Any, values: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Every field with an example or an empty value, and what it means."""
    yield (*HEAD, "remark")
    for name, field in _fields(user).items():
        choices = _labels(field)
        known = f"One of: {', '.join(choices.values())}." if 0 < len(choices) <= 8 else ""
        words = " ".join(part for part in (f"{field.label}.", str(field.help_text), known) if part)
        yield name, values.get(name, ""), words


def _fields(user: Any) -> dict[str, forms.Field]:
    return {name: field for name, field in bound({}, user).fields.items() if name != "form_id"}


def _names(fields: Mapping[str, forms.Field]) -> dict[str, str]:
    """Short names before labels, should one read like another."""
    return {_folded(str(field.label)): name for name, field in fields.items()} | {
        _folded(name): name for name in fields
    }


def _folded(text: str) -> str:
    return " ".join(text.replace("_", " ").lower().split())


def _near(text: str, names: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(_folded(text), names, n=1)
    return f" Do you mean {names[near[0]]}?" if near else ""


def _separator(text: str) -> str | None:
    """By the first row: what stands between `field` and `value`."""
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    for separator in SEPARATORS:
        cells = [cell.strip().strip('"').lower() for cell in first.split(separator)]
        if tuple(cells[:2]) == HEAD:
            return separator
    return None


def _rows(text: str, sentences: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows below the head that hold anything, by the numbers that the spreadsheet shows."""
    separator = _separator(text)
    if separator is None:
        raise BadSheet(["Row 1: write field in column A and value in column B."])
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator, strict=True)
    try:
        for number, cells in enumerate(reader, 1):
            if number > MOST_ROWS:
                sentences.append(f"Row {number}: a brief has at most {MOST_ROWS} rows.")
                return
            stripped = [cell.strip() for cell in cells]
            if number > 1 and any(stripped):
                yield number, [*stripped, "", ""]
    except csv.Error as error:
        sentences.append(f"Line {reader.line_num}: this is not CSV ({error}).")


def _value(field: forms.Field, name: str, cell: str, number: int, sentences: list[str]) -> Any:
    """As the form would send it; choices by their value or by their label."""
    if isinstance(field, forms.BooleanField):
        if cell.lower() not in (*YES, *NO):
            sentences.append(f"Row {number}, column B ({field.label}): write yes or no.")
        return "on" if cell.lower() in YES else ""
    known = {label.lower(): value for value, label in _labels(field).items()}
    if name in LISTS:
        return [known.get(part.lower(), part) for part in _parts(cell)]
    return known.get(cell.lower(), cell)


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.replace(";", ",").split(",") if part.strip()]


def _labels(field: forms.Field) -> dict[str, str]:
    """Choices that stand for themselves; a list by region is one of names."""
    pairs = getattr(field, "choices", ())
    return {str(value): str(label) for value, label in pairs if not isinstance(label, list)}
