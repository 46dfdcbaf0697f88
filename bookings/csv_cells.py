"""Rows of CSV that open as they are meant: numbers stay numbers, and no text is computed by a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def row(values: Iterable[object]) -> str:
    """One line. Texts that a spreadsheet would take for a formula are marked as text; numbers are left alone."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow([_neutral(value) for value in values])
    return buffer.getvalue()


def _neutral(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
