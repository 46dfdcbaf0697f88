"""A pytest plugin, loaded before the settings: each test process gets Redis databases of its own."""

from __future__ import annotations

import os

DATABASES_EACH = 4


def own_databases(url: str, worker: str) -> str:
    number = int(worker.removeprefix("gw") or 0) + 1 if worker else 0
    return f"{url.rpartition('/')[0]}/{number * DATABASES_EACH}"


if url := os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = own_databases(url, os.environ.get("PYTEST_XDIST_WORKER", ""))
