"""What can be said of a request, an item and a decision."""

from __future__ import annotations

from django.db.models import TextChoices


class RequestState(TextChoices):
    OPEN = "open", "Waiting for a person"
    DECIDED = "decided", "Every item has been decided"
    WITHDRAWN = "withdrawn", "No longer asked: its subject moved on"


class ItemState(TextChoices):
    OPEN = "open", "Not decided"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "No longer asked"


class Verdict(TextChoices):
    APPROVE = "approve", "Approved"
    REJECT = "reject", "Rejected"
    ENDORSE = "endorse", "Approved; another person must too"
    UNDO = "undo", "Taken back"


VERDICT_TONE = {
    Verdict.APPROVE: "good",
    Verdict.REJECT: "bad",
    Verdict.ENDORSE: "waiting",
    Verdict.UNDO: "neutral",
}
VERBS = {
    Verdict.APPROVE: "approved",
    Verdict.REJECT: "rejected",
    Verdict.ENDORSE: "approved, with others to follow,",
    Verdict.UNDO: "took back the approval of",
}
"""What somebody did to so many lines."""


class RejectionKind(TextChoices):
    """Why lines are usually rejected; the words in front of the decider's own."""

    PRICE = "price", "Too expensive"
    PLACEMENT = "placement", "Wrong placement or format"
    AUDIENCE = "audience", "Does not reach the audience"
    SAFETY = "safety", "Not safe for the brand"
    TIMING = "timing", "Wrong dates"
    SELLER = "seller", "Not with this seller"


class Door(TextChoices):
    PAGE = "page", "Web page"
    REST = "rest", "REST API"
    ADMIN = "admin", "Admin"
    CLI = "cli", "Command line"
    POLICY = "policy", "Policy"
