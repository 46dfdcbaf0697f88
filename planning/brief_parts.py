"""The target audience and the KPIs of a brief."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from planning.fields import Fields, Given, fold
from planning.shape import describe
from planning.types import Audience, Kpis

MAX_AGE = 120
CPM_LIMIT = Decimal(1_000_000)
GENDERS = {
    "female": "female",
    "f": "female",
    "women": "female",
    "male": "male",
    "m": "male",
    "men": "male",
    "other": "other",
    "nonbinary": "other",
    "unknown": "unknown",
}
_EVERY_GENDER = {"all", "any", "both", "everyone"}
_AGE_RANGE = re.compile(r"\s*([0-9]{1,3})\s*(?:-|–|to)\s*([0-9]{1,3})\s*")
_AGE_FROM = re.compile(r"\s*([0-9]{1,3})\s*\+\s*")


def read_audience(fields: Fields) -> Audience:
    """The audience of a brief. Ages are in years, both ends included; absent means everybody."""
    age = fields.take("age", "age_range", "ages")
    gender = fields.take("gender", "genders")
    demographics = fields.take("demographics")
    described: tuple[str, ...] = ()
    if demographics is not None and isinstance(demographics.value, Mapping):
        inside = Fields(demographics.value, demographics.path, fields.errors)
        age = age or inside.take("age", "age_range", "ages")
        gender = gender or inside.take("gender", "genders")
        described = _read_described(inside)
    elif demographics is not None:
        described = fields.texts(demographics, 100)
    low, high = _read_age(fields, age)
    return Audience(
        age_min=low,
        age_max=high,
        genders=_read_genders(fields, gender),
        geo=_read_words(fields, "geo", "geos", "geography", "locations"),
        interests=_read_words(fields, "interests", "interest"),
        demographics=described,
        behaviors=_read_words(fields, "behaviors", "behaviours", "behavior"),
        unused=fields.unused(),
    )


def read_kpis(fields: Fields, currency: str) -> Kpis:
    """The KPIs of a brief; CPMs in `currency` per 1,000, rates normalised to 0..1."""
    maximum = _read_cpm(fields, "max_cpm", currency)
    target = _read_cpm(fields, "target_cpm", currency)
    if maximum and target and maximum[1] < target[1]:
        fields.error(
            maximum[0].path,
            "below_target",
            f"Raise the maximum CPM to at least the target CPM of {target[1]}, or lower the target.",
        )
    return Kpis(
        max_cpm=maximum[1] if maximum else None,
        target_cpm=target[1] if target else None,
        viewability=_read_rate(
            fields, "viewability", "viewability_rate", "min_viewability", "target_viewability"
        ),
        completion_rate=_read_rate(
            fields,
            "completion_rate",
            "video_completion_rate",
            "vcr",
            "min_completion_rate",
            "target_completion_rate",
        ),
        ctr=_read_rate(fields, "ctr", "target_ctr", "click_through_rate"),
        brand_safety=_read_brand_safety(fields),
        unused=fields.unused(),
    )


def _read_age(fields: Fields, given: Given | None) -> tuple[int | None, int | None]:
    outer_low, outer_high = fields.take("age_min", "min_age"), fields.take("age_max", "max_age")
    if given is None:
        return _checked_ages(fields, outer_low, outer_high)
    value = given.value
    if isinstance(value, Mapping):
        inside = Fields(value, given.path, fields.errors)
        return _checked_ages(
            fields, inside.take("min", "minimum", "from"), inside.take("max", "maximum", "to")
        )
    if isinstance(value, str) and value.strip().lower() in _EVERY_GENDER:
        return None, None
    if isinstance(value, str) and (between := _AGE_RANGE.fullmatch(value)):
        return _checked_ages(fields, Given(given.path, int(between[1])), Given(given.path, int(between[2])))
    if isinstance(value, str) and (above := _AGE_FROM.fullmatch(value)):
        return _checked_ages(fields, Given(given.path, int(above[1])), None)
    if isinstance(value, list | tuple) and len(value) == 2 and not any(isinstance(v, str) for v in value):
        return _checked_ages(fields, Given(given.path, value[0]), Given(given.path, value[1]))
    fields.error(
        given.path,
        "invalid_age",
        f"Write ages as '25-54', '55+' or an object with min and max, not {describe(value)}.",
    )
    return None, None


def _checked_ages(fields: Fields, low: Given | None, high: Given | None) -> tuple[int | None, int | None]:
    youngest = fields.whole(low, 0, MAX_AGE) if low else None
    oldest = fields.whole(high, 0, MAX_AGE) if high else None
    if high and youngest is not None and oldest is not None and oldest < youngest:
        fields.error(high.path, "invalid_age", "Put the lower age first.")
    return youngest, oldest


def _read_genders(fields: Fields, given: Given | None) -> tuple[str, ...]:
    if given is None:
        return ()
    found: dict[str, None] = {}
    for item in fields.items(given):
        word = fold(item.value.strip()).replace("-", "") if isinstance(item.value, str) else ""
        if word in _EVERY_GENDER:
            return ()
        if word not in GENDERS:
            fields.error(
                item.path, "unknown_gender", f"Choose female, male, other or all, not {describe(item.value)}."
            )
        else:
            found[GENDERS[word]] = None
    return tuple(sorted(found))


def _read_words(fields: Fields, *names: str) -> tuple[str, ...]:
    given = fields.take(*names)
    return fields.texts(given, 100) if given else ()


def _read_described(inside: Fields) -> tuple[str, ...]:
    """`{"income": "100k+"}` as `income: 100k+`, so that a table and a list of demographics read the same."""
    words: list[str] = []
    for key, value in inside.unused().items():
        values = value if isinstance(value, list) else [value]
        for item in values:
            if isinstance(item, str | int | float) and not isinstance(item, bool):
                words.append(f"{key}: {item}")
            elif item is not None:
                inside.error(
                    inside.at(key), "invalid_type", f"Give a text or a list of texts, not {describe(item)}."
                )
    return tuple(dict.fromkeys(words))


def _read_cpm(fields: Fields, name: str, currency: str) -> tuple[Given, Decimal] | None:
    given = fields.take(name, f"{name}_usd")
    if given is None:
        return None
    if fold(given.path).endswith("usd") and currency != "USD":
        fields.error(
            given.path, "currency_mismatch", f"The budget is in {currency}; give '{name}' in {currency} too."
        )
        return None
    number = fields.number(given)
    if number is None:
        return None
    if not 0 < number <= CPM_LIMIT:
        fields.error(given.path, "out_of_range", f"Give a CPM above 0 and up to {CPM_LIMIT:,}.")
        return None
    if number != round(number, 6):
        fields.error(given.path, "too_precise", "Give a CPM with at most 6 decimal places.")
        return None
    return given, number


def _read_rate(fields: Fields, *names: str) -> Decimal | None:
    given = fields.take(*names)
    return fields.rate(given) if given else None


def _read_brand_safety(fields: Fields) -> str | None:
    given = fields.take("brand_safety")
    if given is None or given.value is False:
        return None
    return "required" if given.value is True else fields.text(given, 100)
