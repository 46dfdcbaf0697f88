"""Prices that sellers stood by for an exact volume, and what they say about other volumes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from planning.types import Offer, PlanLine, PriceStep

Key = tuple[str, str, str]  # channel, seller, product


def key_of(thing: Offer | PlanLine) -> Key:
    if isinstance(thing, Offer):
        return (thing.channel, thing.product.seller, thing.product.product_id)
    return (thing.channel, thing.seller, thing.product_id)


@dataclass(frozen=True)
class Heard:
    """A price that a seller stood by for an exact volume; CPM in the brief's currency."""

    key: Key
    impressions: int
    cpm: Decimal


def repriced(offer: Offer, price: Heard | None) -> Offer:
    """The offer with the quoted price at the quoted volume: a quote overrules what was said before. Smaller volumes
    cost no less than it, larger ones no more."""
    if price is None:
        return offer
    below = [step for step in offer.prices if step.from_impressions < price.impressions]
    above = [step for step in offer.prices if step.from_impressions > price.impressions]
    steps = [
        *(replace(step, cpm=max(step.cpm, price.cpm)) for step in below),
        PriceStep(price.impressions, price.cpm),
        *(replace(step, cpm=min(step.cpm, price.cpm)) for step in above),
    ]
    return replace(offer, prices=tuple(steps))
