"""The prices on the limits never understate what a plan with a given buy could reach."""

from __future__ import annotations

import pytest

from planning import search
from planning.candidates import make_candidates, read_limits
from planning.highs import run
from planning.programme import Problem, build, make_problem
from tests.planning.factories import adversarial_instance


def problem_of(seed: int, products: int) -> Problem:
    brief, parts, offers = adversarial_instance(seed, products)
    limits = read_limits(brief, parts, offers)
    candidates, _ = make_candidates(brief, limits, offers)
    return make_problem(candidates, limits, limits.seller_floors)


def best_with(problem: Problem, at: int) -> float | None:
    """The optimum of all plans that use the buy at position `at`."""
    buys = problem.buys()
    model = build(problem, buys)
    model.row([(model.switches[at], 1.0)], 1.0, 1.0)
    answer = run(model, seconds=30, relative_gap=1e-7, nodes=10_000)
    return answer.objective if answer.found else None


@pytest.mark.parametrize("seed", [21, 22])
def test_no_plan_with_a_buy_is_better_than_its_reach(seed: int) -> None:
    problem = problem_of(seed, 22)
    buys = problem.buys()
    model = build(problem, buys, relaxed=True)
    relaxed = run(model, seconds=30)
    reach = search._reach(problem, buys, model, relaxed.row_duals)
    forced = [best_with(problem, at) for at in range(len(buys))]
    assert any(value is not None for value in forced)
    slack = 1e-6 * relaxed.objective
    for bound, value in zip(reach, forced, strict=True):
        assert value is None or value <= bound + slack
    # Close enough to prune with: what the optimum uses has a bound near the optimum.
    best = max(value for value in forced if value is not None)
    assert any(best <= bound <= best * 1.05 for bound in reach)


def test_the_relaxation_bounds_the_exact_form() -> None:
    problem = problem_of(23, 30)
    buys = problem.buys()
    relaxed = run(build(problem, buys, relaxed=True), seconds=30)
    exact = run(build(problem, buys), seconds=30, relative_gap=1e-7, nodes=10_000)
    assert exact.objective <= relaxed.objective * (1 + 1e-9)
    assert exact.bound <= relaxed.objective * (1 + 1e-6)
