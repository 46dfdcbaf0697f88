"""A JSON parser that refuses what two readers could understand differently, the too large and the too deep."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

LARGEST_BODY = 262_144  # bytes, 256 KB
DEEPEST_JSON = 20


class TooLarge(APIException):
    status_code = 413
    default_detail = f"The body is larger than {LARGEST_BODY // 1024} KB."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """RFC 8259 without NaN and Infinity, without repeated names (RFC 7493); fractions become Decimal."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read(LARGEST_BODY + 1)
        if len(raw) > LARGEST_BODY:
            raise TooLarge
        return strict_json(raw) if raw.strip() else {}


def strict_json(raw: bytes) -> Any:
    """The value of a JSON text. DRF's ParseError says what is wrong with it."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_repeats,
        )
    except UnicodeDecodeError as error:
        raise ParseError("The body is not UTF-8.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}.") from error
    _check(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"repeated name {', '.join(twice)[:100]}")
    return found


def _check(value: Any) -> None:
    """Depth, and text that no database column can hold. Walks level by level, without recursion."""
    level, depth = [value], 0
    while level:
        if depth >= DEEPEST_JSON and any(isinstance(item, list | dict) for item in level):
            raise _too_deep()
        level, depth = _next_level(level), depth + 1


def _next_level(level: list[Any]) -> list[Any]:
    inner: list[Any] = []
    for item in level:
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, list):
            inner += item
        elif isinstance(item, dict):
            inner += item.keys()
            inner += item.values()
    return inner


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("Text must not hold the character U+0000.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ParseError("Text holds half of a surrogate pair.") from error


def _too_deep() -> ParseError:
    return ParseError(f"The body is nested deeper than {DEEPEST_JSON} levels.")
