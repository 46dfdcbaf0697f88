"""Who did it. Every event names one actor; agents and the system never approve."""

from __future__ import annotations

from dataclasses import dataclass

HUMAN = "human"
API_KEY = "api_key"
SYSTEM = "system"
SELLER = "seller"


@dataclass(frozen=True)
class Actor:
    """`kind` is one of human, api_key, system, seller; `id` is stable, `label` is for people."""

    kind: str
    id: str
    label: str


SYSTEM_ACTOR = Actor(SYSTEM, "flightdeck", "Flightdeck")
