"""Rows of a paged list, each once: the order of pages is not stable at every seller, so rows come back twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sellers.dialects.base import SkippedRow


class Rows:
    """Collects pages. `unique` holds (reference, row) in the order seen; `seen` counts everything received."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._known: set[str] = set()
        self.unique: list[tuple[str, Mapping[str, Any]]] = []
        self.skipped: list[SkippedRow] = []
        self.seen = 0

    def add(self, page: Iterable[Any]) -> int:
        """Take one page; returns how many of its rows were new."""
        before = len(self.unique)
        for row in page:
            self.seen += 1
            if not isinstance(row, Mapping):
                self.skipped.append(SkippedRow(f"row {self.seen}", "not an object"))
                continue
            reference = self._reference(row)
            if reference in self._known:
                self.skipped.append(SkippedRow(reference, "duplicate"))
                continue
            self._known.add(reference)
            self.unique.append((reference, row))
        return len(self.unique) - before

    def _reference(self, row: Mapping[str, Any]) -> str:
        value = row.get(self._key)
        named = isinstance(value, str | int) and not isinstance(value, bool) and str(value)
        return str(value)[:255] if named else f"row {self.seen}"
