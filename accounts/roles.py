"""The roles of people and services, each with what it is for. What each may do: `accounts/permissions.py`."""

from __future__ import annotations

from django.db import models


class Role(models.TextChoices):
    MANAGER = "manager", "Campaign manager"
    APPROVER = "approver", "Approver"
    FINANCE = "finance", "Finance"
    OPS = "ops", "Operations"
    CLIENT_VIEWER = "client_viewer", "Client viewer"
    API_CLIENT = "api_client", "API client"

    @property
    def meaning(self) -> str:
        return MEANINGS[self]


MEANINGS: dict[str, str] = {
    Role.MANAGER: "Writes briefs, runs plans and follows the bookings of the assigned clients.",
    Role.APPROVER: "Decides what is bought for the assigned clients.",
    Role.FINANCE: "Reads all money of all clients.",
    Role.OPS: "Keeps sellers, people and the machinery working. Never decides what is bought.",
    Role.CLIENT_VIEWER: "Follows the work for the own organisation, without seller prices.",
    Role.API_CLIENT: "A planning tool or desk that works through the API, within its key's scopes.",
}

SEES_EVERY_CLIENT = frozenset({Role.FINANCE, Role.OPS})
"""Roles that are not limited to assigned clients."""
