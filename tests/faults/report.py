"""What a suite found, kept as JSON under `var/faults/` and written for people as `docs/faults.md`."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.history import Findings

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "var" / "faults"
PAGE = ROOT / "docs" / "faults.md"
LEAST_BOOKED = 0.95  # I8


@dataclass
class Row:
    """One kind of fault: how often it was injected, really hit, and what came of it."""

    fault: str
    injected: int = 0
    hit: int = 0
    booked: int = 0  # campaigns that ended with every line booked, where that is what should happen
    runs: int = 0
    recovery: list[float] = field(default_factory=list)  # seconds
    note: str = ""
    missed: list[str] = field(default_factory=list)


@dataclass
class Suite:
    name: str
    seed: int
    about: str
    rows: list[Row] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    problems: list[str] = field(default_factory=list)  # what fails the suite beside broken invariants
    facts: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._told: set[str] = set()

    def row(self, fault: str) -> Row:
        for row in self.rows:
            if row.fault == fault:
                return row
        self.rows.append(Row(fault))
        return self.rows[-1]

    def news(self) -> list[str]:
        """Failures since the last time that this was asked."""
        found = self.failures()
        fresh = [one for one in found if one not in self._told]
        self._told.update(fresh)
        return fresh

    def failures(self) -> list[str]:
        return [*self.findings.broken, *self.problems]

    def demand(self, true: object, otherwise: str) -> None:
        if not true:
            self.problems.append(otherwise)

    def demand_hits(self, least: float = 1.0) -> None:
        """A suite whose faults did not take place has shown nothing."""
        for row in self.rows:
            if row.hit < row.injected * least:
                self.problems.append(f"{row.fault}: only {row.hit} of {row.injected} hit {row.missed[:5]}")

    def demand_work(self) -> None:
        runs, booked = sum(row.runs for row in self.rows), sum(row.booked for row in self.rows)
        self.demand(
            runs and booked >= LEAST_BOOKED * runs,
            f"I8 only {booked} of {runs} runs ended with all lines booked",
        )


def spread(seconds: Sequence[float]) -> str:
    """Median, 95th percentile and maximum."""
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    nth = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]  # noqa: E731
    return f"{nth(0.5):.1f} / {nth(0.95):.1f} / {ordered[-1]:.1f}"


def percentile(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def show(suite: Suite) -> str:
    return "\n".join([*_table(suite), *_verdict(suite)])


def keep(suite: Suite, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{suite.name}.json").write_text(json.dumps(asdict(suite), indent=1))


def write_page() -> None:
    """From the last run of each suite on this machine."""
    suites = [_read(json.loads(file.read_text())) for file in sorted(KEPT.glob("*.json"))]
    parts = [_HEAD.format(machine=_machine())]
    for suite in suites:
        parts += [f"## {suite.name}", "", suite.about, "", *_table(suite), "", *_verdict(suite), ""]
    PAGE.write_text("\n".join(parts).rstrip() + "\n")


def _read(kept: dict[str, Any]) -> Suite:
    rows = [Row(**row) for row in kept.pop("rows")]
    return Suite(**kept | {"rows": rows, "findings": Findings(**kept["findings"])})


def _machine() -> str:
    import os

    return f"{os.cpu_count()} cores, Python {platform.python_version()}"


def _table(suite: Suite) -> list[str]:
    lines = [
        "| Fault | Injected | Hit | Runs | All lines booked | Recovery s (median / p95 / max) | Note |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for row in suite.rows:
        lines.append(
            f"| {row.fault} | {row.injected} | {row.hit} | {row.runs} | {row.booked} "
            f"| {spread(row.recovery)} | {row.note} |"
        )
    return lines


def _verdict(suite: Suite) -> list[str]:
    found = suite.findings
    lines = [
        f"Seed {suite.seed}, {suite.seconds:.0f} s. Campaigns {found.campaigns}, every line booked in {found.booked}, "
        f"bookings at the sellers {found.effects}, duplicates {found.duplicates}, unknown {found.unknown}."
    ]
    lines += [f"{name}: {value}." for name, value in suite.facts.items()]
    failures = suite.failures()
    lines.append("" if failures else "All invariants held.")
    if failures:
        lines += [f"**{len(failures)} failures:**", "", *(f"- {one}" for one in failures[:40])]
    return lines


_HEAD = """# Faults: what was done to it, and what came of it

Written by `make faults`; the last run of each suite on {machine}. `make faults ARGS="matrix --seed 7"` runs one suite:
`matrix`, `cells`, `kills`, `soak`, `race`, `smoke` or `all`. How it works: `tests/faults/`.

The harness runs the product in its distributed form: PostgreSQL, Redis, web processes, Celery workers, beat, and two
simulated sellers behind TCP proxies that can cut, delay and swallow. *Injected* counts the faults that were ordered,
*hit* those that really took place; a suite whose faults did not hit fails. After each run the invariants I1 to I8 are
read from our database and from the sellers' own journals: one booking per approved line, none that we do not know of,
never more committed than approved, legal transitions and whole hash chains, nothing forgotten, sums equal to the cent,
the API equal to the database, and work really done.

The harness has been seen to fail: with PostgreSQL's `synchronous_commit` off, 4 of 12 crash restarts lost campaigns
or decisions that had been answered with 202, and one left a deal at a seller that nobody here knew. Keep it on.

What it found and what was mended: after a restart of PostgreSQL the connection pool handed out its dead connections one
by one with growing pauses, so that a process answered 503 for up to minutes (now one dead connection has all of them
looked at: `config/postgresql/`). Of 1,000 kills, one a second, some campaigns were given up with their reason told,
because their workers had died twelve or twenty times in a row, each time beside others (since then a step rests from
the third death on, so that what runs side by side comes apart, and thirty deaths in a row make a dead letter:
`flows/runner.py`; the thousand kills below are from after it, and none was given up).
"""
