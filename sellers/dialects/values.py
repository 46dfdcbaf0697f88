"""Reading single values out of foreign JSON: a value of the right kind and size, or a `BadValue` with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from planning.zones import UTC_NAME, day_in

HIGHEST_CPM = Decimal(100_000)
HIGHEST_AMOUNT = Decimal(10) ** 12
MOST_IMPRESSIONS = 10**12
LONGEST_TEXT = 2000
CPM_PLACES = 6  # micros, the finest unit that a wire of the trade uses
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$|^\d{8}$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class BadValue(ValueError):
    """The value cannot be used; the message completes 'skipped because ...'."""


def identifier(value: Any, what: str = "id") -> str:
    """A seller's id, kept exactly as issued: printable, without spaces, at most 255 characters."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadValue(f"{what} is missing" if value is None else f"{what} is not text")
    text = str(value)
    if not text or len(text) > 255 or not text.isprintable() or any(c.isspace() for c in text):
        raise BadValue(f"{what} is empty, too long or unprintable")
    if text in (".", ".."):  # a path would read them as directions
        raise BadValue(f"{what} is not an id")
    return text


def prose(value: Any, limit: int = LONGEST_TEXT) -> str:
    """Text for people: control and direction characters removed, bounded. Anything but text reads as empty."""
    if not isinstance(value, str):
        return ""
    return _UNPRINTABLE.sub("", value).strip()[:limit]


def words(value: Any, limit: int = 100) -> tuple[str, ...]:
    """A list of short texts; one comma-separated text is read as a list (OpenDirect D6)."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Sequence):
        return ()
    found = (prose(item, 120) for item in value if isinstance(item, str))
    return tuple(dict.fromkeys(word for word in found if word))[:limit]


def facets(value: Any) -> tuple[str, ...]:
    """`{"geo": ["US"]}` as `("geo:US",)`; a plain list stays a list. Order is the seller's."""
    if not isinstance(value, Mapping):
        return words(value)
    pairs = (f"{prose(key, 40)}:{word}" for key, items in value.items() for word in words(items))
    return tuple(dict.fromkeys(pairs))[:100]


def whole(value: Any, what: str, *, most: int = MOST_IMPRESSIONS) -> int:
    """A count, 0 or more. 5.0 is 5; text, fractions, negatives and absurd sizes are refused."""
    number = _number(value, what)
    if number != number.to_integral_value():
        raise BadValue(f"{what} is not a whole number")
    if not 0 <= number <= most:
        raise BadValue(f"{what} is negative or absurdly large")
    return int(number)


def whole_or_none(value: Any, what: str, *, most: int = MOST_IMPRESSIONS) -> int | None:
    return None if value is None else whole(value, what, most=most)


def share_or_none(value: Any, what: str) -> Decimal | None:
    """A rate 0..1; a number above 1 is read as percent."""
    if value is None:
        return None
    number = _number(value, what)
    number = number / 100 if number > 1 else number
    if not 0 <= number <= 1:
        raise BadValue(f"{what} is not a rate")
    return number


def cpm(value: Any, what: str = "price") -> Decimal:
    """A price per 1,000 impressions: above zero, at most 100,000, six places."""
    number = _number(value, what)
    if number <= 0:
        raise BadValue(f"{what} is zero or negative")
    if number > HIGHEST_CPM:
        raise BadValue(f"{what} is absurdly high")
    if tidy(number) == 0:
        raise BadValue(f"{what} is below a millionth")
    return tidy(number)


def amount(value: Any, what: str) -> Decimal:
    """Money of any size that a campaign can have, 0 or more."""
    number = _number(value, what)
    if not 0 <= number <= HIGHEST_AMOUNT:
        raise BadValue(f"{what} is negative or absurdly large")
    return tidy(number)


def money_cpm(value: Any, what: str = "price", *, currency: str) -> tuple[Decimal, str]:
    """A CPM with its currency in either dialect: `{"amount_micros": int, "currency": "USD"}` or a plain number.

    `currency` is the one that a plain number is in.
    """
    if not isinstance(value, Mapping):
        return cpm(value, what), currency
    if "amount_micros" in value:
        return cpm(Decimal(whole(value["amount_micros"], what, most=10**18)).scaleb(-6), what), _of(
            value, currency
        )
    return cpm(value.get("amount", value.get("value")), what), _of(value, currency)


def currency_code(value: Any, what: str = "currency") -> str:
    """An ISO 4217 alphabetic code."""
    if not isinstance(value, str) or not _CURRENCY.match(value.strip().upper()):
        raise BadValue(f"{what} is not an ISO 4217 code")
    return value.strip().upper()


def day_or_none(value: Any, what: str, timezone: str = UTC_NAME) -> date | None:
    """The calendar day of a date, or of a date-time in the zone; a naive time counts as UTC."""
    if value in (None, ""):
        return None
    moment = instant(value, what)
    return moment.date() if _DAY.match(value) else day_in(timezone, moment)


def instant(value: Any, what: str) -> datetime:
    """An aware UTC instant from ISO 8601 text; a naive time counts as UTC."""
    if not isinstance(value, str) or len(value) > 40:
        raise BadValue(f"{what} is not a date")
    try:
        read = datetime.fromisoformat(value)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError) as wrong:
        raise BadValue(f"{what} is not a date") from wrong


def tidy(number: Decimal) -> Decimal:
    """The same value with two to six decimal places, so that equal prices are equal texts."""
    exact = number.quantize(Decimal(1).scaleb(-CPM_PLACES)).normalize()
    return exact.quantize(Decimal("0.01")) if exact.as_tuple().exponent > -2 else exact  # type: ignore[operator]


def segment(value: str) -> str:
    """An id as one path segment. Raises `BadValue` for the two names that a path gives a meaning of its own."""
    if value in ("", ".", ".."):
        raise BadValue("the seller's id cannot stand in a path")
    return quote(value, safe="")


def _of(value: Mapping[str, Any], currency: str) -> str:
    return currency_code(value["currency"]) if value.get("currency") is not None else currency


def _number(value: Any, what: str) -> Decimal:
    if value is None:
        raise BadValue(f"{what} is missing")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadValue(f"{what} is not a number")
    number = Decimal(value)
    if not number.is_finite() or number.adjusted() > 30 or number.adjusted() < -30:
        raise BadValue(f"{what} is absurdly large or small")
    return number
