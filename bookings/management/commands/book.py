"""The main job from a terminal: submit a brief, follow it, decide, and see the lines booked.

Exit codes: 0 booked, 2 invalid brief (or a decision that was refused), 3 waiting for a decision, 4 failed,
5 no worker runs (the campaign waits in the database).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actors import actor_of_user
from accounts.models import User
from accounts.permissions import can
from approvals.errors import Refused
from approvals.services import Decider
from approvals.states import Door, Verdict
from bookings import presenting, selectors, services
from bookings.clients import choose_client
from bookings.models import Campaign
from bookings.states import TERMINAL, CampaignStatus
from config.health import OLDEST_HEARTBEAT
from flows import events, gauges
from planning.types import InvalidBrief

BOOKED, INVALID, WAITING, FAILED, NO_WORKER = 0, 2, 3, 4, 5
QUIET_SECONDS = 15.0  # without any progress; then it is looked whether a worker runs at all
START_ONE = (
    "Start one: `make up` for the whole set, or `celery -A config worker --pool threads` on this database and broker "
    "(docs/operations.md)."
)
SHOWN_EVENTS = {
    "campaign.receive_campaign_brief": "Brief accepted",
    "campaign.fail_validation": "Brief refused",
    "campaign.allocate_budget": "Budget allocated",
    "research.channel_reported": "Channel researched",
    "campaign.consolidate_recommendations": "Plan ready",
    "approval.granted": "Approved",
    "approval.rejected": "Rejected",
    "approval.endorsed": "Approved, and waits for another person",
    "approval.undone": "Approval undone",
    "line.status_changed": "Line",
    "line.outcome_unknown": "Outcome unknown, asking the seller",
    "line.not_sent": "Seller not reached, trying again",
    "campaign.complete": "Completed",
    "campaign.fail": "Failed",
    "campaign.cancel": "Cancelled",
}


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("brief", help="path of a JSON brief, or - for standard input")
        parser.add_argument(
            "--as", dest="username", help="who prepares it (default: the only manager there is)"
        )
        parser.add_argument(
            "--approve", metavar="all|IDS", help="approve all lines, or these ids, comma-separated"
        )
        parser.add_argument("--approve-as", dest="approver", help="who approves (default: the same person)")
        parser.add_argument("--wait", action="store_true", help="wait until every approved line is settled")
        parser.add_argument("--timeout", type=_seconds, default=300.0, help="seconds to wait at most (300)")
        parser.add_argument(
            "--patience",
            type=_seconds,
            default=120.0,
            help="seconds to wait for a worker when none runs (120)",
        )
        parser.add_argument("--json", action="store_true", help="print the campaign as JSON at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        self.quiet = options["json"]
        user = _person(options["username"], "booking.create")
        data = _read(options["brief"])
        try:
            organization, brief = choose_client(user, data)
            campaign = services.submit_brief(
                data=brief,
                organization=organization,
                prepared_by=user,
                actor=actor_of_user(user),
                door=Door.CLI,
            )
        except InvalidBrief as invalid:
            self._refuse([{"field": e.field, "code": e.code, "message": e.message} for e in invalid.errors])
        with worker_running():
            self._run(campaign, user, options)

    def _run(self, campaign: Campaign, user: User, options: dict[str, Any]) -> None:
        self._say(f"{campaign.name}: {campaign.budget:,.2f} {campaign.currency}, job {campaign.pk}")
        until = time.monotonic() + options["timeout"]
        self.last = 0
        self.patience = options["patience"]
        self._follow(
            campaign, until, {*TERMINAL, CampaignStatus.AWAITING_APPROVAL, CampaignStatus.EXECUTING_BOOKINGS}
        )
        self._show_plan(campaign, user)
        waits_for_others = False
        if options["approve"] and campaign.status == CampaignStatus.AWAITING_APPROVAL:
            approver = _person(options["approver"], "booking.confirm") if options["approver"] else user
            waits_for_others = self._approve(campaign, approver, options["approve"])
        if waits_for_others:
            self._say("  Approved by you. Another person must approve exactly these lines.")
        elif options["approve"] or campaign.status == CampaignStatus.EXECUTING_BOOKINGS:
            self._follow(campaign, until if options["wait"] else time.monotonic() + 20, set(TERMINAL))
        self._finish(campaign, user, options)

    def _approve(self, campaign: Campaign, approver: User, which: str) -> bool:
        """True when the policy wants another person to approve too."""
        alone = can(approver, "booking.decide")
        try:
            decision, _ = services.approve_lines(
                campaign_id=campaign.pk,
                decider=Decider(actor_of_user(approver), approver.pk, Door.CLI, only_confirms=not alone),
                everything=which == "all",
                recommendation_ids=[] if which == "all" else _ids(which),
            )
        except Refused as refused:
            self.stderr.write(self.style.ERROR(f"Not approved: {refused.message}"))
            sys.exit(INVALID)
        return decision.verdict == Verdict.ENDORSE

    def _follow(self, campaign: Campaign, until: float, ends: set[str]) -> None:
        """Print events as they come, until the campaign is in one of `ends` or time is up."""
        progress_at, missed_at = time.monotonic(), None
        while True:
            for event in events.since("campaign", campaign.pk, self.last):
                self.last, progress_at = event.position, time.monotonic()
                if event.type in SHOWN_EVENTS:
                    self._say(f"  {event.at:%H:%M:%S} {SHOWN_EVENTS[event.type]}{_details(event.payload)}")
            campaign.refresh_from_db()
            if campaign.status in ends or time.monotonic() > until:
                return
            missed_at = self._mind_the_worker(campaign, progress_at, missed_at)
            time.sleep(0.1)

    def _mind_the_worker(
        self, campaign: Campaign, progress_at: float, missed_at: float | None
    ) -> float | None:
        """Since when no worker is there; None while one is. Elsewhere than with a broker this command is one itself."""
        if not settings.REDIS_URL or time.monotonic() - progress_at < QUIET_SECONDS or _worker_lives():
            return None
        if missed_at is None:
            self.stderr.write(
                self.style.WARNING(f"No worker seems to be running: {_last_heartbeat()}. {START_ONE}")
            )
            return time.monotonic()
        if time.monotonic() - missed_at >= self.patience:
            text = f"Given up: still no worker. Campaign {campaign.pk} is kept in the database; a worker takes it up."
            self.stderr.write(self.style.ERROR(text))
            sys.exit(NO_WORKER)
        return missed_at

    def _show_plan(self, campaign: Campaign, user: User) -> None:
        rows = list(campaign.recommendations.select_related("seller"))
        if not rows or self.quiet:
            return
        self._say("")
        self._say(
            f"{'rank':>4}  {'channel':<12} {'seller':<18} {'product':<34} {'impressions':>12} {'CPM':>8} {'cost':>12}"
        )
        for row in rows:
            self._say(
                f"{row.rank:>4}  {row.channel:<12} {row.seller.slug:<18.18} {row.product_name:<34.34} "
                f"{row.impressions:>12,} {row.cpm:>8,.2f} {row.cost:>12,.2f}  {row.pk}"
            )
        total = sum(row.cost for row in rows)
        self._say(
            f"{'':>4}  {'total':<12} {'':<18} {'':<34} {'':>12} {'':>8} {total:>12,.2f} {campaign.currency}"
        )
        self._say("")

    def _finish(self, campaign: Campaign, user: User, options: dict[str, Any]) -> None:
        campaign.refresh_from_db()
        view = selectors.campaign_view(campaign)
        if options["json"]:
            detail = presenting.campaign_detail(view, prices=can(user, "money.read"))
            self.stdout.write(json.dumps(detail, indent=2))
        for error in campaign.errors:
            self.stderr.write(f"{error.get('field', '')} {error.get('message', '')}".strip())
        self._say(f"{campaign.get_status_display()}.")
        sys.exit(_exit_code(campaign))

    def _refuse(self, errors: list[dict[str, str]]) -> None:
        if self.quiet:
            self.stdout.write(json.dumps({"errors": errors}, indent=2))
        for error in errors:
            self.stderr.write(self.style.ERROR(f"{error['field']}: {error['message']}"))
        sys.exit(INVALID)

    def _say(self, text: str) -> None:
        if not self.quiet:
            self.stdout.write(text)
            self.stdout.flush()


def _worker_lives() -> bool:
    """As /health/ready says it."""
    age = gauges.heartbeat_age()
    return age is not None and age < OLDEST_HEARTBEAT


def _last_heartbeat() -> str:
    age = gauges.heartbeat_age()
    return "none has ever written a heartbeat" if age is None else f"the last heartbeat is {age:.0f} s old"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise argparse.ArgumentTypeError(f"give a number of seconds from 0, such as 60, not {text!r}")
    return seconds


def _exit_code(campaign: Campaign) -> int:
    if campaign.status == CampaignStatus.COMPLETED:
        return BOOKED
    if campaign.status == CampaignStatus.VALIDATION_FAILED:
        return INVALID
    if campaign.status in (CampaignStatus.FAILED, CampaignStatus.CANCELLED):
        return FAILED
    return WAITING


def _details(payload: dict[str, Any]) -> str:
    names = (
        "channel",
        "state",
        "to",
        "refs",
        "reason",
        "lines",
        "total",
        "cost",
        "booked",
        "refused",
        "amounts",
    )
    found = [f"{name} {payload[name]}" for name in names if payload.get(name)]
    return ": " + ", ".join(found) if found else ""


def _person(username: str | None, action: str) -> User:
    users = User.objects.filter(is_active=True)
    if username:
        user = users.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no active user called {username!r}.", returncode=INVALID)
    else:
        able = [user for user in users.order_by("pk") if can(user, action) and user.role == "manager"]
        if len(able) != 1:
            raise CommandError("Say who you are: --as USERNAME.", returncode=INVALID)
        user = able[0]
    if not can(user, action):
        raise CommandError(f"{user.username} may not do this ({action}).", returncode=INVALID)
    return user


def _read(path: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
        data = json.loads(text)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=INVALID) from error
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}.", returncode=INVALID) from error
    if not isinstance(data, dict):
        raise CommandError(f"{path} must hold a JSON object.", returncode=INVALID)
    return data


def _ids(text: str) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise CommandError(
            "--approve takes 'all' or recommendation ids, comma-separated.", returncode=INVALID
        ) from error


@contextmanager
def worker_running() -> Iterator[None]:
    """Work with the worker that is there; with none (embedded mode, server not running) be it for the time being."""
    if settings.REDIS_URL:
        yield
        return
    from config.embedded import EmbeddedWorker

    worker = EmbeddedWorker()
    worker.start()
    try:
        yield
    finally:
        worker.stop()
