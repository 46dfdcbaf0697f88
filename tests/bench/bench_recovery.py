"""P9, the short form: SIGKILL of workers under load. The thousand kills are in tests/faults (`make faults`)."""

from __future__ import annotations

import argparse

from tests.bench.rows import Findings, Row, Scenario, percentile
from tests.faults import suites

KILLS = 60
BAR = 15.0
SWEEP = 1.0


def measure(quick: bool) -> Findings:
    """The fault harness kills random workers while two dozen flows are between brief and booked, each kill as hard as
    SIGKILL, and checks every invariant of reliability.md afterwards against the sellers' own journals. Here it kills 60
    times; `make faults` does it 1,000 times and docs/faults.md tells what came of it. The floor is what a step costs
    whose worker never says another word: its lease and one sweep.
    """
    kills = 12 if quick else KILLS
    asked = argparse.Namespace(seed=9, kills=kills)
    suite = suites.run("kills", asked, lambda text: print(f"   {text}", flush=True))
    sizes, _ = suites.SUITES["kills"]
    recovery = [seconds for row in suite.rows for seconds in row.recovery]
    hit = sum(row.hit for row in suite.rows)
    runs, booked = sum(row.runs for row in suite.rows), sum(row.booked for row in suite.rows)
    floor = sizes.lease + SWEEP
    p95 = percentile(recovery, 0.95) if recovery else None
    broken = suite.failures()
    return Findings(
        [
            Row(
                f"a killed worker's step goes on, p95 of {len(recovery)} steps ({hit} kills that hit)",
                "no step was hit" if p95 is None else f"{p95:.1f} s",
                f"{floor:.0f} s",
                f"lease of {sizes.lease:g} s and one sweep",
                None if p95 is None else p95 / floor,
                "p95 <= 15 s",
                p95 is not None and p95 <= BAR,
            ),
            Row(
                "flows with every line booked once", f"{booked} of {runs}", bar="all", met=booked == runs > 0
            ),
            Row("broken invariants and other failures", str(len(broken)), bar="0", met=not broken),
        ],
        [f"- {failure}" for failure in broken[:20]],
    )


SCENARIOS = {"P9": Scenario("Recovery after SIGKILL, short form", measure)}
