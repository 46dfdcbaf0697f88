"""`SellerDialect` over OpenDirect 2.1."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flows.clock import now
from planning.types import Product
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
from sellers.dialects.opendirect import booking, holding, lines, offering, orders
from sellers.dialects.opendirect import catalogue as rows_of
from sellers.dialects.opendirect.account import Account, buying_account, known_account, standing_account
from sellers.dialects.opendirect.answers import failed_read, not_started
from sellers.dialects.opendirect.avails import Flight, ask, error_unless_fits
from sellers.dialects.opendirect.paging import Listing, collect
from sellers.dialects.probing import clock_offset
from sellers.dialects.values import BadValue
from sellers.http import SellerHttp

QUOTE_MINUTES = 240
NEEDS = {"line": "order_id", "book": "line_id"}  # what the write before must have given
NO_SEARCH = frozenset({"http_404", "http_405", "http_501"})


class OpenDirect:
    """Books by order -> line -> `?book`. The wire has no quotes: ours are avails with a time to live of our own."""

    write_kinds: tuple[str, ...] = ("order", "line", "book")
    can_cancel: bool = (
        True  # `?cancel` from Reserved, Booked, InFlight; DELETE of a Draft (opendirect.md 1.7, C31)
    )
    lists_lines = True
    replay_window: timedelta | None = (
        None  # found again by natural keys instead (contracts/opendirect.md section 0)
    )

    def __init__(self, connection: Connection, http: SellerHttp) -> None:
        self.connection = connection
        self.http = http
        self._products: dict[str, Product] = {}
        self._buying: asyncio.Task[Account] | None = None
        if connection.api_key:
            name = str(connection.options.get("auth_header", "AccessToken"))
            scheme = str(connection.options.get("auth_scheme", "")).strip()
            http.headers[name] = f"{scheme} {connection.api_key}".strip()

    async def probe(self) -> ProbeResult:
        """Finds the account and reads the whole catalogue."""
        account = await buying_account(self.http, self.connection)
        latency = self.http.exchanges[0].elapsed_ms
        offset = clock_offset(await self.http.read("GET", "/products?count=1&offset=0"))
        found = await self.catalogue(channel="", inventory_types=())
        return ProbeResult(
            ok=True,
            summary=f"{len(found.products)} products, {len(found.skipped)} rows skipped, account {account.id}",
            products=len(found.products),
            skipped=len(found.skipped),
            latency_ms=latency,
            clock_offset_s=offset,
            detail={
                "account_id": account.id,
                "skipped": [f"{row.reference}: {row.reason}" for row in found.skipped[:20]],
            },
        )

    async def catalogue(self, *, channel: str, inventory_types: Sequence[str]) -> Catalogue:
        """Products of the given inventory types (empty = all) that we may buy. `channel` is not on the wire."""
        self._look_up_account()  # side by side with the catalogue: offers need it next
        listing = await self._listing(inventory_types)
        wanted = set(inventory_types)
        products: list[Product] = []
        skipped = list(listing.rows.skipped)
        for reference, row in listing.rows.unique:
            kind = rows_of.inventory_type(row)
            if wanted and kind not in wanted:
                continue
            if not rows_of.may_buy(
                row, advertiser=self.connection.advertiser_id, buyer=self.connection.agency_id
            ):
                skipped.append(SkippedRow(reference, "not open to us", kind))
                continue
            try:
                products.append(rows_of.product(row, seller=self.connection.slug))
            except BadValue as wrong:
                skipped.append(SkippedRow(reference, str(wrong), kind))
        self._products |= {product.product_id: product for product in products}
        return Catalogue(tuple(products), tuple(skipped), listing.complete)

    async def _listing(self, inventory_types: Sequence[str]) -> Listing:
        doing = "Reading the catalogue"
        if inventory_types:
            try:
                body = rows_of.search_body(inventory_types)
                return await collect(self.http, "/products/search", "products", body=body, doing=doing)
            except SellerError as failed:
                if failed.code not in NO_SEARCH:
                    raise
        return await collect(self.http, "/products", "products", doing=doing)

    async def offers(
        self,
        asks: Sequence[OfferAsk],
        *,
        flight_start: date,
        flight_end: date,
        currency: str,
        timezone: str = UTC_NAME,
    ) -> OfferBook:
        """Availability and unit price at each quantity. Raises `SellerError` when our account may not ask."""
        flight = Flight(flight_start, flight_end, currency, timezone=timezone)
        return await offering.offers(self.http, await self._account(), asks, flight)

    async def quote(self, ask_for: QuoteAsk) -> Quote:
        """The price at exactly this quantity, stamped with our own expiry (contracts/opendirect.md 1.9)."""
        flight = Flight(
            ask_for.flight_start,
            ask_for.flight_end,
            ask_for.currency,
            ask_for.frequency_cap,
            ask_for.timezone,
        )
        found = await ask(
            self.http,
            await self._account(),
            [ask_for.product_id],
            ask_for.impressions,
            flight,
        )
        avail = found.get(ask_for.product_id)
        price = error_unless_fits(avail, ask_for.impressions)
        known = self._products.get(ask_for.product_id)
        return Quote(
            quote_id="",
            product_id=ask_for.product_id,
            deal_type=ask_for.deal_type,
            impressions=ask_for.impressions,
            cpm=price,
            list_cpm=known.list_cpm if known else price,
            currency=ask_for.currency,
            flight_start=ask_for.flight_start,
            flight_end=ask_for.flight_end,
            expires_at=now() + timedelta(minutes=self._quote_minutes()),
            available=avail.available if avail else None,
            guaranteed=known.guaranteed if known else False,
        )

    def _quote_minutes(self) -> float:
        stated: Any = self.connection.options.get("quote_ttl_minutes", QUOTE_MINUTES)
        return float(stated) if isinstance(stated, int | float) and 0 < stated <= 10_080 else QUOTE_MINUTES

    async def send(self, kind: str, intent: LineIntent) -> Answer:
        """One commit: once. Everything unclear is UNKNOWN and is settled by `find`."""
        look_up = buying_account if kind == "order" else standing_account
        try:
            account = await look_up(self.http, self.connection)
        except SellerError as failed:
            return not_started(failed)
        match kind:
            case "order":
                return await booking.create_order(self.http, self.connection, account, intent)
            case "line":
                return await booking.create_line(self.http, account, intent)
            case "book":
                return await booking.book(self.http, self.connection, account, intent)
            case _:
                raise ValueError(f"OpenDirect has no write called {kind}")

    async def find(self, kind: str, intent: LineIntent) -> Answer:
        """Whether the write happened, by the natural keys of the wire; the line's state for `book` (C20, C21)."""
        if kind in NEEDS and NEEDS[kind] not in intent.refs:
            return Answer(Outcome.NOTHING, code="not_started", reason="The write before it has not happened.")
        try:
            account = await self._known()
        except SellerError as failed:
            return failed_read(failed)
        match kind:
            case "order":
                return await orders.find(self.http, account, intent)
            case "line":
                return await lines.find(self.http, account, intent)
            case "book":
                return booking.booked(await lines.read(self.http, account, intent))
            case _:
                raise ValueError(f"OpenDirect has no write called {kind}")

    async def read(self, intent: LineIntent) -> Answer:
        """The line as the seller shows it now."""
        if not {"order_id", "line_id"} <= set(intent.refs):
            return Answer(Outcome.UNKNOWN, code="no_line_id", reason="The seller has given no line id.")
        try:
            return await lines.read(self.http, await self._known(), intent)
        except SellerError as failed:
            return failed_read(failed)

    async def cancel(self, intent: LineIntent) -> Answer:
        """Cancel the line, or delete its draft."""
        try:
            return await booking.cancel(self.http, self.connection, await self._known(), intent)
        except SellerError as failed:
            return not_started(failed)

    async def held_orders(self) -> HeldOrders:
        return await holding.held_orders(self.http, await self._known())

    async def held_lines(self, order_id: str, currency: str, timezone: str = UTC_NAME) -> HeldLines:
        return await holding.held_lines(self.http, await self._known(), order_id, currency, timezone)

    async def _account(self) -> Account:
        """The account that may buy, looked up once per conversation."""
        return await asyncio.shield(self._look_up_account())

    def _look_up_account(self) -> asyncio.Task[Account]:
        if self._buying is None:
            self._buying = self.http.ahead(standing_account(self.http, self.connection))
        return self._buying

    async def _known(self) -> Account:
        """The account for reading what is there, whatever its status."""
        return await known_account(self.http, self.connection)
