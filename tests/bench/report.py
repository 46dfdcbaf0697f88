"""docs/benchmarks.md: one section per scenario. A section that was not measured again stays as it was."""

from __future__ import annotations

import inspect
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.rows import Findings, Scenario, as_table

REPORT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` (`ARGS="P3 P6"` for some of them, `ARGS=--quick` for short runs). Each section says when
and on what it was measured. Floors come from the same minute as the results, because absolute times on a shared machine
move by 40 %: read the ratios first. Latencies at a fixed rate come from an open loop: requests leave by the clock, and
the wait of a request that could not leave in time counts."""
SECTION = re.compile(r"^## (?=P\d+ )", re.MULTILINE)


def section(name: str, scenario: Scenario, findings: Findings, quick: bool) -> str:
    """The Markdown of one scenario, from its heading on."""
    about = inspect.getdoc(scenario.measure) or ""
    short = "; a quick run" if quick else ""
    taken = f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {machine()}{short}."
    paragraphs = [f"## {name} {scenario.title}", about, taken, as_table(findings.rows), *findings.notes]
    return "\n\n".join(part for part in paragraphs if part)


def merged(earlier: str, fresh: dict[str, str]) -> str:
    """The whole text: the head, then every section, fresh ones in place of earlier ones, in order of number."""
    kept = {part.split(maxsplit=1)[0]: f"## {part}".rstrip() for part in SECTION.split(earlier)[1:]}
    sections = kept | fresh
    return "\n\n".join([HEAD, *(sections[name] for name in sorted(sections, key=number))]) + "\n"


def number(name: str) -> int:
    return int(name.removeprefix("P"))


def machine() -> str:
    return f"{os.cpu_count()} cores ({_processor()}), Python {platform.python_version()}"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return " ".join(found.group(1).split()) if found else platform.machine()
