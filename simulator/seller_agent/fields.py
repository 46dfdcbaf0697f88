"""Request validation that complains in the words of FastAPI: lists of {type, loc, msg, input}."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

Problem = dict[str, Any]
Loc = tuple[str | int, ...]
Check = Callable[[Any, Loc], list[Problem]]


def problem(type: str, loc: Loc, msg: str, value: Any, ctx: dict[str, Any] | None = None) -> Problem:
    return {"type": type, "loc": list(loc), "msg": msg, "input": value, **({"ctx": ctx} if ctx else {})}


def missing(loc: Loc, body: Any) -> Problem:
    return problem("missing", loc, "Field required", body)


def value_error(loc: Loc, text: str, body: Any) -> Problem:
    return problem("value_error", loc, f"Value error, {text}", body, {"error": {}})


def not_an_object(loc: Loc, value: Any) -> Problem:
    text = "Input should be a valid dictionary or object to extract fields from"
    return problem("model_attributes_type", loc, text, value)


def text(min_length: int = 0, max_length: int | None = None) -> Check:
    def check(value: Any, loc: Loc) -> list[Problem]:
        if not isinstance(value, str):
            return [problem("string_type", loc, "Input should be a valid string", value)]
        if len(value) < min_length:
            words = f"String should have at least {min_length} character" + ("s" if min_length > 1 else "")
            return [problem("string_too_short", loc, words, value, {"min_length": min_length})]
        if max_length is not None and len(value) > max_length:
            words = f"String should have at most {max_length} characters"
            return [problem("string_too_long", loc, words, value, {"max_length": max_length})]
        return []

    return check


def whole(ge: int | None = None, le: int | None = None) -> Check:
    """A lax integer: digits in a string and 5.0 are taken too."""

    def check(value: Any, loc: Loc) -> list[Problem]:
        number = lax_int(value)
        if number is None:
            if isinstance(value, str):
                words = "Input should be a valid integer, unable to parse string as an integer"
                return [problem("int_parsing", loc, words, value)]
            if isinstance(value, float):
                words = "Input should be a valid integer, got a number with a fractional part"
                return [problem("int_from_float", loc, words, value)]
            return [problem("int_type", loc, "Input should be a valid integer", value)]
        if ge is not None and number < ge:
            words = f"Input should be greater than or equal to {ge}"
            return [problem("greater_than_equal", loc, words, value, {"ge": ge})]
        if le is not None and number > le:
            words = f"Input should be less than or equal to {le}"
            return [problem("less_than_equal", loc, words, value, {"le": le})]
        return []

    return check


def lax_int(value: Any) -> int | None:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return None


def number(value: Any, loc: Loc) -> list[Problem]:
    if isinstance(value, int | float):
        return []
    return [problem("float_type", loc, "Input should be a valid number", value)]


def one_of(*words: str) -> Check:
    quoted = [f"'{word}'" for word in words]
    expected = ", ".join(quoted[:-1]) + " or " + quoted[-1]

    def check(value: Any, loc: Loc) -> list[Problem]:
        if value in words:
            return []
        return [problem("enum", loc, f"Input should be {expected}", value, {"expected": expected})]

    return check


def calendar_date(value: Any, loc: Loc) -> list[Problem]:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        why = "invalid character in year"
        words = f"Input should be a valid date or datetime, {why}"
        return [problem("date_from_datetime_parsing", loc, words, value, {"error": why})]
    return []


def moment(value: Any, loc: Loc) -> list[Problem]:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        why = "invalid character in year"
        words = f"Input should be a valid datetime or date, {why}"
        return [problem("datetime_from_date_parsing", loc, words, value, {"error": why})]
    return []


def mapping(value: Any, loc: Loc) -> list[Problem]:
    return [] if isinstance(value, dict) else [not_an_object(loc, value)]


def items(check: Check, min_length: int = 0) -> Check:
    def check_list(value: Any, loc: Loc) -> list[Problem]:
        if not isinstance(value, list):
            return [problem("list_type", loc, "Input should be a valid list", value)]
        if len(value) < min_length:
            words = f"List should have at least {min_length} item after validation, not {len(value)}"
            ctx = {"field_type": "List", "min_length": min_length, "actual_length": len(value)}
            return [problem("too_short", loc, words, value, ctx)]
        return [found for i, item in enumerate(value) for found in check(item, (*loc, i))]

    return check_list


def money(value: Any, loc: Loc) -> list[Problem]:
    """`{"amount_micros": int, "currency": "USD"}`; the integer is strict."""
    if not isinstance(value, dict):
        return [not_an_object(loc, value)]
    if "amount_micros" not in value:
        return [missing((*loc, "amount_micros"), value)]
    amount = value["amount_micros"]
    if isinstance(amount, bool) or not isinstance(amount, int):
        return [problem("int_type", (*loc, "amount_micros"), "Input should be a valid integer", amount)]
    return text()(value.get("currency", "USD"), (*loc, "currency"))


Spec = Sequence[tuple[str, Check, bool]]
"""Field name, check, required. An optional field may also be null."""


def check_fields(body: dict[str, Any], spec: Spec, loc: Loc = ("body",)) -> list[Problem]:
    """Every problem of a body, in the order of the specification. Unknown fields are ignored."""
    problems: list[Problem] = []
    for name, check, required in spec:
        if name not in body:
            problems += [missing((*loc, name), body)] if required else []
        elif body[name] is not None or required:
            problems += check(body[name], (*loc, name))
    return problems
