"""The cells of reliability.md 7.3 that need a test of their own. Each is a function over a stage."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from tests.faults import cells_kernel, cells_network, cells_sellers, cells_servers
from tests.faults.driver import TookTooLong
from tests.faults.stage import Stage

Cell = Callable[[Stage], None]
CELLS: dict[str, Cell] = {
    **cells_kernel.CELLS,
    **cells_sellers.CELLS,
    **cells_network.CELLS,
    **cells_servers.CELLS,
}
NOT_HERE = {
    "10 undo against execution": "there is no undo yet",
    "12 approval expiry": "covered by 11: an approval carries the expiry of its price",
    "13 budget race": "a plan never exceeds its budget, so no set of approvals can; I3 is checked after every run",
    "16 hostile bodies": "tests/bookings/test_hostile_sellers.py and tests/sellers; drip and silence are here",
    "17 webhooks": "there are none yet",
    "18 sockets": "tests/config/test_sockets.py; the fleet of this harness serves HTTP only",
    "19 rolling deploy": "there is one version so far",
}


def run(stage: Stage, only: str = "", trials: int = cells_sellers.TRIALS) -> None:
    for name, cell in CELLS.items():
        if only and not any(part in name for part in only.split(",")):
            continue
        if name == cells_sellers.CUT_CELL:
            cell = functools.partial(cells_sellers.cut_after_commit, trials=trials)
        began = time.monotonic()
        before = len(stage.suite.failures())
        try:
            cell(stage)
        except (TookTooLong, TimeoutError, RuntimeError, AssertionError) as failed:
            stage.suite.problems.append(f"{name}: {type(failed).__name__}: {failed}")
        finally:
            _put_right(stage)
        failures = len(stage.suite.failures()) - before
        stage.say(f"{name}: {time.monotonic() - began:.0f} s, {failures or 'no'} failures")


def _put_right(stage: Stage) -> None:
    fleet = stage.fleet
    for slug, proxy in fleet.proxies.items():
        proxy.mode, proxy.delay, proxy.cuts = "pass", 0.0, []
        fleet.sellers[slug].clear_faults()
        fleet.sellers[slug].set_clock(0)
