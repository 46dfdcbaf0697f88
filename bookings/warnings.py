"""What is worth a second look in a brief that holds. Nothing here keeps anybody from handing it in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from planning.fields import read_number
from planning.types import Brief

SHORT_FLIGHT_DAYS = 7


@dataclass(frozen=True)
class SellerFacts:
    """What a seller's catalogue said when it was last read, for the channels of the brief. None: it did not say."""

    name: str
    currency: str
    lead_days: int | None = None  # of its quickest product
    min_spend: Decimal | None = None  # of its smallest product, in the currency of the brief


@dataclass(frozen=True)
class Surroundings:
    today: dt.date
    sellers: tuple[SellerFacts, ...] = ()
    overlapping: tuple[str, ...] = ()  # campaigns of the same client in the same days


@dataclass(frozen=True)
class Warning:
    """About a field, as a dotted path like that of an error; a stable code; a sentence."""

    field: str
    code: str
    message: str


def warnings_for(brief: Brief, around: Surroundings) -> list[Warning]:
    return [
        *_short_flight(brief),
        *_too_few_impressions(brief),
        *_overlap(around),
        *_lead_time(brief, around),
        *_smallest_spend(brief, around),
        *_other_currency(brief, around),
    ]


def _short_flight(brief: Brief) -> Iterator[Warning]:
    days = (brief.end_date - brief.start_date).days + 1
    if days < SHORT_FLIGHT_DAYS:
        yield Warning(
            "end_date",
            "short_flight",
            f"The flight lasts {days} day{'' if days == 1 else 's'}. Many sellers need {SHORT_FLIGHT_DAYS} to deliver "
            "evenly.",
        )


def _too_few_impressions(brief: Brief) -> Iterator[Warning]:
    given = brief.kpis.unused.get("impressions")
    if given is None:
        return
    wanted = read_number(given.replace(",", "") if isinstance(given, str) else given)
    if wanted is None or wanted <= 0:
        yield Warning(
            "kpis.impressions", "not_a_number", "This is no number of impressions, so it is not compared."
        )
        return
    if brief.kpis.max_cpm is None:
        return
    bought = int(brief.budget / brief.kpis.max_cpm * 1000)
    if bought < wanted:
        yield Warning(
            "kpis.impressions",
            "too_few_impressions",
            f"At the highest CPM of {brief.kpis.max_cpm.normalize():f} the budget buys {bought:,} impressions, fewer "
            f"than the {int(wanted):,} wanted.",
        )


def _overlap(around: Surroundings) -> Iterator[Warning]:
    if around.overlapping:
        names = ", ".join(around.overlapping)
        yield Warning(
            "start_date", "overlapping_campaign", f"In the same days this client already has: {names}."
        )


def _lead_time(brief: Brief, around: Surroundings) -> Iterator[Warning]:
    ahead = (brief.start_date - around.today).days
    late = [
        f"{seller.name} ({seller.lead_days} days)"
        for seller in around.sellers
        if seller.lead_days is not None and seller.lead_days > ahead
    ]
    if late:
        yield Warning(
            "start_date",
            "before_lead_time",
            f"The flight starts in {ahead} day{'' if ahead == 1 else 's'}; these sellers need longer: "
            f"{', '.join(late)}.",
        )


def _smallest_spend(brief: Brief, around: Surroundings) -> Iterator[Warning]:
    """Only if no seller is known to sell for less, and every seller says what it wants at least."""
    least = [seller.min_spend for seller in around.sellers]
    known = [amount for amount in least if amount is not None]
    if known and len(known) == len(least) and brief.budget < min(known):
        yield Warning(
            "budget",
            "below_smallest_minimum",
            f"No seller asked for less than {min(known):,.2f} {brief.currency} when last read.",
        )


def _other_currency(brief: Brief, around: Surroundings) -> Iterator[Warning]:
    currencies = sorted({seller.currency for seller in around.sellers})
    if currencies and brief.currency not in currencies:
        yield Warning(
            "currency",
            "no_seller_in_currency",
            f"The sellers to be asked price in {', '.join(currencies)}; there may be no offer in {brief.currency}.",
        )
