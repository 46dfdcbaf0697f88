"""Asking every eligible seller what it has: one conversation per seller for all channels, one report per channel.

A seller's catalogue is read once, and one round of questions covers everything that any channel wants of it. What
each seller said is committed as it comes, so that one that hangs holds back nobody else's answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings

from bookings.models import Campaign, ChannelBudget, SellerReport
from bookings.states import ChannelState, ReportState
from bookings.talk import keep_calls, seller_actor
from flows import events
from flows.actors import SYSTEM_ACTOR
from flows.clock import now, today
from flows.fanout import Finished, as_they_finish
from flows.work import Work
from planning import codec, eligibility
from planning.types import Brief, Offer, Product
from planning.zones import zone
from sellers.dialects.base import Connection, OfferAsk, SellerError, SkippedRow
from sellers.models import Seller
from sellers.services import dialect_for

logger = logging.getLogger(__name__)

SHORTLIST = 6  # products per seller and channel whose availability and price are asked for


@dataclass
class Part:
    """What one seller says about one channel. `error` is a failure of this channel alone."""

    channel: str
    budget: Decimal
    products: int = 0
    offers: list[Offer] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    error: BaseException | None = None

    def skip(self, rows: Iterable[Any]) -> None:
        self.skipped += [{"reference": row.reference[:120], "reason": row.reason[:500]} for row in rows]


@dataclass
class Talk:
    """One seller, all channels. What has been heard so far stays here, so that a deadline loses nothing."""

    seller: Seller
    connection: Connection
    brief: Brief
    parts: Sequence[Part]
    complete: bool = True
    calls: list[Any] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    async def hold(self) -> None:
        self.started = time.monotonic()
        async with dialect_for(self.connection) as dialect:
            self.calls = dialect.http.exchanges
            types = dict.fromkeys(name for part in self.parts for name in inventory_types(part.channel))
            only = self.parts[0].channel if len(self.parts) == 1 else ""
            catalogue = await dialect.catalogue(channel=only, inventory_types=tuple(types))
            self.complete = catalogue.complete
            asks = self._asks(catalogue.products, catalogue.skipped)
            if not asks:
                return
            book = await dialect.offers(
                asks,
                flight_start=self.brief.start_date,
                flight_end=self.brief.end_date,
                currency=self.brief.currency,
                timezone=self.brief.timezone,
            )
            self._sort(book.offers, book.skipped, asks)

    def _asks(self, products: Sequence[Product], unread: Sequence[SkippedRow]) -> list[OfferAsk]:
        """What to ask for all channels together. A channel that cannot be judged fails alone."""
        asks: list[OfferAsk] = []
        for part in self.parts:
            try:
                asks += self._asks_of(part, products, unread)
            except Exception as error:
                logger.exception("channel %s of %s could not be judged", part.channel, self.seller.slug)
                part.error = error
        return asks

    def _asks_of(
        self, part: Part, products: Sequence[Product], unread: Sequence[SkippedRow]
    ) -> list[OfferAsk]:
        types = inventory_types(part.channel)
        researched = [product for product in products if product.inventory_type in types]
        part.products = len(researched)
        part.skip(row for row in unread if row.inventory_type in ("", *types))
        return [
            OfferAsk(product, part.channel, volumes)
            for product in self._shortlist(part, researched)
            if (volumes := eligibility.price_probe_volumes(product, part.budget))
        ]

    def _shortlist(self, part: Part, products: Sequence[Product]) -> tuple[Product, ...]:
        fitting = {product.product_id for product in products if _fits(product, part.channel)}
        auctions = [product for product in products if auction_only(product)]
        part.skip(
            SkippedRow(product.product_id, "Sold by auction only: the price is not fixed.")
            for product in auctions
            if product.product_id in fitting
        )
        fixed_price = [product for product in products if not auction_only(product)]
        chosen, refused = eligibility.shortlist(
            self.brief,
            fixed_price,
            part.channel,
            part.budget,
            SHORTLIST,
            today=today(zone(self.brief.timezone)),
        )
        part.skip(SkippedRow(one.product_id, one.reason) for one in refused if one.product_id in fitting)
        return chosen

    def _sort(self, offers: Sequence[Offer], skipped: Sequence[SkippedRow], asks: Sequence[OfferAsk]) -> None:
        for part in self.parts:
            part.offers = [offer for offer in offers if offer.channel == part.channel]
            asked = {ask.product.product_id for ask in asks if ask.channel == part.channel}
            missed = asked - {offer.product.product_id for offer in part.offers}
            part.skip({row.reference: row for row in skipped if row.reference in missed}.values())


def _fits(product: Product, channel: str) -> bool:
    return channel in eligibility.channels_for(product)


def inventory_types(channel: str) -> tuple[str, ...]:
    """The inventory types that a channel researches; linear TV is asked for too and judged row by row."""
    types = [name for name, channels in eligibility.INVENTORY_CHANNELS.items() if channel in channels]
    return (*types, "linear_tv") if channel == "ctv" else tuple(types)


def auction_only(product: Product) -> bool:
    return bool(product.deal_types) and not {"PG", "PD"} & set(product.deal_types)


def research_channels(
    work: Work, campaign: Campaign, sellers: Sequence[Seller], budgets: Mapping[str, Decimal]
) -> None:
    """Talk to every seller that has not reported on all of the channels (`budgets`: money per channel, in the
    campaign's currency); what a seller said is committed as it comes."""
    reported = set(campaign.reports.values_list("seller_id", "channel"))
    talks: list[Talk] = []
    for seller in sellers:
        parts = [Part(name, money) for name, money in budgets.items() if (seller.pk, name) not in reported]
        if parts:
            talks.append(Talk(seller, seller.connection(), campaign.read_brief(), parts))
    deadline = settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS
    for finished in as_they_finish([talk.hold for talk in talks], deadline=deadline):
        work.commit(_recording(talks[finished.index], finished))


def _recording(talk: Talk, finished: Finished[None]) -> Callable[[Campaign], None]:
    elapsed_ms = round((time.monotonic() - talk.started) * 1000)
    verdicts = [_judge(talk, part, part.error or finished.error) for part in talk.parts]

    def record(campaign: Campaign) -> None:
        SellerReport.objects.bulk_create(
            SellerReport(
                campaign=campaign,
                channel=part.channel,
                seller=talk.seller,
                state=state,
                code=code,
                reason=reason,
                products=part.products,
                offers=[codec.to_json(offer) for offer in part.offers],
                skipped=part.skipped,
                elapsed_ms=elapsed_ms,
                at=now(),
            )
            for part, (state, code, reason) in zip(talk.parts, verdicts, strict=True)
        )
        keep_calls(campaign, talk.seller, talk.calls)
        events.record_many(
            subject_type="campaign",
            subject_id=campaign.pk,
            actor=seller_actor(talk.seller),
            correlation_id=campaign.correlation_id,
            facts=[
                _told(talk, part, state, reason)
                for part, (state, _, reason) in zip(talk.parts, verdicts, strict=True)
            ],
        )

    return record


def _told(talk: Talk, part: Part, state: ReportState, reason: str) -> events.Fact:
    return events.Fact(
        "research.seller_reported",
        {
            "channel": part.channel,
            "seller": talk.seller.slug,
            "state": state,
            "offers": len(part.offers),
            "skipped": len(part.skipped),
            "reason": reason,
        },
    )


def _judge(talk: Talk, part: Part, error: BaseException | None) -> tuple[ReportState, str, str]:
    if error is None and talk.complete:
        return ReportState.OK, "", ""
    if error is None:
        return ReportState.PARTIAL, "catalogue_incomplete", "The catalogue could not be read to its end."
    if error is part.error:
        return ReportState.FAILED, "unjudged", f"The channel could not be judged ({type(error).__name__})."
    code, reason = _reason_of(error)
    return (ReportState.PARTIAL if part.offers else ReportState.FAILED), code, reason


def _reason_of(error: BaseException) -> tuple[str, str]:
    if isinstance(error, TimeoutError):
        seconds = settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS
        return "deadline", f"No complete answer within {seconds:g} seconds."
    if isinstance(error, SellerError):
        return error.code, error.message
    return "unreadable", f"The seller's answer could not be used ({type(error).__name__})."


def close_channels(campaign: Campaign, channels: Sequence[ChannelBudget]) -> None:
    """Under the flow's lock: what the research of each channel came to."""
    said: dict[str, list[SellerReport]] = {channel.channel: [] for channel in channels}
    for report in campaign.reports.filter(channel__in=said).select_related("seller"):
        said[report.channel].append(report)
    for channel in channels:
        channel.state, channel.note = _what_came_of(said[channel.channel])
    ChannelBudget.objects.bulk_update(channels, ["state", "note"])
    events.record_many(
        subject_type="campaign",
        subject_id=campaign.pk,
        actor=SYSTEM_ACTOR,
        correlation_id=campaign.correlation_id,
        facts=[
            events.Fact("research.channel_reported", {"channel": channel.channel, "state": channel.state})
            for channel in channels
        ],
    )


def _what_came_of(reports: Sequence[SellerReport]) -> tuple[ChannelState, str]:
    """State and note of a channel of which the sellers said this."""
    if any(report.offers for report in reports):
        return ChannelState.REPORTED, ""
    silent = [report for report in reports if report.state == ReportState.FAILED]
    if silent and len(silent) == len(reports):
        said = " ".join(f"{one.seller.name}: {one.reason}" for one in silent)
        return ChannelState.FAILED, f"No seller answered. {said}"
    return ChannelState.EMPTY, _nothing_fits(reports)


def _nothing_fits(reports: Sequence[SellerReport]) -> str:
    """Not the same where a seller was not heard to its end: it may have had what was asked for."""
    unheard = [report for report in reports if report.state != ReportState.OK and report.reason]
    if not unheard:
        return "No seller has inventory that fits this brief."
    said = " ".join(f"{report.seller.name}: {report.reason}" for report in unheard)
    return f"Nothing that was offered fits this brief, and not every seller was heard to the end. {said}"
