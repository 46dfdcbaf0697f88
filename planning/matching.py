"""How well one product fits the brief: audience match and quality, both 0..1, from what the seller states.

What a seller does not state is not guessed: it takes a neutral prior, and the reason says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from planning.reach_tables import OLDEST
from planning.types import Audience, Brief, Kpis, Product

UNSTATED = Decimal("0.5")
"""Match on a requirement about which the seller says nothing at all."""
NOT_OFFERED = Decimal("0.4")
"""Match on a requirement that is missing from a seller's list of targeting options."""
OFFERED = Decimal("0.9")
"""Match when the seller offers the kind of targeting but not this very value."""
WIDER_PLACE = Decimal("0.6")
"""Match when the seller's place contains the brief's, so that part of the impressions falls outside."""

DEFAULT_VIEWABILITY = Decimal("0.70")
"""The viewability held as the goal when the brief names none."""
UNSTATED_RATE = Decimal("0.8")
"""Share of a viewability or completion goal credited to a product that states no rate."""
UNSTATED_SAFETY = Decimal("0.9")
CAREFUL = frozenset({"high", "strict"})
"""The words for brand safety levels at which what a seller's own texts say counts against a product."""
DOUBTFUL_WORDS: dict[str, Decimal] = {
    "user generated": Decimal("0.5"),
    "ugc": Decimal("0.5"),
    "remnant": Decimal("0.5"),
    "unsold": Decimal("0.5"),
    "backfill": Decimal("0.5"),
    "run of network": Decimal("0.7"),
    "partner sites": Decimal("0.8"),
    "audience extension": Decimal("0.8"),
}
"""What a product counts whose name, description, tags or formats say this. House assumption: the buyer does not
know beside what the advertisement will stand, least of all beside what users upload."""
_DENIALS = ("no", "non", "not", "without", "excludes", "excluding")
_DOUBTFUL = re.compile("".join(f"(?<! {word})" for word in _DENIALS) + f" ({'|'.join(DOUBTFUL_WORDS)})(?= )")
NOT_GUARANTEED = Decimal("0.95")
"""Non-guaranteed volume may not be delivered in full."""

VIDEO_INVENTORY = frozenset({"video", "ctv", "linear_tv"})
_PLACES = Decimal("0.0001")
_WORDS = re.compile(r"[a-z0-9]+")
_AGES = re.compile(r"(?<![A-Za-z0-9])([APMWF]?)\s?([0-9]{2})(?:\s?-\s?([0-9]{2})|\s?\+)(?![0-9])")
_PLACE_ALIASES = {
    "USA": "US",
    "UNITED STATES": "US",
    "UK": "GB",
    "GBR": "GB",
    "UNITED KINGDOM": "GB",
    "DEU": "DE",
}
_PLACE_KEYS = frozenset({"geo", "country", "countries", "region", "regions", "location", "locations", "dma"})
_OPTION_WORDS = {
    "age": frozenset({"age", "ages", "demo", "demographic", "demographics"}),
    "gender": frozenset({"gender", "sex", "demo", "demographic", "demographics"}),
    "geo": _PLACE_KEYS | {"city", "zip", "postal", "state", "metro"},
    "interests": frozenset(
        {"interest", "interests", "contextual", "segment", "segments", "audience", "affinity"}
    ),
    "demographics": frozenset({"demo", "demographic", "demographics", "household", "income"}),
    "behaviors": frozenset(
        {
            "behavior",
            "behaviors",
            "behavioral",
            "behaviour",
            "behaviours",
            "behavioural",
            "retargeting",
            "purchase",
        }
    ),
}
_SAFETY_WORDS = frozenset({"safe", "safety", "suitability", "verified", "ias", "doubleverify"})

Judgement = tuple[Decimal, str]


def match_offer(brief: Brief, product: Product) -> tuple[Decimal, Decimal, tuple[str, ...]]:
    """Audience match and quality of `product` for `brief`, each 0..1 with four places, and the reasons.

    Match is the mean over the requirements that the brief states (1 when it states none), and 0 when the
    seller says that the product serves somebody else. Quality is the product of viewability, completion
    (video only), brand safety, the surroundings where the brief asks for care, and certainty of delivery.
    """
    fits = list(_fits(brief.audience, product))
    match = sum((share for share, _ in fits), Decimal(0)) / len(fits) if fits else Decimal(1)
    if any(share == 0 for share, _ in fits):
        match = Decimal(0)
    traits = list(_traits(brief.kpis, product))
    quality = Decimal(1)
    for share, _ in traits:
        quality *= share
    match, quality = match.quantize(_PLACES), quality.quantize(_PLACES)
    asked = "the mean of what the brief asks" if fits else "the brief asks for nobody in particular"
    reasons = (
        f"Audience match {match}: {asked}.",
        *(text for _, text in fits),
        f"Quality {quality}: the product of what follows.",
        *(text for _, text in traits),
    )
    return match, quality, reasons


def _fits(audience: Audience, product: Product) -> Iterator[Judgement]:
    targeting = product.targeting
    if audience.age_min is not None or audience.age_max is not None:
        yield _age_fit(audience, targeting)
    if audience.genders:
        yield _gender_fit(audience.genders, targeting)
    if audience.geo:
        yield _place_fit(audience.geo, targeting)
    if audience.interests:
        yield _word_fit("interests", audience.interests, targeting, product.content)
    if audience.demographics:
        yield _word_fit("demographics", audience.demographics, targeting)
    if audience.behaviors:
        yield _word_fit("behaviors", audience.behaviors, targeting)


def _age_fit(audience: Audience, targeting: Sequence[str]) -> Judgement:
    low = audience.age_min if audience.age_min is not None else 0
    high = audience.age_max if audience.age_max is not None else OLDEST
    ranges = _age_ranges(tuple(targeting))
    if not ranges:
        return _option_fit("age", targeting)
    best = max(ranges, key=lambda one: (_overlap(low, high, one[1], one[2]), -one[1], -one[2]))
    share = _overlap(low, high, best[1], best[2])
    return share, f"Ages: the closest range sold, {best[1]}-{best[2]}, lies {share:.2f} inside {low}-{high}."


def _overlap(low: int, high: int, start: int, end: int) -> Decimal:
    common = min(high, end) - max(low, start) + 1
    return Decimal(max(common, 0)) / (end - start + 1)


def _gender_fit(genders: Sequence[str], targeting: Sequence[str]) -> Judgement:
    letters = {letter for letter, _, _ in _age_ranges(tuple(targeting))}
    sold = {"M": "male", "W": "female", "F": "female"}
    sold_genders = {sold[letter] for letter in letters if letter in sold}
    if sold_genders and letters <= set(sold):
        if sold_genders & set(genders):
            return Decimal(1), f"Gender: sold as {', '.join(sorted(sold_genders))}."
        return Decimal(0), f"Gender: sold only as {', '.join(sorted(sold_genders))}."
    return _option_fit("gender", targeting)


def _place_fit(wanted: Sequence[str], targeting: Sequence[str]) -> Judgement:
    sold = _sold_places(tuple(targeting))
    if not sold:
        return _option_fit("geo", targeting)
    places = [_place(place) for place in wanted]
    listed = ", ".join(sold[:5])
    if any(_inside(one, place) for one in sold for place in places):
        return Decimal(1), f"Places: sold in {listed}, inside what the brief asks."
    if any(_inside(place, one) for one in sold for place in places):
        return WIDER_PLACE, f"Places: sold in {listed}, wider than the brief: counted {WIDER_PLACE}."
    countries = {place[:2] for place in places if _is_coded(place)}
    if len(countries) and all(_is_coded(place) for place in (*places, *sold)):
        return Decimal(0), f"Places: sold only in {listed}."
    return UNSTATED, f"Places: {listed} cannot be compared with the brief's; neutral prior {UNSTATED}."


def _word_fit(
    kind: str, wanted: Sequence[str], targeting: Sequence[str], content: Sequence[str] = ()
) -> Judgement:
    stated = _words((*targeting, *content))
    hits = [one for one in wanted if _words((one,)) & stated]
    if not hits:
        return _option_fit(kind, targeting)
    share = OFFERED + (1 - OFFERED) * len(hits) / len(wanted)
    return share, f"{kind.capitalize()}: the seller names {', '.join(hits)}; counted {share:.2f}."


def _option_fit(kind: str, targeting: Sequence[str]) -> Judgement:
    if not targeting:
        return UNSTATED, f"{kind.capitalize()}: the seller states no targeting; neutral prior {UNSTATED}."
    if _words(targeting) & _OPTION_WORDS[kind]:
        return OFFERED, f"{kind.capitalize()}: the seller offers this kind of targeting; counted {OFFERED}."
    return (
        NOT_OFFERED,
        f"{kind.capitalize()}: not among the seller's targeting options; counted {NOT_OFFERED}.",
    )


def _traits(kpis: Kpis, product: Product) -> Iterator[Judgement]:
    yield _viewability_trait(kpis, product)
    if kpis.completion_rate and _plays_video(product):
        yield _goal_trait("Completion rate", product.completion_rate, kpis.completion_rate)
    if kpis.brand_safety:
        stated = bool(_words((*product.content, *product.targeting)) & _SAFETY_WORDS)
        share = Decimal(1) if stated else UNSTATED_SAFETY
        yield share, f"Brand safety: {'stated' if stated else 'not stated'} by the seller; counted {share}."
        if _words((kpis.brand_safety,)) & CAREFUL and (context := _context_trait(product)):
            yield context
    share = Decimal(1) if product.guaranteed else NOT_GUARANTEED
    yield share, f"Delivery: {'guaranteed' if product.guaranteed else 'not guaranteed'}; counted {share}."


def _context_trait(product: Product) -> Judgement | None:
    """The worst word of the table that the seller uses of the product and does not deny, whole words only."""
    texts = (product.name, product.description, *product.content, *product.targeting, *product.formats)
    found = [(DOUBTFUL_WORDS[word], word) for word in _DOUBTFUL.findall(_spoken(texts))]
    if not found:
        return None
    share, word = min(found)
    return share, f'Surroundings: the seller says "{word}"; counted {share} (house assumption).'


def _viewability_trait(kpis: Kpis, product: Product) -> Judgement:
    """Without a goal in the brief, the house's is only a yardstick: missing it counts in proportion."""
    if kpis.viewability:
        return _goal_trait("Viewability", product.viewability, kpis.viewability)
    if product.viewability is None:
        return _unstated_rate("Viewability", DEFAULT_VIEWABILITY, "house")
    share = _reached(product.viewability, DEFAULT_VIEWABILITY)
    return share, (
        f"Viewability: {product.viewability} stated against the house goal {DEFAULT_VIEWABILITY}; "
        f"counted {share:.4f}."
    )


def _goal_trait(name: str, stated: Decimal | None, goal: Decimal) -> Judgement:
    """A goal that the brief sets is there to be reached: what misses it counts (stated / goal) squared."""
    if stated is None:
        return _unstated_rate(name, goal, "brief's")
    reached = _reached(stated, goal)
    share = reached * reached
    how = f"counted {share:.4f}, the square of {reached:.4f}" if reached < 1 else "counted 1"
    return share, f"{name}: {stated} stated against the brief's goal {goal}; {how}."


def _unstated_rate(name: str, goal: Decimal, whose: str) -> Judgement:
    return UNSTATED_RATE, f"{name}: not stated; neutral prior {UNSTATED_RATE} of the {whose} goal {goal}."


def _reached(stated: Decimal, goal: Decimal) -> Decimal:
    return min(Decimal(1), max(stated, Decimal(0)) / goal)


def _plays_video(product: Product) -> bool:
    return product.inventory_type in VIDEO_INVENTORY or "video" in _words(product.formats)


@lru_cache(maxsize=20_000)
def _spoken(texts: tuple[str, ...]) -> str:
    """All words in order with one blank around each; a bar parts one text from the next."""
    return " | ".join(["", *(" ".join(_WORDS.findall(text.lower())) for text in texts), ""])


def _words(texts: Iterable[str]) -> frozenset[str]:
    return _words_of(tuple(texts))


@lru_cache(maxsize=20_000)
def _words_of(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _WORDS.findall(text.lower()))


@lru_cache(maxsize=20_000)
def _age_ranges(targeting: tuple[str, ...]) -> tuple[tuple[str, int, int], ...]:
    """`A18-49`, `demo:W25-54`, `55+` as (letter, from, to)."""
    found: list[tuple[str, int, int]] = []
    for text in targeting:
        for letter, start, end in _AGES.findall(text):
            low, high = int(start), int(end) if end else max(OLDEST, int(start))
            if low <= high:
                found.append((letter, low, high))
    return tuple(found)


@lru_cache(maxsize=20_000)
def _sold_places(targeting: tuple[str, ...]) -> tuple[str, ...]:
    pairs = (text.replace("=", ":", 1).split(":", 1) for text in targeting)
    return tuple(
        _place(pair[1]) for pair in pairs if len(pair) == 2 and pair[0].strip().lower() in _PLACE_KEYS
    )


def _place(text: str) -> str:
    upper = text.strip().upper()
    return _PLACE_ALIASES.get(upper, upper)


def _inside(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}-")


def _is_coded(place: str) -> bool:
    return bool(re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", place))
