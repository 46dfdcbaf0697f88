"""The part that runs with every test: one fault of each family, in less than three minutes."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.faults import cells_kernel, cells_sellers, cells_servers, matrix, race
from tests.faults.fleet import Fleet
from tests.faults.report import Suite
from tests.faults.stage import Say, Stage
from tests.faults.suite_end import close

# The first point that fits each: names of product functions change, what happens there does not.
KILLS = (
    r"web/POST /api/bookings/\*/approve-all/.*: committed",
    r"worker/research[^/]*/(?!claim: )(?!http).*: committed",
    r"worker/book\[agent\]/(?!claim: ).*: committed",
    r"worker/book\[agent\]/http POST /api/v1/deals: after",
    r"worker/book\[direct\]/http POST /v2/accounts/\*/orders/\*/lines: after",
    r"worker/book\[direct\]/.*: before commit #2",
)
GREAT = KILLS[3]
FEW_CUTS: dict[str, float | None] = {"no byte at all": None, "half": 0.5}


def run(fleet: Fleet, seed: int, say: Say) -> Suite:
    suite = Suite("smoke", seed, "One fault of each family.")
    stage = Stage.set(fleet, suite, say)
    _points(stage)
    stage.say("points done")
    for name, part in PARTS.items():
        part(stage)
        stage.say(f"{name}: {len(suite.failures())} failures")
    close(stage)
    suite.demand_work()
    return suite


def _points(stage: Stage) -> None:
    points = matrix.list_points(stage.fleet, stage.driver, stage.say, runs=1)
    found = {pattern: next((one for one in points if re.match(pattern, one)), "") for pattern in KILLS}
    for pattern, point in found.items():
        stage.suite.demand(point, f"no point is like {pattern}")
    matrix.try_points(stage, "kill one", [point for point in found.values() if point])
    matrix.try_points(stage, "kill all", [found[GREAT]])
    matrix.try_points(stage, "PostgreSQL restart", [found[GREAT]])


PARTS: dict[str, Callable[[Stage], None]] = {
    "cuts": lambda stage: cells_sellers.cut_after_commit(stage, 8, FEW_CUTS),
    "sleeper": lambda stage: cells_kernel.sleeper(stage, cells_kernel.SLEEPS[:1]),
    "Redis": cells_servers.flush_always,
    "race": lambda stage: race.contest(
        stage, race.hire(stage.fleet, "approver"), "8 approve each line", 12, [race.approve] * 8
    ),
}
