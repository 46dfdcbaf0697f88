"""Asking every eligible seller what it has for one channel: catalogue, local filter, availability and price."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings

from bookings.models import Campaign, ChannelBudget, SellerReport
from bookings.states import ChannelState, ReportState
from bookings.talk import keep_calls, seller_actor
from flows import events
from flows.clock import now, today
from flows.fanout import Finished, as_they_finish
from flows.work import Work
from planning import codec, eligibility
from planning.types import Brief, Offer, Product
from sellers.dialects.base import Connection, OfferAsk, SellerError, SkippedRow
from sellers.models import Seller
from sellers.services import dialect_for

SHORTLIST = 6  # products per seller and channel whose availability and price are asked for


@dataclass
class Talk:
    """One seller, one channel. What has been heard so far stays here, so that a deadline loses nothing."""

    seller: Seller
    connection: Connection
    brief: Brief
    channel: str
    budget: Decimal
    products: int = 0
    offers: list[Offer] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    complete: bool = True
    calls: list[Any] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    async def hold(self) -> None:
        self.started = time.monotonic()
        async with dialect_for(self.connection) as dialect:
            self.calls = dialect.http.exchanges
            catalogue = await dialect.catalogue(
                channel=self.channel, inventory_types=inventory_types(self.channel)
            )
            self.products = len(catalogue.products)
            self.complete = catalogue.complete
            self._skip(catalogue.skipped)
            asks = self._shortlist(catalogue.products)
            if not asks:
                return
            book = await dialect.offers(
                asks,
                flight_start=self.brief.start_date,
                flight_end=self.brief.end_date,
                currency=self.brief.currency,
            )
            self.offers = list(book.offers)
            self._skip(book.skipped)

    def _shortlist(self, products: Sequence[Product]) -> list[OfferAsk]:
        fixed_price = [product for product in products if not auction_only(product)]
        for product in products:
            if auction_only(product) and self.channel in eligibility.channels_for(product):
                self._skip([SkippedRow(product.product_id, "Sold by auction only: the price is not fixed.")])
        chosen, refused = eligibility.shortlist(
            self.brief, fixed_price, self.channel, self.budget, SHORTLIST, today=today()
        )
        wrong_channel = {product.product_id for product in products if not self._fits(product)}
        self._skip(
            SkippedRow(one.product_id, one.reason) for one in refused if one.product_id not in wrong_channel
        )
        return [
            OfferAsk(product, self.channel, volumes)
            for product in chosen
            if (volumes := eligibility.price_probe_volumes(product, self.budget))
        ]

    def _fits(self, product: Product) -> bool:
        return self.channel in eligibility.channels_for(product)

    def _skip(self, rows: Any) -> None:
        self.skipped += [{"reference": row.reference[:120], "reason": row.reason[:500]} for row in rows]


def inventory_types(channel: str) -> tuple[str, ...]:
    """The inventory types that a channel researches; linear TV is asked for too and judged row by row."""
    types = [name for name, channels in eligibility.INVENTORY_CHANNELS.items() if channel in channels]
    return (*types, "linear_tv") if channel == "ctv" else tuple(types)


def auction_only(product: Product) -> bool:
    return bool(product.deal_types) and not {"PG", "PD"} & set(product.deal_types)


def research_channel(work: Work, campaign: Campaign, sellers: Sequence[Seller]) -> None:
    """Talk to every seller that has not reported yet; each report is committed as it comes."""
    channel = work.key
    budget = campaign.channels.get(channel=channel).amount
    reported = set(campaign.reports.filter(channel=channel).values_list("seller_id", flat=True))
    talks = [
        Talk(seller, seller.connection(), campaign.read_brief(), channel, budget)
        for seller in sellers
        if seller.pk not in reported
    ]
    deadline = settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS
    for finished in as_they_finish([talk.hold for talk in talks], deadline=deadline):
        talk = talks[finished.index]
        work.commit(_recording(talk, finished))


def _recording(talk: Talk, finished: Finished[None]) -> Callable[[Campaign], None]:
    state, code, reason = _judge(talk, finished.error)

    def record(campaign: Campaign) -> None:
        SellerReport.objects.create(
            campaign=campaign,
            channel=talk.channel,
            seller=talk.seller,
            state=state,
            code=code,
            reason=reason,
            products=talk.products,
            offers=[codec.to_json(offer) for offer in talk.offers],
            skipped=talk.skipped,
            elapsed_ms=round((time.monotonic() - talk.started) * 1000),
            at=now(),
        )
        keep_calls(campaign, talk.seller, talk.calls)
        events.record(
            subject_type="campaign",
            subject_id=campaign.pk,
            type="research.seller_reported",
            actor=seller_actor(talk.seller),
            correlation_id=campaign.correlation_id,
            payload={
                "channel": talk.channel,
                "seller": talk.seller.slug,
                "state": state,
                "offers": len(talk.offers),
                "skipped": len(talk.skipped),
                "reason": reason,
            },
        )

    return record


def _judge(talk: Talk, error: BaseException | None) -> tuple[ReportState, str, str]:
    if error is None and talk.complete:
        return ReportState.OK, "", ""
    if error is None:
        return ReportState.PARTIAL, "catalogue_incomplete", "The catalogue could not be read to its end."
    code, reason = _reason_of(error)
    return (ReportState.PARTIAL if talk.offers else ReportState.FAILED), code, reason


def _reason_of(error: BaseException) -> tuple[str, str]:
    if isinstance(error, TimeoutError):
        seconds = settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS
        return "deadline", f"No complete answer within {seconds:g} seconds."
    if isinstance(error, SellerError):
        return error.code, error.message
    return "unreadable", f"The seller's answer could not be used ({type(error).__name__})."


def close_channel(channel: ChannelBudget) -> None:
    """Under the flow's lock: what the channel's research came to."""
    reports = list(channel.campaign.reports.filter(channel=channel.channel).select_related("seller"))
    offers = sum(len(report.offers) for report in reports)
    silent = [report for report in reports if report.state == ReportState.FAILED]
    if offers:
        channel.state, channel.note = ChannelState.REPORTED, ""
    elif silent and len(silent) == len(reports):
        channel.state = ChannelState.FAILED
        channel.note = "No seller answered. " + " ".join(f"{one.seller.name}: {one.reason}" for one in silent)
    else:
        channel.state = ChannelState.EMPTY
        channel.note = "No seller has inventory that fits this brief."
    channel.save(update_fields=["state", "note"])
