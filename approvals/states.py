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


class Door(TextChoices):
    PAGE = "page", "Web page"
    REST = "rest", "REST API"
    ADMIN = "admin", "Admin"
    CLI = "cli", "Command line"
    POLICY = "policy", "Policy"
