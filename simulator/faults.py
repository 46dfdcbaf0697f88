"""The fault script: which requests go wrong, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from itertools import count
from typing import Any

KINDS: tuple[str, ...] = (
    "delay",
    "drip",
    "status",
    "bad_json",
    "mutate",
    "cut",
    "hang",
    "crash",
    "price",
)


@dataclass
class Fault:
    """One rule. `nth` = first match that fires (1 = the first); `count` = how often it fires (None = always).

    `when` says on which side of the seller's commit the fault stands: before (no effect has happened yet) or
    after (the effect is committed and journaled; the buyer cannot know). A delay before the commit still ends in
    the commit, even if the buyer has left; a hang before it does not.
    """

    kind: str
    method: str = ""
    path: str = ""  # prefix of path?query
    contains: str = ""  # further text that path?query must contain
    nth: int = 1
    count: int | None = None
    when: str = "before"
    seconds: float = 1.0
    """delay: how long; hang: until then, 0 = until the buyer leaves; crash: until the deal is there, 0 = never."""
    rate: float = 10.0  # drip: body bytes per second
    status: int = 500  # status: the answer
    body: Any = "Internal Server Error"  # status: text, or JSON if it is an object
    text: str = ""  # bad_json: the body; empty = the seller's own, broken in half
    headers: dict[str, str] = field(default_factory=dict)
    at: int | None = None  # cut: None = reset without a byte; n = after n body bytes; -1 = all but one
    factor: float = 1.1  # mutate: times every price in the answer; price: the seller books at this factor
    set: dict[str, Any] = field(default_factory=dict)  # mutate: dotted path (`*` = any) -> new value
    drop: list[str] = field(default_factory=list)  # mutate: dotted paths to remove
    id: str = ""
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault kind {self.kind!r}, expected one of {', '.join(KINDS)}")
        if self.when not in ("before", "after"):
            raise ValueError(f"when must be before or after, not {self.when!r}")
        if not (math.isfinite(self.seconds) and self.seconds >= 0 and self.rate > 0):
            raise ValueError("seconds must be >= 0 and rate > 0")

    def matches(self, method: str, target: str) -> bool:
        return (
            (not self.method or self.method.upper() == method)
            and target.startswith(self.path)
            and self.contains in target
        )

    def due(self) -> bool:
        """Counts one match and says whether the rule fires on it."""
        self.seen += 1
        if self.seen < self.nth or (self.count is not None and self.fired >= self.count):
            return False
        self.fired += 1
        return True


def parse_fault(raw: Any) -> Fault:
    """Reads one rule from JSON. Raises ValueError on unknown fields or values."""
    if not isinstance(raw, dict) or "kind" not in raw:
        raise ValueError("a fault is an object with a kind")
    known = {f.name for f in fields(Fault)} - {"id", "seen", "fired"}
    if unknown := set(raw) - known:
        raise ValueError(f"unknown fault fields: {', '.join(sorted(unknown))}")
    return Fault(**raw)


class FaultScript:
    """The rules in force. Every rule that matches counts; every rule that is due fires, in order."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self._ids = count(1)

    def add(self, fault: Fault) -> Fault:
        fault.id = f"fault-{next(self._ids)}"
        self.rules.append(fault)
        return fault

    def clear(self, id: str = "") -> int:
        kept = [rule for rule in self.rules if id and rule.id != id]
        removed = len(self.rules) - len(kept)
        self.rules = kept
        return removed

    def take(self, method: str, target: str) -> list[Fault]:
        return [rule for rule in self.rules if rule.matches(method, target) and rule.due()]
