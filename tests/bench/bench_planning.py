"""P8: how long allocation and selection take, and how far plans are from the proven bound.

Run by itself (`python -m tests.bench.bench_planning`) it prints two tables in Markdown. The random
instances are markets on which greedy buying is already good; the adversarial ones have minimum buys that bind, floors
and caps on sellers and steep all-unit price breaks, which is where plans differ.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from planning.allocation import allocate
from planning.audience import plan_audience
from planning.candidates import make_candidates, read_limits
from planning.rounding import settle
from planning.selection import select
from planning.types import Infeasible
from tests.bench.rows import Findings, Row, Scenario, milliseconds
from tests.planning.factories import Instance, adversarial_instance, random_instance

SIZES = (10, 500, 5_000)
REPEATS = {10: 9, 500: 9, 5_000: 3}
RANDOM_INSTANCES, ADVERSARIAL_INSTANCES, PRODUCTS = 200, 50, 40
BAR_PRODUCTS, BAR_MS, BAR_GAP = 500, 200.0, Decimal("0.01")
MAKERS: dict[str, Callable[[int, int], Instance]] = {
    "random": random_instance,
    "adversarial": adversarial_instance,
}


@dataclass(frozen=True)
class TimeRow:
    """Milliseconds of wall clock over `runs` seeded instances that have a plan."""

    products: int
    market: str
    runs: int
    allocation_median: float
    selection_median: float
    selection_worst: float


@dataclass(frozen=True)
class GapRow:
    """Gaps (bound - value) / bound of the final rounded plans; `infeasible` ones have no plan to measure.

    `greedy` is the gap of buying by value for money alone, which is even spared the sellers' minimum shares: it
    shows whether the instances tell solvers apart.
    """

    market: str
    instances: int
    infeasible: int
    gap_mean: Decimal
    gap_worst: Decimal
    greedy_mean: Decimal
    greedy_worst: Decimal
    milliseconds_median: float


def measure(quick: bool) -> Findings:
    """Seeded markets. Random ones are those on which greedy buying is already good; adversarial ones have minimum buys
    that bind, floors and caps on sellers and steep price breaks. The floor of a plan's value is the bound that the
    solver proves for any plan under the same limits; the gap is measured on the final plan, in whole impressions and
    cents. Greedy, spared the minimum shares, is shown beside it.
    """
    select(*random_instance(0, 10))  # loads the solver
    rows = []
    for size in (BAR_PRODUCTS,) if quick else SIZES:
        for market in MAKERS:
            row = _time_row(size, market)
            at_bar = size == BAR_PRODUCTS
            rows.append(
                Row(
                    f"selection among {size:,} products, {market} (worst {row.selection_worst:,.0f} ms)",
                    f"p50 {milliseconds(row.selection_median / 1000)}, n={row.runs}",
                    bar=f"<= {BAR_MS:.0f} ms" if at_bar else "-",
                    met=row.selection_median <= BAR_MS if at_bar else None,
                )
            )
    return Findings([*rows, *(_gap_finding(one) for one in measure_gaps())])


def _gap_finding(row: GapRow) -> Row:
    return Row(
        f"gap to the proven bound, {row.instances} {row.market} markets of {PRODUCTS} products "
        f"({row.infeasible} without a plan)",
        f"worst {row.gap_worst:.4%}, mean {row.gap_mean:.4%}",
        f"greedy: worst {row.greedy_worst:.2%}, mean {row.greedy_mean:.2%}",
        "buying by value for money",
        bar=f"<= {BAR_GAP:.0%}",
        met=row.gap_worst <= BAR_GAP,
    )


def measure_times() -> list[TimeRow]:
    """Allocation and selection time by number of products on offer."""
    return [_time_row(size, market) for size in SIZES for market in MAKERS]


def measure_gaps() -> list[GapRow]:
    """The gap to the proven bound over the seeded instances."""
    counts = {"random": RANDOM_INSTANCES, "adversarial": ADVERSARIAL_INSTANCES}
    return [_gap_row(market, count) for market, count in counts.items()]


def as_markdown(times: list[TimeRow], gaps: list[GapRow]) -> str:
    """Both tables."""
    lines = [
        "| products | market | runs | allocation ms (median) | selection ms (median) | selection ms (worst) |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.products:,} | {row.market} | {row.runs} | {row.allocation_median:.1f} "
        f"| {row.selection_median:.1f} | {row.selection_worst:.1f} |"
        for row in times
    ]
    lines += [
        "",
        "| market | instances | infeasible | gap mean | gap worst | greedy mean | greedy worst | ms (median) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.market} | {row.instances} | {row.infeasible} | {row.gap_mean:.4%} | {row.gap_worst:.4%} "
        f"| {row.greedy_mean:.2%} | {row.greedy_worst:.2%} | {row.milliseconds_median:.1f} |"
        for row in gaps
    ]
    return "\n".join(lines)


def _time_row(size: int, market: str) -> TimeRow:
    allocation: list[float] = []
    selection: list[float] = []
    seed = 0
    while len(selection) < REPEATS[size]:
        seed += 1
        brief, parts, offers = MAKERS[market](seed, size)
        started = time.perf_counter()
        allocate(brief, plan_audience(brief))
        between = time.perf_counter()
        try:
            select(brief, parts, offers, seconds=60)
        except Infeasible:
            continue
        allocation.append((between - started) * 1000)
        selection.append((time.perf_counter() - between) * 1000)
    return TimeRow(
        size,
        market,
        len(selection),
        statistics.median(allocation),
        statistics.median(selection),
        max(selection),
    )


def _gap_row(market: str, count: int) -> GapRow:
    gaps: list[Decimal] = []
    greedy: list[Decimal] = []
    spent: list[float] = []
    infeasible = 0
    for seed in range(count):
        instance = MAKERS[market](seed, PRODUCTS)
        started = time.perf_counter()
        try:
            plan = select(*instance, seconds=60)
        except Infeasible:
            infeasible += 1
            continue
        spent.append((time.perf_counter() - started) * 1000)
        gaps.append(plan.gap)
        greedy.append(1 - _greedy_value(instance) / plan.bound)
    return GapRow(
        market,
        count,
        infeasible,
        statistics.mean(gaps),
        max(gaps),
        statistics.mean(greedy),
        max(greedy),
        statistics.median(spent),
    )


def _greedy_value(instance: Instance) -> Decimal:
    brief, parts, offers = instance
    limits = read_limits(brief, parts, offers)
    candidates, _ = make_candidates(brief, limits, offers)
    basket = settle(candidates, (), limits)
    return sum((basket.value(one) for one in basket.holdings.values()), Decimal(0))


def main() -> None:
    """Load the solver once, measure, print."""
    select(*random_instance(0, 10))
    print(as_markdown(measure_times(), measure_gaps()))


SCENARIOS = {"P8": Scenario("Selection", measure)}


if __name__ == "__main__":
    main()
