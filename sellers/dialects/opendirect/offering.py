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
    await _ask_the_silent(http, account, usable, answers, failures, flight)
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
    """Which products to ask at which quantity. One call answers for many products, so they share round quantities:
    each is asked at whatever round volume any of them needs, from its own smallest to its own largest."""
    if not asks:
        return {}
    wanted: dict[int, set[str]] = {}
    shared = {round_volume(volume) for one in asks for volume in one.volumes}
    for one in asks:
        first, last = one.volumes[0], one.volumes[-1]
        for quantity in [volume for volume in shared if first <= volume <= last] or [first]:
            wanted.setdefault(quantity, set()).add(one.product.product_id)
    beyond = max(one.volumes[-1] for one in asks) * HEADROOM_PERCENT // 100
    wanted.setdefault(beyond, set()).update(one.product.product_id for one in asks)
    return wanted


def round_volume(volume: int) -> int:
    """The nearest of 1, 2, 3 or 5 times a power of ten that is not above `volume`."""
    power: int = 10 ** (len(str(volume)) - 1)
    return max(times for times in ROUND if times * power <= volume) * power


async def _ask_the_silent(
    http: SellerHttp,
    account: Account,
    asks: Sequence[OfferAsk],
    answers: dict[str, dict[int, Avail]],
    failures: dict[str, str],
    flight: Flight,
) -> None:
    """Some sellers leave out what they cannot cover whole: such a product is asked again at its smallest volume."""
    wanted: dict[int, set[str]] = {}
    for one in asks:
        name = one.product.product_id
        if name not in answers and name not in failures:
            wanted.setdefault(one.volumes[0], set()).add(name)
    more, failed = await _ask_all(http, account, wanted, flight)
    answers |= more
    failures |= failed


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
    first = one.volumes[0]
    free = max((avail.available for avail in answers.values()), default=0)
    if not fitting and free < first:
        problems = [avail.problem for avail in answers.values() if avail.problem]
        return problems[0] if problems else "not enough free in this flight"
    # Below the smallest quantity asked, the public list price is never too low; the binding price comes later.
    prices = {first: one.product.list_cpm}
    prices |= {quantity: avail.cpm for quantity, avail in fitting.items() if avail.cpm is not None}
    ladder: list[PriceStep] = []
    for quantity in sorted(prices):
        if not ladder or ladder[-1].cpm != prices[quantity]:
            ladder.append(PriceStep(quantity, prices[quantity]))
    return Offer(one.product, one.channel, free, tuple(ladder))
