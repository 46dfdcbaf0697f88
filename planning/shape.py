"""The shape of an input before anyone reads it: plain JSON, bounded depth and size, no control characters."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from planning.types import FieldError

MAX_DEPTH = 8
MAX_VALUES = 2_000
MAX_TEXT = 5_000
_MAX_BITS = 100


def has_control_characters(text: str, *, lines: bool = False) -> bool:
    """True for C0, C1, lone surrogates and bidirectional overrides; `lines` allows tab and line breaks."""
    allowed = "\t\n\r" if lines else ""
    return any(_is_control(character) and character not in allowed for character in text)


def describe(value: Any) -> str:
    """What was given, in words and short, for an error sentence."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        shown = "".join("?" if _is_control(c) else c for c in value[:40])
        return f"'{shown}'" if len(value) <= 40 else f"'{shown}...'"
    if value is None:
        return "null"
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return "a number that large"
    return str(value)[:40]


def check_shape(data: Mapping[str, Any], errors: list[FieldError]) -> bool:
    """Record what is not plain JSON in `data`; False when it is too large or too deep to read on."""
    for count, (path, depth, value) in enumerate(_walk(data)):
        if count > MAX_VALUES:
            errors.append(FieldError("", "too_large", f"Send at most {MAX_VALUES} values in one brief."))
            return False
        if depth > MAX_DEPTH:
            errors.append(FieldError(path, "too_deep", f"Nest at most {MAX_DEPTH} levels."))
            return False
        if (problem := _problem(value)) is not None:
            errors.append(FieldError(path, *problem))
            if problem[0] == "invalid_key":
                return False
    return True


def _walk(data: Any) -> Iterator[tuple[str, int, Any]]:
    waiting: list[tuple[str, int, Any]] = [("", 0, data)]
    while waiting:
        path, depth, value = waiting.pop()
        yield path, depth, value
        if depth > MAX_DEPTH:
            continue
        if isinstance(value, Mapping):
            prefix = f"{path}." if path else ""
            waiting.extend((f"{prefix}{describe_key(key)}", depth + 1, item) for key, item in value.items())
        elif isinstance(value, list | tuple):
            waiting.extend((f"{path}.{index}", depth + 1, item) for index, item in enumerate(value))


def describe_key(key: Any) -> str:
    """A key of the input as it may stand in an error path: short, printable."""
    return "".join("?" if _is_control(c) else c for c in str(key)[:60])


def _problem(value: Any) -> tuple[str, str] | None:
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and 0 < len(key) <= 100 for key in value):
            return "invalid_key", "Use field names of 1 to 100 characters."
        if any(has_control_characters(key) for key in value):
            return "control_characters", "Remove the control characters from the field names."
    elif isinstance(value, str):
        if len(value) > MAX_TEXT:
            return "too_long", f"Shorten it to {MAX_TEXT} characters; it has {len(value)}."
        if has_control_characters(value, lines=True):
            return "control_characters", "Remove the control characters."
    elif isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return "out_of_range", "Give a smaller number."
    elif isinstance(value, float | Decimal) and not _is_finite(value):
        return "not_finite", "Give a finite number."
    elif value is not None and not isinstance(value, bool | int | float | Decimal | list | tuple | date):
        return "invalid_type", "Send JSON values only."
    return None


def _is_finite(value: float | Decimal) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def _is_control(character: str) -> bool:
    # Cf would also catch the joiners that some scripts and emoji need, so only the overrides are refused.
    return unicodedata.category(character) in ("Cc", "Cs") or character in "\u202a\u202b\u202c\u202d\u202e"
