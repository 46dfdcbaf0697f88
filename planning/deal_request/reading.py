"""From a sentence to criteria. Deterministic: the same text on the same day gives the same reading.

Dates, money and volumes are found by their form; the other words by tables, the longest phrase first, and where a word
is in none of them, by the one word of the tables that a typing error may have turned it into.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise

from planning.deal_request.amounts import find_amounts
from planning.deal_request.dates import find_flights
from planning.deal_request.people import find_people
from planning.deal_request.places import CODES, PLACES
from planning.deal_request.tokens import Token, cut
from planning.deal_request.types import FORMAT, PLACE, PUBLISHER, Criterion, ReadRequest
from planning.deal_request.typos import one_error_apart
from planning.deal_request.words import FILLERS, JOINERS, NEGATORS, TABLES

LONGEST_TEXT = 2_000
LONGEST_PHRASE = 5  # words
SHORTEST_MISTYPED = 5  # letters; a shorter word has too many neighbours

Meaning = tuple[str, str]  # kind and value


def read_request(text: str, *, today: date, publishers: Sequence[str] = ()) -> ReadRequest:
    """What the text asks for. `publishers` are names that the catalogues know; they are matched as they are written.

    The words of `not_understood` are in their order, neighbours together.
    """
    text = text[:LONGEST_TEXT]
    taken: list[tuple[int, int]] = []
    found = [*find_people(text, taken), *find_flights(text, today, taken), *find_amounts(text, taken)]
    table = _table() | {" ".join(token.word for token in cut(name)): (PUBLISHER, name) for name in publishers}
    telling = frozenset(word for phrase in table for word in phrase.split()) - FILLERS
    tokens = [_corrected(token, telling) for token in cut(text) if not _within(token, taken)]
    negated = _negated(tokens, taken)
    words, left = _match(text, tokens, table)
    found += words
    criteria = [replace(one, excluded=True) if one.start in negated else one for one in found]
    return ReadRequest(
        text=text,
        criteria=tuple(_distinct(sorted(criteria, key=lambda one: (one.start, one.end)))),
        not_understood=tuple(_together(text, left)),
    )


@cache
def _table() -> dict[str, Meaning]:
    found: dict[str, Meaning] = {name: (PLACE, code) for name, code in PLACES.items()}
    for kind, values in TABLES.items():
        for value, phrases in values.items():
            found |= {
                " ".join(token.word for token in cut(phrase)): (kind, value) for phrase in phrases.split("; ")
            }
    return found


def _match(
    text: str, tokens: Sequence[Token], table: Mapping[str, Meaning]
) -> tuple[list[Criterion], list[Token]]:
    """The longest known phrase at each word; what nobody knows is returned beside."""
    found, left, at = [], [], 0
    while at < len(tokens):
        length, meaning = _longest(text, tokens, at, table)
        if meaning is None:
            if _says_something(tokens[at]):
                left.append(tokens[at])
            at += 1
            continue
        found.append(_criterion(text, tokens[at : at + length], meaning))
        at += length
    return found, left


_SIZE = re.compile(r"\d{2,4}x\d{2,4}")


def _longest(
    text: str, tokens: Sequence[Token], at: int, table: Mapping[str, Meaning]
) -> tuple[int, Meaning | None]:
    for length in range(min(LONGEST_PHRASE, len(tokens) - at), 0, -1):
        part = tokens[at : at + length]
        if any(token.ends_clause for token in part) or _apart(text, part):
            continue
        phrase = " ".join(token.word for token in part)
        if phrase in table:
            return length, table[phrase]
        if length == 1 and _SIZE.fullmatch(phrase):
            return 1, (FORMAT, phrase)
        if length == 1 and text[part[0].start : part[0].end] in CODES:
            return 1, (PLACE, {"UK": "GB", "USA": "US"}.get(part[0].word.upper(), part[0].word.upper()))
    return 1, None


def _apart(text: str, part: Sequence[Token]) -> bool:
    """Words between which something else was taken out are no phrase."""
    return any(text[one.end : other.start].strip() for one, other in pairwise(part))


def _criterion(text: str, part: Sequence[Token], meaning: Meaning) -> Criterion:
    start, end = part[0].start, part[-1].end
    corrected = any(token.corrected for token in part)
    return Criterion(*meaning, text[start:end], start, end, corrected=corrected)


def _corrected(token: Token, telling: frozenset[str]) -> Token:
    """The word that was meant, where exactly one telling word is one error away and the first letter is right."""
    word = token.word
    if word in telling or not _says_something(token) or len(word) < SHORTEST_MISTYPED or not word.isalpha():
        return token
    near = [one for one in telling if one[0] == word[0] and len(one) >= SHORTEST_MISTYPED]
    near = [one for one in near if one_error_apart(one, word)]
    singular = {one.removesuffix("s") for one in near}
    return replace(token, word=min(near), corrected=True) if len(singular) == 1 else token


def _says_something(token: Token) -> bool:
    return (
        token.word not in FILLERS
        and token.word not in NEGATORS
        and token.word not in JOINERS
        and any(letter.isalnum() for letter in token.word)
    )


def _negated(tokens: Sequence[Token], taken: Iterable[tuple[int, int]]) -> set[int]:
    """Starts of the words that a negation covers: from the negator on, over words joined by or, nor, and, until the
    clause ends or something that was read by its form (a date, a price) comes between."""
    stops = sorted(start for start, _ in taken)
    covered: set[int] = set()
    within, said = False, False
    before: Token | None = None
    for token in tokens:
        if before is not None and any(before.end <= stop < token.start for stop in stops):
            within = False
        if token.word in NEGATORS or _leaves_out(before, token):
            within, said = True, False
        elif token.ends_clause:
            within = within and token.word == "," and not said
        elif (
            within
            and token.word in ("but", "with", "for", "in", "on", "at", "during", "under", "from", "only")
            and said
        ):
            within = False
        elif within and token.word not in FILLERS and token.word not in JOINERS:
            covered.add(token.start)
            said = True
        before = token
    return _with_lists(tokens, covered)


def _leaves_out(before: Token | None, token: Token) -> bool:
    """anything but ..."""
    return token.word == "but" and before is not None and before.word in ("anything", "everything", "all")


def _with_lists(tokens: Sequence[Token], covered: set[int]) -> set[int]:
    """ "no news, politics or religion": a comma goes on with a negation where the list ends in or/nor."""
    found = set(covered)
    for at, token in enumerate(tokens):
        if token.word not in ("or", "nor") or at + 1 >= len(tokens):
            continue
        names = _list_before(tokens, at)
        if any(name.start in covered for name in names):
            found |= {name.start for name in [*names, tokens[at + 1]]}
    return found


def _list_before(tokens: Sequence[Token], at: int) -> list[Token]:
    """The single words of the list that ends before position `at`, separated by commas."""
    names: list[Token] = []
    position = at - 1
    while position >= 0 and not tokens[position].ends_clause and tokens[position].word not in NEGATORS:
        names.append(tokens[position])
        position -= 1
        if position >= 0 and tokens[position].word == ",":
            position -= 1
            continue
        if position >= 0 and tokens[position].word in NEGATORS:
            break
        if position >= 0 and len(names) > 12:
            break
    return names


def _within(token: Token, taken: Iterable[tuple[int, int]]) -> bool:
    return any(start < token.end and token.start < end for start, end in taken)


def _distinct(criteria: Iterable[Criterion]) -> Iterable[Criterion]:
    """One for each thing that is said; of "mobile video" the mobile inventory with video stays as both say it."""
    seen: set[tuple[str, str, bool]] = set()
    for one in criteria:
        key = (one.kind, one.value, one.excluded)
        if key not in seen:
            seen.add(key)
            yield one


def _together(text: str, left: Sequence[Token]) -> Iterable[str]:
    """Neighbouring words that were not understood, as they were written."""
    start = end = -1
    for token in left:
        if end >= 0 and not text[end : token.start].strip():
            end = token.end
            continue
        if end >= 0:
            yield text[start:end]
        start, end = token.start, token.end
    if end >= 0:
        yield text[start:end]
