"""What a scenario hands over: rows of one table, each with its floor and its bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One measurement against its floor and its bar, in the words and units that the table shows.

    `ratio` is measured / floor for times and floor / measured for rates, so that 1 is perfect and more is worse.
    `met` is None where there is no bar.
    """

    what: str
    measured: str
    floor: str = "-"
    floor_taken: str = "-"
    ratio: float | None = None
    bar: str = "-"
    met: bool | None = None


@dataclass(frozen=True)
class Findings:
    """The rows of one scenario, and text in Markdown that belongs below its table."""

    rows: Sequence[Row]
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Scenario:
    """A bench module names its scenarios: `SCENARIOS = {"P3": Scenario("Approvals per second", measure)}`.

    `measure(quick)` runs the floor and the product in the same minute; `quick` trades samples for time.
    """

    title: str
    measure: Callable[[bool], Findings]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the values do not exceed. ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


def as_table(rows: Sequence[Row]) -> str:
    lines = [
        "| measured | result | floor | how the floor was taken | ratio | bar | met |",
        "| --- | ---: | ---: | --- | ---: | --- | --- |",
    ]
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        met = {None: "-", True: "yes", False: "**no**"}[row.met]
        cells = (row.what, row.measured, row.floor, row.floor_taken, ratio, row.bar, met)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
