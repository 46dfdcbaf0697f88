"""Reading one JSON object field by field: any spelling of a name, every error collected, nothing guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from planning.shape import describe, has_control_characters
from planning.types import FieldError

MAX_ITEMS = 100

_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Given:
    """A value with the path under which the caller gave it."""

    path: str
    value: Any


class Fields:
    """One object of the input. `take` marks a key as used, so that `unused` knows the rest."""

    def __init__(self, data: Mapping[str, Any], path: str, errors: list[FieldError]) -> None:
        self.data = data
        self.path = path
        self.errors = errors
        self._used: set[str] = set()

    def at(self, key: str) -> str:
        """The dotted path of `key` in this object."""
        return f"{self.path}.{key}" if self.path else key

    def error(self, path: str, code: str, message: str) -> None:
        """Record one finding; reading goes on."""
        self.errors.append(FieldError(path, code, message))

    def take(self, *names: str) -> Given | None:
        """The value under any spelling of `names` (snake_case, camelCase); None when absent or null.

        Two spellings with different values are `conflicting_field`: nobody can say which one was meant.
        """
        wanted = {fold(name) for name in names}
        keys = [key for key in self.data if fold(key) in wanted]
        self._used.update(keys)
        found = [key for key in keys if self.data[key] is not None]
        if not found:
            return None
        first = found[0]
        for other in found[1:]:
            if not _same(self.data[first], self.data[other]):
                self.error(
                    self.at(other),
                    "conflicting_field",
                    f"'{first}' and '{other}' mean the same field but differ; keep one of them.",
                )
        return Given(self.at(first), self.data[first])

    def missing(self, name: str, sentence: str) -> None:
        """Record that a required field is absent."""
        self.error(self.at(name), "required", sentence)

    def inner(self, given: Given) -> Fields | None:
        """The object at `given`, or an error when it is not an object."""
        if isinstance(given.value, Mapping):
            return Fields(given.value, given.path, self.errors)
        self.error(given.path, "invalid_type", f"Give an object, not {describe(given.value)}.")
        return None

    def unused(self) -> dict[str, Any]:
        """The keys that nothing took, with plain copies of their values."""
        return {key: _plain(value) for key, value in self.data.items() if key not in self._used}

    def text(self, given: Given, limit: int, *, lines: bool = False) -> str | None:
        """A stripped, non-empty text of at most `limit` characters, or None with the error recorded."""
        value = given.value
        if not isinstance(value, str):
            self.error(given.path, "invalid_type", f"Give a text, not {describe(value)}.")
            return None
        stripped = value.strip()
        if not stripped:
            self.error(given.path, "blank", "Give a text that is not blank.")
        elif len(stripped) > limit:
            self.error(given.path, "too_long", f"Shorten it to {limit} characters; it has {len(stripped)}.")
        elif has_control_characters(stripped, lines=lines):
            self.error(given.path, "control_characters", "Remove the control characters.")
        else:
            return stripped
        return None

    def items(self, given: Given, *, limit: int = MAX_ITEMS) -> list[Given]:
        """The items of a list, or one bare value as a list of one; an error when the list is too long."""
        value = given.value
        if not isinstance(value, list | tuple):
            return [given]
        if len(value) > limit:
            self.error(given.path, "too_many", f"Give at most {limit} entries; there are {len(value)}.")
            return []
        return [Given(f"{given.path}.{index}", item) for index, item in enumerate(value)]

    def texts(self, given: Given, limit: int, *, most: int = MAX_ITEMS) -> tuple[str, ...]:
        """Distinct texts in the order given."""
        texts = [self.text(item, limit) for item in self.items(given, limit=most)]
        return tuple(dict.fromkeys(text for text in texts if text is not None))

    def number(self, given: Given) -> Decimal | None:
        """A finite number given as a JSON number or as a plain decimal string."""
        number = read_number(given.value)
        if number is None:
            self.error(
                given.path,
                "not_a_number",
                f"Give a plain number such as 25000 or 12.50, not {describe(given.value)}.",
            )
        return number

    def rate(self, given: Given) -> Decimal | None:
        """A share 0..1. A value above 1 is per cent (70 is 0.7), and so is a text that ends in '%'."""
        value = given.value
        percent = isinstance(value, str) and value.strip().endswith("%")
        number = read_number(value.strip()[:-1].strip() if percent else value)
        if number is None:
            self.error(
                given.path,
                "not_a_number",
                f"Give a share such as 0.7 or a percentage such as 70, not {describe(value)}.",
            )
            return None
        if percent or number > 1:
            number = number / 100
        if not 0 <= number <= 1:
            self.error(given.path, "out_of_range", "Give a share from 0 to 1, or a percentage up to 100.")
            return None
        return _at_most_six_places(number)

    def whole(self, given: Given, low: int, high: int) -> int | None:
        """A whole number from `low` to `high`."""
        number = read_number(given.value)
        if number is None or number != number.to_integral_value() or not low <= number <= high:
            self.error(given.path, "out_of_range", f"Give a whole number from {low} to {high}.")
            return None
        return int(number)

    def day(self, given: Given) -> date | None:
        """A real calendar date written YYYY-MM-DD."""
        value = given.value
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str) and _ISO_DATE.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                self.error(given.path, "not_a_date", f"'{value}' is not in the calendar; give a real date.")
                return None
        self.error(
            given.path,
            "not_a_date",
            f"Write the date as YYYY-MM-DD, for example 2027-03-01, not {describe(value)}.",
        )
        return None


def fold(name: str) -> str:
    """A field name without case and underscores, so that `maxCpm`, `max_cpm` and `max_CPM` are one name."""
    return name.replace("_", "").lower()


def read_number(value: Any) -> Decimal | None:
    """The exact decimal of a JSON number or plain decimal string; None for anything else.

    A float is read through its shortest decimal text, so 0.1 is one tenth. Booleans, NaN, infinities and
    numbers beyond 10^30 are not numbers here.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if value.bit_length() <= 100 else None
    if isinstance(value, float):
        value = Decimal(repr(value)) if math.isfinite(value) else None
    elif isinstance(value, str):
        text = value.strip()
        value = Decimal(text) if _PLAIN_NUMBER.fullmatch(text) else None
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    exponent = value.as_tuple().exponent
    too_wide = isinstance(exponent, int) and (exponent < -30 or value.adjusted() > 30)
    return None if too_wide else value


def _same(one: Any, other: Any) -> bool:
    first, second = read_number(one), read_number(other)
    if first is not None and second is not None:
        return first == second
    return type(one) is type(other) and bool(one == other)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Decimal | date) else value


def _at_most_six_places(number: Decimal) -> Decimal:
    rounded = number.quantize(Decimal("0.000001"))
    plain = rounded.normalize()
    return plain if plain.as_tuple().exponent != 0 else Decimal(int(plain))
