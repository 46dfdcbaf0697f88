"""Clocks that jump: the file `clock` holds seconds for every process of the fleet, `clock.<name>` for one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from django.utils import timezone

_skew: dict[Path, tuple[int, float]] = {}


def bend(folder: Path, name: Callable[[], str]) -> None:
    """From now on Django's clock, and with it the product's, follows the files."""
    true_now = timezone.now

    def now() -> dt.datetime:
        return true_now() + dt.timedelta(
            seconds=_offset(folder / "clock") + _offset(folder / f"clock.{name()}")
        )

    timezone.now = now


def _offset(file: Path) -> float:
    try:
        at = file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0.0
    if _skew.get(file, (0, 0.0))[0] != at:
        _skew[file] = (at, float(file.read_text() or 0))
    return _skew[file][1]
