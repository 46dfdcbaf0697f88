"""Changing a JSON answer on its way out: what a dishonest or broken seller would send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.faults import Fault

PRICE_FIELDS = frozenset(
    {"amount_micros", "final_price", "estimatedCpm", "totalCost", "seller_price", "price", "rate", "cost"}
)


def mutated(body: Any, fault: Fault) -> Any:
    """A changed copy: `set` and `drop` by path if given, otherwise every price times `factor`."""
    if not fault.set and not fault.drop:
        return _scaled(body, fault.factor)
    for path, value in fault.set.items():
        for holder, key in _places(body, path):
            holder[key] = value
    for path in fault.drop:
        for holder, key in _places(body, path):
            holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
    return body


def _scaled(body: Any, factor: float, *, is_price: bool = False) -> Any:
    if isinstance(body, dict):
        return {key: _scaled(value, factor, is_price=key in PRICE_FIELDS) for key, value in body.items()}
    if isinstance(body, list):
        return [_scaled(value, factor) for value in body]
    if not is_price or isinstance(body, bool) or not isinstance(body, int | float):
        return body
    return round(body * factor) if isinstance(body, int) else round(body * factor, 2)


def _places(body: Any, path: str) -> list[tuple[Any, Any]]:
    """Every (holder, key) that the path names; a key that is missing in an object counts, so it can be set."""
    *parents, last = path.split(".")
    return [(holder, key) for holder in _walk(body, parents) for key in _keys(holder, last, adding=True)]


def _walk(body: Any, parts: list[str]) -> Iterator[Any]:
    if not parts:
        yield body
        return
    for key in _keys(body, parts[0]):
        yield from _walk(body[key], parts[1:])


def _keys(holder: Any, part: str, *, adding: bool = False) -> Iterator[Any]:
    if isinstance(holder, list):
        yield from (i for i in range(len(holder)) if part in ("*", str(i)))
    elif isinstance(holder, dict):
        if part == "*":
            yield from holder
        elif adding or part in holder:
            yield part
