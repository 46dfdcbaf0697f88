"""What an objective asks of each channel: weights from known words, each a house planning assumption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from planning.types import CHANNELS

Weights = Mapping[str, Decimal]


def _weights(branding: str, ctv: str, mobile: str, performance: str) -> Weights:
    return dict(zip(CHANNELS, map(Decimal, (branding, ctv, mobile, performance)), strict=True))


OBJECTIVE_WEIGHTS: dict[str, Weights] = {
    "awareness": _weights("0.40", "0.35", "0.15", "0.10"),
    "reach": _weights("0.40", "0.30", "0.20", "0.10"),
    "consideration": _weights("0.30", "0.25", "0.20", "0.25"),
    "engagement": _weights("0.25", "0.20", "0.30", "0.25"),
    "video completion": _weights("0.25", "0.60", "0.10", "0.05"),
    "traffic": _weights("0.15", "0.05", "0.30", "0.50"),
    "conversions": _weights("0.10", "0.05", "0.25", "0.60"),
    "retargeting": _weights("0.05", "0.05", "0.30", "0.60"),
    "app installs": _weights("0.05", "0.10", "0.70", "0.15"),
    "store visits": _weights("0.25", "0.15", "0.45", "0.15"),
}
"""How much each channel helps one objective, per row summing to 1. Assumed from the formats: large screens
and wide pages build memory, clickable units bring visits, and only a handset installs an app."""

UNKNOWN_OBJECTIVE: Weights = _weights("0.25", "0.25", "0.25", "0.25")

OBJECTIVE_WORDS: dict[str, str] = {
    "awareness": r"aware|brand(?!ed content)|recall|launch",
    "reach": r"\breach|unique users|incremental",
    "consideration": r"consider|intent|favou?rab",
    "engagement": r"engag|interact",
    "video completion": r"video|complet|view-?through|\bvcr\b|\bvtr\b",
    "traffic": r"traffic|click|site visit|website|landing|\bctr\b",
    "conversions": r"conver|sale|purchas|lead|sign-?up|subscri|acqui|revenue|\broas\b|\bcpa\b|checkout",
    "retargeting": r"retarget|remarket|re-?engag|abandon",
    "app installs": r"install|download|\bapps?\b",
    "store visits": r"store|foot ?fall|foot traffic|in-?shop",
}
"""Patterns that recognise an objective in free text; several may hold, and then their weights are
averaged."""


@dataclass(frozen=True)
class Reading:
    """One objective of the brief, and the known objectives that were recognised in it."""

    text: str
    known: tuple[str, ...]


def read_objectives(objectives: Iterable[str]) -> tuple[Reading, ...]:
    """Which known objectives each text names; none for a text that no pattern recognises."""
    return tuple(Reading(text, _recognise(text)) for text in objectives)


def channel_weights(readings: Iterable[Reading]) -> Weights:
    """The mean of the objectives' weights, each objective of the brief counting alike; sums to 1."""
    rows = [_mean([OBJECTIVE_WEIGHTS[name] for name in one.known] or [UNKNOWN_OBJECTIVE]) for one in readings]
    return _mean(rows or [UNKNOWN_OBJECTIVE])


def describe_readings(readings: Iterable[Reading]) -> str:
    """What was understood, for a reason: `'brand awareness' as awareness`."""
    return "; ".join(
        f"'{one.text}' as {' and '.join(one.known) if one.known else 'no known objective: equal weights'}"
        for one in readings
    )


def _recognise(text: str) -> tuple[str, ...]:
    plain = text.lower().replace("_", " ")
    return tuple(name for name, pattern in OBJECTIVE_WORDS.items() if re.search(pattern, plain))


def _mean(rows: list[Weights]) -> Weights:
    return {channel: sum((row[channel] for row in rows), Decimal(0)) / len(rows) for channel in CHANNELS}
