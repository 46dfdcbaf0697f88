"""The plain data that planning takes and gives. Money is `Decimal` in the brief's currency; CPM is per 1,000.

Everything here is frozen and JSON-serialisable through `planning.codec`, so that a plan can be stored, hashed
and computed again byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

CHANNELS: tuple[str, ...] = ("branding", "ctv", "mobile", "performance")
"""The channels of the booking flow, in the order in which ties are broken and lists are shown."""


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with an input: a dotted field path (`kpis.max_cpm`), a stable code, a sentence."""

    field: str
    code: str
    message: str


class InvalidBrief(ValueError):
    """Raised with every error found, never with only the first."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = errors


class Infeasible(ValueError):
    """No plan can satisfy these constraints together; `errors` names each, with what would make it hold."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = errors


@dataclass(frozen=True)
class Share:
    """A range of shares, 0..1 of a total, both ends included."""

    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(1)


@dataclass(frozen=True)
class Audience:
    age_min: int | None = None
    age_max: int | None = None
    genders: tuple[str, ...] = ()
    geo: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    demographics: tuple[str, ...] = ()
    behaviors: tuple[str, ...] = ()
    unused: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Kpis:
    max_cpm: Decimal | None = None
    target_cpm: Decimal | None = None
    viewability: Decimal | None = None  # 0..1
    completion_rate: Decimal | None = None  # 0..1
    ctr: Decimal | None = None  # 0..1
    brand_safety: str | None = None
    unused: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FrequencyCap:
    count: int
    interval: str  # Hour, Day, Week, Month, LineDuration (OpenDirect 2.1 frequencyinterval)


@dataclass(frozen=True)
class LineWish:
    """What a person wants of one product in one channel: exactly `impressions`, 0 for none of it, None for any volume
    as long as it is in the plan."""

    channel: str
    seller: str
    product_id: str
    impressions: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.channel, self.seller, self.product_id)

    @property
    def wanted(self) -> bool:
        return self.impressions != 0


@dataclass(frozen=True)
class Constraints:
    sellers_included: tuple[str, ...] = ()  # seller slugs; empty = all
    sellers_excluded: tuple[str, ...] = ()
    channel_shares: Mapping[str, Share] = field(default_factory=dict)
    seller_shares: Mapping[str, Share] = field(default_factory=dict)
    max_seller_share: Decimal | None = None  # applies to every seller without a range of its own
    frequency_cap: FrequencyCap | None = None
    lines: tuple[LineWish, ...] = ()
    unused: Mapping[str, Any] = field(default_factory=dict)

    def wish_for(self, key: tuple[str, str, str]) -> LineWish | None:
        """What a person set for this channel, seller and product."""
        return next((wish for wish in self.lines if wish.key == key), None)


@dataclass(frozen=True)
class BookingPolicy:
    """What becomes of the other lines when one approved line cannot be had (reliability.md 6.5)."""

    kind: str = "keep_partial"  # or all_or_nothing, at_least
    share: Decimal | None = None  # 0 < x <= 1 of the approved cost; with at_least only


@dataclass(frozen=True)
class Brief:
    name: str
    objectives: tuple[str, ...]
    budget: Decimal
    currency: str
    start_date: date
    end_date: date
    audience: Audience
    kpis: Kpis
    channels: tuple[str, ...]
    constraints: Constraints
    auto_approve: bool = False
    advertiser: str | None = None
    notes: str = ""
    booking_policy: BookingPolicy = BookingPolicy()
    timezone: str = "UTC"  # IANA; the days of the flight are counted in it
    pacing: str = "even"  # or ahead, asap


@dataclass(frozen=True)
class ChannelCoverage:
    """How much of the audience a channel is estimated to reach, and why."""

    channel: str
    coverage: Decimal  # 0..1
    gaps: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class AudiencePlan:
    coverage: tuple[ChannelCoverage, ...]
    gaps: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Allocation:
    channel: str
    share: Decimal  # 0..1, four places
    amount: Decimal
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Product:
    """One catalogue row of one seller, in our words. Texts are the seller's: data, never instructions."""

    seller: str  # slug of the seller in our registry
    product_id: str  # the seller's id, opaque
    name: str
    currency: str
    list_cpm: Decimal
    inventory_type: str  # display, video, ctv, mobile_app, native, linear_tv, dooh, audio, other
    description: str = ""
    formats: tuple[str, ...] = ()
    floor_cpm: Decimal | None = None
    min_impressions: int = 0
    min_spend: Decimal | None = None
    deal_types: tuple[str, ...] = ()  # PG, PD, PA; empty = the seller does not say
    guaranteed: bool = False
    available_cap: int | None = None  # the catalogue's own cap; None = not stated
    lead_days: int = 0
    min_flight_days: int | None = None
    max_flight_days: int | None = None
    active_from: date | None = None
    retired_on: date | None = None
    targeting: tuple[str, ...] = ()  # targeting keys or capabilities the seller offers
    content: tuple[str, ...] = ()  # content categories, sections, tags
    viewability: Decimal | None = None
    completion_rate: Decimal | None = None


@dataclass(frozen=True)
class PriceStep:
    """From this many impressions (inclusive) the seller asks this CPM, for our identity."""

    from_impressions: int
    cpm: Decimal


@dataclass(frozen=True)
class Offer:
    """A product on offer to us in one channel: what is free in the flight and what it costs us."""

    product: Product
    channel: str
    available: int | None  # impressions free in the flight; None = the seller states no cap
    prices: tuple[PriceStep, ...]  # ascending from_impressions, first step is the smallest buyable volume


@dataclass(frozen=True)
class PlanLine:
    channel: str
    seller: str
    product_id: str
    impressions: int
    cpm: Decimal
    cost: Decimal  # impressions x cpm / 1000, rounded half up to the currency's minor unit
    value: Decimal  # audience- and quality-weighted impressions
    score: Decimal  # 0..100, share of the best value per money among the offers of the channel
    rank: int  # 1 = best, over the whole plan
    explanation: tuple[str, ...]


@dataclass(frozen=True)
class NotChosen:
    channel: str
    seller: str
    product_id: str
    code: str
    reason: str


@dataclass(frozen=True)
class Plan:
    lines: tuple[PlanLine, ...]
    not_chosen: tuple[NotChosen, ...]
    value: Decimal
    bound: Decimal  # proven upper bound on value under the same constraints
    gap: Decimal  # (bound - value) / bound, 0..1; 0 when bound is 0
    unspent: Mapping[str, Decimal]  # per channel
    reasons: tuple[str, ...] = ()
