"""Sentry, where SENTRY_DSN is set: which code failed where, and never a word of what it was working on.

Messages of exceptions quote briefs and sellers, so a report keeps types, places, ids and our own log templates only.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from structlog.contextvars import get_contextvars

logger = logging.getLogger(__name__)
_KEPT = (
    "event_id",
    "timestamp",
    "platform",
    "level",
    "logger",
    "release",
    "environment",
    "server_name",
    "sdk",
)
_KEPT_OF_A_FRAME = ("filename", "module", "function", "lineno", "abs_path", "in_app", "context_line")
_TAGS = ("request_id", "correlation_id", "flow", "flow_id", "step", "attempt")


def start() -> None:
    """Nothing without a DSN. Without the package a warning, and the product goes on."""
    if not settings.SENTRY_DSN:
        return
    try:
        import sentry_sdk
    except ImportError:
        logger.warning("error reports are off: SENTRY_DSN is set; install requirements-observe.txt")
        return
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=scrubbed,
    )


def scrubbed(event: Any, hint: Any = None) -> Any:
    """What is sent: a new event made of what is known to be harmless, not the old one minus what is known to harm."""
    kept = {name: event[name] for name in _KEPT if name in event}
    kept["tags"] = {name: str(value) for name, value in get_contextvars().items() if name in _TAGS}
    if route := event.get("transaction"):
        kept["transaction"] = route
    template = (event.get("logentry") or {}).get("message")
    if template:
        kept["logentry"] = {"message": template}
    found = (event.get("exception") or {}).get("values") or []
    if found:
        kept["exception"] = {"values": [_exception(value) for value in found]}
    return kept


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "mechanism": {"type": "generic", "handled": (value.get("mechanism") or {}).get("handled", True)},
        "stacktrace": {
            "frames": [
                {k: frame[k] for k in _KEPT_OF_A_FRAME if frame.get(k) is not None} for frame in frames
            ]
        },
    }
