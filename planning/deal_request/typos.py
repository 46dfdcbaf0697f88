"""Whether two words differ by one typing error: a letter too many, too few, wrong, or two of them swapped."""

from __future__ import annotations


def one_error_apart(one: str, other: str) -> bool:
    """Damerau-Levenshtein distance of exactly 1."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    if len(one) == len(other):
        swapped = one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
        return one[at + 1 :] == other[at + 1 :] or swapped
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[at + 1 :] == shorter[at:]
