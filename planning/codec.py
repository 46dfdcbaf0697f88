"""The frozen types as JSON and back, and as canonical bytes for hashing and byte-for-byte comparison.

Decimals travel as plain decimal strings, dates as ISO 8601, tuples as arrays; keys are sorted in the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_json(obj: Any) -> Any:
    """`obj` as dicts, lists, strings, integers, booleans and None. Raises `TypeError` on anything else."""
    if is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: to_json(getattr(obj, f.name)) for f in fields(obj)}
    if obj is None or isinstance(obj, str | bool | int | float):
        return obj
    if isinstance(obj, Decimal):
        return format(obj, "f")
    if isinstance(obj, date):
        return obj.isoformat()
    if isinstance(obj, Mapping):
        return {str(key): to_json(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [to_json(item) for item in obj]
    raise TypeError(f"{type(obj).__name__} has no JSON form")


def from_json(cls: type[T], data: Mapping[str, Any]) -> T:
    """The `cls` that `to_json` was given. Absent fields take their defaults, extra keys are ignored.

    Raises `TypeError`, `ValueError` or `ArithmeticError` where `data` does not have the shape of `cls`.
    """
    return cast(T, _read(cls, data))


def canonical_bytes(obj: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: equal objects give equal bytes. Refuses NaN and infinity."""
    text = json.dumps(
        to_json(obj), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _read(kind: Any, data: Any) -> Any:
    if kind is Any:
        return data
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _read_optional(get_args(kind), data)
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], item) for item in data)
    if origin is not None and issubclass(origin, Mapping):
        return {key: _read(get_args(kind)[1], value) for key, value in data.items()}
    if is_dataclass(kind):
        return _read_dataclass(cast(type, kind), data)
    return _read_scalar(kind, data)


def _read_dataclass(kind: type, data: Any) -> Any:
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__} is read from an object, not from {type(data).__name__}")
    hints = _hints(kind)
    return kind(**{name: _read(hint, data[name]) for name, hint in hints.items() if name in data})


def _read_optional(options: tuple[Any, ...], data: Any) -> Any:
    if data is None and NoneType in options:
        return None
    (kind,) = (option for option in options if option is not NoneType)
    return _read(kind, data)


def _read_scalar(kind: Any, data: Any) -> Any:
    if kind is Decimal and isinstance(data, str):
        return Decimal(data)
    if kind is date and isinstance(data, str):
        return date.fromisoformat(data)
    if type(data) is kind:
        return data
    raise TypeError(f"{getattr(kind, '__name__', kind)} is not read from {type(data).__name__}")
