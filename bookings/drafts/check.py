"""The judgement of a brief while it is written: the very reader and checks that its handing in meets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bookings.clients import choose_client
from bookings.drafts.facts import surroundings_of
from bookings.validation import check_brief
from bookings.warnings import Warning, warnings_for
from flows.clock import now
from planning.brief import read_brief
from planning.types import Brief, FieldError, InvalidBrief
from planning.zones import UTC_NAME, zone_named


@dataclass(frozen=True)
class Judged:
    """`brief` is None as long as it cannot be read, `organization` as long as no client of the user's is named."""

    organization: Any = None
    brief: Brief | None = None
    errors: list[FieldError] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)
    timezone: str = UTC_NAME  # of the flight's days, as far as it can be told


def judge(user: Any, wire: Mapping[str, Any], *, draft_id: uuid.UUID | None = None) -> Judged:
    """Every error at once, also where handing in would stop at the client. Nothing is written."""
    errors: list[FieldError] = []
    organization, rest, brief = None, {k: v for k, v in wire.items() if k != "client"}, None
    try:
        organization, rest = choose_client(user, wire)
    except InvalidBrief as invalid:
        errors += invalid.errors
    try:
        brief = read_brief(rest, now=now(), timezone=organization.timezone if organization else UTC_NAME)
        errors += check_brief(brief)
    except InvalidBrief as invalid:
        errors += invalid.errors
    zone = brief.timezone if brief else _zone_of(rest, organization)
    if brief is None or organization is None:
        return Judged(organization, brief, errors, timezone=zone)
    around = surroundings_of(brief, organization, except_for=draft_id)
    return Judged(organization, brief, errors, warnings_for(brief, around), zone)


def _zone_of(rest: Mapping[str, Any], organization: Any) -> str:
    named = rest.get("timezone")
    found = zone_named(named) if isinstance(named, str) else None
    return found or (organization.timezone if organization else UTC_NAME)
