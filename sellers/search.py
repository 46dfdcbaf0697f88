"""Products of every seller at once, for whoever looks around before writing a brief. Nothing is reserved or priced.

The sellers' catalogues are read side by side, and filtered here: no wire that we speak can filter by text and price.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from flows.fanout import Finished, as_they_finish
from planning.eligibility import INVENTORY_CHANNELS, channels_for
from planning.types import Product
from sellers.dialects.base import Catalogue, Connection, SellerError, SkippedRow
from sellers.exchange import ExchangeRecord
from sellers.models import Seller
from sellers.sessions import dialect_for, save_exchanges

SEARCH_SECONDS = 8.0
OWN_SHARE = 0.95  # the conversation stops before its deadline, so that the pages read so far are handed over
SKIPPED_SHOWN = 50
WEIGHTS = {"name": 4, "content": 2, "description": 1}


@dataclass(frozen=True)
class Wanted:
    """What is looked for. Empty `words`, `channels` and None mean "any"; `max_cpm` is in `currency`."""

    words: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    max_cpm: Decimal | None = None
    currency: str = ""
    limit: int = 50


@dataclass(frozen=True)
class Hit:
    product: Product
    seller_name: str
    channels: tuple[str, ...]
    relevance: int


@dataclass(frozen=True)
class SellerAnswer:
    """How one seller answered: ok, partial or failed, with the reason. `products` counts the readable rows."""

    seller: str
    name: str
    status: str
    code: str
    reason: str
    products: int
    skipped: tuple[SkippedRow, ...]
    elapsed_ms: int


@dataclass(frozen=True)
class Found:
    """The best `limit` hits, how many there are in all, and every seller that was asked."""

    hits: tuple[Hit, ...]
    matched: int
    sellers: tuple[SellerAnswer, ...]


@dataclass
class _Asked:
    """One seller; the calls stay here, so that a deadline loses none of them."""

    seller: Seller
    connection: Connection
    types: tuple[str, ...]
    channel: str
    seconds: float
    calls: Sequence[ExchangeRecord] = ()
    started: float = field(default_factory=time.monotonic)

    async def hold(self) -> Catalogue:
        self.started = time.monotonic()
        async with dialect_for(self.connection, seconds=self.seconds * OWN_SHARE) as dialect:
            self.calls = dialect.http.exchanges
            return await dialect.catalogue(channel=self.channel, inventory_types=self.types)


def search_products(
    wanted: Wanted,
    sellers: Sequence[Seller],
    *,
    correlation_id: UUID | None = None,
    seconds: float = SEARCH_SECONDS,
) -> Found:
    """Ask all `sellers` at once, each within `seconds`. A seller that fails is listed and hides nothing.

    Every call is kept as an exchange. Order: by relevance where words are given, then by seller and product id.
    """
    asked = [_asked(seller, wanted, seconds) for seller in sellers]
    hits: list[Hit] = []
    answers: list[SellerAnswer] = []
    for finished in as_they_finish([one.hold for one in asked], deadline=seconds):
        one = asked[finished.index]
        save_exchanges(one.seller.pk, list(one.calls), correlation_id=correlation_id)
        answers.append(_answer(one, finished))
        if finished.value is not None:
            hits += _hits(wanted, one.seller, finished.value.products)
    hits.sort(key=lambda hit: (-hit.relevance, hit.product.seller, hit.product.product_id))
    answers.sort(key=lambda answer: answer.seller)
    return Found(tuple(hits[: wanted.limit]), len(hits), tuple(answers))


def words_of(text: str) -> tuple[str, ...]:
    """The distinct words of a query, comparable: full-width forms, case and accents' encodings do not matter."""
    return tuple(dict.fromkeys(_folded(text).split()))


def inventory_types(channels: Iterable[str]) -> tuple[str, ...]:
    """The inventory types that these channels research, () for every type. Linear TV is judged row by row."""
    wanted = set(channels)
    types = [name for name, serves in INVENTORY_CHANNELS.items() if wanted & set(serves)]
    return (*types, "linear_tv") if "ctv" in wanted else tuple(types)


def _asked(seller: Seller, wanted: Wanted, seconds: float) -> _Asked:
    types = inventory_types(wanted.channels)
    return _Asked(seller, seller.connection(), types, ",".join(wanted.channels), seconds)


def _hits(wanted: Wanted, seller: Seller, products: Iterable[Product]) -> list[Hit]:
    found = []
    for product in products:
        channels, relevance = channels_for(product), _relevance(wanted.words, product)
        if relevance is not None and _fits(wanted, product, channels):
            found.append(Hit(product, seller.name, channels, relevance))
    return found


def _fits(wanted: Wanted, product: Product, channels: tuple[str, ...]) -> bool:
    if wanted.channels and not set(wanted.channels) & set(channels):
        return False
    if wanted.currency and product.currency != wanted.currency:
        return False
    # A catalogue row without a price cannot be said to be cheap enough.
    return wanted.max_cpm is None or 0 < product.list_cpm <= wanted.max_cpm


def _relevance(words: tuple[str, ...], product: Product) -> int | None:
    """None unless every word occurs; a word counts where it weighs most."""
    texts = {
        "name": _folded(product.name),
        "content": _folded(" ".join(product.content)),
        "description": _folded(product.description),
    }
    total = 0
    for word in words:
        weight = max((WEIGHTS[place] for place, text in texts.items() if word in text), default=0)
        if not weight:
            return None
        total += weight
    return total


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _answer(one: _Asked, finished: Finished[Catalogue]) -> SellerAnswer:
    status, code, reason = _judge(one, finished)
    catalogue = finished.value
    return SellerAnswer(
        seller=one.seller.slug,
        name=one.seller.name,
        status=status,
        code=code,
        reason=reason,
        products=len(catalogue.products) if catalogue else 0,
        skipped=catalogue.skipped if catalogue else (),
        elapsed_ms=round((time.monotonic() - one.started) * 1000),
    )


def _judge(one: _Asked, finished: Finished[Catalogue]) -> tuple[str, str, str]:
    if finished.value is not None:
        if finished.value.complete:
            return "ok", "", ""
        return "partial", "catalogue_incomplete", "The catalogue could not be read to its end."
    error = finished.error
    if isinstance(error, TimeoutError):
        return "failed", "deadline", f"No complete answer within {one.seconds:g} seconds."
    if isinstance(error, SellerError):
        return "failed", error.code, error.message
    return "failed", "unreadable", f"The answer could not be used ({type(error).__name__})."
