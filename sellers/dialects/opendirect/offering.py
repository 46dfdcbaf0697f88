"""Offers from avails: one call per quantity over all products that want it, then a ladder per product."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from planning.types import Offer, PriceStep
from sellers.dialects.base import OfferAsk, OfferBook, SellerError, SkippedRow
from sellers.dialects.opendirect.account import Account
from sellers.dialects.opendirect.avails import Avail, Flight, ask, chunked
from sellers.http import SellerHttp

# One more quantity beyond the largest: the price at volume is lower than list, so the same money buys more.
HEADROOM_PERCENT = 125
ROUND = (1, 2, 3, 5)


async def offers(http: SellerHttp, account: Account, asks: Sequence[OfferAsk], flight: Flight) -> OfferBook:
    """What is free and at what price, per ask; a product without a usable answer is skipped with its reason."""
    usable = [one for one in asks if one.volumes and one.product.currency == flight.currency]
    answers, failures = await _ask_all(http, account, _quantities(usable), flight)
    skipped = [
        SkippedRow(one.product.product_id, f"priced in {one.product.currency}")
        for one in asks
        if one.product.currency != flight.currency
    ]
    found: list[Offer] = []
    for one in usable:
        offer = _offer(one, answers.get(one.product.product_id, {}))
        if isinstance(offer, Offer):
            found.append(offer)
        else:
            skipped.append(SkippedRow(one.product.product_id, failures.get(one.product.product_id, offer)))
    return OfferBook(tuple(found), tuple(skipped))


def _quantities(asks: Sequence[OfferAsk]) -> dict[int, set[str]]:
    """Which products to ask at which quantity. One call answers for many products, so they share quantities: each
    is asked at its own smallest volume, and then at whatever round volume up to its largest any of them needs."""
    if not asks:
        return {}
    wanted: dict[int, set[str]] = {}
    shared = {round_volume(volume) for one in asks for volume in one.volumes[1:]}
    for one in asks:
        first, last = one.volumes[0], one.volumes[-1]
        for quantity in (first, *(volume for volume in shared if first < volume <= last)):
            wanted.setdefault(quantity, set()).add(one.product.product_id)
    beyond = max(max(one.volumes) for one in asks) * HEADROOM_PERCENT // 100
    wanted.setdefault(beyond, set()).update(one.product.product_id for one in asks)
    return wanted


def round_volume(volume: int) -> int:
    """The nearest of 1, 2, 3 or 5 times a power of ten that is not above `volume`."""
    power = 10 ** (len(str(volume)) - 1)
    return max(times for times in ROUND if times * power <= volume) * power


async def _ask_all(
    http: SellerHttp, account: Account, wanted: Mapping[int, set[str]], flight: Flight
) -> tuple[dict[str, dict[int, Avail]], dict[str, str]]:
    calls = [(quantity, ids) for quantity, all_ids in wanted.items() for ids in chunked(sorted(all_ids))]
    results = await asyncio.gather(*(_ask(http, account, ids, quantity, flight) for quantity, ids in calls))
    answers: dict[str, dict[int, Avail]] = {}
    failures: dict[str, str] = {}
    for (quantity, ids), result in zip(calls, results, strict=True):
        if isinstance(result, SellerError):
            failures |= dict.fromkeys(ids, result.message)
            continue
        for product_id, avail in result.items():
            answers.setdefault(product_id, {})[quantity] = avail
    return answers, failures


async def _ask(
    http: SellerHttp,
    account: Account,
    ids: Sequence[str],
    quantity: int,
    flight: Flight,
) -> dict[str, Avail] | SellerError:
    try:
        return await ask(http, account, ids, quantity, flight)
    except SellerError as failed:
        if len(ids) == 1 or failed.retryable:
            return failed
    # One product that the seller will not answer for must not hide the others.
    singles = await asyncio.gather(*(_ask(http, account, [one], quantity, flight) for one in ids))
    found: dict[str, Avail] = {}
    for product_id, single in zip(ids, singles, strict=True):
        if isinstance(single, SellerError):
            found[product_id] = Avail(quantity, 0, None, flight.currency, single.message)
        else:
            found |= single
    return found


def _offer(one: OfferAsk, answers: Mapping[int, Avail]) -> Offer | str:
    """The offer, or the reason why there is none."""
    fitting = {quantity: avail for quantity, avail in answers.items() if avail.fits}
    if not fitting:
        problems = [avail.problem for avail in answers.values() if avail.problem]
        return problems[0] if problems else "not enough free in this flight"
    ladder: list[PriceStep] = []
    for quantity in sorted(fitting):
        price = fitting[quantity].cpm
        if price is not None and (not ladder or ladder[-1].cpm != price):
            ladder.append(PriceStep(quantity, price))
    return Offer(one.product, one.channel, max(avail.available for avail in answers.values()), tuple(ladder))
