"""Every scenario of every module `tests.bench.bench_*`, and how one is measured."""

from __future__ import annotations

import importlib
import os
import pkgutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests import bench
from tests.bench.rows import Findings, Scenario


def discover() -> dict[str, Scenario]:
    """By number."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    found: dict[str, Scenario] = {}
    for module in pkgutil.iter_modules(bench.__path__):
        if module.name.startswith("bench_"):
            found |= getattr(importlib.import_module(f"tests.bench.{module.name}"), "SCENARIOS", {})
    return found


def measured_apart(name: str, quick: bool) -> Findings:
    """In a process of its own: each scenario has databases of its own, and settings are read once per process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, name, quick).result()


def _measured(name: str, quick: bool) -> Findings:
    return discover()[name].measure(quick)
