"""Strict checks of request bodies: known lower-case properties, right types, right lengths."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from starlette.requests import Request

from simulator.opendirect.errors import Fault, raise_all, violation
from simulator.opendirect.moments import read_utc

Check = Callable[[Any], str]
"""Answers what is wrong with a value, empty if nothing is."""


class Property(NamedTuple):
    check: Check
    required: bool = False


def text(limit: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            return "must be a non-empty string"
        return f"is longer than {limit} characters" if len(value) > limit else ""

    return check


def one_of(*words: str) -> Check:
    return lambda value: "" if value in words else f"must be one of {', '.join(words)}"


def utc(value: Any) -> str:
    return "" if read_utc(value) else "must be a UTC date-time such as 2027-01-31T00:00:00Z"


def number(value: Any) -> str:
    ok = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return "" if ok else "must be a number, zero or more"


def positive(value: Any) -> str:
    ok = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return "" if ok else "must be a whole number above zero"


def an_object(value: Any) -> str:
    return "" if isinstance(value, dict) else "must be an object"


def objects(value: Any) -> str:
    ok = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return "" if ok else "must be an array of objects"


def strings(value: Any) -> str:
    ok = isinstance(value, list) and value and all(isinstance(item, str) for item in value)
    return "" if ok else "must be an array of strings, not empty"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


async def read_body(request: Request) -> dict[str, Any]:
    """The JSON object of a write. Raises SpecError when it is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise violation("InvalidContentType", "Content-Type must be application/json.")
    try:
        body = json.loads(await request.body(), parse_constant=_no_constant)
    except ValueError:
        raise violation("InvalidJson", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise violation("InvalidJson", "The body must be an object.")
    return body


def check_body(
    body: Mapping[str, Any],
    known: Mapping[str, Property],
    *,
    read_only: tuple[str, ...] = (),
    partial: bool = False,
) -> None:
    """Raises one SpecError with every unknown, read-only, missing or wrong property."""
    faults = []
    for name in body:
        if name in read_only:
            faults.append(Fault("ReadOnlyProperty", f"{name} is set by the publisher.", violation=True))
        elif name not in known:
            faults.append(Fault("UnknownProperty", f"{name} is not a property here.", violation=True))
    for name, rule in known.items():
        if body.get(name) is None:
            if rule.required and not (partial and name not in body):
                faults.append(Fault("MissingProperty", f"{name} is required.", violation=True))
        elif complaint := rule.check(body[name]):
            faults.append(Fault("InvalidValue", f"{name} {complaint}.", violation=True))
    raise_all(faults)
