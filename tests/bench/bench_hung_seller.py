"""P10: one seller of ten hangs; what do the other nine notice?"""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from simulator.testing import RunningSeller, running_seller
from tests.bench.rows import Findings, Row, Scenario, milliseconds, percentile
from tests.bench.stage import Stage, stage
from tests.briefs import brief

SELLERS = 10
PER_SECOND = 2.0
DEADLINE = 10.0  # FLIGHTDECK_SELLER_DEADLINE_SECONDS of this run, half of the default
RTT = 0.05
BAR_GROWTH, BAR_DEADLINE = 1.10, 0.5
OVER = ("awaiting_approval", "failed", "validation_failed", "cancelled")


def measure(quick: bool) -> Findings:
    """Ten sellers in processes of their own, every second one of each wire, answer after 50 ms. Two briefs a second
    arrive by REST, by the clock; two task workers plan them; nothing is approved. The same load runs twice on the same
    processes: with ten healthy sellers, then with one that sends its bodies byte by byte for ever. Compared is what the
    nine others needed for a brief, as the sellers' reports of each campaign tell. The hung one's deadline is 10 s here;
    once its breaker is open it is not called at all, and such reports are counted apart. The first run is the floor.
    """
    seconds = 15.0 if quick else 60.0
    with stage(FLIGHTDECK_SELLER_DEADLINE_SECONDS=str(DEADLINE), FLIGHTDECK_API_RATE="100000/min") as built:
        with _sellers(built) as sellers:
            built.environment["FLIGHTDECK_ALLOWED_PRIVATE_SELLERS"] = ",".join(
                seller.origin.removeprefix("http://") for seller in sellers
            )
            built.adopt()
            key = _people(sellers)
            port = built.web(workers=2, threads=4)
            built.workers(count=2)
            built.wait_for_http(port)
            _load(port, key, 3.0)  # imports, connections
            healthy = _load(port, key, seconds)
            sellers[0].faults(kind="drip", rate=1.0, path="/")
            hung = _load(port, key, seconds)
            sellers[0].clear_faults()
    return _findings(healthy, hung, "s0")


def _findings(healthy: list[Any], hung: list[Any], ill: str) -> Findings:
    before = [one.elapsed_ms / 1000 for one in healthy if one.seller.slug != ill]
    after = [one.elapsed_ms / 1000 for one in hung if one.seller.slug != ill]
    theirs = [one for one in hung if one.seller.slug == ill]
    waited = [one.elapsed_ms / 1000 for one in theirs if one.elapsed_ms / 1000 > DEADLINE / 2]
    p95_before, p95_after = percentile(before, 0.95), percentile(after, 0.95)
    growth = p95_after / p95_before
    off = max((abs(seconds - DEADLINE) for seconds in waited), default=None)
    return Findings(
        [
            Row(
                f"the nine others, p95 of {len(after)} reports (medians {milliseconds(statistics.median(before))}, "
                f"then {milliseconds(statistics.median(after))})",
                milliseconds(p95_after),
                milliseconds(p95_before),
                f"the same load without the hang, {len(before)} reports",
                growth,
                "<= 1.10 x floor",
                growth <= BAR_GROWTH,
            ),
            Row(
                f"the hung one: furthest from its deadline, of {len(waited)} conversations that waited for it",
                "-" if off is None else f"{off:.2f} s",
                bar=f"{DEADLINE:g} s +- 0.5 s",
                met=off is not None and off <= BAR_DEADLINE,
            ),
            Row(
                "the hung one: not called because its breaker was open",
                f"{len(theirs) - len(waited)} of {len(theirs)}",
            ),
            Row(
                "reports of the nine that were answers, healthy and then (else the machine is too small for the load)",
                f"{_answers(healthy, ill)} of {len(before)}, {_answers(hung, ill)} of {len(after)}",
            ),
        ],
        (f"Codes of the hung seller's reports: {json.dumps(_codes(theirs))}.",),
    )


def _answers(reports: list[Any], ill: str) -> int:
    return sum(one.state in ("ok", "partial") and one.seller.slug != ill for one in reports)


def _codes(reports: list[Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for report in reports:
        found[report.code or report.state] = found.get(report.code or report.state, 0) + 1
    return found


@contextmanager
def _sellers(built: Stage) -> Iterator[list[RunningSeller]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                running_seller(
                    ("seller-agent", "opendirect")[number % 2],
                    built.folder,
                    process=True,
                    state=f"seller-{number}.sqlite3",
                    rtt=RTT,
                )
            )
            for number in range(SELLERS)
        ]


def _people(sellers: list[RunningSeller]) -> str:
    """The agency and its ten sellers; returns the manager's API key."""
    from tests.agency import make_agency
    from tests.driving import register

    agency = make_agency()
    for number, seller in enumerate(sellers):
        register(seller, f"s{number}", seller.options.dialect)
    return agency.keys["client"]


def _load(port: int, key: str, seconds: float) -> list[Any]:
    """The sellers' reports of all briefs that were sent by the clock, once each has its plan."""
    from bookings.models import Campaign, SellerReport

    jobs, began = [], time.monotonic()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
        trust_env=False,
    ) as client:
        for number in range(round(seconds * PER_SECOND)):
            time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
            answer = client.post("/api/bookings", json=brief(name=f"Brief {number}")).raise_for_status()
            jobs.append(answer.json()["job_id"])
    until = time.monotonic() + 120 + seconds
    while Campaign.objects.filter(pk__in=jobs).exclude(status__in=OVER).exists():
        if time.monotonic() > until:
            raise RuntimeError("the briefs were not all planned")
        time.sleep(0.2)
    return list(SellerReport.objects.filter(campaign__in=jobs).select_related("seller"))


SCENARIOS = {"P10": Scenario("One hung seller among ten", measure)}
