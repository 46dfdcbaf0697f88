"""`python -m tests.bench [P3 P6 ...] [--quick] [--dry]`: measure, print, and write docs/benchmarks.md.

Without names everything is measured. A scenario that fails is named at the end, and its section stays as it was.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from tests.bench.known import discover, measured_apart
from tests.bench.report import REPORT, merged, number, section


def main(arguments: Sequence[str]) -> int:
    asked = _read(arguments)
    known = discover()
    names = asked.scenarios or sorted(known, key=number)
    if unknown := [name for name in names if name not in known]:
        print(f"There is no {', '.join(unknown)}; there are {', '.join(sorted(known, key=number))}.")
        return 2
    fresh, failed = {}, []
    for name in names:
        print(f"{name} {known[name].title} ...", flush=True)
        try:
            fresh[name] = section(name, known[name], measured_apart(name, asked.quick), asked.quick)
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        print(f"\n{fresh[name]}\n", flush=True)
    if not asked.dry:
        REPORT.write_text(merged(REPORT.read_text() if REPORT.exists() else "", fresh))
    if failed:
        print(f"Not measured: {', '.join(failed)}.")
    return 1 if failed else 0


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("scenarios", nargs="*", help="P1 .. P12; all of them without a name")
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    parser.add_argument("--dry", action="store_true", help="print only")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
