"""I1-I8 of reliability.md 7.1, read from our database and from the sellers' own journals."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.faults.driver import Driver, patiently
from tests.faults.fleet import Fleet
from tests.faults.history import (
    Findings,
    check_decisions,
    check_history,
    check_money_over_time,
    check_overdue,
)

CONVERGES_WITHIN = 5.0  # I7, seconds
STEPS_END_WITHIN = 12.0  # seconds after the lease of a step that died
BOOKED_AT_SELLER = {"agent": "deal.booked", "direct": "line.booked"}
UNDONE_AT_SELLER = {"agent": ("deal.cancelled",), "direct": ("line.canceled", "line.declined")}


class Checker:
    """Reads each seller's journal once, from where it stopped, and keeps what it did for whom."""

    def __init__(self, fleet: Fleet, driver: Driver) -> None:
        self.fleet, self.driver = fleet, driver
        self._read_to: dict[str, int] = defaultdict(int)
        self._booked: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._undone: dict[str, set[str]] = defaultdict(set)
        self._orders: Counter[str] = Counter()
        self._one = threading.Lock()

    def check(self, jobs: Sequence[str], *, settled: bool = True) -> Findings:
        """`settled`: the flows are expected to be over; else they may wait for people, timers or operations."""
        if settled:
            self._let_steps_end(jobs)
        with self._one:
            return patiently(lambda: self._check(jobs, settled))

    def _let_steps_end(self, jobs: Sequence[str]) -> None:
        """A worker may die after its line was settled and before its step was: the next one closes the step."""
        from flows.models import Step
        from flows.states import OPEN_STEPS

        until = time.monotonic() + self.fleet.sizes.lease + STEPS_END_WITHIN
        while time.monotonic() < until:
            if not patiently(lambda: Step.objects.filter(flow_id__in=jobs, state__in=OPEN_STEPS).exists()):
                return
            time.sleep(0.2)

    def _check(self, jobs: Sequence[str], settled: bool) -> Findings:
        from bookings.models import Campaign

        self._read_journals()
        findings = Findings()
        for campaign in Campaign.objects.filter(pk__in=jobs):
            findings.campaigns += 1
            self._check_sellers(campaign, findings)
            check_money_over_time(campaign, findings)
            check_history(campaign, findings)
            check_decisions(campaign, findings)
            check_overdue(campaign, findings, settled)
            self._check_ledger(campaign, findings)
            self._check_page(campaign, findings)
        if findings.campaigns != len(jobs):
            findings.say("I8", "campaigns", f"{len(jobs) - findings.campaigns} are gone")
        return findings

    def check_orphans(self) -> list[str]:
        """I2 over everything: each booking at a seller belongs to a line of ours."""
        self._read_journals()
        known = patiently(_known_references)
        return [
            f"I2 {slug}: {_reference(row)} is booked there and unknown here"
            for slug, rows in self._booked.items()
            for row in rows
            if _reference(row) not in known and _reference(row) not in self._undone[slug]
        ]

    def _read_journals(self) -> None:
        for slug, seller in self.fleet.sellers.items():
            for entry in seller.journal.entries("effect", after=self._read_to[slug]):
                self._read_to[slug] = entry.seq
                if entry.type == BOOKED_AT_SELLER[slug]:
                    self._booked[slug].append(entry.data | {"at": entry.at})
                elif entry.type in UNDONE_AT_SELLER[slug]:
                    self._undone[slug].add(_reference(entry.data))
                elif entry.type == "order.created":
                    self._orders[str(entry.data.get("name"))] += 1

    def _of_line(self, line: Any) -> list[dict[str, Any]]:
        """Bookings at the seller that can only be for this line: by quote, or by the name that we gave it."""
        rows = self._booked[line.seller.slug]
        if line.seller.slug == "agent":
            return [row for row in rows if row["quote_id"] == line.recommendation.quote_id]
        return [row for row in rows if str(row["name"]).startswith(line.pk.hex[:12])]

    def _check_sellers(self, campaign: Any, findings: Findings) -> None:
        lines = list(campaign.lines.select_related("seller", "recommendation"))
        for line in lines:
            there = self._of_line(line)
            findings.effects += len(there)
            undone = self._undone[line.seller.slug]
            standing = [row for row in there if _reference(row) not in undone]
            ids = {_reference(row) for row in standing}
            if len(ids) > 1:
                findings.duplicates += len(ids) - 1
                findings.say("I1", line.pk, f"booked {len(ids)} times at {line.seller.slug}: {ids}")
            self._check_known(line, standing, findings)
        self._check_orders(campaign, findings)
        if campaign.status == "completed" and lines and all(line.status == "booked" for line in lines):
            findings.booked += 1

    def _check_known(self, line: Any, standing: list[dict[str, Any]], findings: Findings) -> None:
        references = {_reference(row) for row in standing}
        if line.attention or line.code == "undoing":
            findings.unknown += 1
            return
        if line.status == "booked" and line.seller_reference not in references:
            findings.say(
                "I2", line.pk, f"booked here as {line.seller_reference}, there {references or 'nothing'}"
            )
        if line.settled_at and line.status != "booked" and references:
            findings.say("I2", line.pk, f"{line.status} here, but {references} stands at {line.seller.slug}")
        for row in standing:
            if line.status == "booked" and _cost(row) != line.confirmed_cost:
                findings.say("I6", line.pk, f"costs {_cost(row)} there, {line.confirmed_cost} here")

    def _check_orders(self, campaign: Any, findings: Findings) -> None:
        prefix = f"FD {campaign.pk.hex[:12]} "
        many = sum(count for name, count in self._orders.items() if name.startswith(prefix))
        if many > 1:
            findings.say("I1", campaign.pk, f"{many} orders at one seller")

    def _check_ledger(self, campaign: Any, findings: Findings) -> None:
        """Until the ledger is built: the campaign's own total, the lines, and the sellers say the same."""
        if campaign.status != "completed":
            return
        from flows.models import Event

        booked = [line for line in campaign.lines.all() if line.status == "booked"]
        lines = sum((line.confirmed_cost or line.cost for line in booked), Decimal(0))
        told = Event.objects.get(
            subject_type="campaign", subject_id=str(campaign.pk), type="campaign.complete"
        ).payload["committed"]
        there = sum((_cost(row) for line in booked for row in self._standing(line)), Decimal(0))
        if not lines == Decimal(told) == there:
            findings.say("I6", campaign.pk, f"lines {lines}, campaign {told}, sellers {there}")

    def _standing(self, line: Any) -> list[dict[str, Any]]:
        return [row for row in self._of_line(line) if _reference(row) not in self._undone[line.seller.slug]]

    def _check_page(self, campaign: Any, findings: Findings) -> None:
        """I7: what the API says is what the database says."""
        until = time.monotonic() + CONVERGES_WITHIN
        while True:
            said = self.driver.job(str(campaign.pk))
            campaign.refresh_from_db()
            ours = sorted((str(line.pk), line.status) for line in campaign.lines.all())
            theirs = sorted((row["line_id"], row["booking_status"]) for row in said["booked_lines"])
            status = "pending" if campaign.status == "initialized" else campaign.status
            if said["status"] == status and ours == theirs:
                return
            if time.monotonic() > until:
                findings.say("I7", campaign.pk, f"API {said['status']} {theirs}, database {status} {ours}")
                return
            time.sleep(0.2)


def _known_references() -> set[str]:
    from bookings.models import Line

    known = set()
    for refs in Line.objects.values_list("refs", flat=True):
        known |= {str(refs.get("deal_id", "")), str(refs.get("line_id", ""))}
    return known


def _reference(row: dict[str, Any]) -> str:
    return str(row.get("deal_id") or row.get("line_id"))


def _cost(row: dict[str, Any]) -> Decimal:
    """What the seller's own record says that the booking costs, in cents."""
    if "cpm_micros" in row:
        exact = Decimal(row["cpm_micros"]) * row["impressions"] / 1000 / 1_000_000
    else:
        exact = Decimal(str(row["cost"]))
    return exact.quantize(Decimal("0.01"))
