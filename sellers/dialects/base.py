"""What every seller dialect can do for us, in our words.

Reading (catalogue, offers, quote) may be repeated at will. Writing is a short fixed sequence of *commits*
(`write_kinds`); the flow stores a claim before each of them, calls `send` once, and after anything unclear asks
`find`, never `send` with another key (reliability.md 6.3 and 6.4). A dialect knows no database.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from planning.brief_delivery import EVEN
from planning.types import FrequencyCap, Offer, Product
from planning.zones import UTC_NAME

if TYPE_CHECKING:
    from sellers.http import SellerHttp


@dataclass(frozen=True)
class Connection:
    """How one seller is reached and who we are to it. The key never leaves `sellers`."""

    slug: str
    name: str
    base_url: str
    dialect: str
    api_key: str = field(repr=False, default="")
    seat_id: str = ""
    agency_id: str = ""
    advertiser_id: str = ""
    account_id: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


class Outcome(enum.StrEnum):
    """The classes of reliability.md 6.3, plus NOTHING: the seller proves that the write did not happen."""

    DONE = "done"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    NOTHING = "nothing"


@dataclass(frozen=True)
class SkippedRow:
    """A catalogue row that we could not read, with the reason, so that nothing vanishes silently."""

    reference: str
    reason: str
    inventory_type: str = ""  # empty where the row does not even say what it is


@dataclass(frozen=True)
class Catalogue:
    products: tuple[Product, ...]
    skipped: tuple[SkippedRow, ...]
    complete: bool = True  # False: paging stopped early (deadline, page cap)


@dataclass(frozen=True)
class OfferAsk:
    """Ask availability and price of one product in one channel at these volumes (impressions, ascending)."""

    product: Product
    channel: str
    volumes: tuple[int, ...]


@dataclass(frozen=True)
class OfferBook:
    offers: tuple[Offer, ...]
    skipped: tuple[SkippedRow, ...]


@dataclass(frozen=True)
class QuoteAsk:
    product_id: str
    deal_type: str  # PG, PD, PA
    impressions: int
    flight_start: date
    flight_end: date
    currency: str
    idempotency_key: str
    frequency_cap: FrequencyCap | None = None
    timezone: str = UTC_NAME  # of the flight's days


@dataclass(frozen=True)
class Quote:
    """A price that the seller stands by until `expires_at`. `quote_id` is empty where the wire has no quotes."""

    quote_id: str
    product_id: str
    deal_type: str
    impressions: int
    cpm: Decimal
    list_cpm: Decimal
    currency: str
    flight_start: date
    flight_end: date
    expires_at: datetime
    available: int | None = None
    tier: str = ""
    rationale: str = ""  # the seller's words: data
    guaranteed: bool = False


@dataclass(frozen=True)
class LineIntent:
    """Exactly what a person approved, plus our references. `refs` holds the ids that the seller gave so far."""

    reference: str  # ours, goes into every free field of the wire
    campaign_name: str
    order_name: str  # unique per account at the seller, at most 100 characters: the natural key
    line_name: str  # at most 200 characters
    product_id: str
    product_name: str
    deal_type: str
    impressions: int
    cpm: Decimal
    cost: Decimal
    currency: str
    flight_start: date
    flight_end: date
    quote_id: str
    idempotency_key: str  # stable per approved line and write kind
    order_budget: Decimal = Decimal(0)
    frequency_cap: FrequencyCap | None = None
    timezone: str = UTC_NAME  # of the flight's days
    pacing: str = EVEN
    refs: Mapping[str, str] = field(default_factory=dict)  # order_id, line_id, deal_id


@dataclass(frozen=True)
class Terms:
    """What the seller says it sold. None = the seller does not say."""

    product_id: str | None = None
    impressions: int | None = None
    cpm: Decimal | None = None
    cost: Decimal | None = None
    currency: str | None = None
    flight_start: date | None = None
    flight_end: date | None = None


@dataclass(frozen=True)
class Answer:
    """The outcome of one write, of a look-up, or of a status read."""

    outcome: Outcome
    code: str = ""
    reason: str = ""  # a sentence for a person; seller text inside it is data
    refs: Mapping[str, str] = field(default_factory=dict)
    seller_status: str = ""  # the seller's own word: proposed, PendingBooking, ...
    line_status: str = (
        ""  # our word: draft, pending_reservation, reserved, pending_booking, booked, declined, ...
    )
    terms: Terms = field(default_factory=Terms)
    retry_after: float | None = None


@dataclass(frozen=True)
class HeldOrder:
    """An order that the seller shows as ours, or an order record that names a deal. `marks` are the texts in its
    free fields: whoever wrote our reference there is found by it."""

    order_id: str
    name: str = ""
    marks: tuple[str, ...] = ()
    status: str = ""
    deal_id: str = ""
    quote_id: str = ""


@dataclass(frozen=True)
class HeldLine:
    """A line in one of those orders, as the seller's list shows it. `problem` says why its terms are unreadable."""

    line_id: str
    order_id: str
    name: str = ""
    marks: tuple[str, ...] = ()
    seller_status: str = ""
    line_status: str = ""  # our word; empty for a status that we do not know
    terms: Terms = field(default_factory=Terms)
    problem: str = ""


@dataclass(frozen=True)
class HeldOrders:
    """`complete` False: the list could not be read to its end, so that absence proves nothing."""

    orders: tuple[HeldOrder, ...]
    skipped: tuple[SkippedRow, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class HeldLines:
    lines: tuple[HeldLine, ...]
    skipped: tuple[SkippedRow, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class ProbeResult:
    ok: bool
    summary: str
    products: int = 0
    skipped: int = 0
    latency_ms: float = 0.0
    clock_offset_s: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class SellerError(Exception):
    """A read that failed for good within its deadline: code, a sentence for a person, whether trying again may help."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


class SellerDialect(Protocol):
    connection: Connection
    http: SellerHttp  # `http.exchanges` holds what was said so far
    write_kinds: tuple[str, ...]
    can_cancel: bool  # a booking can be cancelled over this wire
    lists_lines: bool  # the seller can be asked for the lines that it holds for us
    replay_window: timedelta | None  # for how long it knows our keys; None where the wire has none

    async def probe(self) -> ProbeResult: ...

    async def catalogue(self, *, channel: str, inventory_types: Sequence[str]) -> Catalogue: ...

    async def offers(
        self,
        asks: Sequence[OfferAsk],
        *,
        flight_start: date,
        flight_end: date,
        currency: str,
        timezone: str = UTC_NAME,
    ) -> OfferBook: ...

    async def quote(self, ask: QuoteAsk) -> Quote: ...

    async def send(self, kind: str, intent: LineIntent) -> Answer: ...

    async def find(self, kind: str, intent: LineIntent) -> Answer: ...

    async def read(self, intent: LineIntent) -> Answer: ...

    async def cancel(self, intent: LineIntent) -> Answer: ...

    async def held_orders(self) -> HeldOrders:
        """What the seller lists as ordered by us. Raises `SellerError` when not even its beginning can be read."""
        ...

    async def held_lines(self, order_id: str, currency: str, timezone: str = UTC_NAME) -> HeldLines:
        """The lines of one such order; where the wire has no lines (`lists_lines`), none. Raises `SellerError`."""
        ...
