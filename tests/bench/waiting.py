"""Campaigns that wait for a decision, thousands of them: one made by the product, the others copied by SQL."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from tests.bench.copying import copy_rows
from tests.bench.million import key


@dataclass(frozen=True)
class Plan:
    """A campaign and its only line."""

    campaign: uuid.UUID
    line: uuid.UUID


def make_plans(count: int) -> list[Plan]:
    """Campaigns with a plan of one line each, prepared by the agency's manager; needs `make_agency()` rows."""
    from django.db import connection, transaction

    template = _template()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        _copy_all(cursor, template, f"generate_series(1, {count}) AS n")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return [Plan(key("waiting", number), key("waiting-line", number)) for number in range(1, count + 1)]


def _template() -> Any:
    from accounts.models import User
    from crm.models import Organization
    from tests.agency import Agency, make_agency
    from tests.plans import waiting_campaign

    known = User.objects.filter(username="manager").first()
    if known is None:
        return waiting_campaign(make_agency(), costs=(10_000,))
    client = Organization.objects.get(slug="aurora-outdoor")
    return waiting_campaign(Agency(client, client, {"manager": known}), costs=(10_000,))


def _copy_all(cursor: Any, template: Any, numbers: str) -> None:
    from approvals.models import ApprovalItem, ApprovalRequest
    from bookings.models import Campaign, Recommendation
    from flows.models import Event, EventChain

    campaign, line, request = (
        f"md5('{name}' || n)::uuid" for name in ("waiting", "waiting-line", "waiting-request")
    )
    asked = ApprovalRequest.objects.get(subject_id=template.pk)
    row = template.recommendations.get()
    chain = EventChain.objects.get(subject_id=str(template.pk))
    copy_rows(cursor, Campaign, template.pk, numbers, id=campaign, correlation_id="gen_random_uuid()")
    copy_rows(cursor, Recommendation, row.pk, numbers, id=line, campaign_id=campaign)
    copy_rows(cursor, ApprovalRequest, asked.pk, numbers, id=request, subject_id=campaign)
    copy_rows(cursor, ApprovalItem, row.pk, numbers, id=line, request_id=request)
    # Their events are the template's: these chains are long enough, though nobody could verify them.
    copy_rows(cursor, EventChain, chain.pk, numbers, without=("id",), subject_id=f"{campaign}::text")
    for event in Event.objects.filter(subject_id=str(template.pk)):
        copy_rows(cursor, Event, event.pk, numbers, without=("id",), subject_id=f"{campaign}::text")


def approvers(count: int) -> list[str]:
    """API keys of so many people who may decide for the client of these plans."""
    from accounts.models import User
    from accounts.permissions import scopes_of
    from accounts.services import issue_key
    from crm.models import Assignment, Organization
    from flows.actors import SYSTEM_ACTOR

    keys = []
    for number in range(count):
        user = User.objects.create_user(f"approver-{number}", role="approver")
        Assignment.objects.create(organization=Organization.objects.get(slug="aurora-outdoor"), user=user)
        scopes = scopes_of("approver")
        keys.append(issue_key(user=user, name="bench", scopes=scopes, actor=SYSTEM_ACTOR)[1])
    return keys
