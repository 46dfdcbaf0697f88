"""How much of the brief's audience each channel can reach, from stated assumptions, with every number in a
reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from planning import reach_tables as tables
from planning.matching import match_offer
from planning.types import Audience, AudiencePlan, Brief, ChannelCoverage

__all__ = ["match_offer", "plan_audience"]

_COUNTRY = re.compile(r"[A-Za-z]{2,3}")
_REGION = re.compile(r"[A-Za-z]{2}-[A-Za-z0-9]{1,3}")
_COUNTRY_WORDS = frozenset(
    {"united states", "united kingdom", "germany", "france", "spain", "italy", "canada"}
)
_NATURE = "House planning assumptions, not measurements: planning/reach_tables.py states each."


@dataclass(frozen=True)
class Factor:
    """One requirement's effect on a channel: the share that can be targeted, and how that was found."""

    share: Decimal
    reason: str
    gap: str | None = None


def plan_audience(brief: Brief) -> AudiencePlan:
    """Coverage 0..1 of the audience per requested channel, in the order of `brief.channels`.

    Coverage is the channel's reach in the age range times, for each further requirement, `a + (1 - a) x
    0.35`, where `a` is the share of impressions on which that requirement can be targeted.
    """
    coverage = tuple(_cover(channel, brief.audience) for channel in brief.channels)
    everywhere = (
        [gap for gap in coverage[0].gaps if all(gap in one.gaps for one in coverage)] if coverage else []
    )
    unused = [f"'{key}' is not used by planning." for key in sorted(brief.audience.unused)]
    return AudiencePlan(coverage, (*everywhere, *unused), _summary(coverage))


def _cover(channel: str, audience: Audience) -> ChannelCoverage:
    reach = _reach(channel, audience)
    value = reach.share
    reasons, gaps = [reach.reason], [reach.gap] if reach.gap else []
    for factor in _requirements(channel, audience):
        counted = factor.share + (1 - factor.share) * tables.UNTARGETED
        value *= counted
        reasons.append(f"{factor.reason} Counted {counted:.4f}.")
        if factor.gap:
            gaps.append(factor.gap)
    coverage = value.quantize(Decimal("0.0001"))
    reasons.append(f"Coverage {coverage} is the product of the numbers above.")
    return ChannelCoverage(channel, coverage, tuple(gaps), tuple(reasons))


def _reach(channel: str, audience: Audience) -> Factor:
    low = audience.age_min if audience.age_min is not None else tables.YOUNGEST
    high = audience.age_max if audience.age_max is not None else tables.OLDEST
    gap = None
    if low < tables.YOUNGEST:
        gap = "Ages below 18 cannot be targeted (IAB Audience Taxonomy 1.1 begins at 18)."
    rates = tables.REACH_BY_AGE[channel]
    years = [max(0, min(high, to) - max(low, start) + 1) for start, to in tables.AGE_BANDS]
    asked = max(high - low + 1, 1)
    if not sum(years):
        # A range wholly above the last band is served by it; one below the first by nobody.
        share = rates[-1] if low > tables.OLDEST else Decimal(0)
        return Factor(share, f"Ages {low}-{high} lie outside the planned bands: reach {share}.", gap)
    beyond = max(0, high - max(low, tables.OLDEST + 1) + 1)
    weighted = sum((rate * count for rate, count in zip(rates, years, strict=True)), rates[-1] * beyond)
    share = weighted / asked
    parts = ", ".join(
        f"{start}-{to}: {rate} x {count} y"
        for (start, to), rate, count in zip(tables.AGE_BANDS, rates, years, strict=True)
        if count
    )
    return Factor(share, f"Reach of ages {low}-{high} is {share:.4f} (by band and years: {parts}).", gap)


def _requirements(channel: str, audience: Audience) -> Iterator[Factor]:
    if audience.genders:
        share = tables.GENDER[channel]
        yield Factor(share, f"Gender ({', '.join(audience.genders)}) is known on {share} of impressions.")
    if audience.geo:
        yield _geo(channel, audience.geo)
    if audience.interests:
        yield _interests(channel, audience.interests)
    if audience.demographics:
        share = tables.DEMOGRAPHICS[channel]
        yield Factor(
            share, f"Household data ({', '.join(audience.demographics)}) is known on {share} of impressions."
        )
    if audience.behaviors:
        yield _behaviors(channel, audience.behaviors)


def _geo(channel: str, places: Iterable[str]) -> Factor:
    grains = [(place, _grain(place)) for place in places]
    shares = [tables.GEO[grain][channel] for _, grain in grains]
    share = sum(shares, Decimal(0)) / len(shares)
    named = ", ".join(f"{place} ({grain} {tables.GEO[grain][channel]})" for place, grain in grains)
    return Factor(share, f"Places are targeted correctly on {share:.4f} of impressions: {named}.")


def _grain(place: str) -> str:
    if _COUNTRY.fullmatch(place) or place.lower() in _COUNTRY_WORDS:
        return "country"
    return "region" if _REGION.fullmatch(place) else "locality"


def _interests(channel: str, interests: Iterable[str]) -> Factor:
    shares: list[Decimal] = []
    named: list[str] = []
    for interest in interests:
        beside_content = bool(set(re.findall(r"[a-z]+", interest.lower())) & tables.CONTENT_WORDS[channel])
        share = tables.INTEREST_CONTENT if beside_content else tables.INTEREST_SEGMENT[channel]
        shares.append(share)
        named.append(f"{interest} ({'content' if beside_content else 'segment'} {share})")
    share = sum(shares, Decimal(0)) / len(shares)
    gap = None
    if all(one == tables.INTEREST_SEGMENT[channel] for one in shares) and share < Decimal("0.5"):
        wanted = ", ".join(interests)
        gap = f"{channel} declares no content for {wanted}; segments cover {share} of impressions."
    return Factor(share, f"Interests are addressed on {share:.4f} of impressions: {', '.join(named)}.", gap)


def _behaviors(channel: str, behaviors: Iterable[str]) -> Factor:
    share, named = tables.BEHAVIORS[channel], ", ".join(behaviors)
    gap = None
    if share == 0:
        gap = f"{channel} cannot address behaviours ({named}): a shared screen has no history of one person."
    return Factor(share, f"Behaviours ({named}) are known on {share} of impressions.", gap)


def _summary(coverage: tuple[ChannelCoverage, ...]) -> tuple[str, ...]:
    if not coverage:
        return ()
    ranked = sorted(coverage, key=lambda one: -one.coverage)
    listed = ", ".join(f"{one.channel} {one.coverage}" for one in ranked)
    return (f"Estimated coverage of the audience: {listed}.", _NATURE)
