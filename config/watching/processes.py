"""Numbers of many processes of one machine as one answer: prometheus_client's files under PROMETHEUS_MULTIPROC_DIR.

Each process writes files named after its pid, so a folder belongs to one machine or one container. Processes come and
go; what the gone ones counted is folded into one file, else the folder grows with every restart.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

_FILE = re.compile(r"(?P<kind>counter|histogram|summary|gauge_[a-z]+)_(?P<pid>\d+)\.db\Z")


def folder() -> Path | None:
    """None: this process answers for itself alone."""
    given = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(given) if given else None


def exposition() -> bytes:
    """Prometheus text format of what processes have counted."""
    shared = folder()
    if shared is None:
        return generate_latest(REGISTRY)
    with _alone(shared):
        fold_the_gone(shared)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(shared))
        return generate_latest(registry)


def fold_the_gone(shared: Path) -> None:
    """Counts of processes that are no more go on counting; what they had open (live gauges) is forgotten."""
    for path in sorted(shared.glob("*.db")):
        found = _FILE.match(path.name)
        if found is None or _lives(int(found["pid"])):
            continue
        if not found["kind"].startswith("gauge"):
            _add(path, shared / f"{found['kind']}_gone.db")
        path.unlink(missing_ok=True)


def _add(source: Path, target: Path) -> None:
    total = MmapedDict(str(target))
    try:
        for key, value, moment, _ in MmapedDict.read_all_values_from_file(str(source)):
            total.write_value(key, total.read_value(key)[0] + value, moment)
    finally:
        total.close()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _alone(shared: Path) -> Iterator[None]:
    """Two scrapes at once must not fold the same file twice."""
    with open(shared / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
