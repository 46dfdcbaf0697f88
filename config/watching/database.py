"""Gauges that are read from the database when somebody looks, at most every few seconds per process.

What an index answers is asked each time; what needs a pass over history (campaigns that are over) once a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.db import Error as DatabaseFailure
from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from approvals.models import ApprovalRequest
from approvals.states import RequestState
from bookings.discrepancies import Discrepancy, DiscrepancyKind
from bookings.models import Campaign, Line
from bookings.states import TERMINAL, CampaignStatus
from config.watching.kept import Kept
from flows import gauges
from flows.clock import now
from flows.states import UNSETTLED_CLAIMS
from sellers.models import SellerOutage

SOON, SELDOM = 5.0, 60.0  # seconds for which an answer is given again

Family = GaugeMetricFamily


class DatabaseGauges(Collector):
    """One collector for all; a database that does not answer is itself an answer."""

    def __init__(self) -> None:
        soon = (_steps, _claims, _signs_of_life, _open_campaigns, _approvals, _for_operations)
        self._questions = (*(_kept(ask, SOON) for ask in soon), _kept(_history, SELDOM))

    def collect(self) -> Iterator[Family]:
        found: list[Family] = []
        try:
            for question in self._questions:
                found.extend(question())
        except DatabaseFailure:
            found.clear()  # half of the numbers would look like all of them
        up = 1 if found else 0
        yield _single("flightdeck_database_up", "1 when the database answered this scrape", up)
        yield from found

    def forget(self) -> None:
        for question in self._questions:
            question.forget()


def _kept(ask: Callable[[], Iterable[Family]], seconds: float) -> Kept[list[Family]]:
    return Kept(lambda: list(ask()), seconds)


def _steps() -> Iterator[Family]:
    by_state = Family("flightdeck_steps", "Steps that wait or run", labels=["flow", "step", "state"])
    for row in gauges.open_steps():
        by_state.add_metric([row.flow, row.step, row.state], row.count)
    yield by_state
    yield _single(
        "flightdeck_due_lag_seconds", "How long the step due the longest waits for a worker", gauges.due_lag()
    )
    yield _single("flightdeck_abandoned_steps", "Running steps whose lease is over", gauges.abandoned_steps())
    yield _single(
        "flightdeck_oldest_open_step_seconds", "Age of the oldest open step", gauges.oldest_open_step()
    )


def _claims() -> Iterator[Family]:
    count = Family(
        "flightdeck_unsettled_claims", "Writes at sellers without a final answer", labels=["state"]
    )
    oldest = Family("flightdeck_oldest_claim_seconds", "Age of the oldest of them", labels=["state"])
    rows = {row.state: row for row in gauges.unsettled_claims()}
    for state in UNSETTLED_CLAIMS:  # zeros too: an alarm on a series that is absent never fires
        row = rows.get(state)
        count.add_metric([state], row.count if row else 0)
        oldest.add_metric([state], row.oldest if row else 0.0)
    yield count
    yield oldest


def _signs_of_life() -> Iterator[Family]:
    yield _age(
        "flightdeck_heartbeat_age_seconds", "Since a worker finished the heartbeat", gauges.heartbeat_age()
    )
    yield _age("flightdeck_sweep_age_seconds", "Since the last sweep", gauges.sweep_age())


def _open_campaigns() -> Iterator[Family]:
    still_open = [status for status in CampaignStatus if status not in TERMINAL]
    yield _campaigns("flightdeck_campaigns", "Campaigns that are not over", still_open)


def _approvals() -> Iterator[Family]:
    waiting = ApprovalRequest.objects.filter(status=RequestState.OPEN).count()
    yield _single("flightdeck_open_approvals", "Requests that wait for a person's decision", waiting)


def _for_operations() -> Iterator[Family]:
    attention = Line.objects.filter(attention=True).count()
    yield _single("flightdeck_lines_needing_attention", "Lines that operations must look at", attention)
    yield _single(
        "flightdeck_dead_steps", "Steps given up; operations can run them again", gauges.dead_steps()
    )
    yield _discrepancies()
    yield _outages()


def _discrepancies() -> Family:
    family = Family("flightdeck_discrepancies", "Open differences to sellers' records", labels=["kind"])
    rows = Discrepancy.objects.filter(closed_at=None, resolved_at=None).values_list("kind")
    counts = dict(rows.annotate(Count("pk")).order_by())
    for kind in DiscrepancyKind:
        family.add_metric([kind], counts.get(kind, 0))
    return family


def _outages() -> Family:
    family = Family(
        "flightdeck_seller_outage_seconds", "For how long a seller has been out", labels=["seller"]
    )
    rows = SellerOutage.objects.filter(ended_at=None).values_list("seller__slug", "began_at")
    for slug, began_at in rows:
        family.add_metric([slug], max(0.0, (now() - began_at).total_seconds()))
    return family


def _history() -> Iterator[Family]:
    yield _campaigns("flightdeck_campaigns_over", "Campaigns that are over", list(TERMINAL))


def _campaigns(name: str, help: str, statuses: list[CampaignStatus]) -> Family:
    family = Family(name, help, labels=["status"])
    rows = Campaign.objects.filter(status__in=statuses).values_list("status").annotate(Count("pk")).order_by()
    counts = dict(rows)
    for status in statuses:
        family.add_metric([status], counts.get(status, 0))
    return family


def _single(name: str, help: str, value: float) -> Family:
    family = Family(name, help)
    family.add_metric([], value)
    return family


def _age(name: str, help: str, value: float | None) -> Family:
    """Never is an infinite age, so that the alarm on a high age rings."""
    return _single(name, help, float("inf") if value is None else value)
