"""The choice of offers as a linear programme for a solver: its columns, its rows, and what each row means.

Columns are, per buy, the bought part of its largest volume (0..1), the parts of it that lie beyond each
saturation step and count less, and, in the exact form, whether it is used (0 or 1). Money and values are
scaled to about 1, because a solver works to absolute tolerances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from planning.candidates import Candidate, Limits, Rung
from planning.saturation import edges

LINES_PER_CHANNEL = 25
"""More lines than this in one channel are more than a person can check and an operator can traffic."""

ONE_RUNG, LINES, SATURATION, REQUIRED = "one rung", "lines", "saturation", "required"


@dataclass(frozen=True)
class Buy:
    """One rung of one candidate (`index` in the problem's list): at most one per candidate enters a plan."""

    index: int
    rung: Rung


@dataclass(frozen=True)
class Problem:
    """What to choose from, and what to maximise: the value, or with `spend_of` the money spent at one seller.

    `floors` are the sellers' minimum spends; `scale` brings the objective to about 1,000.
    """

    candidates: Sequence[Candidate]
    limits: Limits
    floors: Mapping[str, Decimal]
    spend_of: str | None
    scale: float

    def buys(self) -> list[Buy]:
        """Every rung of every candidate, in canonical order."""
        return [Buy(index, rung) for index, one in enumerate(self.candidates) for rung in one.rungs]

    def gain(self, buy: Buy) -> float:
        """What the whole rung would add to the scaled objective if all of it counted fully."""
        candidate = self.candidates[buy.index]
        if self.spend_of is None:
            return float(candidate.value) * buy.rung.high / self.scale
        return _cost(buy) / self.scale if candidate.seller == self.spend_of else 0.0

    def steps(self, buy: Buy) -> list[tuple[float, float]]:
        """The parts of the rung's largest volume (above 1: out of reach) after which more counts less, each
        with what the whole rung would lose of the scaled objective at that rate. Money spent is not
        discounted."""
        if self.spend_of is not None:
            return []
        whole = self.limits.channels[_channel(self, buy)]
        gain, cost = self.gain(buy), _cost(buy)
        return [(float(edge) / cost, float(drop) * gain) for edge, drop in edges(whole)]


@dataclass
class Model:
    """Columns from 0 to 1 and rows, collected and then handed to the solver in one piece.

    `volumes[k]` is the volume column of the k-th buy, `switches[k]` its switch column or the volume column
    again where no switch is needed.
    """

    costs: list[float] = field(default_factory=list)
    integral: list[bool] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    columns: list[int] = field(default_factory=list)
    entries: list[float] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    volumes: list[int] = field(default_factory=list)
    switches: list[int] = field(default_factory=list)

    def column(self, cost: float, *, integral: bool = False) -> int:
        """A variable from 0 to 1; its index."""
        self.costs.append(cost)
        self.integral.append(integral)
        return len(self.costs) - 1

    def row(self, terms: Iterable[tuple[int, float]], lower: float, upper: float, kind: str = "") -> None:
        """lower <= sum of entry x variable <= upper."""
        for column, entry in terms:
            self.columns.append(column)
            self.entries.append(entry)
        self.starts.append(len(self.columns))
        self.lower.append(lower)
        self.upper.append(upper)
        self.kinds.append(kind)


def make_problem(
    candidates: Sequence[Candidate],
    limits: Limits,
    floors: Mapping[str, Decimal],
    spend_of: str | None = None,
) -> Problem:
    """The problem, scaled by about the best total that money or supply allow."""
    if spend_of is not None:
        return Problem(candidates, limits, floors, spend_of, float(limits.total) / 1000)
    best: dict[str, Decimal] = {}
    for candidate in candidates:
        channel = candidate.offer.channel
        best[channel] = max(best.get(channel, Decimal(0)), candidate.best_worth())
    reach = sum(float(limits.channels[channel] * worth) for channel, worth in best.items())
    supply = sum(float(one.value) * max(rung.high for rung in one.rungs) for one in candidates)
    return Problem(candidates, limits, floors, None, min(reach, supply) / 1000)


def build(problem: Problem, buys: Sequence[Buy], *, relaxed: bool = False) -> Model:
    """The programme over `buys`: exact with switches, or `relaxed` without, where a part of any rung can be
    bought.

    The relaxed form has the optimum of the exact form's linear relaxation: there a switch is best equal to
    its volume.
    """
    model = Model()
    crowded = _crowded_channels(problem, buys)
    rungs_of = _positions(buys, lambda buy: str(buy.index))
    for buy in buys:
        plain = buy.rung.low <= 1 and len(rungs_of[str(buy.index)]) == 1
        needs_switch = not relaxed and (not plain or _channel(problem, buy) in crowded)
        volume = model.column(problem.gain(buy))
        model.volumes.append(volume)
        model.switches.append(model.column(0.0, integral=True) if needs_switch else volume)
    _link_switches(model, buys)
    for members in rungs_of.values():
        if len(members) > 1:
            model.row([(model.switches[at], 1.0) for at in members], 0.0, 1.0, ONE_RUNG)
    _required_rows(model, problem, buys, rungs_of.values())
    _saturation_rows(model, problem, buys, rungs_of.values())
    _channel_rows(model, problem, buys, crowded)
    _seller_rows(model, problem, buys)
    _pool_rows(model, problem, buys)
    return model


def _positions(buys: Sequence[Buy], key_of: Callable[[Buy], str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for at, buy in enumerate(buys):
        found.setdefault(key_of(buy), []).append(at)
    return found


def _channel(problem: Problem, buy: Buy) -> str:
    return problem.candidates[buy.index].offer.channel


def _cost(buy: Buy) -> float:
    return float(buy.rung.cpm) * buy.rung.high / 1000


def _crowded_channels(problem: Problem, buys: Sequence[Buy]) -> set[str]:
    members: dict[str, set[int]] = {}
    for buy in buys:
        members.setdefault(_channel(problem, buy), set()).add(buy.index)
    return {channel for channel, indexes in members.items() if len(indexes) > LINES_PER_CHANNEL}


def _link_switches(model: Model, buys: Sequence[Buy]) -> None:
    for buy, volume, switch in zip(buys, model.volumes, model.switches, strict=True):
        if switch == volume:
            continue
        model.row([(volume, 1.0), (switch, -1.0)], -1.0, 0.0)
        model.row([(volume, 1.0), (switch, -buy.rung.low / buy.rung.high)], 0.0, 1.0)


def _required_rows(
    model: Model, problem: Problem, buys: Sequence[Buy], candidates: Iterable[Sequence[int]]
) -> None:
    """What a person wants is bought, at least at the smallest volume of one of its rungs."""
    for members in candidates:
        if not problem.candidates[buys[members[0]].index].required:
            continue
        parts = [(model.volumes[at], buys[at].rung.high / buys[at].rung.low) for at in members]
        model.row(parts, 1.0, sum(part for _, part in parts), REQUIRED)
        if all(model.switches[at] != model.volumes[at] for at in members):
            model.row([(model.switches[at], 1.0) for at in members], 1.0, 1.0, ONE_RUNG)


def _saturation_rows(
    model: Model, problem: Problem, buys: Sequence[Buy], candidates: Iterable[Sequence[int]]
) -> None:
    """What is bought of a candidate, less what is declared to lie beyond a step, stays below the step.

    The rungs of a candidate share the step: a relaxation that mixes them must not have it once for each.
    """
    for members in candidates:
        steps = {at: problem.steps(buys[at]) for at in members}
        for number in range(len(steps[members[0]])):
            beyond = [at for at in members if steps[at][number][0] < 1]
            if not beyond:
                continue
            terms = [(model.volumes[at], 1 / steps[at][number][0]) for at in members]
            for at in beyond:
                part, loss = steps[at][number]
                excess = model.column(-loss)
                terms.append((excess, -1 / part))
                if len(members) > 1:
                    model.row([(excess, 1.0), (model.volumes[at], -1.0)], -1.0, 0.0, SATURATION)
                least = buys[at].rung.low / buys[at].rung.high
                if part < least:
                    # Every volume of this rung is past the step: a fraction of it must not escape that.
                    terms_least = [(excess, 1.0), (model.volumes[at], part / least - 1)]
                    model.row(terms_least, 0.0, 1.0, SATURATION)
            if any(model.switches[at] == model.volumes[at] for at in members):
                model.row(terms, 0.0, 1.0, SATURATION)
                continue
            # A line half switched on has half of the step: closer to the truth between the whole numbers.
            model.row([*terms, *((model.switches[at], -1.0) for at in members)], -1.0, 0.0, SATURATION)


def _channel_rows(model: Model, problem: Problem, buys: Sequence[Buy], crowded: set[str]) -> None:
    for channel, members in sorted(_positions(buys, lambda buy: _channel(problem, buy)).items()):
        whole = float(problem.limits.channels[channel])
        model.row([(model.volumes[at], _cost(buys[at]) / whole) for at in members], 0.0, 1.0)
        if channel in crowded:
            terms = [(model.switches[at], 1.0) for at in members]
            model.row(terms, 0.0, float(LINES_PER_CHANNEL), LINES)


def _seller_rows(model: Model, problem: Problem, buys: Sequence[Buy]) -> None:
    """Money per seller between its floor and its cap, both shares of the whole budget."""
    limits = problem.limits
    by_seller = _positions(buys, lambda buy: problem.candidates[buy.index].seller)
    for seller in sorted((set(limits.seller_caps) & set(by_seller)) | set(problem.floors)):
        members = by_seller.get(seller, [])
        whole = float(limits.seller_caps.get(seller, limits.total)) or 1.0
        terms = [(model.volumes[at], _cost(buys[at]) / whole) for at in members]
        floor = problem.floors.get(seller, Decimal(0)) - floor_hair(problem.candidates, seller)
        model.row(terms, max(float(floor), 0.0) / whole, 1.0)


def floor_hair(candidates: Sequence[Candidate], seller: str) -> Decimal:
    """What whole impressions may leave unspent where a floor asks for all the money of some channels."""
    own = [one for one in candidates if one.seller == seller]
    dearest = max((rung.cpm for one in own for rung in one.rungs), default=Decimal(0))
    return len({one.offer.channel for one in own}) * dearest / 1000


def _pool_rows(model: Model, problem: Problem, buys: Sequence[Buy]) -> None:
    """Impressions that one product can give to several channels together."""
    sharing: dict[tuple[str, str], list[int]] = {}
    for at, buy in enumerate(buys):
        _, seller, product = problem.candidates[buy.index].key
        if (seller, product) in problem.limits.pools:
            sharing.setdefault((seller, product), []).append(at)
    for key, members in sorted(sharing.items()):
        if len({buys[at].index for at in members}) > 1:
            free = problem.limits.pools[key]
            model.row([(model.volumes[at], buys[at].rung.high / free) for at in members], 0.0, 1.0)
