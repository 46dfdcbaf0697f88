"""P1 and P2: brief to decision, and decision to booked lines, against the round trips that the sellers' wires need."""

from __future__ import annotations

import asyncio
import datetime as dt
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.journal import Entry
from tests.bench.embedded import DIALECTS, Embedded, embedded
from tests.bench.replay import replay
from tests.bench.rows import Findings, Row, Scenario, milliseconds, percentile
from tests.briefs import brief

RTTS = (0.0, 0.05, 0.2, 1.0)
COUNTS = (1, 5, 20)
CHANNELS = ["branding", "ctv", "mobile", "performance"]
P1_AT_ZERO, P1_AT_RTT = 0.400, 1.25
P2_BAR = 1.3
P2_SELLERS = 5
OVER = ("awaiting_approval", "failed", "validation_failed")
BOOKED = ("completed", "failed")
READING = ("/products", "/v2/products", "/v2/products/search")


@dataclass(frozen=True)
class Run:
    """One campaign: seconds spent, and the calls that had to follow one another at the seller with the most."""

    spent: float
    depth: int
    calls: int
    lines: int = 0
    writes: int = 0  # of the seller with the most
    bare: float = 0.0  # seconds of the same calls by a bare client


def measure_planning(quick: bool) -> Findings:
    """One embedded server on SQLite; 1, 5 or 20 simulated sellers, every other one of each wire, each in a
    process of its own on the same machine, answering each call after the round trip time. A brief over four
    channels is sent by REST; the time runs from the event of its arrival to the event of the plan that waits
    for a decision. The floor is the deepest chain of calls that depend on one another, times the round trip:
    catalogue, then prices and availability, then binding prices at the volumes of the plan. Which of the
    three a seller was asked for is read in its own journal. The first run after a change of round trip is not
    counted. With many sellers on few cores the sellers' own work is part of the time.
    """
    rows = []
    for count in (1, 5) if quick else COUNTS:
        with embedded(tuple(DIALECTS[number % 2] for number in range(count))) as house:
            _plan(house)  # pays for imports
            for rtt in (0.0, 0.2) if quick else RTTS:
                house.slow_down(rtt)
                _plan(house)
                runs = [_plan(house, bare=True)[1] for _ in range(3 if quick else 7)]
                words = f"{count} seller{'s' if count > 1 else ''}, RTT {rtt * 1000:.0f} ms"
                rows.append(_row(words, runs, rtt, P1_AT_RTT if rtt >= 0.2 else None, P1_AT_ZERO))
                rows.append(_against_bare_calls(words, runs))
    return Findings(rows)


def measure_booking(quick: bool) -> Findings:
    """As P1, with five sellers. The whole plan is approved by REST; the time runs from the decision's event
    to the event with which the last line is settled. Lines of one seller are booked one after the other,
    sellers side by side. The floor is the longest chain of one seller times the round trip: its calls as its
    own journal counts them, without those that went out beside another. Reads after a write are in it: a line
    counts as booked by the seller's later word only. The note tells how many of the chain are writes.
    """
    rows = []
    with embedded(tuple(DIALECTS[number % 2] for number in range(P2_SELLERS))) as house:
        _book(house)
        for rtt in (0.0, 0.2) if quick else (0.0, 0.05, 0.2):
            house.slow_down(rtt)
            runs = [_book(house) for _ in range(2 if quick else 5)]
            lines = sorted({run.lines for run in runs})
            words = f"{'-'.join(map(str, lines))} lines over {P2_SELLERS} sellers, RTT {rtt * 1000:.0f} ms"
            rows.append(_row(words, runs, rtt, P2_BAR if rtt >= 0.2 else None, None))
            writes = max(run.writes for run in runs)
    return Findings(rows, (f"Writes in the longest chain: {writes}.",))


def _row(words: str, runs: Sequence[Run], rtt: float, bar: float | None, absolute: float | None) -> Row:
    times = [run.spent for run in runs]
    middle, late = statistics.median(times), percentile(times, 0.95)
    depth = max(run.depth for run in runs)
    floor = depth * rtt
    ratio = middle / floor if floor else None
    bar_words, met = "-", None
    if bar is not None and ratio is not None:
        bar_words, met = f"<= {bar:g} x floor", ratio <= bar
    elif rtt == 0 and absolute is not None:
        bar_words, met = f"<= {absolute * 1000:.0f} ms", middle <= absolute
    return Row(
        f"{words} ({statistics.median(run.calls for run in runs):.0f} calls)",
        f"p50 {milliseconds(middle)}, p95 {milliseconds(late)}, n={len(runs)}",
        milliseconds(floor) if floor else "-",
        f"{depth} calls one after the other",
        ratio,
        bar_words,
        met,
    )


def _against_bare_calls(words: str, runs: Sequence[Run]) -> Row:
    middle, bare = statistics.median(run.spent for run in runs), statistics.median(run.bare for run in runs)
    return Row(
        f"{words}: against its calls alone",
        milliseconds(middle),
        milliseconds(bare),
        "the same calls by a bare client",
        middle / bare,
    )


def _plan(house: Embedded, *, bare: bool = False, **changes: Any) -> tuple[str, Run]:
    before = _marks(house)
    wanted = {"budget": 120_000, "channels": CHANNELS} | changes
    job = str(house.call("manager", "POST", "/api/bookings", brief(**wanted))["job_id"])
    status = house.wait_for(job, OVER)
    if status != "awaiting_approval":
        raise RuntimeError(f"the brief ended {status}")
    moments = _moments(house, job)
    spent = moments["campaign.consolidate_recommendations"] - moments["campaign.submitted"]
    asked = _since(house, before)
    waves = {slug: _waves(entries, moments["research.channel_reported"]) for slug, entries in asked.items()}
    depth = max(sum(map(bool, parts)) for parts in waves.values())
    alone = asyncio.run(replay(house.sellers, waves)) if bare else 0.0
    return job, Run(spent.total_seconds(), depth, sum(map(len, asked.values())), bare=alone)


def _book(house: Embedded) -> Run:
    shares = {"max_seller_share": round(1 / P2_SELLERS + 0.02, 2)}
    job, _ = _plan(house, constraints=shares)
    before = _marks(house)
    lines = house.call("approver", "POST", f"/api/bookings/{job}/approve-all", {})
    status = house.wait_for(job, BOOKED)
    if status != "completed":
        raise RuntimeError(f"the booking ended {status}")
    moments = _moments(house, job)
    spent = moments["campaign.complete"] - moments["campaign.approve"]
    asked = _since(house, before)
    return Run(
        spent.total_seconds(),
        max(_chain(entries) for entries in asked.values()),
        sum(map(len, asked.values())),
        int(lines["approved_count"]),
        max(_writes(entries) for entries in asked.values()),
    )


def _moments(house: Embedded, job: str) -> dict[str, dt.datetime]:
    """When each type of event happened last."""
    found: dict[str, dt.datetime] = {}
    after = 0
    while True:
        page = house.call("manager", "GET", f"/api/bookings/{job}/events?after={after}")["events"]
        if not page:
            return found
        found |= {event["type"]: dt.datetime.fromisoformat(event["at"]) for event in page}
        after = page[-1]["seq"]


def _marks(house: Embedded) -> dict[str, int]:
    return {
        slug: max((entry.seq for entry in seller.journal.requests()), default=0)
        for slug, seller in house.sellers.items()
    }


def _since(house: Embedded, marks: dict[str, int]) -> dict[str, list[Entry]]:
    return {
        slug: [
            entry
            for entry in seller.journal.entries("request", after=marks[slug])
            if not entry.data["path"].startswith("/_sim")
        ]
        for slug, seller in house.sellers.items()
    }


def _waves(entries: Sequence[Entry], heard: dt.datetime) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """Catalogue, offers, and what was asked once all sellers were heard: binding prices."""
    before = [entry for entry in entries if dt.datetime.fromisoformat(entry.at) < heard]
    return (
        [entry for entry in before if entry.data["path"] in READING],
        [entry for entry in before if entry.data["path"] not in READING],
        [entry for entry in entries if entry not in before],
    )


def _chain(entries: Sequence[Entry]) -> int:
    """Every call of the seller but those about parties and brands, which go out beside the look at our account."""
    beside = ("/v2/advertiserbrands", "/v2/organizations")
    return sum(not entry.data["path"].startswith(beside) for entry in entries)


def _writes(entries: Sequence[Entry]) -> int:
    return sum(entry.data["method"] != "GET" for entry in entries)


SCENARIOS = {
    "P1": Scenario("Brief to decision", measure_planning),
    "P2": Scenario("Decision to booked lines", measure_booking),
}
