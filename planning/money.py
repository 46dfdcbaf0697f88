"""ISO 4217 minor units and the one rounding rule for money: half up, to the currency's minor unit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

ARITHMETIC = Context(prec=40)
"""Enough digits for 10^12 of any currency times 10^12 impressions without a silent rounding."""

_TWO_PLACES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY
COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR
ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR
ZMW ZWG
"""
_ZERO_PLACES = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_PLACES = "BHD IQD JOD KWD LYD OMR TND"

CURRENCY_EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO_PLACES.split(), 2),
    **dict.fromkeys(_ZERO_PLACES.split(), 0),
    **dict.fromkeys(_THREE_PLACES.split(), 3),
}
"""Minor-unit digits of each circulating currency (ISO 4217 list one; funds codes and metals are left out)."""


class UnknownCurrency(ValueError):
    """The code is not a circulating ISO 4217 currency."""


def currency_exponent(code: str) -> int:
    """Digits after the point in `code`'s minor unit: USD 2, JPY 0, KWD 3. Raises `UnknownCurrency`."""
    try:
        return CURRENCY_EXPONENTS[code]
    except KeyError:
        raise UnknownCurrency(f"{code!r} is not an ISO 4217 currency code") from None


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of `currency`: 0.01 for USD, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-currency_exponent(currency))


def round_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded half up to the minor unit of `currency`, with exactly that many places."""
    return amount.quantize(minor_unit(currency), ROUND_HALF_UP, context=ARITHMETIC)


def floor_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` cut down (towards zero) to the minor unit of `currency`."""
    return amount.quantize(minor_unit(currency), ROUND_DOWN, context=ARITHMETIC)


def line_cost(impressions: int, cpm: Decimal, currency: str) -> Decimal:
    """What `impressions` cost at `cpm` per 1,000, in `currency`: OpenDirect's CPM arithmetic, half up."""
    exact = ARITHMETIC.multiply(Decimal(impressions), cpm).scaleb(-3, context=ARITHMETIC)
    return round_money(exact, currency)


def affordable_impressions(amount: Decimal, cpm: Decimal, currency: str) -> int:
    """The largest volume whose rounded cost at `cpm` is at most `amount`. `cpm` must be positive."""
    if amount < 0:
        return 0
    # Half up: a raw cost below amount + half a minor unit still rounds down to amount.
    ceiling = amount + minor_unit(currency) / 2
    volume = int(ARITHMETIC.divide(ceiling * 1000, cpm).to_integral_value(ROUND_DOWN))
    while volume > 0 and line_cost(volume, cpm, currency) > amount:
        volume -= 1
    return volume


def split_money(total: Decimal, weights: Sequence[Decimal], currency: str) -> tuple[Decimal, ...]:
    """`total` in parts proportional to `weights`, summing to it exactly (largest remainder).

    `total` must be a whole number of minor units, `weights` non-negative with a positive sum.
    """
    unit = minor_unit(currency)
    whole = sum(weights, Decimal(0))
    if whole <= 0:
        raise ValueError("the weights must have a positive sum")
    exact = [ARITHMETIC.divide(ARITHMETIC.multiply(total, weight), whole) for weight in weights]
    parts = [floor_money(part, currency) for part in exact]
    missing = int((total - sum(parts, Decimal(0))) / unit)
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[:missing]:
        parts[index] += unit
    return tuple(parts)
