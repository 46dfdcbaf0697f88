"""From what was read, and what was given in fields of its own, to the criteria of a search. Given fields win."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from planning.deal_request.types import (
    AUDIENCE,
    BUDGET,
    CONTENT,
    DEAL_TYPE,
    DEAL_TYPES,
    FLIGHT,
    FORMAT,
    INVENTORY,
    PLACE,
    PRICE,
    PUBLISHER,
    QUALITY,
    VOLUME,
    Criterion,
    DealCriteria,
    ReadRequest,
)
from planning.money import CURRENCY_EXPONENTS
from planning.types import FieldError

GIVEN = "given"
_LISTS = {
    INVENTORY: "inventory",
    FORMAT: "formats",
    CONTENT: "content",
    AUDIENCE: "audience",
    PLACE: "places",
    PUBLISHER: "publishers",
}
MOST_IMPRESSIONS = 10**12


class InvalidRequest(ValueError):
    """Raised with every error found, never with only the first."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.message}" for one in errors))
        self.errors = list(errors)


@dataclass(frozen=True)
class Given:
    """What was filled in beside the sentence; None where nothing was."""

    deal_type: str | None = None
    impressions: int | None = None
    max_cpm: Decimal | None = None
    currency: str | None = None
    flight_start: date | None = None
    flight_end: date | None = None


@dataclass
class _Found:
    values: dict[str, object] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, value: object, source: str) -> None:
        self.values[name], self.sources[name] = value, source


def resolve(read: ReadRequest, given: Given, *, today: date) -> DealCriteria:
    """Raises `InvalidRequest`, naming fields of the request.

    Without a deal type a preferred deal is looked for; a budget with a highest CPM gives the volume that it buys.
    """
    kinds: dict[str, list[Criterion]] = defaultdict(list)
    for one in read.criteria:
        kinds[one.kind].append(one)
    found = _Found()
    _take_lists(found, kinds)
    _take_deal_type(found, kinds, given)
    _take_money(found, kinds, given)
    _take_volume(found, kinds, given)
    _take_flight(found, kinds, given)
    criteria = DealCriteria(text=read.text, without=_without(read), sources=found.sources, **found.values)  # type: ignore[arg-type]
    if errors := _wrong(criteria, today):
        raise InvalidRequest(errors)
    return criteria


def _take_lists(found: _Found, kinds: Mapping[str, Sequence[Criterion]]) -> None:
    for kind, name in _LISTS.items():
        wanted = [one for one in kinds[kind] if not one.excluded]
        if wanted:
            values = tuple(dict.fromkeys(one.value for one in wanted))
            found.take(name, values, ", ".join(one.words for one in wanted))
    premium = [one for one in kinds[QUALITY] if not one.excluded]
    if premium:
        found.take("premium", True, ", ".join(one.words for one in premium))


def _without(read: ReadRequest) -> dict[str, tuple[str, ...]]:
    kept_out: dict[str, list[str]] = defaultdict(list)
    for one in read.criteria:
        if one.excluded:
            kept_out[one.kind].append(one.value)
    return {kind: tuple(values) for kind, values in kept_out.items()}


def _take_deal_type(found: _Found, kinds: Mapping[str, Sequence[Criterion]], given: Given) -> None:
    if given.deal_type is not None:
        found.take("deal_type", given.deal_type, GIVEN)
        return
    said = [one for one in kinds[DEAL_TYPE] if not one.excluded]
    if said:
        found.take("deal_type", said[0].value, said[0].words)


def _take_money(found: _Found, kinds: Mapping[str, Sequence[Criterion]], given: Given) -> None:
    prices = [one for one in kinds[PRICE] if not one.excluded]
    lowest = min(prices, key=lambda one: Decimal(one.value), default=None)
    if given.max_cpm is not None:
        found.take("max_cpm", given.max_cpm, GIVEN)
    elif lowest is not None:
        found.take("max_cpm", Decimal(lowest.value), lowest.words)
    named = [one for one in (*prices, *kinds[BUDGET]) if one.currency]
    if given.currency is not None:
        found.take("currency", given.currency, GIVEN)
    elif named and given.max_cpm is None:
        found.take("currency", named[0].currency, named[0].words)


def _take_volume(found: _Found, kinds: Mapping[str, Sequence[Criterion]], given: Given) -> None:
    volumes, budgets = kinds[VOLUME], kinds[BUDGET]
    if given.impressions is not None:
        found.take("impressions", given.impressions, GIVEN)
    elif volumes:
        found.take("impressions", int(Decimal(volumes[0].value)), volumes[0].words)
    elif budgets and (most := found.values.get("max_cpm")):
        affordable = Decimal(budgets[0].value) * 1000 / Decimal(str(most))
        found.take("impressions", int(affordable), budgets[0].words)


def _take_flight(found: _Found, kinds: Mapping[str, Sequence[Criterion]], given: Given) -> None:
    spans = sorted(_span(one) for one in kinds[FLIGHT] if not one.excluded)
    words = ", ".join(one.words for one in kinds[FLIGHT])
    start, end = _joined(spans) if spans else (None, None)
    for name, said, wanted in (
        ("flight_start", start, given.flight_start),
        ("flight_end", end, given.flight_end),
    ):
        if wanted is not None:
            found.take(name, wanted, GIVEN)
        elif said is not None:
            found.take(name, said, words)


def _span(one: Criterion) -> tuple[date, date]:
    start, end = one.value.split("/")
    return date.fromisoformat(start), date.fromisoformat(end)


def _joined(spans: Sequence[tuple[date, date]]) -> tuple[date, date]:
    """Periods that touch are one flight (Q3 and Q4); of periods with a gap the first is meant."""
    start, end = spans[0]
    for first, last in spans[1:]:
        if first <= end + timedelta(days=1):
            end = max(end, last)
    return start, end


def _wrong(criteria: DealCriteria, today: date) -> list[FieldError]:
    errors = []
    if criteria.deal_type not in DEAL_TYPES:
        errors.append(FieldError("deal_type", "unknown_deal_type", f"Give one of {', '.join(DEAL_TYPES)}."))
    if criteria.deal_type == "PG" and criteria.impressions is None:
        text = "A guaranteed deal needs a volume; say how many impressions, such as 500,000."
        errors.append(FieldError("impressions", "required", text))
    if criteria.impressions is not None and not 0 < criteria.impressions <= MOST_IMPRESSIONS:
        errors.append(FieldError("impressions", "out_of_range", "Give a number of impressions above 0."))
    if criteria.max_cpm is not None and criteria.max_cpm <= 0:
        errors.append(FieldError("max_cpm", "out_of_range", "Give a highest CPM above 0."))
    if criteria.currency not in CURRENCY_EXPONENTS:
        errors.append(FieldError("currency", "unknown_currency", "Give an ISO 4217 code such as USD."))
    return errors + _wrong_dates(criteria.flight_start, criteria.flight_end, today)


def _wrong_dates(start: date | None, end: date | None, today: date) -> list[FieldError]:
    errors = []
    if start is not None and start < today:
        errors.append(FieldError("flight_start", "in_the_past", f"Start on or after {today.isoformat()}."))
    if end is not None and end < (start or today):
        first = (start or today).isoformat()
        errors.append(FieldError("flight_end", "before_start", f"End on or after {first}."))
    return errors
