"""The search for the best choice: a linear relaxation prices every buy, and most are proven useless before
the tree.

With any prices on the limits, the value of a plan is at most the priced total (Lagrangian bound). A buy
whose best plan stays below a plan already in hand cannot be in a better one, so leaving it out loses
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic

from planning.candidates import Rung
from planning.highs import Answer, run
from planning.programme import LINES, ONE_RUNG, SATURATION, Buy, Model, Problem, build

SMALL = 60
"""Buys up to which the tree is searched at once."""
KERNELS = (30, 100, 300)
"""How many of the most promising buys the first plans are sought among, until little enough is left."""
MANAGEABLE = 250
"""Buys left after pricing from which no larger kernel is worth its time."""
GAP = 1e-6
GAP_LARGE = 1e-4
NODES = 20_000
NODES_LARGE = 2_000
GAP_KERNEL = 1e-4
NODES_KERNEL = 100
HAIR = 1e-7
COARSE_BOUND = 1000
"""The scaled objective of all that money or supply allow, whichever is less (see `make_problem`)."""


@dataclass(frozen=True)
class Choice:
    """One used rung with the volume that the solver gives it, before rounding; `index` is the candidate's."""

    index: int
    rung: Rung
    impressions: float


@dataclass(frozen=True)
class Outcome:
    """The choice found and the proven bound on the objective (weighted impressions, or money).

    Without a choice the bound is the coarse one that money and supply give; it means nothing if none exists.
    """

    choices: tuple[Choice, ...]
    bound: Decimal
    found: bool
    timed_out: bool


@dataclass(frozen=True)
class _Found:
    """The best plan in hand: positions in the list of all buys, with parts of their largest volumes."""

    objective: float
    parts: Mapping[int, float]


def solve(problem: Problem, *, seconds: float) -> Outcome:
    """The best choice for `problem`; `found` is False when none satisfies the sellers' floors.

    The answer does not depend on the clock unless the search takes more than `seconds`.
    """
    deadline = monotonic() + seconds
    buys = problem.buys()
    everything = range(len(buys))
    if len(buys) <= SMALL:
        answer, plan = _among(problem, buys, everything, deadline, GAP, NODES)
        return _outcome(problem, buys, plan, answer.bound, timed_out=answer.timed_out)

    wanted = {at for at, buy in enumerate(buys) if problem.candidates[buy.index].required}
    model = build(problem, buys, relaxed=True)
    relaxed = run(model, seconds=_left(deadline))
    if not relaxed.found:
        return _outcome(problem, buys, None, relaxed.bound, timed_out=relaxed.timed_out)
    reach = _reach(problem, buys, model, relaxed.row_duals)
    plan, useful = _in_hand(problem, buys, reach, wanted, deadline)
    large = len(useful) > MANAGEABLE
    gap, nodes = (GAP_LARGE, NODES_LARGE) if large else (GAP, NODES)
    answer, last = _among(problem, buys, useful, deadline, gap, nodes)
    if last is not None and (plan is None or last.objective > plan.objective):
        plan = last
    # What was left out cannot beat the plan in hand, so the bound over the rest holds for everything.
    bound = relaxed.objective
    if last is not None or not answer.feasible:
        bound = min(bound, max(answer.bound if last else 0.0, plan.objective if plan else 0.0))
    late = answer.timed_out or monotonic() > deadline
    return _outcome(problem, buys, plan, bound, timed_out=late)


def _in_hand(
    problem: Problem, buys: Sequence[Buy], reach: Sequence[float], wanted: set[int], deadline: float
) -> tuple[_Found | None, list[int]]:
    """A good plan from the most promising buys, and the buys that could still be part of a better one. The `wanted`
    are always among both."""
    ranked = sorted(range(len(buys)), key=lambda at: (-reach[at], at))
    best: _Found | None = None
    useful = list(range(len(buys)))
    for size in KERNELS:
        kernel = sorted(set(ranked[:size]) | wanted | set(best.parts if best else ()))
        _, found = _among(problem, buys, kernel, deadline, GAP_KERNEL, NODES_KERNEL)
        if found is None:
            continue
        if best is None or found.objective > best.objective:
            best = found
        enough = best.objective - HAIR
        useful = [at for at in range(len(buys)) if reach[at] >= enough or at in best.parts or at in wanted]
        if len(useful) <= MANAGEABLE:
            break
    return best, useful


def _reach(problem: Problem, buys: Sequence[Buy], model: Model, duals: Sequence[float]) -> list[float]:
    """Per buy, the Lagrangian bound on the objective of every plan that uses it, at the prices `duals`.

    A line's fixed price (the limit on lines) is due in full, a volume is at least the rung's smallest, and
    saturation is counted as it is, without a price.
    """
    priced, fixed = list(model.costs), [0.0] * len(model.costs)
    total = 0.0
    for row, (kind, dual) in enumerate(zip(model.kinds, duals, strict=True)):
        if kind in (ONE_RUNG, SATURATION) or dual == 0.0:
            continue
        total += dual * (model.upper[row] if dual > 0 else model.lower[row])
        target = fixed if kind == LINES else priced
        for at in range(model.starts[row], model.starts[row + 1]):
            target[model.columns[at]] -= dual * model.entries[at]
    profit = [
        _profit(priced[column], problem.steps(buy), buy.rung.low / buy.rung.high) + fixed[column]
        for buy, column in zip(buys, model.volumes, strict=True)
    ]
    best: dict[int, float] = {}
    for buy, gain in zip(buys, profit, strict=True):
        best[buy.index] = max(best.get(buy.index, 0.0), gain)
    total += sum(best.values())
    return [total - best[buy.index] + gain for buy, gain in zip(buys, profit, strict=True)]


def _profit(rate: float, steps: Sequence[tuple[float, float]], least: float) -> float:
    """The largest of rate x part less what saturation takes, for a part from `least` to 1: at one of the
    corners."""
    corners = [least, 1.0, *(part for part, _ in steps if least < part < 1)]
    return max(rate * at - sum(loss * max(at - part, 0.0) for part, loss in steps) for at in corners)


def _among(
    problem: Problem, buys: Sequence[Buy], chosen: Iterable[int], deadline: float, gap: float, nodes: int
) -> tuple[Answer, _Found | None]:
    """The best plan that uses only the buys at the positions `chosen`."""
    positions = list(chosen)
    model = build(problem, [buys[at] for at in positions])
    answer = run(model, seconds=_left(deadline), relative_gap=gap, nodes=nodes)
    if not answer.found:
        return answer, None
    parts = {
        at: answer.values[volume]
        for at, volume, switch in zip(positions, model.volumes, model.switches, strict=True)
        if (switch == volume or answer.values[switch] > 0.5) and answer.values[volume] > 0
    }
    return answer, _Found(answer.objective, parts)


def _outcome(
    problem: Problem, buys: Sequence[Buy], plan: _Found | None, bound: float, *, timed_out: bool
) -> Outcome:
    scale = Decimal(repr(problem.scale))
    if plan is None:
        return Outcome((), scale * COARSE_BOUND, False, timed_out)
    choices = (
        Choice(buys[at].index, buys[at].rung, part * buys[at].rung.high)
        for at, part in sorted(plan.parts.items())
    )
    kept = tuple(choice for choice in choices if choice.impressions >= 0.5)
    return Outcome(kept, Decimal(repr(bound)) * scale, True, timed_out)


def _left(deadline: float) -> float:
    return max(deadline - monotonic(), 0.0)
