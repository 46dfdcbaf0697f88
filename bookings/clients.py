"""Whose campaign a brief is: named in the brief, or the only client of whoever sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.models import Organization
from crm.selectors import visible_organizations
from planning.types import FieldError, InvalidBrief

CLIENT_KEYS = ("client", "client_slug", "organization")


def choose_client(user: Any, data: Mapping[str, Any]) -> tuple[Organization, dict[str, Any]]:
    """The client and the brief without the client's name. Raises `InvalidBrief` naming `client`."""
    rest = {key: value for key, value in data.items() if key not in CLIENT_KEYS}
    named = next((data[key] for key in CLIENT_KEYS if data.get(key)), None)
    clients = visible_organizations(user).order_by("slug")
    if named is None:
        return _only_client(list(clients[:2]), [row.slug for row in clients[:20]]), rest
    if not isinstance(named, str):
        raise _problem("invalid_type", "Name the client by its slug, as text.")
    client = clients.filter(slug=named).first()
    if client is None:
        slugs = ", ".join(clients.values_list("slug", flat=True)[:20]) or "none"
        raise _problem("unknown_client", f"You work for no client called {named[:80]!r}. Yours: {slugs}.")
    return client, rest


def _only_client(first_two: list[Organization], slugs: list[str]) -> Organization:
    if len(first_two) == 1:
        return first_two[0]
    if not first_two:
        raise _problem("no_client", "You are not assigned to any client. Ask operations to assign you.")
    raise _problem("client_required", f"Name the client that this brief is for: {', '.join(slugs)}.")


def _problem(code: str, message: str) -> InvalidBrief:
    return InvalidBrief([FieldError("client", code, message)])
