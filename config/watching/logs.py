"""One line per record, as JSON or as `time level logger key=value ... message`, with what it is about.

Text from outside cannot make a line of its own nor a field: JSON escapes it, the line form escapes whatever does not
print and puts the message last. Settings name `formatter` for the standard library's logging.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from config.watching.context import add_user
from config.watching.secrets import MASK, hidden

LONGEST = 8_000  # characters of one value
_NAMED = frozenset({"authorization", "cookie", "set-cookie", "password", "secret", "api_key", "x-api-key"})
# What our own code may add with `extra=`; other libraries hang whole requests there.
EXTRA = ("method", "path", "status", "ms", "route", "rung", "seller")
_FIRST = ("timestamp", "level", "logger")


def formatter(shape: str = "line") -> logging.Formatter:
    """`shape`: `json` or `line`."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            add_user,
            structlog.stdlib.ExtraAdder(allow=EXTRA),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            without_secrets,
            as_json if shape == "json" else as_line,
        ],
    )


def without_secrets(_logger: Any, _method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last word before a record is written."""
    for key, value in record.items():
        if key.lower() in _NAMED:
            record[key] = MASK
        elif not isinstance(value, int | float | None):
            text = hidden(str(value))
            record[key] = text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
    return record


def as_json(_logger: Any, _method: str, record: Mapping[str, Any]) -> str:
    return json.dumps({"timestamp": record["timestamp"], "level": record["level"], **record})


def as_line(_logger: Any, _method: str, record: Mapping[str, Any]) -> str:
    fields = dict(record)
    event, trace = fields.pop("event", ""), fields.pop("exception", "")
    first = [str(fields.pop(name, "-")) for name in _FIRST]
    pairs = [f"{key}={_quoted(value)}" for key, value in fields.items() if value not in ("", None)]
    words = [*first, *pairs, _printable(str(event))]
    return " ".join([*words, "|", _printable(trace)] if trace else words)


def _quoted(value: Any) -> str:
    text = str(value)
    plain = text.isprintable() and not any(mark in text for mark in ' "=')
    return text if plain else json.dumps(text)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
