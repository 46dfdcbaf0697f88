"""Cell 1 of reliability.md 7.3: every named point x {kill one process, kill all, PostgreSQL restart as if crashed}."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from tests.faults.driver import Driver, TookTooLong
from tests.faults.fleet import Fleet, Hit
from tests.faults.report import Suite
from tests.faults.stage import Say, Stage, all_booked
from tests.faults.suite_end import close

KINDS = ("kill one", "kill all", "PostgreSQL restart")
LISTING_RUNS = 3  # concurrency decides which of two sellers comes first, so one run does not show every point
LATE = 3.0
LANES = 3  # flows side by side: most of a run is waiting for a lease


def run(
    fleet: Fleet,
    seed: int,
    say: Say,
    *,
    kinds: Sequence[str] = KINDS,
    only: Callable[[str], bool] = lambda point: True,
    most: int = 0,
) -> Suite:
    suite = Suite(
        "matrix", seed, "Every point at which something is committed or sent, and three ways to die there."
    )
    stage = Stage.set(fleet, suite, say)
    points = [point for point in list_points(fleet, stage.driver, say) if only(point)]
    chance = random.Random(seed)
    chance.shuffle(points)
    points = points[:most] if most else points
    for kind in kinds:
        try_points(stage, kind, points)
    suite.facts = {"Points": str(len(points))}
    close(stage)
    suite.demand_work()
    return suite


def list_points(fleet: Fleet, driver: Driver, say: Say, runs: int = LISTING_RUNS) -> list[str]:
    """The points that each of several undisturbed flows has passed."""
    common: list[str] = []
    for number in range(runs):
        since = time.time()
        job = driver.whole_way()
        if job["status"] != "completed":
            raise RuntimeError(f"the undisturbed flow is {job['status']}: {job['errors']}")
        passed = fleet.points(job["job_id"], since)
        common = [point for point in common if point in passed] if number else passed
    say(f"{len(common)} points")
    return common


def try_points(stage: Stage, kind: str, points: Sequence[str]) -> None:
    stage.suite.row(kind)
    failures = 0
    with ThreadPoolExecutor(LANES) as lanes:
        runs = [lanes.submit(try_point, stage, kind, point) for point in points]
        for number, done in enumerate(as_completed(runs), 1):
            done.result()
            if number % 20 == 0 or number == len(runs) or len(stage.suite.failures()) > failures:
                failures = len(stage.suite.failures())
                stage.say(f"{kind}: {number} of {len(points)}, {len(stage.suite.failures())} failures")


def try_point(stage: Stage, kind: str, point: str) -> None:
    """One flow with one fault. With several lanes the fault may hit the neighbour's flow; each flow is checked."""
    fleet, driver, checker, suite = stage.fleet, stage.driver, stage.checker, stage.suite
    row = suite.row(kind)
    row.injected += 1
    row.runs += 1
    watch = Watch(fleet, point, kind)
    watch.start()
    try:
        job = driver.submit()
        if driver.planned(job)["status"] == "awaiting_approval":
            driver.approve_all(job)
        ended = driver.settled(job)
        settled_at = time.time()
        row.booked += all_booked(ended)
        if not all_booked(ended):
            suite.findings.say("I8", f"{kind} at {point}", f"{ended['status']} {ended['errors']}")
    except (TookTooLong, RuntimeError) as stuck:
        suite.problems.append(f"{kind} at {point}: {stuck}")
        return
    finally:
        watch.finish()
    if watch.hit is None:
        row.missed.append(point)
    else:
        row.hit += 1
        row.recovery.append(max(0.0, settled_at - watch.over_at))
    found = checker.check([job])
    found.broken = [f"{kind} at {point}: {one}" for one in found.broken]
    suite.findings.add(found)


class Watch(threading.Thread):
    """Arms the point, waits until a process comes there, does what is to be done, and lets it go."""

    def __init__(self, fleet: Fleet, point: str, kind: str) -> None:
        super().__init__(daemon=True)
        self.fleet, self.kind = fleet, kind
        self.armed = fleet.arm(point, "kill" if kind == "kill one" else "hold")
        self.hit: Hit | None = None
        self.over_at = 0.0
        self._ends_at = float("inf")

    def run(self) -> None:
        while time.monotonic() < self._ends_at:
            self.hit = self.fleet.hit(self.armed)
            if self.hit:
                self._act()
                return
            time.sleep(0.01)

    def _act(self) -> None:
        with self.fleet.restarting:
            if self.kind == "kill all":
                self.fleet.kill_all()
            elif self.kind == "PostgreSQL restart":
                self.fleet.postgres.restart("immediate")
        self.over_at = time.time()
        self.fleet.release(self.armed)

    def finish(self) -> None:
        """What comes in every flow has come by now; a point of the sweep may need a moment more."""
        self._ends_at = time.monotonic() + LATE
        self.join(60)
        self.fleet.disarm(self.armed)
