"""Cell 1 of reliability.md 7.3: every named point x {kill one process, kill all, restart PostgreSQL as if it crashed}."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from tests.faults.driver import Driver, TookTooLong
from tests.faults.fleet import Fleet, Hit
from tests.faults.invariants import Checker
from tests.faults.report import Suite

KINDS = ("kill one", "kill all", "PostgreSQL restart")
LISTING_RUNS = 3  # concurrency decides which of two sellers comes first, so one run does not show every point
HITS_WITHIN = 25.0


def run(
    fleet: Fleet,
    seed: int,
    say: Callable[[str], None],
    *,
    kinds: Sequence[str] = KINDS,
    only: Callable[[str], bool] = lambda point: True,
    most: int = 0,
) -> Suite:
    suite = Suite("matrix", seed, "Every point at which something is committed or sent, and three ways to die there.")
    driver = Driver(fleet)
    checker = Checker(fleet, driver)
    points = [point for point in list_points(fleet, driver, say) if only(point)]
    chance = random.Random(seed)
    chance.shuffle(points)
    points = points[:most] if most else points
    began = time.monotonic()
    for kind in kinds:
        for number, point in enumerate(points):
            try_point(fleet, driver, checker, suite, kind, point)
            if (number + 1) % 10 == 0 or suite.failures():
                say(f"{kind}: {number + 1} of {len(points)}, {len(suite.failures())} failures")
            if len(suite.failures()) > 60:
                say("too many failures, stopping")
                break
    suite.findings.broken += checker.check_orphans()
    suite.seconds = time.monotonic() - began
    suite.facts = {
        "Points": str(len(points)),
        "Requests repeated by the client": f"{driver.repeated} cut, {driver.refused} refused with Retry-After",
    }
    suite.problems += [f"the client saw {answer}" for answer in driver.broken]
    suite.demand_hits()
    suite.demand_work()
    return suite


def list_points(fleet: Fleet, driver: Driver, say: Callable[[str], None]) -> list[str]:
    """The points that each of several undisturbed flows has passed."""
    common: list[str] = []
    for number in range(LISTING_RUNS):
        job = driver.whole_way()
        if job["status"] != "completed":
            raise RuntimeError(f"the undisturbed flow is {job['status']}: {job['errors']}")
        passed = fleet.points(job["job_id"])
        common = [point for point in common if point in passed] if number else passed
    say(f"{len(common)} points")
    return common


def try_point(
    fleet: Fleet, driver: Driver, checker: Checker, suite: Suite, kind: str, point: str
) -> None:
    row = suite.row(kind)
    row.injected += 1
    row.runs += 1
    armed = fleet.arm(point, "kill" if kind == "kill one" else "hold")
    watch = Watch(fleet, armed, kind)
    watch.start()
    job = None
    try:
        job = driver.submit()
        if driver.planned(job)["status"] == "awaiting_approval":
            driver.approve_all(job)
        ended = driver.settled(job)
        row.booked += all_booked(ended)
        watch.finish()
        if watch.hit is not None:
            row.hit += 1
            row.recovery.append(max(0.0, time.time() - watch.over_at))
        else:
            row.missed.append(point)
    except (TookTooLong, RuntimeError) as stuck:
        suite.problems.append(f"{kind} at {point}: {stuck}")
    finally:
        watch.finish()
        fleet.disarm()
    if job is not None:
        before = len(suite.findings.broken)
        suite.findings.add(checker.check([job]))
        found = suite.findings.broken
        found[before:] = [f"{kind} at {point}: {one}" for one in found[before:]]


def all_booked(job: dict[str, object]) -> bool:
    lines = job["booked_lines"]
    return job["status"] == "completed" and all(line["booked"] for line in lines)  # type: ignore[attr-defined]


class Watch(threading.Thread):
    """Waits until a process is held at the point, does there what is to be done, and lets it go."""

    def __init__(self, fleet: Fleet, armed: str, kind: str) -> None:
        super().__init__(daemon=True)
        self.fleet, self.armed, self.kind = fleet, armed, kind
        self.hit: Hit | None = None
        self.over_at = 0.0
        self._wanted = threading.Event()

    def run(self) -> None:
        while not self._wanted.is_set():
            self.hit = self.fleet.hit(self.armed)
            if self.hit:
                self._act()
                return
            time.sleep(0.01)

    def _act(self) -> None:
        if self.kind == "kill all":
            self.fleet.kill_all()
        elif self.kind == "PostgreSQL restart":
            self.fleet.postgres.restart("immediate")
        self.over_at = time.time()
        self.fleet.release(self.armed)

    def finish(self) -> None:
        """A fault at a point of the sweep may come late: wait a little for it, then end."""
        if self.is_alive():
            self.join(0.5 if self.kind else 0)
        self._wanted.set()
        self.join(60)


