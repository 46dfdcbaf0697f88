"""Why a decision was not taken. A refused decision has changed nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass
class Refused(Exception):
    """`status` is the HTTP status that says the same; `extra` names the ids, amounts or people concerned."""

    status: int
    code: str
    message: str
    field: str = ""
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return self.message
