"""The budget split over channels: the maximum of a total response with diminishing returns, within the
shares.

The response of a channel to a share u of the budget is `weight x coverage x (1 - exp(-u / s))`. The sum
over the channels is largest where every channel that is not held by a bound earns the same for its next
unit of money.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext

from planning.money import minor_unit, split_money
from planning.objectives import channel_weights, describe_readings, read_objectives
from planning.types import Allocation, AudiencePlan, Brief, FieldError, Infeasible, Share

__all__ = ["Infeasible", "allocate", "response", "response_curve"]

SATURATION: dict[str, Decimal] = {
    "branding": Decimal("0.60"),
    "ctv": Decimal("0.55"),
    "mobile": Decimal("0.50"),
    "performance": Decimal("0.40"),
}
"""Share of the budget at which a channel has given 63 % (1 - 1/e) of what it can give. House planning
assumption: broad inventory tires slowly, the pool of people with recent signals tires first."""

_FAINT = Decimal("1E-12")
_PRECISION = 40
_HALVINGS = 140


@dataclass(frozen=True)
class Curve:
    """One channel's response curve and the bounds on its share of the budget."""

    channel: str
    weight: Decimal
    coverage: Decimal
    saturation: Decimal
    bounds: Share

    @property
    def height(self) -> Decimal:
        """The response to unlimited money; never 0, so that money has an order even without any coverage."""
        return max(self.weight * self.coverage, _FAINT)

    def response(self, share: Decimal) -> Decimal:
        """What `share` of the budget achieves here, in weighted coverage."""
        return self.height * (1 - (-share / self.saturation).exp())

    def marginal(self, share: Decimal) -> Decimal:
        """The response to the next unit of money after `share`, per whole budget."""
        return self.height / self.saturation * (-share / self.saturation).exp()

    def log_start(self) -> Decimal:
        """The natural logarithm of the marginal response to the first money."""
        return (self.height / self.saturation).ln()

    def share_at(self, fall: Decimal) -> Decimal:
        """The share, within the bounds, after which the log of the marginal response has fallen by `fall`."""
        return min(max(self.saturation * fall, self.bounds.minimum), self.bounds.maximum)


def allocate(brief: Brief, audience_plan: AudiencePlan) -> tuple[Allocation, ...]:
    """The budget split over `brief.channels`, in their order; amounts sum to the budget to the minor unit.

    Shares hold to within one minor unit and have four places. Raises `Infeasible`, naming each constraint
    of the brief that cannot hold.
    """
    curves = _curves(brief, audience_plan)
    _check_bounds(curves)
    with localcontext() as context:
        context.prec = _PRECISION
        shares = _equal_marginals(curves)
        amounts = _to_minor_units(shares, curves, brief)
        rounded = _four_places(amounts)
        understood = describe_readings(read_objectives(brief.objectives))
        return tuple(
            Allocation(curve.channel, share, amount, _reasons(curve, amount, brief, understood))
            for curve, share, amount in zip(curves, rounded, amounts, strict=True)
        )


def response(brief: Brief, audience_plan: AudiencePlan, channel: str, amount: Decimal) -> Decimal:
    """The modelled response of `channel` to `amount` of money (brief's currency), in weighted coverage
    0..1."""
    with localcontext() as context:
        context.prec = _PRECISION
        curve = next(one for one in _curves(brief, audience_plan) if one.channel == channel)
        return curve.response(amount / brief.budget).quantize(Decimal("0.000001"))


def response_curve(
    brief: Brief, audience_plan: AudiencePlan, channel: str, points: int = 21
) -> tuple[tuple[Decimal, Decimal], ...]:
    """`points` pairs of (amount, response) from no money to the whole budget, for a chart."""
    steps = [brief.budget * index / (points - 1) for index in range(points)]
    unit = minor_unit(brief.currency)
    amounts = [step.quantize(unit, ROUND_HALF_UP) for step in steps]
    return tuple((amount, response(brief, audience_plan, channel, amount)) for amount in amounts)


def _curves(brief: Brief, audience_plan: AudiencePlan) -> list[Curve]:
    weights = channel_weights(read_objectives(brief.objectives))
    coverage = {one.channel: one.coverage for one in audience_plan.coverage}
    shares = brief.constraints.channel_shares
    return [
        Curve(channel, weights[channel], coverage[channel], SATURATION[channel], shares.get(channel, Share()))
        for channel in brief.channels
    ]


def _check_bounds(curves: Sequence[Curve]) -> None:
    errors = [
        FieldError(
            f"constraints.channel_shares.{curve.channel}",
            "min_above_max",
            f"The minimum share {curve.bounds.minimum} is above the maximum {curve.bounds.maximum}.",
        )
        for curve in curves
        if curve.bounds.minimum > curve.bounds.maximum
    ]
    least = sum((curve.bounds.minimum for curve in curves), Decimal(0))
    most = sum((curve.bounds.maximum for curve in curves), Decimal(0))
    named = ", ".join(curve.channel for curve in curves)
    if least > 1:
        errors.append(
            FieldError(
                "constraints.channel_shares",
                "minimums_above_whole",
                f"The minimum shares of {named} add up to {least}; lower them to at most 1.",
            )
        )
    if most < 1:
        errors.append(
            FieldError(
                "constraints.channel_shares",
                "maximums_below_whole",
                f"The maximum shares of {named} add up to {most}, so the budget cannot be placed; raise them.",
            )
        )
    if errors:
        raise Infeasible(errors)


def _equal_marginals(curves: Sequence[Curve]) -> list[Decimal]:
    """Shares summing to 1 at which every channel inside its bounds has the same marginal response.

    The sum of the shares falls as the common marginal response rises, so it is found by halving.
    """
    starts = [curve.log_start() for curve in curves]

    def shares(level: Decimal) -> list[Decimal]:
        return [curve.share_at(start - level) for curve, start in zip(curves, starts, strict=True)]

    low = min(starts) - 1 / min(curve.saturation for curve in curves) - 1
    high = max(starts) + 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if sum(shares(middle), Decimal(0)) > 1:
            low = middle
        else:
            high = middle
    return shares(high)


def _to_minor_units(shares: Sequence[Decimal], curves: Sequence[Curve], brief: Brief) -> list[Decimal]:
    """Amounts summing to the budget exactly: floors, then one more unit each by largest remainder."""
    unit = minor_unit(brief.currency)
    units = int(brief.budget / unit)
    exact = [share * units for share in shares]
    lows = [int((curve.bounds.minimum * units).to_integral_value(ROUND_CEILING)) for curve in curves]
    highs = [int((curve.bounds.maximum * units).to_integral_value(ROUND_FLOOR)) for curve in curves]
    if not (
        sum(lows) <= units <= sum(highs) and all(low <= high for low, high in zip(lows, highs, strict=True))
    ):
        # Shares that meet only between two minor units: each bound gives way by less than one unit.
        lows = [int((curve.bounds.minimum * units).to_integral_value(ROUND_FLOOR)) for curve in curves]
        highs = [int((curve.bounds.maximum * units).to_integral_value(ROUND_CEILING)) for curve in curves]
    parts = [
        min(max(int(value.to_integral_value(ROUND_FLOOR)), low), high)
        for value, low, high in zip(exact, lows, highs, strict=True)
    ]
    _settle(parts, exact, lows, highs, units)
    return [part * unit for part in parts]


def _settle(
    parts: list[int], exact: Sequence[Decimal], lows: Sequence[int], highs: Sequence[int], units: int
) -> None:
    while (missing := units - sum(parts)) != 0:
        step = 1 if missing > 0 else -1
        room = [
            index
            for index, part in enumerate(parts)
            if (part < highs[index] if step > 0 else part > lows[index])
        ]
        chosen = max(room, key=lambda index: (step * (exact[index] - parts[index]), -index))
        parts[chosen] += step


def _four_places(amounts: Sequence[Decimal]) -> tuple[Decimal, ...]:
    tenths_of_permille = split_money(Decimal(10_000), amounts, "JPY")
    return tuple(part.scaleb(-4) for part in tenths_of_permille)


def _reasons(curve: Curve, amount: Decimal, brief: Brief, understood: str) -> tuple[str, ...]:
    share = amount / brief.budget
    return (
        f"Objective weight {curve.weight:.4f}: {understood}.",
        f"Audience coverage {curve.coverage}; together they set the most it can give, {curve.height:.4f}.",
        f"Diminishing returns: 63 % of that is reached at {curve.saturation:.0%} of the budget. "
        f"{amount} {brief.currency} ({share:.2%}) gives {curve.response(share):.4f}; "
        f"the next 1 % of the budget would add {curve.marginal(share) / 100:.5f}.",
        _bound_reason(curve, share, brief),
    )


def _bound_reason(curve: Curve, share: Decimal, brief: Brief) -> str:
    near = minor_unit(brief.currency) / brief.budget
    if curve.bounds.minimum > 0 and share <= curve.bounds.minimum + near:
        return f"The brief's minimum share {curve.bounds.minimum} holds it up."
    if curve.bounds.maximum < 1 and share >= curve.bounds.maximum - near:
        return f"The brief's maximum share {curve.bounds.maximum} holds it down."
    if share == 0:
        return "Any money earns more in the other channels."
    if len(brief.channels) == 1:
        return "It is the only channel of the brief."
    return "No share bound binds: its next unit of money earns what it would in the other free channels."
