"""The vocabulary of states, in lifecycle order, each with its meaning and the tone that pages show it in."""

from __future__ import annotations

from django.db.models import TextChoices


class CampaignStatus(TextChoices):
    """ExecutionStatus of the booking flow (seed), plus `cancelled`."""

    INITIALIZED = "initialized", "Received"
    BRIEF_RECEIVED = "brief_received", "Brief accepted"
    VALIDATION_FAILED = "validation_failed", "Brief refused"
    BUDGET_ALLOCATED = "budget_allocated", "Budget allocated"
    RESEARCHING = "researching", "Researching sellers"
    AWAITING_APPROVAL = "awaiting_approval", "Waiting for a decision"
    EXECUTING_BOOKINGS = "executing_bookings", "Booking"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


BEFORE_BOOKING = (
    CampaignStatus.INITIALIZED,
    CampaignStatus.BRIEF_RECEIVED,
    CampaignStatus.BUDGET_ALLOCATED,
    CampaignStatus.RESEARCHING,
    CampaignStatus.AWAITING_APPROVAL,
)
TERMINAL = (
    CampaignStatus.VALIDATION_FAILED,
    CampaignStatus.COMPLETED,
    CampaignStatus.FAILED,
    CampaignStatus.CANCELLED,
)
CAMPAIGN_TONE = {
    CampaignStatus.INITIALIZED: "progress",
    CampaignStatus.BRIEF_RECEIVED: "progress",
    CampaignStatus.VALIDATION_FAILED: "bad",
    CampaignStatus.BUDGET_ALLOCATED: "progress",
    CampaignStatus.RESEARCHING: "progress",
    CampaignStatus.AWAITING_APPROVAL: "waiting",
    CampaignStatus.EXECUTING_BOOKINGS: "progress",
    CampaignStatus.COMPLETED: "good",
    CampaignStatus.FAILED: "bad",
    CampaignStatus.CANCELLED: "neutral",
}


class ChannelState(TextChoices):
    WAITING = "waiting", "Waiting to be researched"
    RESEARCHING = "researching", "Asking sellers"
    REPORTED = "reported", "Sellers have answered"
    EMPTY = "empty", "No seller can serve this"
    FAILED = "failed", "Could not be researched"
    UNFUNDED = "unfunded", "Got no budget"


CHANNEL_TONE = {
    ChannelState.WAITING: "neutral",
    ChannelState.RESEARCHING: "progress",
    ChannelState.REPORTED: "good",
    ChannelState.EMPTY: "warn",
    ChannelState.FAILED: "bad",
    ChannelState.UNFUNDED: "neutral",
}


class ReportState(TextChoices):
    OK = "ok", "Answered"
    PARTIAL = "partial", "Answered in part"
    FAILED = "failed", "Did not answer"


class RecommendationState(TextChoices):
    OPEN = "open", "Not decided"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "No longer offered"


class LineStatus(TextChoices):
    """Booking status of a line, the part of the OpenDirect 2.1 enumeration that we reach so far."""

    DRAFT = "draft", "Approved, being sent"
    RESERVED = "reserved", "Held at the seller"
    PENDING_BOOKING = "pending_booking", "Accepted by seller, not yet confirmed"
    BOOKED = "booked", "Booked"
    DECLINED = "declined", "Not booked"
    EXPIRED = "expired", "Expired at the seller"
    CANCELED = "canceled", "Canceled"


LINE_TO_SEND = (LineStatus.DRAFT, LineStatus.RESERVED)
LINE_OPEN = (LineStatus.DRAFT, LineStatus.RESERVED, LineStatus.PENDING_BOOKING)
LINE_LOST = (LineStatus.DECLINED, LineStatus.EXPIRED, LineStatus.CANCELED)
LINE_TONE = {
    LineStatus.DRAFT: "progress",
    LineStatus.RESERVED: "progress",
    LineStatus.PENDING_BOOKING: "waiting",
    LineStatus.BOOKED: "good",
    LineStatus.DECLINED: "bad",
    LineStatus.EXPIRED: "warn",
    LineStatus.CANCELED: "neutral",
}


class CompensationState(TextChoices):
    """Of the cancellation of a line that must not stand."""

    WANTED = "wanted", "To be cancelled at the seller"
    STARTED = "started", "Being cancelled at the seller"
    WAITING = "waiting", "Cancellation not yet confirmed by the seller"
    DONE = "done", "Cancelled at the seller"
    FAILED = "failed", "Could not be cancelled; operations must look"


OPEN_COMPENSATIONS = (CompensationState.WANTED, CompensationState.STARTED, CompensationState.WAITING)
