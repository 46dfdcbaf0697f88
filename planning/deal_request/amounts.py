# ruff: noqa: E501  tables of words and patterns are read best one to a line
"""Prices, volumes and budgets in a request. A number counts as money where a currency, CPM or budget stands by it; as a
volume where impressions do, or where it is too large for anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from planning.deal_request.types import BUDGET, PRICE, VOLUME, Criterion

_NUMBER = r"(?P<{0}>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:[.,]\d{{1,2}}(?!\d)|\.\d+)?)\s?(?P<{0}_size>k|thousand|mm|mn|mio|million|millions|m|bn|billion|b)?(?![\w%]|[-:/]\d)"
_SIGN = r"(?P<sign>[$€£]|usd|eur|gbp|us\$)?\s?"
_CODE = r"\s?(?P<code>usd|eur|gbp|dollars?|euros?|pounds?|bucks|\$|€|£)?"
_MOST = (
    r"(?:under|below|less than|lower than|at most|no more than|not more than|not above|not over|up to|max(?:imum)?(?: of)?"
    r"|cap(?:ped)?(?: at| of)?|<=?|≤|within|ceiling(?: of| at)?|not exceeding|cheaper than|beneath|around|about|for|at)"
)
_NO_TIME = r"(?!\s?(?:s\b|secs?\b|seconds?|minutes?|days?|weeks?|months?|years?|percent))"
_CPM = r"(?:\s?(?:e?cpms?|per (?:thousand|mille|1,?000)(?: impressions)?))"

_PRICES = [
    # between $20 and $30 CPM: the upper end is the limit
    re.compile(
        rf"(?:between|from)\s+{_SIGN.replace('sign', 'low_sign')}{_NUMBER.format('low')}\s*(?:and|to|-|–)\s*{_SIGN}{_NUMBER.format('amount')}{_CODE}{_CPM}?",
        re.I,
    ),
    # CPM under 30, max CPM $30, CPM of 25
    re.compile(
        rf"(?:{_MOST}\s+(?:a\s+)?)?\be?cpms?\b(?:\s+(?:goal|target|price|rate|budget))?\s*(?:is|of|:|=)?\s*(?:{_MOST})?\s*{_SIGN}{_NUMBER.format('amount')}{_CODE}",
        re.I,
    ),
    # under $30 CPM, at most 30 CPM, $30 CPM
    re.compile(rf"(?:{_MOST}\s+(?:a\s+)?)?{_SIGN}{_NUMBER.format('amount')}{_CODE}{_CPM}", re.I),
    # under $30, at most 30 dollars: with a limit in front a currency is enough; small numbers need no currency
    re.compile(rf"{_MOST}\s+{_SIGN}{_NUMBER.format('amount')}{_CODE}{_NO_TIME}", re.I),
    # $15 alone
    re.compile(rf"(?P<sign>[$€£])\s?{_NUMBER.format('amount')}(?P<code>)", re.I),
]
_BUDGETS = [
    re.compile(
        rf"(?:budget|spend)\s*(?:is|of|:|=)?\s*(?:{_MOST})?\s*{_SIGN}{_NUMBER.format('amount')}{_CODE}", re.I
    ),
    re.compile(rf"{_SIGN}{_NUMBER.format('amount')}{_CODE}\s+(?:total\s+)?(?:budget|to spend|spend)", re.I),
]
_IMPRESSIONS = r"(?:\s+(?:\w+\s+)?(?:impressions?|imps?|impr|views?|ad views))"
_VOLUMES = [
    re.compile(rf"\b{_NUMBER.format('amount')}{_IMPRESSIONS}\b", re.I),
    re.compile(
        rf"\b(?:impressions?|imps?|volume)\s*(?:goal|target)?\s*(?:is|of|:|=)?\s*{_NUMBER.format('amount')}",
        re.I,
    ),
    re.compile(rf"\b{_NUMBER.format('amount')}", re.I),
]
_SPOKEN = re.compile(
    r"\b(?P<part>half a|a|one|two|three|four|five|ten|twenty|fifty|hundred)\s+(?P<unit>thousand|million|billion)\b",
    re.I,
)

_SIZES = {
    "k": 3,
    "thousand": 3,
    "m": 6,
    "mm": 6,
    "mn": 6,
    "mio": 6,
    "million": 6,
    "millions": 6,
    "b": 9,
    "bn": 9,
    "billion": 9,
}
_PARTS = {
    "half a": "0.5",
    "a": "1",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "ten": "10",
    "twenty": "20",
    "fifty": "50",
    "hundred": "100",
}
_CURRENCIES = {"$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "bucks": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "gbp": "GBP", "pound": "GBP", "pounds": "GBP"}  # fmt: skip
DEAREST = Decimal(1_000)
"""No CPM in the trade is above; a larger number after "under" is no price."""
SMALLEST = Decimal(1_000)
"""A bare number below is no volume: nobody asks for fewer impressions, and it may be anything else."""


def find_amounts(text: str, taken: list[tuple[int, int]]) -> Iterator[Criterion]:
    """Budgets first, then prices, then volumes: a number belongs to the first that claims it. `taken` are characters
    that belong to something else already; what is found here is added to it."""
    for patterns, kind in ((_BUDGETS, BUDGET), (_PRICES, PRICE), (_VOLUMES, VOLUME)):
        for pattern in patterns:
            for match in pattern.finditer(text):
                found = _read(match, kind)
                if found is not None and _free(match.span(), taken):
                    taken.append(match.span())
                    yield found
    for match in _SPOKEN.finditer(text):
        if _free(match.span(), taken):
            taken.append(match.span())
            amount = Decimal(_PARTS[match["part"].casefold()]).scaleb(_SIZES[match["unit"].casefold()])
            yield Criterion(VOLUME, f"{amount.to_integral_value():f}", match.group(), *match.span())


def _read(match: re.Match[str], kind: str) -> Criterion | None:
    given = match.groupdict()
    size = _SIZES.get((given.get("amount_size") or "").casefold(), 0)
    amount = _number(given["amount"]).scaleb(size)
    currency = _CURRENCIES.get(
        (given.get("sign") or given.get("low_sign") or given.get("code") or "").casefold(), ""
    )
    if kind == PRICE and not _is_price(match, amount, size, currency):
        return None
    if kind == VOLUME and (amount < SMALLEST or amount != amount.to_integral_value()):
        return None
    if kind == VOLUME and not size and "," not in given["amount"] and 1990 <= amount <= 2100:
        return None  # a year
    words = match.group().strip()
    start = match.start() + len(match.group()) - len(match.group().lstrip())
    return Criterion(kind, f"{amount.normalize():f}", words, start, start + len(words), currency=currency)


def _number(text: str) -> Decimal:
    """A comma before one or two last digits is a decimal one: 12,5."""
    return Decimal(re.sub(r",(?=\d{1,2}$)", ".", text).replace(",", ""))


def _is_price(match: re.Match[str], amount: Decimal, size: int, currency: str) -> bool:
    if size or not 0 < amount <= DEAREST:
        return False
    if currency or re.search(r"cpm|per (?:thousand|mille|1,?000)", match.group(), re.I):
        return True
    return (
        re.match(
            r"(?:under|below|less|lower|at most|no more|not|up to|max|cap|<|≤|cheaper|ceiling)",
            match.group(),
            re.I,
        )
        is not None
    )


def _free(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    return all(span[1] <= start or end <= span[0] for start, end in taken)
