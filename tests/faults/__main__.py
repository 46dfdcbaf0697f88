"""`python -m tests.faults [matrix|cells|kills|soak|race|smoke|all] --seed N --minutes M`: exit code 1 when an
invariant did not hold or a fault did not hit."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import report, suites

NAMES = ("matrix", "cells", "kills", "soak", "race")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("suite", nargs="?", default="all", choices=[*NAMES, "smoke", "all"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak")
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--trials", type=int, default=200, help="of each cut after the seller's commit")
    parser.add_argument("--rows", type=int, default=500, help="of the race")
    parser.add_argument("--points", type=int, default=0, help="only so many points of the matrix")
    parser.add_argument(
        "--cell", default="", help="only cells whose name contains one of these, comma between"
    )
    parser.add_argument("--keep", type=Path, default=report.KEPT, help="folder of the reports")
    parser.add_argument("--no-page", action="store_true", help="leave docs/faults.md as it is")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = False
    for name in NAMES if asked.suite == "all" else (asked.suite,):
        failed |= _run(name, asked)
    if not asked.no_page and asked.suite != "smoke":
        report.write_page()
    return 1 if failed else 0


def _run(name: str, asked: argparse.Namespace) -> bool:
    began = time.monotonic()
    say: Callable[[str], None] = lambda text: print(  # noqa: E731
        f"[{time.monotonic() - began:6.1f} s] {name}: {text}", flush=True
    )
    suite = suites.run(name, asked, say)
    report.keep(suite, asked.keep)
    print(report.show(suite), flush=True)
    return bool(suite.failures())


if __name__ == "__main__":
    sys.exit(main())
