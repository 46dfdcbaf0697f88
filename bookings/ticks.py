"""What tick boxes post: each names a thing and what was shown of it, `<id>:<fingerprint>`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable


def read_ticks(values: Iterable[str]) -> dict[uuid.UUID, str]:
    """In the order sent; what is no id is left out."""
    found: dict[uuid.UUID, str] = {}
    for value in values:
        pk, _, shown = value.partition(":")
        try:
            found[uuid.UUID(pk)] = shown
        except ValueError:
            continue
    return found
