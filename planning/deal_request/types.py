"""What a request is read into. Everything is plain data and JSON-serialisable through `planning.codec`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

INVENTORY, FORMAT, CONTENT, AUDIENCE, PLACE = "inventory", "format", "content", "audience", "place"
FLIGHT, VOLUME, PRICE, DEAL_TYPE, PUBLISHER = "flight", "volume", "price", "deal_type", "publisher"
QUALITY, BUDGET = "quality", "budget"

KINDS: Mapping[str, str] = {
    INVENTORY: "Channel",
    FORMAT: "Format",
    CONTENT: "Content",
    AUDIENCE: "Audience",
    PLACE: "Place",
    FLIGHT: "Dates",
    VOLUME: "Impressions",
    PRICE: "Highest CPM",
    DEAL_TYPE: "Deal type",
    PUBLISHER: "Publisher",
    QUALITY: "Quality",
    BUDGET: "Budget",
}
"""Every kind of criterion with its label, in the order in which pages list them."""

DEAL_TYPES: Mapping[str, str] = {
    "PG": "Programmatic guaranteed",
    "PD": "Preferred deal",
    "PA": "Private auction",
}
"""The codes of the seller agent's wire with the trade's names."""


@dataclass(frozen=True)
class Criterion:
    """One thing that the request asks for, or with `excluded` asks to keep out.

    `value` is the canonical word of the kind (`ctv`, `sports`, `US-CA`, `PG`), a plain number for volume and money, or
    two ISO dates joined by a slash. `words` is the text that it was read from, from character `start` to `end`.
    """

    kind: str
    value: str
    words: str
    start: int
    end: int
    excluded: bool = False
    currency: str = ""  # of money, where the words name one
    corrected: bool = False  # read in spite of a typing error


@dataclass(frozen=True)
class ReadRequest:
    text: str
    criteria: tuple[Criterion, ...]
    not_understood: tuple[str, ...]


@dataclass(frozen=True)
class DealCriteria:
    """What is looked for, typed: the words of the request, overruled by what was given in fields of its own.

    Money is in `currency`, CPM per 1,000 impressions; the flight includes both of its days.
    """

    text: str
    deal_type: str = "PD"
    impressions: int | None = None
    max_cpm: Decimal | None = None
    currency: str = "USD"
    flight_start: date | None = None
    flight_end: date | None = None
    inventory: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    premium: bool = False
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind to values
    sources: Mapping[str, str] = field(default_factory=dict)  # field to "given", or the words
