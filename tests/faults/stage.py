"""What the cells share: a fleet with its driver and its checker, and ways to run flows under a fault."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.faults.driver import OVER, Driver, TookTooLong, patiently
from tests.faults.fleet import Fleet, Hit
from tests.faults.history import Findings
from tests.faults.invariants import Checker
from tests.faults.report import Row, Suite

Say = Callable[[str], None]
SELLER_WRITES = {
    "agent": (("POST", "/api/v1/deals"),),
    "direct": (("POST", "/orders"), ("POST", "/lines"), ("PATCH", "?book")),
}


def all_booked(job: dict[str, Any]) -> bool:
    return job["status"] == "completed" and all(line["booked"] for line in job["booked_lines"])


@dataclass
class Stage:
    fleet: Fleet
    driver: Driver
    checker: Checker
    suite: Suite
    say: Say

    @classmethod
    def set(cls, fleet: Fleet, suite: Suite, say: Say) -> Stage:
        driver = Driver(fleet)

        def say_with_news(text: str) -> None:
            say(text)
            for failure in suite.news():
                say(f"FAILED {failure}")

        return cls(fleet, driver, Checker(fleet, driver), suite, say_with_news)

    def planned(self) -> str:
        job = self.driver.submit()
        found = self.driver.planned(job)
        if found["status"] != "awaiting_approval":
            raise TookTooLong(f"{job} is {found['status']}: {found['errors']}")
        return job

    def fly(self, many: int, lanes: int = 4, seconds: float = 90.0) -> list[dict[str, Any]]:
        """So many flows from brief to booked, some side by side."""
        with ThreadPoolExecutor(lanes) as pool:
            return list(pool.map(lambda _: self.driver.whole_way(seconds), range(many)))

    def judge(self, row: Row, jobs: Sequence[dict[str, Any]], *, all_lines: bool = True) -> Findings:
        """Check the invariants of flows that are over; count those that came to what they should."""
        row.runs += len(jobs)
        for job in jobs:
            good = all_booked(job) if all_lines else job["status"] in OVER
            row.booked += good
            if not good:
                self.suite.findings.say("I8", row.fault, f"{job['status']} {_lines(job)} {job['errors']}")
        return self.check(row, [job["job_id"] for job in jobs])

    def check(self, row: Row, jobs: Sequence[str], *, settled: bool = True) -> Findings:
        found = self.checker.check(jobs, settled=settled)
        found.broken = [f"{row.fault}: {one}" for one in found.broken]
        self.suite.findings.add(found)
        return found

    def demand(self, row: Row, true: object, otherwise: str) -> None:
        self.suite.demand(true, f"{row.fault}: {otherwise}")

    def wait_hit(self, armed: str, seconds: float = 20.0) -> Hit:
        self.fleet.wait(lambda: self.fleet.hit(armed), "the armed point to be reached", seconds)
        hit = self.fleet.hit(armed)
        assert hit
        return hit

    @contextlib.contextmanager
    def seller_options(self, slug: str, **changes: Any) -> Iterator[None]:
        seller = self.fleet.sellers[slug]
        before = {name: getattr(seller.options, name) for name in changes}
        seller.set_options(**changes)
        try:
            yield
        finally:
            seller.set_options(**before)

    def row_of(self, model: str, **query: Any) -> Any:
        from django.apps import apps

        return patiently(lambda: apps.get_model(model)._default_manager.filter(**query).first())


def _lines(job: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(line["seller"], line["booking_status"], line.get("code", "")) for line in job["booked_lines"]]


def recovered(row: Row, since: float) -> None:
    row.recovery.append(max(0.0, time.time() - since))
