"""A database with a million campaigns, filled in a few minutes and kept for the next run.

The product makes one campaign of each sort; SQL copies it. Shape: 1,000 clients. Three hold 60 % of the campaigns, so
that their manager's list has a 10,000th page; three stopped a year ago, so that theirs lie behind everybody else's; the
others share the rest. One campaign in twenty waits for a decision, one is being booked, one is being researched. Every
campaign has its channels, every one that came to booking a decision and a line.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.copying import copy_rows

CAMPAIGNS = 1_000_000
CLIENTS = 1_000
FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench" / "million"
BIG, OLD, SMALL = (1, 2, 3), (4, 5, 6), (100, 200, 300, 400, 500, 600, 700, 800)
VERSION = 2


@dataclass(frozen=True)
class Person:
    """Who looks at the list, with the numbers of the clients that they work for."""

    username: str
    role: str
    clients: tuple[int, ...]


PEOPLE = (
    Person("everything", "ops", ()),
    Person("big", "manager", BIG),
    Person("old", "manager", OLD),
    Person("small", "manager", SMALL),
)


def prepare() -> bool:
    """Fill the migrated database of this process, unless it is filled; later migrations change the rows as they would
    an operator's. Returns whether it had to be filled."""
    from django.db import connection, transaction

    shape = f"{VERSION}:{CAMPAIGNS}"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_loaded (shape text)")
        cursor.execute("SELECT shape FROM bench_loaded")
        found = cursor.fetchone()
        if found == (shape,):
            return False
        if found:
            raise RuntimeError(f"these rows are of another shape: remove {FOLDER} and start again")
        with transaction.atomic():
            _fill(cursor)
            cursor.execute("INSERT INTO bench_loaded VALUES (%s)", [shape])
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
        cursor.execute("RESET statement_timeout")
    return True


def _fill(cursor: Any) -> None:
    campaign = _template()
    cursor.execute(
        "SET session_replication_role = replica"
    )  # no foreign keys are looked up: they are right by design
    cursor.execute("SET synchronous_commit = off")
    cursor.execute("SET statement_timeout = 0")
    _people(cursor)
    _campaigns(cursor, campaign)
    _channels(cursor, campaign)
    _approvals(cursor, campaign)
    _lines(cursor, campaign)


def _template() -> Any:
    """One approved campaign, as the product makes it, with the demo's brief."""
    from bookings import services
    from bookings.models import Campaign, ChannelBudget
    from tests.agency import make_agency
    from tests.plans import waiting_campaign

    agency = make_agency()
    campaign = waiting_campaign(agency, costs=(10_000,))
    services.approve_lines(campaign_id=campaign.pk, decider=agency.decider("approver"), everything=True)
    brief = json.loads(
        (Path(__file__).resolve().parents[2] / "examples/briefs/spring-launch.json").read_text()
    )
    Campaign.objects.filter(pk=campaign.pk).update(brief=brief)
    ChannelBudget.objects.create(campaign=campaign, channel="ctv", position=0, share=1, amount=10_000)
    return campaign


def _people(cursor: Any) -> None:
    from accounts.models import User
    from crm.models import Assignment, Organization

    Organization.objects.bulk_create(
        Organization(
            id=key("client", number), name=f"Client {number}", slug=f"client-{number}", lifecycle="client"
        )
        for number in range(1, CLIENTS + 1)
    )
    for one in PEOPLE:
        user = User.objects.create_user(one.username, role=one.role)
        Assignment.objects.bulk_create(
            Assignment(organization_id=key("client", number), user=user) for number in one.clients
        )


def _campaigns(cursor: Any, template: Any) -> None:
    """Number n is the n-th newest: one every forty seconds, for fifteen months."""
    from bookings.models import Campaign

    client = f"""CASE WHEN n > {CAMPAIGNS} * 0.97 THEN {OLD[0]} + n % 3 WHEN n % 5 < 3 THEN {BIG[0]} + n % 3
        ELSE {OLD[-1] + 1} + n / 7 % {CLIENTS - OLD[-1]} END"""
    instant = "timestamptz '2026-11-01' - n * interval '40 seconds'"
    status = """CASE n / 5 % 20 WHEN 0 THEN 'awaiting_approval' WHEN 1 THEN 'executing_bookings'
        WHEN 2 THEN 'researching' WHEN 3 THEN 'failed' WHEN 4 THEN 'cancelled' ELSE 'completed' END"""
    copy_rows(
        cursor,
        Campaign,
        template.pk,
        f"generate_series(1, {CAMPAIGNS}) AS n",
        id="md5('campaign' || n)::uuid",
        correlation_id="md5('correlation' || n)::uuid",
        name="'Campaign number ' || n",
        status=status,
        organization_id=f"md5('client' || {client})::uuid",
        prepared_by_id=f"(SELECT id FROM accounts_user WHERE username = '{PEOPLE[1].username}')",
        created_at=instant,
        updated_at=instant,
        budget="10000 + n % 90000",
    )


def _channels(cursor: Any, template: Any) -> None:
    from bookings.models import ChannelBudget

    copy_rows(
        cursor,
        ChannelBudget,
        template.channels.get().pk,
        f"""bookings_campaign c CROSS JOIN (VALUES ('ctv', 0), ('branding', 1)) AS v (channel, position)
            WHERE c.id <> '{template.pk}'""",
        without=("id",),
        campaign_id="c.id",
        channel="v.channel",
        position="v.position",
        amount="c.budget / 2",
        state="CASE c.status WHEN 'researching' THEN 'researching' ELSE 'reported' END",
    )


def _approvals(cursor: Any, template: Any) -> None:
    from approvals.models import ApprovalRequest, Decision

    request = ApprovalRequest.objects.get(subject_id=template.pk)
    copy_rows(
        cursor,
        ApprovalRequest,
        request.pk,
        f"bookings_campaign c WHERE c.id <> '{template.pk}' AND c.status NOT IN ('researching', 'cancelled')",
        id="md5('request' || c.id)::uuid",
        subject_id="c.id",
        organization_id="c.organization_id",
        status="CASE c.status WHEN 'awaiting_approval' THEN 'open' ELSE 'decided' END",
        created_at="c.created_at",
    )
    copy_rows(
        cursor,
        Decision,
        request.decisions.get().pk,
        f"approvals_approvalrequest r WHERE r.id <> '{request.pk}' AND r.status = 'decided'",
        id="md5('decision' || r.subject_id)::uuid",
        request_id="r.id",
        at="r.created_at",
    )


def _lines(cursor: Any, template: Any) -> None:
    from bookings.models import Line, Recommendation

    line = template.lines.get()
    source = f"""bookings_campaign c WHERE c.id <> '{template.pk}'
        AND c.status IN ('completed', 'executing_bookings', 'failed')"""
    copy_rows(
        cursor,
        Recommendation,
        line.recommendation_id,
        source,
        id="md5('line' || c.id)::uuid",
        campaign_id="c.id",
    )
    copy_rows(
        cursor,
        Line,
        line.pk,
        source,
        id="md5('line' || c.id)::uuid",
        campaign_id="c.id",
        recommendation_id="md5('line' || c.id)::uuid",
        decision_id="md5('decision' || c.id)::uuid",
        status="CASE c.status WHEN 'completed' THEN 'booked' WHEN 'failed' THEN 'declined' ELSE 'draft' END",
    )


def key(kind: str, number: int) -> uuid.UUID:
    """What SQL makes of the same words."""
    return uuid.UUID(hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest())
