"""How figures are written on pages. Nothing is rounded through a float; what is missing stays visibly missing."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from django import template

from planning.money import UnknownCurrency, currency_exponent

register = template.Library()
LEAST_CPM_PLACES = 2
EXACT_BELOW = 100_000  # a difference beyond says nothing more by its cents


@register.filter
def whole(number: Any) -> str:
    """1234567 as "1,234,567"."""
    return "" if number is None else f"{int(number):,}"


@register.filter
def amount(value: Any, currency: str) -> str:
    """The amount with the minor digits of its currency: "1,234.50", JPY "1,235"."""
    exact = _decimal(value)
    return "" if exact is None else f"{exact:,.{_places(currency)}f}"


@register.filter
def money(value: Any, currency: str) -> str:
    """The amount with its currency in front, as the page's script writes it too: "USD 1,234.50"."""
    text = amount(value, currency)
    return f"{currency} {text}" if text else ""


@register.filter
def cpm(value: Any) -> str:
    """A price per 1,000 impressions, never cut: at least two places, up to the six that wires carry."""
    exact = _decimal(value)
    if exact is None:
        return ""
    whole_part, _, places = f"{exact:,.6f}".partition(".")
    return f"{whole_part}.{places.rstrip('0').ljust(LEAST_CPM_PLACES, '0')}"


@register.filter
def difference(later: Any, earlier: Any) -> str:
    """How much more or less it is: "+1,200", "-3.50", "same"; empty where one of them is not known."""
    after, before = _decimal(later), _decimal(earlier)
    if after is None or before is None:
        return ""
    change = (after - before).normalize()
    if not change:
        return "same"
    places = 2 if change != change.to_integral_value() and abs(change) < EXACT_BELOW else 0
    return f"{change:+,.{places}f}"


@register.filter
def times(value: Any, factor: int) -> str:
    exact = _decimal(value)
    return "" if exact is None else f"{(exact * factor).normalize():f}"


@register.filter
def percent(value: Any, places: int = 1) -> str:
    """A percentage (26.74 as "26.7 %"). Rounded down, so that 99.97 never reads as all of it."""
    exact = _decimal(value)
    if exact is None:
        return ""
    return f"{exact.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)} %"


@register.filter
def share(value: Any, total: Any) -> str:
    """`value` as a percentage of `total`; empty when there is no total."""
    part, all_of_it = _decimal(value), _decimal(total)
    if part is None or not all_of_it:
        return ""
    return percent(part * 100 / all_of_it)


@register.filter
def micros(value: Decimal) -> int:
    """An amount in whole millionths, the unit in which the page's script adds."""
    return int(value * 1_000_000)


@register.filter
def seconds(milliseconds: Any) -> str:
    return "" if milliseconds is None else f"{Decimal(milliseconds) / 1000:.1f} s"


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        exact = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return None
    return exact if exact.is_finite() else None


def _places(currency: str) -> int:
    try:
        return currency_exponent(currency)
    except UnknownCurrency:
        return 2
