"""Which products fit a deal request best: what cannot be bought under it goes out by name, the rest is ranked by how
well its texts fit the words.

The score is BM25F (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009, section 3.6): the words of
the request against name, formats, taxonomy and description of a product, each field with a weight and its own length;
a word that few products carry says more. Criteria that were read count as words with their whole group of synonyms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from planning.deal_request.tokens import cut
from planning.deal_request.types import AUDIENCE, CONTENT, FORMAT, INVENTORY, PUBLISHER, DealCriteria
from planning.deal_request.words import FILLERS, TABLES
from planning.types import Product

WEIGHTS: Mapping[str, float] = {
    "name": 3.0,
    "inventory": 3.0,
    "formats": 2.0,
    "content": 2.0,
    "targeting": 1.0,
    "description": 1.0,
}
"""How much a word counts by where it stands. House choice: names and types are chosen with care, descriptions are
prose."""
SATURATION = 1.2  # k1: how soon more of the same word says nothing new
LENGTHS = 0.75  # b: how much a long text is held against its words


@dataclass(frozen=True)
class Ranked:
    """`score` is above 0 where any word fits; `matched` are the words of the request that the product carries."""

    product: Product
    score: float
    matched: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    product: Product
    code: str
    reason: str


@dataclass(frozen=True)
class Ranking:
    ranked: tuple[Ranked, ...]
    left_out: tuple[LeftOut, ...]


def rank(criteria: DealCriteria, products: Sequence[Product], *, today: date) -> Ranking:
    """The same products in any order give the same ranking."""
    ordered = sorted(products, key=lambda one: (one.seller, one.product_id))
    judged = [(product, _why_out(criteria, product, today)) for product in ordered]
    fitting = [product for product, why in judged if why is None]
    scored = _score(_asked(criteria), fitting)
    kept = sorted(
        scored, key=lambda one: (-one.score, one.product.list_cpm, one.product.seller, one.product.product_id)
    )
    return Ranking(
        ranked=tuple(kept),
        left_out=tuple(LeftOut(product, *why) for product, why in judged if why is not None),
    )


def _why_out(criteria: DealCriteria, product: Product, today: date) -> tuple[str, str] | None:
    """Hard limits. What only the seller's price can tell is left to the quote."""
    checks = (_wrong_type, _wrong_inventory, _wrong_content, _wrong_money, _wrong_volume, _wrong_dates)
    return next((why for check in checks if (why := check(criteria, product, today)) is not None), None)


def _wrong_type(criteria: DealCriteria, product: Product, _: date) -> tuple[str, str] | None:
    if not product.deal_types or criteria.deal_type in product.deal_types:
        return None
    return "deal_type", f"It is sold as {', '.join(product.deal_types)}, not as {criteria.deal_type}."


def _wrong_inventory(criteria: DealCriteria, product: Product, _: date) -> tuple[str, str] | None:
    out = criteria.without.get(INVENTORY, ())
    if product.inventory_type in out:
        return "excluded", f"The request leaves out {product.inventory_type}."
    if criteria.inventory and product.inventory_type not in criteria.inventory:
        return "inventory", f"It is {product.inventory_type}, not {' or '.join(criteria.inventory)}."
    return None


def _wrong_content(criteria: DealCriteria, product: Product, _: date) -> tuple[str, str] | None:
    said = _words_of(" ".join((product.name, product.description, *product.content, *product.formats)))
    for kind in (CONTENT, FORMAT, AUDIENCE, PUBLISHER):
        for value in criteria.without.get(kind, ()):
            if _carries(said, kind, value):
                return "excluded", f"The request leaves out {value}."
    return None


def _wrong_money(criteria: DealCriteria, product: Product, _: date) -> tuple[str, str] | None:
    if product.currency != criteria.currency:
        return "currency", f"It is sold in {product.currency}, the request is in {criteria.currency}."
    floor = product.floor_cpm
    if criteria.max_cpm is not None and floor is not None and floor > criteria.max_cpm:
        return "max_cpm", f"Its floor CPM {floor} is above the highest CPM {criteria.max_cpm}."
    return None


def _wrong_volume(criteria: DealCriteria, product: Product, _: date) -> tuple[str, str] | None:
    wanted = criteria.impressions
    if wanted is None:
        return None
    if wanted < product.min_impressions:
        return "min_impressions", f"Its smallest deal has {product.min_impressions:,} impressions."
    if criteria.deal_type == "PG" and product.available_cap is not None and wanted > product.available_cap:
        return "unavailable", f"It has {product.available_cap:,} impressions at most."
    return None


def _wrong_dates(criteria: DealCriteria, product: Product, today: date) -> tuple[str, str] | None:
    start, end = criteria.flight_start or today, criteria.flight_end
    if product.retired_on is not None and product.retired_on < (end or start):
        return "dates", f"It is sold until {product.retired_on.isoformat()} only."
    if product.active_from is not None and product.active_from > start:
        return "dates", f"It is sold from {product.active_from.isoformat()} on."
    if (start - today).days < product.lead_days:
        return "lead_time", f"It needs {product.lead_days} days before the start."
    return None


# --- the words --------------------------------------------------------------------------------------------------------


def _asked(criteria: DealCriteria) -> list[frozenset[str]]:
    """Groups of phrases of which each counts as one: a criterion with all that means the same, else the word itself."""
    wanted = (
        (INVENTORY, criteria.inventory),
        (FORMAT, criteria.formats),
        (CONTENT, criteria.content),
        (AUDIENCE, criteria.audience),
        (PUBLISHER, criteria.publishers),
    )
    groups = [_synonyms(kind, value) for kind, values in wanted for value in values]
    kept_out = [_synonyms(kind, value) for kind, values in criteria.without.items() for value in values]
    known = {word for group in (*groups, *kept_out) for phrase in group for word in phrase.split()}
    plain = [word for word in _words_of(criteria.text) if word not in known]
    return [*groups, *(frozenset({word}) for word in dict.fromkeys(plain))]


@cache
def _synonyms(kind: str, value: str) -> frozenset[str]:
    phrases = [*TABLES.get(kind, {}).get(value, value).split("; "), value]
    return frozenset(phrase for one in phrases if (phrase := " ".join(_words_of(one))))


def _carries(said: Sequence[str], kind: str, value: str) -> bool:
    """Whether a text holds a whole phrase that means the value."""
    return any(_times(phrase, said) for phrase in _synonyms(kind, value))


def _times(phrase: str, words: Sequence[str]) -> int:
    """How often the whole phrase stands in the words."""
    parts = phrase.split()
    return sum(list(words[at : at + len(parts)]) == parts for at in range(len(words) - len(parts) + 1))


def _words_of(text: str) -> list[str]:
    """Folded words without those that say nothing; an underscore and a plural s are no difference."""
    words = (token.word for token in cut(text.replace("_", " ")))
    return [_stem(word) for word in words if word not in FILLERS and any(letter.isalnum() for letter in word)]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _score(asked: Sequence[frozenset[str]], products: Sequence[Product]) -> Iterable[Ranked]:
    texts = [_fields(product) for product in products]
    means = {name: _mean(len(text[name]) for text in texts) for name in WEIGHTS}
    rarity = [_rarity(group, texts) for group in asked]
    for product, text in zip(products, texts, strict=True):
        score, matched = 0.0, []
        for group, rare in zip(asked, rarity, strict=True):
            weight = sum(_weight(group, name, text[name], means[name]) for name in WEIGHTS)
            if weight > 0:
                score += rare * weight / (SATURATION + weight)
                matched.append(
                    min(phrase for phrase in group if any(_times(phrase, text[name]) for name in WEIGHTS))
                )
        yield Ranked(product, round(score, 6), tuple(matched))


def _weight(group: frozenset[str], name: str, words: Sequence[str], mean: float) -> float:
    """What a field's text says of the group, a long text less than a short one."""
    said = sum(_times(phrase, words) for phrase in group)
    return WEIGHTS[name] * said / (1 - LENGTHS + LENGTHS * len(words) / mean) if said else 0.0


def _fields(product: Product) -> dict[str, list[str]]:
    return {
        "name": _words_of(product.name),
        "inventory": _words_of(product.inventory_type),
        "formats": _words_of(" ".join(product.formats)),
        "content": _words_of(" ".join(product.content)),
        "targeting": _words_of(" ".join(product.targeting)),
        "description": _words_of(product.description),
    }


def _rarity(group: frozenset[str], texts: Sequence[Mapping[str, Sequence[str]]]) -> float:
    """Inverse document frequency, never below 0: what most products carry still says a little."""
    carrying = sum(any(_times(phrase, text[name]) for name in WEIGHTS for phrase in group) for text in texts)
    return math.log(1 + (len(texts) - carrying + 0.5) / (carrying + 0.5))


def _mean(lengths: Iterable[int]) -> float:
    found = list(lengths)
    return sum(found) / len(found) if found else 0.0
