"""Cells about the way to the sellers: resets, silence, drips, and a seller that dies and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.faults.cells_sellers import last_effect
from tests.faults.stage import Stage, recovered


def not_reachable(stage: Stage) -> None:
    """A seller that resets every connection while lines are being booked: sent again once it is back."""
    row = stage.suite.row("seller resets every connection")
    jobs = [stage.planned() for _ in range(2)]
    for proxy in stage.fleet.proxies.values():
        proxy.mode = "refuse"
    refused = sum(proxy.refused for proxy in stage.fleet.proxies.values())
    for job in jobs:
        stage.driver.approve_all(job)
    time.sleep(3)
    row.injected += 1
    row.hit += sum(proxy.refused for proxy in stage.fleet.proxies.values()) > refused
    for proxy in stage.fleet.proxies.values():
        proxy.mode = "pass"
    since = time.time()
    ended = [stage.driver.settled(job, 120) for job in jobs]
    recovered(row, since)
    stage.judge(row, ended)


def silent(stage: Stage, mode: str) -> None:
    """16: one seller says nothing, or a byte each 100 ms: its part fails at the deadline, the rest goes on."""
    row = stage.suite.row(f"16 seller with {mode}")
    direct, agent_only = stage.fleet.proxies["direct"], []
    before = direct.swallowed + direct.dripped
    direct.mode = mode
    since = time.time()
    with ThreadPoolExecutor(3) as pool:
        agent_only = list(pool.map(lambda _: stage.driver.planned(stage.driver.submit(), 90), range(3)))
    took = time.time() - since
    row.injected += 1
    row.hit += direct.swallowed + direct.dripped > before
    stage.demand(row, took < 3 * stage.fleet.sizes.seller_deadline + 10, f"the plan took {took:.0f} s")
    states = {
        report["status"] for job in agent_only for report in job["sellers"] if report["seller"] == "direct"
    }
    stage.demand(row, states <= {"failed", "partial"}, f"the silent seller reported {states}")
    direct.mode = "pass"
    jobs = []
    for job in agent_only:
        stage.driver.approve_all(job["job_id"])
        jobs.append(stage.driver.settled(job["job_id"], 90))
    stage.judge(row, jobs)
    row.note = f"plan after {took:.0f} s"


def unanswered_decision(stage: Stage) -> None:
    """A seller dies (SIGKILL) in the middle of a booking and comes back."""
    row = stage.suite.row("seller killed and restarted while booking")
    for slug in ("agent", "direct"):
        job = stage.planned()
        seller = stage.fleet.sellers[slug]
        mark = last_effect(seller)
        row.injected += 1
        stage.driver.approve_all(job)
        stage.fleet.wait(lambda seller=seller, mark=mark: last_effect(seller) > mark, "the first effect", 20)
        seller.kill()
        row.hit += 1
        time.sleep(0.5)
        seller.start()
        since = time.time()
        ended = stage.driver.settled(job, 120)
        recovered(row, since)
        stage.judge(row, [ended])


CELLS: dict[str, Callable[[Stage], None]] = {
    "seller refuses": not_reachable,
    "seller killed": unanswered_decision,
    "16 blackhole": lambda stage: silent(stage, "blackhole"),
    "16 drip": lambda stage: silent(stage, "drip"),
}
