# ruff: noqa: E501  tables of words and patterns are read best one to a line
"""Flights in a request: ISO dates, "1 July to 30 September", quarters, months, seasons, "next month", "for 4 weeks".

A period that is named without a year is the next one that is not over; one that has begun starts today.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from planning.deal_request.types import FLIGHT, Criterion

Span = tuple[date, date]
_MONTHS = {name.casefold(): number for number in range(1, 13) for name in (calendar.month_name[number], calendar.month_abbr[number])} | {"sept": 9}  # fmt: skip
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_YEAR = r"(?:20\d\d|'\d\d)"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_ISO = r"20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TO = r"\s*(?:to|until|till|through|thru|-|–|and)\s*"
_UNITS = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_COUNTS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "eight": 8,
    "ten": 10,
    "twelve": 12,
    "a": 1,
}
_ORDER = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}

SEASONS: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "spring": ((3, 1), (5, 31)),
    "summer": ((6, 1), (8, 31)),
    "fall": ((9, 1), (11, 30)),
    "autumn": ((9, 1), (11, 30)),
    "winter": ((12, 1), (2, 28)),
    "holiday season": ((11, 1), (12, 31)),
    "holidays": ((11, 1), (12, 31)),
    "holiday": ((11, 1), (12, 31)),
    "christmas": ((12, 1), (12, 26)),
    "back to school": ((7, 15), (9, 15)),
    "back-to-school": ((7, 15), (9, 15)),
    "year end": ((12, 1), (12, 31)),
}
"""First and last day of what the trade calls a season; of the northern half of the world. House convention."""


def find_flights(text: str, today: date, taken: list[tuple[int, int]]) -> Iterator[Criterion]:
    """`taken` gets the characters that belong to dates."""
    for pattern, read in _READERS:
        for match in pattern.finditer(text):
            span = match.span()
            if any(start < span[1] and span[0] < end for start, end in taken):
                continue
            found = read(match, today)
            if found is None or found[1] < found[0]:
                continue
            taken.append(span)
            yield Criterion(FLIGHT, f"{found[0].isoformat()}/{found[1].isoformat()}", match.group(), *span)


def _iso(match: re.Match[str], today: date) -> Span | None:
    try:
        return date.fromisoformat(match["from"]), date.fromisoformat(match["to"])
    except ValueError:
        return None


def _days(match: re.Match[str], today: date) -> Span | None:
    """1 July to 30 September 2027, July 1 - Sept 30, 1-15 July."""
    last_month = _MONTHS[match["month2"].rstrip(".").casefold()]
    first_month = _MONTHS[match["month1"].rstrip(".").casefold()] if match["month1"] else last_month
    year2, year1 = _year(match["year2"]), _year(match["year1"])
    return _between(
        (year1 or year2, first_month, _day(match["day1"])),
        (year2 or year1, last_month, _day(match["day2"])),
        today,
    )


def _months(match: re.Match[str], today: date) -> Span | None:
    """July to September 2027, Jul-Sep."""
    first, last = (_MONTHS[match[name].rstrip(".").casefold()] for name in ("month1", "month2"))
    year = _year(match["year"])
    return _between((year, first, 1), (year, last, 31), today)


def _month(match: re.Match[str], today: date) -> Span | None:
    month = _MONTHS[match["month"].rstrip(".").casefold()]
    return _between((_year(match["year"]), month, 1), (_year(match["year"]), month, 31), today)


def _quarter(match: re.Match[str], today: date) -> Span | None:
    number = int(match["number"]) if match["number"] else _ORDER[match["word"].casefold()]
    last = int(match["last"]) if match["last"] else number
    year = _year(match["year"])
    return _between((year, number * 3 - 2, 1), (year, last * 3, 31), today)


def _half(match: re.Match[str], today: date) -> Span | None:
    first = 1 if match["number"] == "1" else 7
    return _between((_year(match["year"]), first, 1), (_year(match["year"]), first + 5, 31), today)


def _season(match: re.Match[str], today: date) -> Span | None:
    (first_month, first_day), (last_month, last_day) = SEASONS[match["season"].casefold()]
    year = _year(match["year"])
    return _between((year, first_month, first_day), (year, last_month, last_day), today)


def _relative(match: re.Match[str], today: date) -> Span | None:
    which, unit = match["which"].casefold(), match["unit"].casefold()
    step = 0 if which in ("this", "current") else 1
    if unit == "week":
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
        return max(monday, today), monday + timedelta(days=6)
    if unit == "weekend":
        saturday = today + timedelta(days=(5 - today.weekday()) % 7) + timedelta(weeks=step)
        return saturday, saturday + timedelta(days=1)
    if unit == "year":
        return max(date(today.year + step, 1, 1), today), date(today.year + step, 12, 31)
    length = 3 if unit == "quarter" else 1
    first = (today.month - 1) // length * length + length * step
    start = date(today.year + first // 12, first % 12 + 1, 1)
    end = first + length - 1
    return max(start, today), _last_of(today.year + end // 12, end % 12 + 1)


def _lasting(match: re.Match[str], today: date) -> Span | None:
    """next 6 weeks, for 4 weeks, for 4 weeks from 1 March."""
    count = _COUNTS.get(match["count"].casefold()) or int(match["count"])
    start = _from(match, today)
    if start is None:
        return None
    unit = match["unit"].casefold()
    if unit in _UNITS:
        return start, start + timedelta(days=count * _UNITS[unit] - 1)
    end = start.month - 1 + count
    first_after = _safe(start.year + end // 12, end % 12 + 1, start.day)
    return start, first_after - timedelta(days=1)


def _from(match: re.Match[str], today: date) -> date | None:
    if match["iso"]:
        return date.fromisoformat(match["iso"])
    if not match["month"]:
        return today
    month = _MONTHS[match["month"].rstrip(".").casefold()]
    found = _between(
        (_year(match["year"]), month, _day(match["day"])),
        (_year(match["year"]), month, _day(match["day"])),
        today,
    )
    return found[0] if found else None


def _between(
    first: tuple[int | None, int, int], last: tuple[int | None, int, int], today: date
) -> Span | None:
    """Days of the year that is named, else of the next that is not over. A last month before the first is a year on."""
    for year in (
        [first[0] or last[0]] if first[0] or last[0] else [today.year - 1, today.year, today.year + 1]
    ):
        assert year is not None
        start = _safe(year, first[1], first[2])
        over_new_year = (last[1], last[2]) < (first[1], first[2]) and not (
            first[0] and last[0] and last[0] != first[0]
        )
        end_year = last[0] if first[0] and last[0] and first[0] != last[0] else year + over_new_year
        end = _safe(end_year, last[1], 29 if (last[1], last[2]) == (2, 28) else last[2])
        if end >= today:
            return max(start, today), end
        if first[0] or last[0]:
            return start, end  # a past year was named: the caller refuses it in words
    return None


def _year(text: str | None) -> int | None:
    return None if not text else 2000 + int(text[1:]) if text.startswith("'") else int(text)


def _day(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def _safe(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _last_of(year: int, month: int) -> date:
    return _safe(year, month, 31)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w$€£.-]){text}(?![\w%])", re.I)


_START = rf"(?:\s+(?:starting|from|beginning|as of)\s+(?:on\s+)?(?:(?P<iso>{_ISO})|(?P<day>{_DAY})\s+(?:of\s+)?(?P<month>{_MONTH})(?:,?\s+(?P<year>{_YEAR}))?))?"
_READERS: list[tuple[re.Pattern[str], Callable[[re.Match[str], date], Span | None]]] = [
    (_pattern(rf"(?:from\s+|between\s+)?(?P<from>{_ISO}){_TO}(?P<to>{_ISO})"), _iso),
    (
        _pattern(
            rf"(?:from\s+|between\s+)?(?P<day1>{_DAY})(?:\s+(?:of\s+)?(?P<month1>{_MONTH})(?:,?\s+(?P<year1>{_YEAR}))?)?{_TO}(?P<day2>{_DAY})\s+(?:of\s+)?(?P<month2>{_MONTH})(?:,?\s+(?P<year2>{_YEAR}))?"
        ),
        _days,
    ),
    (
        _pattern(
            rf"(?:from\s+|between\s+)?(?P<month1>{_MONTH})\s+(?P<day1>{_DAY})(?:,?\s+(?P<year1>{_YEAR}))?{_TO}(?P<month2>{_MONTH})\s+(?P<day2>{_DAY})(?:,?\s+(?P<year2>{_YEAR}))?"
        ),
        _days,
    ),
    (
        _pattern(
            rf"(?:from\s+|between\s+)?(?P<month1>{_MONTH}){_TO}(?P<month2>{_MONTH})(?:,?\s+(?:of\s+)?(?P<year>{_YEAR}))?"
        ),
        _months,
    ),
    (
        _pattern(
            rf"(?:for\s+)?(?:the\s+)?(?:next|coming|for)\s+(?P<count>\d{{1,2}}|{'|'.join(_COUNTS)})[\s-]+(?P<unit>days?|weeks?|months?){_START}"
        ),
        _lasting,
    ),
    (
        _pattern(
            rf"(?:q|quarter\s)(?P<number>[1-4])(?:\s*(?:-|–|to|and)\s*q?(?P<last>[1-4]))?(?P<word>)(?:[\s,-]*(?:of\s+)?(?P<year>{_YEAR}))?"
        ),
        _quarter,
    ),
    (
        _pattern(
            rf"(?P<word>{'|'.join(_ORDER)})\s+quarter(?P<number>)(?P<last>)(?:,?\s+(?:of\s+)?(?P<year>{_YEAR}))?"
        ),
        _quarter,
    ),
    (_pattern(rf"h(?P<number>[12])(?:[\s,-]*(?P<year>{_YEAR}))?"), _half),
    (_pattern(r"(?P<which>next|this|current|coming)\s+(?P<unit>weekend|week|month|quarter|year)"), _relative),
    (
        _pattern(
            rf"(?P<season>{'|'.join(sorted(SEASONS, key=len, reverse=True))})(?:\s+season)?(?:\s+(?:of\s+)?(?P<year>{_YEAR}))?"
        ),
        _season,
    ),
    (
        _pattern(
            rf"(?:all\s+of\s+)?(?P<month>{'|'.join(name for name in sorted(_MONTHS, key=len, reverse=True) if name not in ('may', 'mar'))})\.?(?:,?\s+(?:of\s+)?(?P<year>{_YEAR}))?"
        ),
        _month,
    ),
    (
        _pattern(
            rf"(?:in|during|for|throughout|all of)\s+(?P<month>may|mar)\.?(?:,?\s+(?:of\s+)?(?P<year>{_YEAR}))?"
        ),
        _month,
    ),
]
