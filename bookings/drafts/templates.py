"""Briefs kept under a name to start from: one's own, and the agency's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from bookings.drafts.models import LONGEST_TEMPLATE_NAME, BriefTemplate
from flows.clock import now

MOST = 50  # of one person
NEVER_KEPT = (
    "start_date",
    "end_date",
    "auto_approve",
)  # dates pass; nobody should book unasked by a template
# Whoever works for another client must not learn of this one.
NOT_SHARED = (*NEVER_KEPT, "client", "name", "advertiser", "notes", "budget")


def templates_for(user: Any) -> QuerySet[BriefTemplate]:
    return BriefTemplate.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")


def find_template(user: Any, template_id: uuid.UUID) -> BriefTemplate | None:
    return templates_for(user).filter(pk=template_id).first()


def keep_template(owner: Any, name: str, data: Mapping[str, Any], *, shared: bool) -> str:
    """Keep it, in place of one of the same name. Returns what is wrong, or nothing."""
    name = " ".join(name.split())
    if not name:
        return "Give the template a name."
    if len(name) > LONGEST_TEMPLATE_NAME:
        return f"The name of a template has at most {LONGEST_TEMPLATE_NAME} characters."
    mine = BriefTemplate.objects.filter(owner=owner)
    if not mine.filter(name=name, shared=shared).exists() and mine.count() >= MOST:
        return f"You have {MOST} templates already. Remove one first."
    left_out = NOT_SHARED if shared else NEVER_KEPT
    kept = {field: value for field, value in data.items() if field not in left_out}
    BriefTemplate.objects.update_or_create(
        owner=owner, name=name, shared=shared, defaults={"data": kept, "created_at": now()}
    )
    return ""


def drop_template(owner: Any, template_id: uuid.UUID) -> bool:
    """False where it is not there or somebody else's."""
    return bool(BriefTemplate.objects.filter(owner=owner, pk=template_id).delete()[0])
