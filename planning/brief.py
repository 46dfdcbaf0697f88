"""A campaign brief from outside (page, REST, command line) as a checked `Brief`, and its stored form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from planning.booking_policy import read_booking_policy
from planning.brief_constraints import read_constraints
from planning.brief_delivery import read_pacing, read_timezone
from planning.brief_parts import read_audience, read_kpis
from planning.codec import from_json, to_json
from planning.fields import Fields, Given, fold
from planning.money import CURRENCY_EXPONENTS, currency_exponent, round_money
from planning.shape import check_shape, describe
from planning.types import CHANNELS, Audience, Brief, Constraints, FieldError, InvalidBrief, Kpis
from planning.zones import UTC_NAME, day_in

BUDGET_LIMIT = Decimal(10) ** 12
DEFAULT_CURRENCY = "USD"
CHANNEL_NAMES = {fold(channel): channel for channel in CHANNELS} | {fold("mobile_app"): "mobile"}

_NAMES = ("name", "campaign_name")
_OBJECTIVES = ("objectives", "objective")
_START = ("start_date", "flight_start")
_END = ("end_date", "flight_end")
_AUDIENCE = ("target_audience",)
_TOP_LEVEL = (
    *_NAMES,
    *_OBJECTIVES,
    "budget",
    "currency",
    *_START,
    *_END,
    *_AUDIENCE,
    "kpis",
    "channels",
    "constraints",
    "auto_approve",
    "booking_policy",
    "advertiser",
    "notes",
    "timezone",
    "pacing",
)


def read_brief(data: Mapping[str, Any], *, now: datetime, timezone: str = UTC_NAME) -> Brief:
    """The brief in `data`, in snake_case or camelCase, or `InvalidBrief` with every error at once.

    Money is in the brief's currency (ISO 4217, USD when none is named), a CPM is per 1,000 impressions, a
    rate is 0..1 or a percentage above 1. A flight may start on the day that `now` is in the brief's time zone, which
    is `timezone` where the brief names none.
    """
    errors: list[FieldError] = []
    if not isinstance(data, Mapping):
        raise InvalidBrief([FieldError("", "invalid_type", f"Send an object, not {describe(data)}.")])
    misshapen: list[FieldError] = []
    if not check_shape(data, misshapen):
        raise InvalidBrief(misshapen)

    fields = Fields(data, "", errors)
    name = _read_name(fields)
    objectives = _read_objectives(fields)
    budget, currency = _read_budget(fields)
    zone = read_timezone(fields, timezone)
    start, end = _read_flight(fields, day_in(zone, now))
    channels = _read_channels(fields)
    audience = _read_audience(fields)
    kpis = _read_kpis(fields, currency)
    constraints = _read_constraints(fields, channels)
    auto_approve = _read_auto_approve(fields)
    booking_policy = read_booking_policy(fields)
    pacing = read_pacing(fields)
    advertiser = _read_text(fields, "advertiser", 255)
    notes = _read_text(fields, "notes", 2000, lines=True)

    reported = {error.field for error in errors}
    errors.extend(error for error in misshapen if error.field not in reported)
    if errors or name is None or budget is None or start is None or end is None:
        raise InvalidBrief(errors)
    return Brief(
        name=name,
        objectives=objectives,
        budget=budget,
        currency=currency,
        start_date=start,
        end_date=end,
        audience=audience,
        kpis=kpis,
        channels=channels,
        constraints=constraints,
        auto_approve=auto_approve,
        advertiser=advertiser,
        notes=notes or "",
        booking_policy=booking_policy,
        timezone=zone,
        pacing=pacing,
    )


def unused_fields(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The top-level keys of `data` that planning does not read, so that a page can say so.

    Unknown keys inside the audience, the KPIs and the constraints are in each part's own `unused`.
    """
    known = {fold(name) for name in _TOP_LEVEL}
    return tuple(str(key) for key in data if fold(str(key)) not in known)


def brief_to_json(brief: Brief) -> dict[str, Any]:
    """The stored form of `brief`; `brief_from_json` gives an equal brief back."""
    stored: dict[str, Any] = to_json(brief)
    return stored


def brief_from_json(data: Mapping[str, Any]) -> Brief:
    """The brief that `brief_to_json` stored; it was checked when it was first read."""
    return from_json(Brief, data)


def _read_name(fields: Fields) -> str | None:
    given = fields.take(*_NAMES)
    if given is None:
        fields.missing("name", "Give the campaign a name of 1 to 100 characters.")
        return None
    return fields.text(given, 100)


def _read_objectives(fields: Fields) -> tuple[str, ...]:
    given = fields.take(*_OBJECTIVES)
    if given is None or given.value in ([], ()):
        path = given.path if given else "objectives"
        fields.error(path, "required", "Give at least one objective, for example 'brand awareness'.")
        return ()
    return fields.texts(given, 200, most=20)


def _read_budget(fields: Fields) -> tuple[Decimal | None, str]:
    given, named = fields.take("budget"), fields.take("currency")
    amount = given
    inside: Given | None = None
    if given is not None and isinstance(given.value, Mapping):
        parts = Fields(given.value, given.path, fields.errors)
        amount, inside = parts.take("amount", "value"), parts.take("currency")
        given = amount or Given(parts.at("amount"), None)
    currency = _read_currency(fields, named, inside)
    if amount is None:
        path = given.path if given else "budget"
        fields.error(path, "required", "Give the total budget as an amount above 0.")
        return None, currency or DEFAULT_CURRENCY
    number = fields.number(amount)
    if number is None or currency is None:
        return None, currency or DEFAULT_CURRENCY
    return _checked_budget(fields, amount.path, number, currency), currency


def _checked_budget(fields: Fields, path: str, number: Decimal, currency: str) -> Decimal | None:
    if number <= 0:
        fields.error(path, "not_positive", "Give a budget above 0.")
        return None
    if number >= BUDGET_LIMIT:
        fields.error(path, "too_large", "Give a budget below 1,000,000,000,000.")
        return None
    rounded = round_money(number, currency)
    if rounded != number:
        places = currency_exponent(currency)
        fields.error(
            path, "too_precise", f"{currency} has {places} decimal places; round the budget to them."
        )
        return None
    return rounded


def _read_currency(fields: Fields, *given: Given | None) -> str | None:
    codes: list[str] = []
    for one in given:
        if one is None:
            continue
        code = one.value.strip().upper() if isinstance(one.value, str) else ""
        if code not in CURRENCY_EXPONENTS:
            shown = describe(one.value)
            fields.error(one.path, "unknown_currency", f"Give an ISO 4217 code such as USD, not {shown}.")
            return None
        codes.append(code)
        if code != codes[0]:
            fields.error(
                one.path,
                "conflicting_field",
                f"The budget is in {code} but the brief says {codes[0]}; keep one.",
            )
            return None
    return codes[0] if codes else DEFAULT_CURRENCY


def _read_flight(fields: Fields, today: date) -> tuple[date | None, date | None]:
    starts, ends = fields.take(*_START), fields.take(*_END)
    if starts is None:
        fields.missing("start_date", "Give the first day of the flight as YYYY-MM-DD.")
    if ends is None:
        fields.missing("end_date", "Give the last day of the flight as YYYY-MM-DD.")
    start = fields.day(starts) if starts else None
    end = fields.day(ends) if ends else None
    if starts and start and start < today:
        fields.error(
            starts.path, "in_the_past", f"Start on or after {today.isoformat()}; {start.isoformat()} is past."
        )
    if ends and end and start and end < start:
        fields.error(ends.path, "before_start", f"End on or after the start, {start.isoformat()}.")
    elif ends and end and end < today:
        fields.error(ends.path, "in_the_past", f"End on or after {today.isoformat()}.")
    return start, end


def _read_channels(fields: Fields) -> tuple[str, ...]:
    given = fields.take("channels")
    if given is None:
        return CHANNELS
    if given.value in ([], ()):
        fields.error(given.path, "required", "Name at least one channel, or leave the field out for all.")
    wanted = set()
    for item in fields.items(given):
        channel = CHANNEL_NAMES.get(fold(item.value.strip())) if isinstance(item.value, str) else None
        if channel is None:
            known = ", ".join(CHANNELS)
            fields.error(
                item.path, "unknown_channel", f"Choose from {known}; {describe(item.value)} is none of them."
            )
        else:
            wanted.add(channel)
    return tuple(channel for channel in CHANNELS if channel in wanted)


def _read_audience(fields: Fields) -> Audience:
    given = fields.take(*_AUDIENCE)
    if given is None:
        fields.missing(
            "target_audience", "Describe the audience as an object; an empty object means everybody."
        )
        return Audience()
    inner = fields.inner(given)
    return read_audience(inner) if inner else Audience()


def _read_kpis(fields: Fields, currency: str) -> Kpis:
    given = fields.take("kpis")
    inner = fields.inner(given) if given else None
    return read_kpis(inner, currency) if inner else Kpis()


def _read_constraints(fields: Fields, channels: tuple[str, ...]) -> Constraints:
    given = fields.take("constraints")
    inner = fields.inner(given) if given else None
    return read_constraints(inner, channels, CHANNEL_NAMES) if inner else Constraints()


def _read_auto_approve(fields: Fields) -> bool:
    given = fields.take("auto_approve")
    if given is None:
        return False
    if not isinstance(given.value, bool):
        fields.error(given.path, "invalid_type", f"Give true or false, not {describe(given.value)}.")
        return False
    return given.value


def _read_text(fields: Fields, name: str, limit: int, *, lines: bool = False) -> str | None:
    given = fields.take(name)
    if given is None or given.value == "":
        return None
    return fields.text(given, limit, lines=lines)
