"""The part that runs with every test: one fault of each family, in less than three minutes."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults import cells_kernel, cells_sellers, cells_servers, matrix, race
from tests.faults.fleet import Fleet
from tests.faults.report import Suite
from tests.faults.stage import Say, Stage
from tests.faults.suite_end import close

KILLS = (
    "web/POST /api/bookings/*/approve-all/idempotency.idempotent.once: committed",
    "worker/book[agent]/booking._claiming: committed",
    "worker/book[agent]/http POST /api/v1/deals: after",
    "worker/book[direct]/http POST /v2/accounts/*/orders/*/lines: after",
    "worker/book[direct]/booking._take: before commit",
    "worker/research[channel]/researching._recording: committed",
)
GREAT = "worker/book[agent]/http POST /api/v1/deals: after"
FEW_CUTS: dict[str, float | None] = {"no byte at all": None, "half": 0.5}


def run(fleet: Fleet, seed: int, say: Say) -> Suite:
    suite = Suite("smoke", seed, "One fault of each family.")
    stage = Stage.set(fleet, suite, say)
    _points(stage)
    say("points done")
    for name, part in PARTS.items():
        part(stage)
        say(f"{name}: {len(suite.failures())} failures")
    close(stage)
    suite.demand_work()
    return suite


def _points(stage: Stage) -> None:
    matrix.try_points(stage, "kill one", KILLS)
    matrix.try_points(stage, "kill all", [GREAT])
    matrix.try_points(stage, "PostgreSQL restart", [GREAT])


PARTS: dict[str, Callable[[Stage], None]] = {
    "cuts": lambda stage: cells_sellers.cut_after_commit(stage, 8, FEW_CUTS),
    "sleeper": lambda stage: cells_kernel.sleeper(stage, cells_kernel.SLEEPS[:1]),
    "Redis": cells_servers.flush_always,
    "race": lambda stage: race.contest(
        stage, race.hire(stage.fleet), "8 approve each line", 12, [race.approve] * 8
    ),
}
