"""P9: a thousand SIGKILLs of workers with many flows in flight. Nothing lost, nothing doubled, and how fast each step
that was held goes on."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from tests.faults.driver import TookTooLong, patiently
from tests.faults.fleet import Fleet
from tests.faults.report import Row, Suite, percentile
from tests.faults.stage import Say, Stage, all_booked
from tests.faults.suite_end import close

IN_FLIGHT = 12  # twice as many, and two cores bring no step to its end between two kills
PAUSE = (0.6, 1.4)  # seconds between kills
PATIENCE = 1800.0  # a flow may be kept waiting as long as the storm lasts; lost is what does not end after it
BAR = 15.0  # seconds, 95th percentile


def run(fleet: Fleet, seed: int, say: Say, kills: int) -> Suite:
    suite = Suite(
        "kills", seed, f"Random workers killed, {IN_FLIGHT} flows in flight, lease {fleet.sizes.lease:g} s."
    )
    stage = Stage.set(fleet, suite, say)
    row = suite.row("SIGKILL of a worker")
    recovery = Recovery(fleet)
    traffic = Traffic(stage, row)
    traffic.start()
    recovery.start()
    chance = random.Random(seed)
    began = time.monotonic()
    for number in range(1, kills + 1):
        time.sleep(chance.uniform(*PAUSE))
        fleet.wait(fleet.at_work, "a worker to be at work", 60)
        name = chance.choice(fleet.at_work())
        row.injected += 1
        row.hit += recovery.kill(name)
        if number % 50 == 0:
            stage.say(
                f"{number} kills, {traffic.done} flows done, {recovery.interrupted} steps interrupted, "
                f"p95 {percentile(recovery.seconds, 0.95):.1f} s, {len(suite.failures())} failures"
            )
    suite.facts["Kills"] = f"one each {(time.monotonic() - began) / kills:.1f} s"
    traffic.finish()
    recovery.finish()
    row.recovery = recovery.seconds
    row.note = f"{recovery.interrupted} steps were held when killed"
    p95 = percentile(recovery.seconds, 0.95)
    stage.demand(row, recovery.seconds, "no step was ever interrupted")
    stage.demand(row, p95 <= BAR, f"95 % of interrupted steps go on after {p95:.1f} s, the bar is {BAR:g} s")
    stage.demand(row, not recovery.open(), f"{len(recovery.open())} interrupted steps were never taken up")
    close(stage)
    suite.demand_work()
    return suite


class Traffic:
    """Keeps so many flows between brief and booked, and checks each that is over."""

    def __init__(
        self, stage: Stage, row: Row, in_flight: int = IN_FLIGHT, patience: float = PATIENCE
    ) -> None:
        self.stage, self.row, self.patience = stage, row, patience
        self.done = 0
        self._pool = ThreadPoolExecutor(in_flight)
        self._in_flight = in_flight
        self._stopped = threading.Event()
        self._counting = threading.Lock()
        self._lanes: list[Any] = []

    def start(self) -> None:
        self._lanes = [self._pool.submit(self._lane) for _ in range(self._in_flight)]

    def finish(self) -> None:
        """No new flows; those that fly land."""
        self._stopped.set()
        self.wait()

    def wait(self) -> None:
        wait(self._lanes)
        for lane in self._lanes:
            lane.result()

    def _lane(self) -> None:
        while not self._stopped.is_set():
            try:
                job = self.stage.driver.whole_way(self.patience)
            except (TookTooLong, RuntimeError) as stuck:
                self.row.runs += 1
                self.stage.suite.problems.append(f"lost: {stuck}")
                continue
            found = self.stage.checker.check([job["job_id"]])
            with self._counting:
                self.done += 1
                self.row.runs += 1
                self.row.booked += all_booked(job)
                self.stage.suite.findings.add(found)
                if not all_booked(job):
                    self.row.missed.append(f"{job['job_id']} {job['status']} {job['errors']}")


class Recovery(threading.Thread):
    """Follows each step that a killed worker held until somebody else has taken it up."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(name="recovery", daemon=True)
        self.fleet = fleet
        self.seconds: list[float] = []
        self.interrupted = 0
        self._waiting: dict[tuple[Any, int], float] = {}
        self._changing = threading.Lock()
        self._ended = threading.Event()

    def kill(self, name: str) -> bool:
        from flows.models import Step

        pid = self.fleet.pid(name)
        alive = not self.fleet._ended(name, pid)
        self.fleet.kill(name)
        at = time.time()
        held = patiently(
            lambda: list(
                Step.objects.filter(state="running", lease_owner__contains=f":{pid}:").values_list(
                    "pk", "token"
                )
            )
        )
        with self._changing:
            self._waiting |= dict.fromkeys(held, at)
            self.interrupted += len(held)
        return alive

    def run(self) -> None:
        while not self._ended.is_set():
            self._look()
            time.sleep(0.1)

    def _look(self) -> None:
        from flows.models import Step
        from flows.runner import RESTED

        with self._changing:
            waiting = dict(self._waiting)
        if not waiting:
            return
        pks = [pk for pk, _ in waiting]
        rows = patiently(
            lambda: list(Step.objects.filter(pk__in=pks).values_list("pk", "token", "state", "result"))
        )
        now = time.time()
        for pk, token, state, result in rows:
            if state == "pending" and RESTED in (result or {}):
                continue  # nobody has taken it up: it rests, since its workers died one after the other
            for key, since in waiting.items():
                if key[0] == pk and (token > key[1] or state != "running"):
                    with self._changing:
                        del self._waiting[key]
                        self.seconds.append(now - since)

    def open(self) -> list[tuple[Any, int]]:
        return list(self._waiting)

    def finish(self) -> None:
        self.fleet.wait(lambda: not self._waiting, "every interrupted step to be taken up", 60)
        self._ended.set()
