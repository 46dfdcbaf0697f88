"""A text cut into words, with where each stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A word may hold inner marks (pre-roll, :30, don't, 25-54, 300x250); marks that end a clause stand alone.
_TOKEN = re.compile(r":\d{2}\b|[^\W_]+(?:['’\-][^\W_]+)*|[,.;!?()/&+<>≤%$€£]|[^\s]")
_CLAUSE_ENDS = frozenset(",.;:!?()")


@dataclass(frozen=True)
class Token:
    word: str  # folded
    start: int
    end: int
    corrected: bool = False  # its word is not the one that was typed

    @property
    def ends_clause(self) -> bool:
        return self.word in _CLAUSE_ENDS


def cut(text: str) -> list[Token]:
    return [Token(_folded(m.group()), *m.span()) for m in _TOKEN.finditer(text)]


def _folded(word: str) -> str:
    """In small letters, without the possessive: women's is women."""
    return word.casefold().replace("’", "'").removesuffix("'s")
