"""`make bench`: every measurement, printed and written to docs/benchmarks.md. `ARGS=planning` or `ARGS=flow`."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import bench_flow, bench_planning

REPORT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def main(only: list[str]) -> None:
    sections = []
    if not only or "planning" in only:
        rows = bench_planning.measure_times(), bench_planning.measure_gaps()
        sections.append("## Allocation and selection\n\n" + bench_planning.as_markdown(*rows))
    if not only or "flow" in only:
        about = (bench_flow.__doc__ or "").strip()
        sections.append(f"## Brief to decision\n\n{about}\n\n" + bench_flow.table(bench_flow.measure()))
    text = "\n\n".join([_head(), *sections]) + "\n"
    print(text)
    if not only:
        REPORT.write_text(text)


def _head() -> str:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    return f"# Benchmarks\n\nWritten by `make bench` on {machine}. Absolute times on a shared machine move by 40 %."


if __name__ == "__main__":
    main(sys.argv[1:])
