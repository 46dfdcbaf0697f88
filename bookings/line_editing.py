"""Changing one line of a waiting plan by hand: another volume, out of the plan, or another product in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bookings.models import Campaign, Recommendation
from bookings.what_if import offers_of
from bookings.wish_fields import read_key
from planning.quoted import Key, key_of
from planning.types import FieldError, Infeasible, LineWish, Offer
from planning.what_if import Change

EXACT, SWAP, OUT, FREE = "exact", "swap", "out", "free"
MOST_ALTERNATIVES = 50


@dataclass(frozen=True)
class Alternative:
    """Another offer in the line's channel. CPM at the line's volume, or at the nearest that is sold."""

    key: str
    name: str
    seller: str
    cpm: Decimal
    available: int | None


def alternatives(campaign: Campaign, row: Recommendation) -> list[Alternative]:
    """What could stand in the line's place: offers of its channel that are not in the plan, cheapest first."""
    planned = {
        (one.channel, one.seller.slug, one.product_id)
        for one in campaign.recommendations.select_related("seller").defer("product", "explanation")
    }
    found = [
        Alternative(
            key=json.dumps(key_of(offer)),
            name=offer.product.name,
            seller=offer.product.seller,
            cpm=_cpm_at(offer, row.impressions),
            available=offer.available,
        )
        for offer in offers_of(campaign)
        if offer.channel == row.channel and offer.prices and key_of(offer) not in planned
    ]
    return sorted(found, key=lambda one: (one.cpm, one.key))[:MOST_ALTERNATIVES]


def _cpm_at(offer: Offer, impressions: int) -> Decimal:
    fitting = [step for step in offer.prices if step.from_impressions <= impressions]
    step = max(fitting, key=lambda one: one.from_impressions) if fitting else offer.prices[0]
    return step.cpm


def wish_of(campaign: Campaign, row: Recommendation) -> LineWish | None:
    """What a person has set for this line already."""
    return campaign.read_brief().constraints.wish_for(_key(row))


def read_edit(
    campaign: Campaign, row: Recommendation, form: Mapping[str, Any], others: Sequence[Alternative]
) -> Change:
    """The change that the form asks for; an empty one where nothing would be different. Raises `Infeasible`."""
    key, how = _key(row), form["how"]
    if how == EXACT:
        return _unless_same(row, LineWish(*key, impressions=_volume(form["impressions"])))
    if how == OUT:
        return Change(lines=(LineWish(*key, impressions=0),))
    if how == SWAP:
        return Change(lines=(LineWish(*key, impressions=0), LineWish(*_instead(form["instead"], others))))
    if how == FREE:
        return Change(freed=(key,)) if wish_of(campaign, row) else Change()
    return Change()


def _unless_same(row: Recommendation, wish: LineWish) -> Change:
    """A plan that holds the volume already is not made anew to hold it."""
    return Change() if wish.impressions == row.impressions else Change(lines=(wish,))


def _volume(text: str) -> int:
    digits = text.replace(",", "").replace(" ", "").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12) or int(digits) == 0:
        raise Infeasible(
            [
                FieldError(
                    "impressions",
                    "invalid_number",
                    "Give the impressions as a whole number above 0, such as 250,000.",
                )
            ]
        )
    return int(digits)


def _instead(value: str, others: Sequence[Alternative]) -> Key:
    if value not in {one.key for one in others}:
        raise Infeasible(
            [FieldError("instead", "unknown_product", "Choose the product that takes its place.")]
        )
    return read_key(value)


def _key(row: Recommendation) -> Key:
    return row.channel, row.seller.slug, row.product_id


def fields_of(given: Any, row: Recommendation, others: Sequence[Alternative]) -> dict[str, Any]:
    """The form as it was sent, or as the line is."""
    return {
        "how": given.get("how", ""),
        "impressions": given.get("impressions", str(row.impressions)),
        "instead": given.get("instead", others[0].key if others else ""),
    }
