"""From the solver's numbers to whole impressions and exact money: repaired where a hair over, filled where
short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from planning.candidates import Candidate, Key, Limits, Rung
from planning.money import ARITHMETIC, affordable_impressions, line_cost
from planning.programme import LINES_PER_CHANNEL
from planning.saturation import counted, edges, next_counts
from planning.search import Choice

WORTH_A_LINE = Decimal("0.001")
"""A line is added after the solver only when it uses at least this part of its channel's money, also where
smaller lines than the house's usual are allowed."""

_VALUE_PLACES = Decimal("0.000001")


@dataclass
class Holding:
    """One line while its volume is settled. Both the exact and the rounded cost are held within every
    limit."""

    candidate: Candidate
    rung: Rung
    impressions: int

    @property
    def exact(self) -> Decimal:
        return ARITHMETIC.multiply(Decimal(self.impressions), self.rung.cpm).scaleb(-3)


class Basket:
    """The chosen lines and what they use."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.holdings: dict[Key, Holding] = {}

    def cost(self, holding: Holding) -> Decimal:
        """The line's cost in the brief's currency, half up."""
        return line_cost(holding.impressions, holding.rung.cpm, self.limits.currency)

    def value(self, holding: Holding) -> Decimal:
        """Weighted impressions of the line after saturation, cut to six places so that no bound is passed."""
        exact = holding.exact
        lost = exact - counted(exact, self._money(holding))
        full = holding.candidate.value * holding.impressions
        return (full - holding.candidate.worth(holding.rung.cpm) * lost).quantize(_VALUE_PLACES, ROUND_DOWN)

    def worth(self, holding: Holding) -> Decimal:
        """Weighted impressions per unit of the line's money, saturation included."""
        rate = holding.candidate.worth(holding.rung.cpm)
        exact = holding.exact
        return rate * ARITHMETIC.divide(counted(exact, self._money(holding)), exact) if exact else rate

    def next_worth(self, holding: Holding) -> Decimal:
        """Weighted impressions that the line's next unit of money would add."""
        return holding.candidate.worth(holding.rung.cpm) * next_counts(holding.exact, self._money(holding))

    def next_edge(self, holding: Holding) -> int:
        """The volume from which on more of this line counts less than now; the rung's end after the last."""
        for edge, _ in edges(self._money(holding)):
            if holding.exact < edge:
                volume = ARITHMETIC.divide(edge * 1000, holding.rung.cpm).to_integral_value(ROUND_CEILING)
                return min(int(volume), holding.rung.high)
        return holding.rung.high

    def _money(self, holding: Holding) -> Decimal:
        return self.limits.channels[holding.candidate.offer.channel]

    def spent(self, *, channel: str | None = None, seller: str | None = None) -> Decimal:
        """Rounded cost of the lines of a channel or a seller."""
        return sum((self.cost(one) for one in self._members(channel, seller)), Decimal(0))

    def lines_in(self, channel: str) -> int:
        """How many lines the channel has."""
        return sum(1 for _ in self._members(channel, None))

    def most(self, holding: Holding) -> int:
        """The largest volume of this line that every limit allows while all other lines stay as they are."""
        candidate, rung = holding.candidate, holding.rung
        channel = candidate.offer.channel
        volume = min(rung.high, self.limits.pool(candidate) - self._pool_use(holding))
        volume = min(volume, self._volume_for(holding, self.limits.channels[channel], channel, None))
        cap = self.limits.seller_caps.get(candidate.seller)
        if cap is not None:
            volume = min(volume, self._volume_for(holding, cap, None, candidate.seller))
        return volume

    def worst_first(self, holding: Holding) -> tuple[bool, Decimal, Key]:
        """The order in which lines give money back; those that a person wants come last."""
        return holding.candidate.required, self.next_worth(holding), holding.candidate.key

    def best_first(self, holding: Holding) -> tuple[Decimal, Key]:
        """The order in which lines get more money."""
        return -self.next_worth(holding), holding.candidate.key

    def _volume_for(self, holding: Holding, money: Decimal, channel: str | None, seller: str | None) -> int:
        others = [one for one in self._members(channel, seller) if one is not holding]
        rounded = money - sum((self.cost(one) for one in others), Decimal(0))
        exact = money - sum((one.exact for one in others), Decimal(0))
        if exact < 0 or rounded < 0:
            return 0
        cpm = holding.rung.cpm
        within_exact = int(ARITHMETIC.divide(exact * 1000, cpm).to_integral_value(ROUND_FLOOR))
        return min(within_exact, affordable_impressions(rounded, cpm, self.limits.currency))

    def _pool_use(self, holding: Holding) -> int:
        key = holding.candidate.key
        return sum(
            one.impressions
            for one in self.holdings.values()
            if one.candidate.key[1:] == key[1:] and one.candidate.key != key
        )

    def _members(self, channel: str | None, seller: str | None) -> Iterable[Holding]:
        for one in self.holdings.values():
            if channel in (None, one.candidate.offer.channel) and seller in (None, one.candidate.seller):
                yield one


def settle(candidates: Sequence[Candidate], choices: Iterable[Choice], limits: Limits) -> Basket:
    """The solver's choice in whole impressions, within every limit to the minor unit, with the rest put to
    use."""
    basket = Basket(limits)
    for choice in choices:
        candidate, rung = candidates[choice.index], choice.rung
        whole = min(max(int(choice.impressions + 1e-6), rung.low), rung.high)
        basket.holdings[candidate.key] = Holding(candidate, rung, whole)
    _repair(basket)
    _fill(basket)
    _add(basket, candidates)
    _fill(basket)
    return basket


def _repair(basket: Basket) -> None:
    """Take back what tolerance or rounding put over a limit, first where money is worth least."""
    for holding in sorted(basket.holdings.values(), key=basket.worst_first):
        allowed = basket.most(holding)
        if holding.impressions <= allowed:
            continue
        if allowed >= holding.rung.low:
            holding.impressions = allowed
            continue
        holding.impressions = holding.rung.low
    for holding in sorted(basket.holdings.values(), key=basket.worst_first):
        if holding.impressions > basket.most(holding):
            del basket.holdings[holding.candidate.key]


def _fill(basket: Basket, *, worth: Decimal = Decimal(0)) -> None:
    """Put money that is left where its next unit counts most, line by line and step by step, as long as it
    counts at least `worth`."""
    growing = list(basket.holdings.values())
    while growing:
        holding = min(growing, key=basket.best_first)
        if basket.next_worth(holding) < worth:
            return
        volume = min(basket.most(holding), basket.next_edge(holding))
        if volume > holding.impressions:
            holding.impressions = volume
        else:
            growing.remove(holding)


def _add(basket: Basket, candidates: Sequence[Candidate]) -> None:
    """Use money that the solver left where it stopped before the proof, best value first: a new line gets what
    counts fully, and only what the lines in hand would not use better."""
    limits = basket.limits
    left = {name: money - basket.spent(channel=name) for name, money in limits.channels.items()}
    open_channels = {name for name, money in left.items() if money >= limits.channels[name] * WORTH_A_LINE}
    if not open_channels:
        return
    for candidate in sorted(candidates, key=lambda one: (-one.best_worth(), one.key)):
        channel = candidate.offer.channel
        if channel not in open_channels or candidate.key in basket.holdings:
            continue
        if basket.lines_in(channel) >= LINES_PER_CHANNEL:
            continue
        if _best_new(basket, candidate) is None:
            continue
        _fill(basket, worth=candidate.best_worth())
        best = _best_new(basket, candidate)
        if best is not None:
            basket.holdings[candidate.key] = best


def _best_new(basket: Basket, candidate: Candidate) -> Holding | None:
    options: list[Holding] = []
    least = basket.limits.channels[candidate.offer.channel] * WORTH_A_LINE
    for rung in candidate.rungs:
        holding = Holding(candidate, rung, 0)
        holding.impressions = min(basket.most(holding), max(rung.low, basket.next_edge(holding)))
        if holding.impressions >= rung.low and holding.exact >= least:
            options.append(holding)
    return max(options, key=lambda one: (one.impressions, -one.rung.cpm), default=None)
