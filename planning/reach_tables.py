"""The numbers behind coverage estimates. They are house planning assumptions, not measurements.

Each table says what it assumes, and each number that is used appears in the reason beside the estimate, so
that a planner can disagree with it. Where a house has measured reach (panel, ad server), these tables are
what to replace.
"""

from __future__ import annotations

from decimal import Decimal

from planning.types import CHANNELS

AGE_BANDS: tuple[tuple[int, int], ...] = ((18, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 84))
YOUNGEST, OLDEST = 18, 84
"""IAB Audience Taxonomy 1.1 starts at 18; above 84 no band is planned. Years inside a band count alike."""

_REACH = {
    "branding": ("0.88", "0.88", "0.86", "0.82", "0.76", "0.62"),
    "ctv": ("0.70", "0.76", "0.74", "0.66", "0.54", "0.38"),
    "mobile": ("0.94", "0.93", "0.90", "0.83", "0.70", "0.48"),
    "performance": ("0.74", "0.80", "0.80", "0.74", "0.66", "0.50"),
}
REACH_BY_AGE: dict[str, tuple[Decimal, ...]] = {
    channel: tuple(Decimal(value) for value in _REACH[channel]) for channel in CHANNELS
}
"""Share of people of each age band who meet the channel in a four-week flight. Assumed shape: app use falls
fastest with age, streaming is a household screen of the middle bands, open-web display and video are the
flattest, and performance counts only people with enough recent signals to bid on."""


def _row(branding: str, ctv: str, mobile: str, performance: str) -> dict[str, Decimal]:
    return dict(zip(CHANNELS, map(Decimal, (branding, ctv, mobile, performance)), strict=True))


GENDER = _row("0.75", "0.55", "0.75", "0.80")
"""Share of impressions whose viewer's gender is known; a television is watched by a household."""

GEO: dict[str, dict[str, Decimal]] = {
    "country": _row("0.98", "0.98", "0.98", "0.98"),
    "region": _row("0.92", "0.94", "0.93", "0.92"),
    "locality": _row("0.75", "0.80", "0.85", "0.75"),
}
"""Share of impressions placed correctly at each granularity: an IP address gives the country, and usually the
region; a city, metro or postal code leans on device location (mobile) or the household's address (ctv)."""

DEMOGRAPHICS = _row("0.55", "0.60", "0.50", "0.60")
"""Share of impressions with household data (income, education, children) attached."""

BEHAVIORS = _row("0.50", "0", "0.60", "0.85")
"""Share of impressions that carry the person's own past acts. None on a shared television screen."""

INTEREST_SEGMENT = _row("0.60", "0.35", "0.65", "0.80")
"""Share of impressions that an interest segment covers when no content category stands for the interest."""

INTEREST_CONTENT = Decimal("0.90")
"""Share of the interested people found beside content of that category."""

_CONTENT = {
    "branding": """
        art arts automotive autos books business cars careers education entertainment family fashion
        finance fitness food gardening health home movies music news parenting pets politics science
        shopping sports style tech technology television travel weather wellness
    """,
    "ctv": """
        comedy cooking documentary drama entertainment family food kids lifestyle movies music news
        reality sports television travel
    """,
    "mobile": """
        dating entertainment finance fitness food games gaming health music news shopping social
        sports travel weather wellness
    """,
    "performance": """
        automotive autos business cars careers education fashion finance health home insurance
        shopping style tech technology travel
    """,
}
CONTENT_WORDS: dict[str, frozenset[str]] = {
    channel: frozenset(_CONTENT[channel].split()) for channel in CHANNELS
}
"""Words of an interest that name a content category which the channel's inventory commonly declares (tier 1
names of the IAB Content Taxonomy 3.1, shortened)."""

UNTARGETED = Decimal("0.35")
"""What an impression counts for a requirement that cannot be targeted: it still meets the person by
chance."""
