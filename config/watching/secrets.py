"""Keeps secrets out of whatever is logged or reported, by their value where it is known, else by their look."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from django.conf import settings

from sellers.watch import secrets_in_use

MASK = "***"
SHORTEST = 8  # shorter values would blank out ordinary words
_WORDS = (
    r"authorization|proxy-authorization|x-api-key|api[_-]?key|set-cookie|cookie|passw(?:or)?d|secret|sessionid"
    r"|csrftoken"
)
_LOOKS = (
    # name: value, name=value, "name": "value"; of headers the whole rest of the line
    re.compile(
        rf"(?i)\b((?:{_WORDS})\\?['\"]?\s*[:=]\s*\\?['\"]?)(?:(?:bearer|basic|token)\s+)?[^\s,;'\"}}\])&]+(?:;[^\r\n'\"]*)?"
    ),
    re.compile(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(\bfd_[A-Za-z0-9]{4,}\.)[A-Za-z0-9_-]{8,}"),  # our own API keys keep their public prefix
    re.compile(r"(/shared/[a-z0-9]{8}\.)[A-Za-z0-9_-]{8,}"),  # so do links to the client's view
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"),  # a password in a URL
)


def hidden(text: str) -> str:
    """`text` without any secret that is known or looks like one."""
    known = _pattern(secrets_in_use())
    if known is not None:
        text = known.sub(MASK, text)
    for look in _LOOKS:
        text = look.sub(rf"\g<1>{MASK}", text)
    return text


@functools.lru_cache(maxsize=4)
def _pattern(keys_of_sellers: frozenset[str]) -> re.Pattern[str] | None:
    values = {value for value in (*_of_settings(), *keys_of_sellers) if len(value) >= SHORTEST}
    longest_first = sorted(values, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if values else None


def _of_settings() -> Iterable[str]:
    yield settings.SECRET_KEY
    yield from settings.FLIGHTDECK_ENCRYPTION_KEYS
    yield settings.FLIGHTDECK_METRICS_TOKEN
    yield str(settings.DATABASES["default"].get("PASSWORD") or "")
    yield settings.SENTRY_DSN
