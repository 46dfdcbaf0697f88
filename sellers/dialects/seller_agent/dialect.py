"""`SellerDialect` over the seller agent's routes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from planning.brief_delivery import EVEN
from planning.types import Offer, Product
from planning.zones import UTC_NAME
from sellers.dialects.base import (
    Answer,
    Catalogue,
    Connection,
    HeldLines,
    HeldOrders,
    LineIntent,
    OfferAsk,
    OfferBook,
    Outcome,
    ProbeResult,
    Quote,
    QuoteAsk,
    SellerError,
    SkippedRow,
)
from sellers.dialects.probing import clock_offset
from sellers.dialects.rows import Rows
from sellers.dialects.seller_agent import catalogue as rows_of
from sellers.dialects.seller_agent import deals, holding
from sellers.dialects.seller_agent.fallback import ladder_by_quote
from sellers.dialects.seller_agent.offers import available, buyer_identity, trusted_agent
from sellers.dialects.seller_agent.pricing import Ladder, NoPricing, Wanted, final_price, price_ladders
from sellers.dialects.seller_agent.problems import error_of, problem_of, route_is_absent
from sellers.dialects.values import BadValue, segment
from sellers.http import CallFailed, Reply, SellerHttp

PAGE = 500
MOST_PAGES = 40


class SellerAgent:
    """Books by quote -> deal. A read may be repeated; `send` is called once per stored claim."""

    write_kinds: tuple[str, ...] = ("deal",)
    can_cancel: bool = True  # the bulk route, in every status (seller-agent.md 6)
    lists_lines = False
    replay_window: timedelta | None = timedelta(hours=24)  # contracts/seller-agent.md section 6

    def __init__(self, connection: Connection, http: SellerHttp) -> None:
        self.connection = connection
        self.http = http
        if connection.api_key:
            http.headers["x-api-key"] = connection.api_key

    async def probe(self) -> ProbeResult:
        """Reads the catalogue and, with a key, asks one price: the catalogue alone would not notice a bad key."""
        reply = await self.http.read("GET", "/health")
        latency, offset = self.http.exchanges[-1].elapsed_ms, clock_offset(reply)
        found = await self.catalogue(channel="", inventory_types=())
        detail: dict[str, Any] = {"identity": sorted(buyer_identity(self.connection))}
        problem = await self._key_problem(found.products[0]) if found.products else ""
        summary = problem or f"{len(found.products)} products, {len(found.skipped)} rows skipped"
        return ProbeResult(
            ok=not problem,
            summary=summary,
            products=len(found.products),
            skipped=len(found.skipped),
            latency_ms=latency,
            clock_offset_s=offset,
            detail=detail | {"skipped": [f"{row.reference}: {row.reason}" for row in found.skipped[:20]]},
        )

    async def _key_problem(self, product: Product) -> str:
        reply = await self.http.read("POST", "/pricing", {"product_id": product.product_id, "volume": 0})
        if route_is_absent(reply):
            return ""
        if reply.status in (401, 403):
            return "The seller refuses our key."
        try:
            final_price(reply, product.currency)
        except SellerError as wrong:
            return wrong.message
        return ""

    async def catalogue(self, *, channel: str, inventory_types: Sequence[str]) -> Catalogue:
        """All products of the given inventory types (empty = all); the wire has no filter, `channel` is not sent."""
        rows = Rows(key="product_id")
        complete = False
        for number in range(MOST_PAGES):
            try:
                page, total = await self._page(offset=rows.seen)
            except SellerError:
                if number == 0:
                    raise
                break
            fresh = rows.add(page)
            short = len(page) < PAGE and total is not None and rows.seen >= total
            if not page or not fresh or short:
                complete = True
                break
        products, skipped = self._products(rows, set(inventory_types))
        return Catalogue(tuple(products), tuple(skipped), complete)

    async def _page(self, offset: int) -> tuple[list[Any], int | None]:
        reply = await self.http.read("GET", f"/products?limit={PAGE}&offset={offset}")
        data = reply.data if reply.ok and isinstance(reply.data, Mapping) else {}
        if not isinstance(data.get("products"), list):
            raise error_of(reply, "Reading the catalogue")
        total = data.get("total_count")
        return data["products"], total if isinstance(total, int) and not isinstance(total, bool) else None

    def _products(self, rows: Rows, types: set[str]) -> tuple[list[Product], list[SkippedRow]]:
        products: list[Product] = []
        skipped = list(rows.skipped)
        currency = str(self.connection.options.get("currency", "USD"))
        for reference, row in rows.unique:
            kind = rows_of.inventory_type(row)
            if types and kind not in types:
                continue
            try:
                products.append(rows_of.product(row, seller=self.connection.slug, currency=currency))
            except BadValue as wrong:
                skipped.append(SkippedRow(reference, str(wrong), kind))
        return products, skipped

    async def offers(
        self,
        asks: Sequence[OfferAsk],
        *,
        flight_start: date,
        flight_end: date,
        currency: str,
        timezone: str = UTC_NAME,
    ) -> OfferBook:
        """What is free, and our price at each volume; a product that fails is skipped with its reason.

        The flight is calendar days throughout this wire, so that the zone is told when the line is booked.
        """
        usable = [ask for ask in asks if ask.volumes and ask.product.currency == currency]
        skipped = [
            _skip(ask, f"priced in {ask.product.currency}")
            for ask in asks
            if ask.product.currency != currency
        ]
        volumes: dict[str, set[int]] = {}
        products = {ask.product.product_id: ask.product for ask in usable}
        for ask in usable:
            volumes.setdefault(ask.product.product_id, set()).update(ask.volumes)
        wanted = {name: (products[name], sorted(asked)) for name, asked in volumes.items()}
        free, priced = await asyncio.gather(
            available(
                self.http,
                self.connection,
                {name: asked[-1] for name, (_, asked) in wanted.items()},
                start=flight_start,
                end=flight_end,
                currency=currency,
            ),
            self._ladders(wanted, flight_start, flight_end),
        )
        offers: list[Offer] = []
        for ask in usable:
            stock, ladder = free[ask.product.product_id], priced[ask.product.product_id]
            failure = next((part for part in (stock, ladder) if isinstance(part, SellerError)), None)
            if failure is not None:
                skipped.append(_skip(ask, failure.message))
            elif isinstance(stock, int) and stock == 0:
                skipped.append(_skip(ask, "nothing free in this flight"))
            elif isinstance(stock, int) and not isinstance(ladder, SellerError):
                offers.append(Offer(ask.product, ask.channel, stock, ladder))
        return OfferBook(tuple(offers), tuple(skipped))

    async def _ladders(self, wanted: Wanted, start: date, end: date) -> dict[str, Ladder | SellerError]:
        try:
            return await price_ladders(self.http, self.connection, wanted)
        except NoPricing:
            ladders = await asyncio.gather(
                *(
                    ladder_by_quote(self, product, list(volumes), start, end)
                    for product, volumes in wanted.values()
                )
            )
            return dict(zip(wanted, ladders, strict=True))

    async def quote(self, ask: QuoteAsk) -> Quote:
        """A binding price. Repeating it with the same key is safe. Raises `SellerError`."""
        body = {
            "idempotency_key": ask.idempotency_key,
            "product_id": ask.product_id,
            "deal_type": ask.deal_type,
            "impressions": ask.impressions,
            "flight_start": ask.flight_start.isoformat(),
            "flight_end": ask.flight_end.isoformat(),
            "buyer_identity": buyer_identity(self.connection),
            **trusted_agent(self.connection),
        }
        reply = await self.http.read("POST", "/api/v1/quotes", body)
        quoted = deals.quote_of(reply)
        if quoted is None:
            raise error_of(reply, "Asking for a quote")
        return deals.read_quote(quoted, ask)

    async def send(self, kind: str, intent: LineIntent) -> Answer:
        """Book the quote: once. Everything unclear is UNKNOWN and is settled by `find`."""
        _only_deal(kind)
        body = {
            "idempotency_key": intent.idempotency_key,
            "quote_id": intent.quote_id,
            "buyer_identity": buyer_identity(self.connection),
            "notes": notes_of(intent),
        }
        try:
            reply = await self.http.write("POST", "/api/v1/deals", body)
        except CallFailed as failed:
            return deals.classify_failure(failed)
        return deals.classify_write(reply, intent)

    async def find(self, kind: str, intent: LineIntent) -> Answer:
        """Ask the quote what became of it (reliability.md 6.4): the only way to find a deal whose id was lost."""
        _only_deal(kind)
        if not intent.quote_id:
            return Answer(
                Outcome.NOTHING, code="no_quote", reason="Without a quote nothing can have been booked."
            )
        reply = await self._get(f"/api/v1/quotes/{segment(intent.quote_id)}")
        if isinstance(reply, Answer):
            return reply
        quote = deals.quote_of(reply)
        if quote is None:
            code, words = problem_of(reply)
            outcome = Outcome.REFUSED if reply.status == 404 else Outcome.UNKNOWN
            return Answer(outcome, code=code, reason=words or f"Reading the quote gave HTTP {reply.status}.")
        if quote.get("quote_id") != intent.quote_id:
            return deals.unknown("wrong_quote", "The seller answered with another quote.")
        return await self._deal_of_quote(quote, intent)

    async def _deal_of_quote(self, quote: Mapping[str, Any], intent: LineIntent) -> Answer:
        status, deal_id = quote.get("status"), quote.get("deal_id")
        if isinstance(deal_id, str) and deal_id:
            return await self._read_deal(deal_id, intent)
        if status == "available":
            return Answer(Outcome.NOTHING, code="quote_available", reason="The quote is not booked yet.")
        if status == "declined":
            return Answer(Outcome.REFUSED, code="quote_declined", reason="The seller declined the quote.")
        return deals.unknown("quote_unclear", "The seller shows the quote as taken, without a deal.")

    async def read(self, intent: LineIntent) -> Answer:
        """The deal as the seller shows it now."""
        deal_id = intent.refs.get("deal_id", "")
        if not deal_id:
            return deals.unknown("no_deal_id", "The seller has given no deal id.")
        return await self._read_deal(deal_id, intent)

    async def _read_deal(self, deal_id: str, intent: LineIntent) -> Answer:
        reply = await self._get(f"/api/v1/deals/{segment(deal_id)}")
        if isinstance(reply, Answer):
            return reply
        deal = deals.deal_of(reply)
        if deal is None:
            code, words = problem_of(reply)
            return deals.unknown(code, words or f"Reading the deal gave HTTP {reply.status}.")
        if deal.get("deal_id") != deal_id:
            return deals.unknown("wrong_deal", "The seller answered with another deal.")
        return deals.answer_of_deal(deal, intent)

    async def cancel(self, intent: LineIntent) -> Answer:
        """Cancel the deal by the bulk route, the only one that this seller has, then read what it says now."""
        deal_id = intent.refs.get("deal_id", "")
        operation = {"action": "cancel", "deal_id": deal_id, "notes": intent.reference}
        try:
            reply = await self.http.write("POST", "/api/v1/deals/bulk", {"operations": [operation]})
        except CallFailed as failed:
            return deals.classify_failure(failed)
        results = reply.data.get("results") if reply.ok and isinstance(reply.data, Mapping) else None
        if not isinstance(results, list) or not results or not isinstance(results[0], Mapping):
            return deals.classify_write(reply, intent)
        if results[0].get("success") is not True:
            return Answer(Outcome.REFUSED, code="cancel_refused", reason=str(results[0].get("error"))[:300])
        return await self.read(intent)

    async def held_orders(self) -> HeldOrders:
        return await holding.held_orders(self.http)

    async def held_lines(self, order_id: str, currency: str, timezone: str = UTC_NAME) -> HeldLines:
        """There is no line anywhere on this wire; deals are read one by one."""
        return HeldLines(())

    async def _get(self, path: str) -> Reply | Answer:
        try:
            return await self.http.read("GET", path)
        except CallFailed as failed:
            return deals.unknown(failed.code, failed.message)


def notes_of(intent: LineIntent) -> str:
    """Our reference, and what the wire has no field for."""
    zone = f"Flight days in {intent.timezone}." if intent.timezone != UTC_NAME else ""
    pacing = f"Pacing: {intent.pacing}." if intent.pacing != EVEN else ""
    return " ".join(part for part in (intent.reference, zone, pacing) if part)


def _only_deal(kind: str) -> None:
    if kind != "deal":
        raise ValueError(f"a seller agent has no write called {kind}")


def _skip(ask: OfferAsk, reason: str) -> SkippedRow:
    return SkippedRow(ask.product.product_id, reason)
