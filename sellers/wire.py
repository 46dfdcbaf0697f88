"""JSON as sellers send it and as we send it: exact decimals, bounded depth, nothing that is not JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn

DEEPEST = 50
LONGEST_NUMBER = 64
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


class NotJson(ValueError):
    """The text is not JSON that we accept; the message says why, without quoting the text."""


def loads(text: str) -> tuple[Any, bool]:
    """The value of `text` and whether an object named a key twice (the last one counts, RFC 8259 section 4)."""
    repeated = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(items)
        repeated = repeated or len(found) != len(items)
        return found

    try:
        value = json.loads(
            text, parse_float=_decimal, parse_int=_int, parse_constant=_constant, object_pairs_hook=pairs
        )
    except RecursionError as deep:
        raise NotJson("nested too deeply") from deep
    except NotJson:
        raise
    except ValueError as wrong:
        raise NotJson("not JSON") from wrong
    _check_depth(value)
    # JSON can spell half a character; no database and no hash takes it.
    return (_whole_characters(value) if "\\ud" in text.lower() else value), repeated


def dumps(value: Any) -> str:
    """Compact JSON in which a `Decimal` is a JSON number with exactly its digits, never by way of a float."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("only finite amounts can be sent")
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(key))}:{dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    if isinstance(value, float):
        raise TypeError("a float must not reach a seller")
    return json.dumps(value)


def _decimal(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        raise NotJson("a number is too long")
    try:
        return Decimal(text)
    except ArithmeticError as huge:  # an exponent beyond what Decimal holds
        raise NotJson("a number is too large") from huge


def _int(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise NotJson("a number is too long")
    return int(text)


def _constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not a JSON number")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [child for node in level if isinstance(node, dict | list) for child in _children(node)]
        if not level:
            return
    raise NotJson("nested too deeply")


def _whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF_CHARACTER.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return [_whole_characters(item) for item in value] if isinstance(value, list) else value


def _children(node: dict[str, Any] | list[Any]) -> Sequence[Any]:
    return list(node.values()) if isinstance(node, dict) else node
