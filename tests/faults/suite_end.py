"""What every suite asks at its end."""

from __future__ import annotations

from tests.faults.stage import Stage


def close(stage: Stage, hit_least: float = 1.0) -> None:
    """Nothing at the sellers that we do not know of, nothing broken seen by the client, every fault took place."""
    suite, driver = stage.suite, stage.driver
    suite.findings.broken += stage.checker.check_orphans()
    suite.problems += [f"the client saw {answer}" for answer in driver.broken[:20]]
    suite.facts["Requests repeated by the client"] = (
        f"{driver.repeated} cut, {driver.refused} asked to come again"
    )
    suite.demand_hits(hit_least)
