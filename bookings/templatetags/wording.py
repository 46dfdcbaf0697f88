"""Stored codes in the words of people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import template

from approvals.states import Door
from bookings.models import Campaign, Line
from bookings.selectors import BASE_PROGRESS
from bookings.states import CampaignStatus, LineStatus
from config.pagination import Position
from flows.models import Event

register = template.Library()

EVENTS = {
    "campaign.submitted": "Brief handed in",
    "campaign.receive_campaign_brief": "Brief accepted",
    "campaign.fail_validation": "Brief refused",
    "campaign.allocate_budget": "Budget split over the channels",
    "campaign.start_research": "Research started",
    "campaign.consolidate_recommendations": "Plan put together",
    "campaign.approve": "Booking started",
    "campaign.take_back": "Waiting for a decision again",
    "campaign.complete": "Campaign completed",
    "campaign.fail": "Campaign failed",
    "campaign.cancel": "Campaign cancelled",
    "approval.requested": "Decision asked for",
    "approval.granted": "Lines approved",
    "approval.rejected": "Lines rejected",
    "approval.endorsed": "Lines approved by one of several",
    "approval.undone": "Approval undone",
    "approval.auto_approve_declined": "Policy leaves the decision to a person",
    "client.answered": "Client answered the plan",
    "client.commented": "Comment beside the client's view",
    "client.link_made": "Link to the client's view made",
    "client.link_revoked": "Link to the client's view revoked",
    "booking.submitted": "Sent to the seller",
    "line.answered": "Seller answered",
    "line.status_changed": "Line changed",
    "line.outcome_unknown": "Outcome unknown, seller is asked again",
    "line.not_sent": "Seller not reached, tried again",
    "line.differs": "Seller's terms differ from the approved ones",
    "line.needs_attention": "Operations must look",
    "line.cancel_failed": "Taking back failed",
    "saga.unwinding": "Booking policy cannot be kept, the approval is taken back",
    "saga.unwound": "Approval taken back as far as it goes",
    "compensation.wanted": "Line is to be taken back",
    "compensation.sent": "Cancellation sent to the seller",
    "compensation.waiting": "Cancellation not confirmed yet",
    "compensation.done": "Cancelled at the seller",
    "compensation.failed": "Cancellation failed, operations must look",
    "compensation.asked_again": "Cancellation asked for again",
    "line.check_requested": "Check asked for",
    "research.channel_reported": "Channel researched",
    "research.stopped": "Research stopped, plan made from what was said",
    "campaign.revise": "Plan to be made anew",
    "research.seller_reported": "Seller asked about a channel",
    "seller.called": "Call to a seller",
    "step.dead": "A step gave up",
}
CALL = "seller.called"
ACTORS = {"human": "person", "api_key": "API key", "system": "Flightdeck itself", "seller": "seller"}
DEAL_TYPES = {"PG": "Programmatic guaranteed", "PD": "Preferred deal", "PA": "Private auction"}
CHANNELS = {"branding": "Branding", "ctv": "CTV", "mobile": "Mobile", "performance": "Performance"}
REFERENCES = {
    "deal_id": "Deal",
    "line_id": "Line",
    "order_id": "Order",
    "quote_id": "Quote",
    "account_id": "Account",
}
WITHOUT_PRICE = {
    LineStatus.DECLINED: "The seller did not book this line.",
    LineStatus.EXPIRED: "The offer lapsed before it was booked.",
    LineStatus.CANCELED: "The line was taken back.",
}


@register.filter
def sentence(text: str) -> str:
    """Planning writes channel names small: at the start of a sentence they are names."""
    first, _, rest = str(text).partition(" ")
    return f"{CHANNELS.get(first, first[:1].upper() + first[1:])} {rest}".strip()


@register.filter
def event_words(type: str) -> str:
    return EVENTS.get(type) or type.replace(".", ": ").replace("_", " ")


@register.filter
def channel_name(channel: str) -> str:
    return CHANNELS.get(channel, channel)


@register.filter
def deal_words(deal_type: str) -> str:
    return DEAL_TYPES.get(deal_type, deal_type)


@register.filter
def door_words(door: str) -> str:
    return str(Door(door).label) if door in Door.values else door


@register.filter
def actor_kind(kind: str) -> str:
    return ACTORS.get(kind, kind)


@register.filter
def rough_progress(campaign: Campaign) -> float:
    """0..1 from the status alone: a list of campaigns must not ask for each one's channels and lines."""
    return 1.0 if campaign.is_over() else BASE_PROGRESS[CampaignStatus(campaign.status)]


@register.simple_tag
def page_url(position: Position | None, status: str, search: str) -> str:
    """The address of another page of the same list; empty where there is none."""
    if position is None:
        return ""
    given = {"cursor": position.encode(), "status": status, "q": search}
    return "?" + urlencode({name: value for name, value in given.items() if value})


@register.simple_tag
def event_runs(events: Sequence[Event]) -> list[list[Event]]:
    """Events in order; calls to sellers that follow each other come together."""
    runs: list[list[Event]] = []
    for event in events:
        if event.type == CALL and runs and runs[-1][-1].type == CALL:
            runs[-1].append(event)
        else:
            runs.append([event])
    return runs


@register.filter
def reference_name(key: str) -> str:
    return REFERENCES.get(key, key.replace("_", " "))


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


@register.simple_tag
def line_note(line: Line, prices: bool) -> str:
    """What is going on, in the flow's words; these may name prices, so others get the bare fact."""
    if prices or not line.note:
        return line.note
    if line.attention:
        return "Operations are clearing this with the seller."
    return WITHOUT_PRICE.get(LineStatus(line.status), "The seller is being asked.")


@register.simple_tag
def error_words(error: dict[str, str], prices: bool) -> str:
    """A campaign's error. What concerns one line may name its price."""
    if not prices and error.get("field", "").startswith("lines."):
        return "A line was not booked."
    return error.get("message", "")
