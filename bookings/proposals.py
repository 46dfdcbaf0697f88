"""From offers to a plan that a person can decide on: selection, binding prices, recommendations."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings

from approvals import services as approvals
from bookings.models import Campaign, Recommendation
from bookings.quoting import QuoteTalk
from bookings.talk import keep_calls
from flows.clock import now
from flows.fanout import as_they_finish
from flows.fingerprint import digest
from planning import codec
from planning.booking_policy import unwinds
from planning.granting import select_as_wished
from planning.money import line_cost
from planning.quoted import Heard, Key, key_of, repriced
from planning.types import Allocation, Brief, NotChosen, Offer, Plan, PlanLine
from sellers.dialects.base import Quote
from sellers.models import Seller

# Of the plan's cost: what cheaper quotes free is spent again from here on.
WORTH_ANOTHER_ROUND = Decimal("0.005")
QUOTE_ROUNDS = 3  # a quote that differs from the offer changes the optimum: choose again, but not for ever


@dataclass
class Proposal:
    plan: Plan
    quotes: dict[Key, Quote] = field(default_factory=dict)
    offers: dict[Key, Offer] = field(default_factory=dict)
    withdrawn: list[NotChosen] = field(default_factory=list)  # what sellers no longer stood by
    calls: dict[str, list[Any]] = field(default_factory=dict)


def propose(campaign: Campaign) -> Proposal:
    """Select, ask each seller to stand by its price for the exact volume, and select again where one does not."""
    brief = campaign.read_brief()
    allocations = tuple(
        Allocation(row.channel, row.share, row.amount, tuple(row.reasons)) for row in campaign.channels.all()
    )
    heard = {
        key_of(offer): offer
        for report in campaign.reports.all()
        for offer in (codec.from_json(Offer, row) for row in report.offers)
    }
    sellers = {
        seller.slug: seller
        for seller in Seller.objects.filter(pk__in=campaign.reports.values("seller"), enabled=True)
    }
    offers = {key: offer for key, offer in heard.items() if offer.product.seller in sellers}
    proposal = Proposal(
        select_as_wished(brief, allocations, list(offers.values())),
        offers=offers,
        withdrawn=[
            NotChosen(*key, "seller_disabled", "The seller was disabled after it had answered.")
            for key in heard
            if key not in offers
        ],
    )
    for _ in range(QUOTE_ROUNDS):
        wanted = [line for line in proposal.plan.lines if not _stands(line, proposal.quotes)]
        if not wanted:
            return proposal
        _ask_quotes(campaign, brief, proposal, wanted, sellers)
        if _prices_hold(proposal):
            return proposal
        proposal.plan = select_as_wished(brief, allocations, list(proposal.offers.values()))
    _drop_unquoted(proposal)
    return proposal


def _stands(line: PlanLine, quotes: dict[Key, Quote]) -> bool:
    quote = quotes.get(key_of(line))
    return quote is not None and quote.impressions == line.impressions


def _prices_hold(proposal: Proposal) -> bool:
    """Every line has a quote for its volume at its price, or so little below that choosing again is not worth it."""
    lines = proposal.plan.lines
    if not all(
        _stands(line, proposal.quotes) and proposal.quotes[key_of(line)].cpm <= line.cpm for line in lines
    ):
        return False
    freed = sum(
        ((line.cpm - proposal.quotes[key_of(line)].cpm) * line.impressions / 1000 for line in lines),
        Decimal(0),
    )
    return freed <= WORTH_ANOTHER_ROUND * sum((line.cost for line in lines), Decimal(0))


def _ask_quotes(
    campaign: Campaign,
    brief: Brief,
    proposal: Proposal,
    wanted: Sequence[PlanLine],
    sellers: dict[str, Seller],
) -> None:
    by_seller: dict[str, list[PlanLine]] = {}
    for line in wanted:
        by_seller.setdefault(line.seller, []).append(line)
    talks = [
        QuoteTalk(campaign, brief, sellers[slug], [(line, proposal.offers[key_of(line)]) for line in lines])
        for slug, lines in sorted(by_seller.items())
    ]
    for finished in as_they_finish(
        [talk.hold for talk in talks], deadline=settings.FLIGHTDECK_SELLER_DEADLINE_SECONDS
    ):
        talk = talks[finished.index]
        proposal.calls.setdefault(talk.seller.slug, []).extend(talk.calls)
        _take_answers(proposal, talk)


def _take_answers(proposal: Proposal, talk: QuoteTalk) -> None:
    for line, offer in talk.asked:
        key = key_of(line)
        quote = talk.quotes.get(key)
        if quote is None or quote.expires_at <= now():
            reason = talk.refusals.get(key) or (
                f"{talk.seller.name} gave a price that has expired already."
                if quote
                else f"{talk.seller.name} gave no price in time."
            )
            proposal.withdrawn.append(NotChosen(*key, "no_quote", reason))
            proposal.offers.pop(key, None)
            continue
        proposal.quotes[key] = quote
        if quote.cpm != line.cpm:
            proposal.offers[key] = repriced(offer, Heard(key, quote.impressions, quote.cpm))


def _drop_unquoted(proposal: Proposal) -> None:
    """After the last round only what has a standing quote may be shown."""
    kept = []
    for line in proposal.plan.lines:
        quote = proposal.quotes.get(key_of(line))
        if quote is not None and quote.impressions == line.impressions and quote.cpm <= line.cpm:
            kept.append(line)
            continue
        proposal.withdrawn.append(
            NotChosen(*key_of(line), "price_moved", "The seller's price kept moving while the plan was made.")
        )
    value = sum((line.value for line in kept), Decimal(0))
    bound = proposal.plan.bound
    gap = (bound - value) / bound if bound else Decimal(0)
    proposal.plan = dataclasses.replace(
        proposal.plan, lines=tuple(kept), value=value, gap=gap, unspent=_unspent_after(proposal.plan, kept)
    )


def _unspent_after(plan: Plan, kept: Sequence[PlanLine]) -> dict[str, Decimal]:
    unspent = dict(plan.unspent)
    for line in plan.lines:
        if line not in kept:
            unspent[line.channel] = unspent.get(line.channel, Decimal(0)) + line.cost
    return unspent


def write_proposal(campaign: Campaign, proposal: Proposal) -> list[Recommendation]:
    """Under the flow's lock: the plan becomes rows. Cost is recomputed from volume and the quoted price."""
    sellers = {seller.slug: seller for seller in Seller.objects.filter(slug__in=proposal.calls)}
    rows = []
    for line in proposal.plan.lines:
        offer, quote = proposal.offers[key_of(line)], proposal.quotes[key_of(line)]
        rows.append(
            Recommendation(
                campaign=campaign,
                rank=line.rank,
                channel=line.channel,
                seller=sellers[line.seller],
                product_id=line.product_id,
                product_name=offer.product.name[:255],
                product=codec.to_json(offer.product),
                deal_type=quote.deal_type,
                guaranteed=quote.guaranteed or (quote.deal_type == "PG" and offer.product.guaranteed),
                impressions=line.impressions,
                cpm=quote.cpm,
                list_cpm=max(quote.list_cpm, offer.product.list_cpm, quote.cpm),
                cost=line_cost(line.impressions, quote.cpm, campaign.currency),
                currency=campaign.currency,
                start_date=quote.flight_start,
                end_date=quote.flight_end,
                quote_id=quote.quote_id,
                quote_expires_at=quote.expires_at,
                quote_note=quote.rationale[:2000],
                available=quote.available if quote.available is not None else offer.available,
                score=line.score,
                value=line.value,
                explanation=_explained(line, quote, campaign.currency),
            )
        )
    keep_proposal_calls(campaign, proposal)
    return Recommendation.objects.bulk_create(rows)


def _explained(line: PlanLine, quote: Quote, currency: str) -> list[str]:
    """The plan's own reasons; where the binding price came out lower than planned with, that comes first."""
    reasons = list(line.explanation)
    if quote.cpm == line.cpm:
        return reasons
    cost = line_cost(line.impressions, quote.cpm, currency)
    lower = f"The seller's binding price is {quote.cpm:,.2f} {currency} CPM, {cost:,.2f} {currency} for the line; "
    return [lower + f"the reasons below were computed with {line.cpm:,.2f}.", *reasons]


def keep_proposal_calls(campaign: Campaign, proposal: Proposal) -> None:
    sellers = {seller.slug: seller for seller in Seller.objects.filter(slug__in=proposal.calls)}
    for slug, calls in proposal.calls.items():
        keep_calls(campaign, sellers[slug], calls)


def plan_as_json(campaign: Campaign, proposal: Proposal) -> dict[str, Any]:
    """What the page and REST show of the selection."""
    plan = proposal.plan
    cost = sum((line.cost for line in plan.lines), Decimal(0))
    return {
        "value": str(plan.value),
        "bound": str(plan.bound),
        "gap": str(plan.gap),
        "cost": str(cost),
        "unspent": {channel: str(amount) for channel, amount in sorted(plan.unspent.items())},
        "reasons": list(plan.reasons),
        "not_chosen": [codec.to_json(one) for one in (*proposal.withdrawn, *plan.not_chosen)],
        "digest": digest(codec.to_json(plan)),
    }


def recommendation_terms(row: Recommendation) -> dict[str, Any]:
    """The material terms: whatever differs here needs a new decision."""
    return {
        "seller": str(row.seller_id),
        "product": row.product_id,
        "channel": row.channel,
        "deal_type": row.deal_type,
        "impressions": row.impressions,
        "cpm": row.cpm,
        "cost": row.cost,
        "currency": row.currency,
        "start": row.start_date,
        "end": row.end_date,
        "quote": row.quote_id,
        "quote_expires": row.quote_expires_at.astimezone(dt.UTC).isoformat(),
        **_policy_terms(row),
    }


def _policy_terms(row: Recommendation) -> dict[str, Any]:
    """A policy that may take a booked line back is part of what is approved; the default adds nothing."""
    policy = row.campaign.booking_policy
    return {"booking_policy": codec.to_json(policy)} if unwinds(policy) else {}


def fingerprint_of(row: Recommendation) -> str:
    return digest(recommendation_terms(row))


def ask_for_decision(campaign: Campaign, rows: Sequence[Recommendation]) -> Any:
    """Put the plan before a person."""
    return approvals.request_approval(
        kind="media_plan",
        subject_type="campaign",
        subject_id=campaign.pk,
        title=campaign.name,
        url=campaign.get_absolute_url(),
        organization_id=campaign.organization_id,
        currency=campaign.currency,
        ceiling=campaign.budget,
        version=campaign.plan_version,
        preparers=[campaign.prepared_by_id, *campaign.editors],
        prepared_label=campaign.prepared_by.label,
        correlation_id=campaign.correlation_id,
        items=[
            approvals.ItemSpec(
                id=row.pk,
                label=f"{row.product_name} ({row.channel})",
                fingerprint=fingerprint_of(row),
                amount=row.cost,
                expires_at=row.quote_expires_at,
            )
            for row in rows
        ],
    )
