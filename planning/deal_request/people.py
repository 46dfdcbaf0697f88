# ruff: noqa: E501  tables of words and patterns are read best one to a line
"""Ages in a request: "25-54", "A25-54", "adults 18 to 34", "18+", "over 50"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planning.deal_request.types import AUDIENCE, Criterion

_WHO = r"(?P<who>adults?|people|audiences?|viewers?|users?|aged?|ages|women|men|females?|males?|persons)"
_RANGES = [
    re.compile(rf"(?:\b{_WHO}\s+(?:aged?\s+)?)(?P<low>\d{{2}})\s*(?:-|–|to|and)\s*(?P<high>\d{{2}})\b(?!\s*(?:%|seconds?|sec\b|million|k\b))", re.I),
    re.compile(r"\b(?P<who>[apfmw])\s?(?P<low>\d{2})\s*(?:-|–)\s*(?P<high>\d{2})\b", re.I),
    re.compile(r"(?<![\w$€£.-])(?P<who>)(?P<low>1[3-9]|[2-6]\d)\s*(?:-|–)\s*(?P<high>1[89]|[2-9]\d)\b(?!\s*(?:%|seconds?|sec\b|million|k\b|cpm|usd|eur|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))", re.I),
    re.compile(rf"(?:\b{_WHO}\s+)?(?:over|above|older than)\s+(?P<low>\d{{2}})(?P<high>)s?\b(?!\s*(?:%|cpm|usd|eur|dollars?|k\b|m\b|million))", re.I),
    re.compile(rf"\b(?:{_WHO}\s+)?(?P<low>1[38]|2[15]|[3-6][05])(?P<high>)\+", re.I),
]  # fmt: skip
_GENDERS = {"w": "women", "f": "women", "women": "women", "female": "women", "females": "women", "m": "men", "men": "men", "male": "men", "males": "men"}  # fmt: skip


def find_people(text: str, taken: list[tuple[int, int]]) -> Iterator[Criterion]:
    """`taken` gets the characters that were read."""
    for pattern in _RANGES:
        for match in pattern.finditer(text):
            span = match.span()
            if any(start < span[1] and span[0] < end for start, end in taken):
                continue
            low, high = int(match["low"]), int(match["high"]) if match["high"] else None
            if high is not None and not 10 <= low < high:
                continue
            taken.append(span)
            value = f"age:{low}-{high}" if high is not None else f"age:{low}+"
            yield Criterion(AUDIENCE, value, match.group(), *span)
            if gender := _GENDERS.get((match["who"] or "").casefold()):
                yield Criterion(AUDIENCE, gender, match.group(), *span)
