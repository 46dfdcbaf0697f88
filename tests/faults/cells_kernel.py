"""Cells about the kernel: sleepers past their lease, poison, doorbells that ring twice, clocks that jump."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.faults.driver import patiently
from tests.faults.stage import Stage, recovered

# Where a worker falls asleep: about to send, with the seller's answer in hand, between two writes, about to record.
SLEEPS = (
    "worker/book[agent]/booking._claiming: committed",
    "worker/book[agent]/http POST /api/v1/deals: before",
    "worker/book[agent]/http POST /api/v1/deals: after",
    "worker/book[direct]/http POST /v2/accounts/*/orders: before",
    "worker/book[direct]/http POST /v2/accounts/*/orders/*/lines: before",
    "worker/book[direct]/http PATCH /v2/accounts/*/orders/*/lines/*?book: before",
    "worker/book[direct]/http PATCH /v2/accounts/*/orders/*/lines/*?book: after",
    "worker/research/http GET /products: after",
    "worker/consolidate/begin",
)
# Asleep inside a transaction it holds the flow's lock: nobody can take over, so it must simply go on.
SLEEPS_LOCKED = (
    "worker/book[agent]/booking._take: before commit",
    "worker/allocate/runner._finish: before commit",
)


def sleeper(stage: Stage, points: tuple[str, ...] = SLEEPS) -> None:
    """3: a worker is stopped for its lease + 5 s, another takes over, the first wakes up: it writes nothing."""
    row = stage.suite.row("3 worker asleep beyond its lease")
    took_over = 0
    for point in points:
        took_over += _sleep_at(stage, row, point)
    stage.demand(row, took_over == len(points), f"only {took_over} of {len(points)} steps were taken over")
    row.note = f"{took_over} taken over by another worker; {_fenced(stage)} sleepers found their lease lost"


def sleeper_with_lock(stage: Stage) -> None:
    row = stage.suite.row("3 worker asleep inside a transaction")
    for point in SLEEPS_LOCKED:
        _sleep_at(stage, row, point)


def _sleep_at(stage: Stage, row: Any, point: str) -> bool:
    """True when another worker held the step before the sleeper woke."""
    fleet = stage.fleet
    row.injected += 1
    armed = fleet.arm(point, "hold")
    try:
        job = stage.driver.submit()
        if "/book[" in point:
            stage.driver.planned(job)
            stage.driver.approve_all(job)
        hit = stage.wait_hit(armed)
        before = _claims_of(job)
        fleet.signal(hit.pid, signal.SIGSTOP)
        fleet.disarm(armed)
        row.hit += 1
        time.sleep(fleet.sizes.lease + 5)
        taken = _claims_of(job) > before
        fleet.signal(hit.pid, signal.SIGCONT)
        since = time.time()
        if "/book[" not in point:
            stage.driver.planned(job, 90)
            stage.driver.approve_all(job)
        ended = stage.driver.settled(job, 90)
        recovered(row, since)
        time.sleep(1.0)  # what the sleeper might still do, it does now
        stage.judge(row, [ended])
        return taken
    finally:
        fleet.disarm(armed)


def _claims_of(job: str) -> int:
    from django.db.models import Sum

    from flows.models import Step

    return patiently(lambda: Step.objects.filter(flow_id=job).aggregate(total=Sum("token"))["total"] or 0)


def _fenced(stage: Stage) -> int:
    return sum(stage.fleet.log(name).count("lost its lease") for name in stage.fleet.workers())


def poison(stage: Stage) -> None:
    """20: a step that always raises is given up after its attempts, nobody else is held up, and it can be revived."""
    from flows import steps
    from flows.models import Step

    row = stage.suite.row("20 poison step")
    job = stage.planned()
    armed = stage.fleet.arm("worker/book[direct]/begin", "raise", flow=job)
    row.injected += 1
    began = time.time()
    stage.driver.approve_all(job)
    others = stage.fly(3, lanes=3)
    stage.driver.wait(job, lambda found: any(line["needs_attention"] for line in found["booked_lines"]), 90)
    stage.judge(row, others)
    dead = patiently(lambda: list(Step.objects.filter(flow_id=job, state="dead")))
    tries = stage.fleet.hits(armed)
    row.hit += tries > 0
    row.note = f"dead after {tries} attempts, {time.time() - began:.0f} s"
    stage.demand(row, len(dead) == 1 and tries == 5, f"{len(dead)} steps dead after {tries} attempts")
    stage.fleet.disarm(armed)
    since = time.time()
    for step in dead:
        stage.demand(row, steps.revive(step), "the dead step could not be revived")
    ended = stage.driver.settled(job)
    recovered(row, since)
    stage.judge(row, [ended])


def doorbells(stage: Stage) -> None:
    """Each step of running flows is rung for ten times more, at any moment."""
    from flows.models import Step
    from flows.tasks import run_step

    row = stage.suite.row("duplicate doorbells")
    rung = 0

    def ring_everything() -> int:
        ids = patiently(lambda: list(Step.objects.order_by("-created_at").values_list("pk", flat=True)[:8]))
        for step_id in ids:
            for _ in range(10):
                run_step.apply_async(args=[str(step_id)])
        return len(ids) * 10

    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(stage.fly, 5, 3)
        while not flying.done():
            rung += ring_everything()
            time.sleep(0.8)
        jobs = flying.result()
    row.injected += rung
    row.hit += rung
    stage.judge(row, jobs)


def clock_jumps(stage: Stage) -> None:
    """11: every clock of ours jumps in the middle of a flow: ten minutes ahead, or twenty seconds back.

    Timers are kept by our own clock, so what was due waits as long as the clock was put back; that is its price.
    """
    row = stage.suite.row("11 our clocks jump 10 min ahead, 20 s back")
    for first, second in ((300.0, 600.0), (0.0, -20.0)):
        row.injected += 2
        job = stage.driver.submit()
        stage.fleet.set_clock(first)
        row.hit += 1
        stage.driver.planned(job, 90)
        stage.driver.approve_all(job)
        stage.fleet.set_clock(second)
        row.hit += 1
        since = time.time()
        try:
            ended = stage.driver.settled(job, 60)
        finally:
            stage.fleet.set_clock(0.0)
        recovered(row, since)
        stage.judge(row, [ended])


def clock_skew(stage: Stage) -> None:
    """Workers of one fleet disagree by ten minutes about the time."""
    row = stage.suite.row("workers' clocks 5 min apart either way")
    names = stage.fleet.workers()
    row.injected += 2
    try:
        stage.fleet.set_clock(300.0, names[0])
        stage.fleet.set_clock(-300.0, names[1])
        row.hit += 2
        since = time.time()
        jobs = stage.fly(4, lanes=2, seconds=60)
        recovered(row, since)
    finally:
        for name in names[:2]:
            stage.fleet.set_clock(0.0, name)
    stage.judge(row, jobs)


CELLS: dict[str, Callable[[Stage], None]] = {
    "3 sleeper": sleeper,
    "3 sleeper with lock": sleeper_with_lock,
    "20 poison": poison,
    "doorbells": doorbells,
    "11 clock jumps": clock_jumps,
    "clock skew": clock_skew,
}
