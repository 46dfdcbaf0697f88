"""What people write: plain text of a bounded length, without control characters."""

from __future__ import annotations

import unicodedata

from approvals.errors import Refused


def clean(text: str) -> str:
    """Lines end as on Unix; control characters, which no database and no page wants, become spaces."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(" " if _is_control(char) else char for char in lines).strip()


def refuse_longer(text: str, longest: int, field: str) -> None:
    if len(text) > longest:
        raise Refused(
            400,
            "too_long",
            f"This has {len(text):,} characters. Shorten it to {longest:,} at most.",
            field=field,
        )


def _is_control(char: str) -> bool:
    return char != "\n" and unicodedata.category(char) in ("Cc", "Cs")
