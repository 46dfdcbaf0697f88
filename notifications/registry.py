"""Which rule turns which event into notices. Rules are registered when Django starts."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flows.models import Event

UNTIL = "\x00until\x00"  # no text of a person holds it: it is cut out of whatever they write


@dataclass(frozen=True)
class Draft:
    """One thing to tell. `key` names the change of state: with it each recipient is told once, whoever sweeps."""

    kind: str
    key: str
    title: str
    text: str
    url: str
    recipients: frozenset[int]  # ids of users
    organization_id: uuid.UUID | None = None
    request_id: uuid.UUID | None = None  # the approval request that it is about
    until: dt.datetime | None = None  # `UNTIL` in the texts stands for it, in each recipient's zone
    insist: bool = False  # shown and mailed at once, also to those who switched the kind off


Rule = Callable[[Event], Iterable[Draft]]
_rules: dict[str, list[Rule]] = {}


def on(*types: str) -> Callable[[Rule], Rule]:
    """Register a function for events of these types. It reads and drafts; it writes nothing."""

    def register(rule: Rule) -> Rule:
        for type in types:
            _rules.setdefault(type, []).append(rule)
        return rule

    return register


def event_types() -> list[str]:
    return sorted(_rules)


def drafts_of(event: Event) -> list[Draft]:
    return [draft for rule in _rules.get(event.type, []) for draft in rule(event)]
