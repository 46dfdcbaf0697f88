"""One programme through HiGHS: one thread, a fixed seed, so that the same programme gives the same answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planning.programme import Model

if TYPE_CHECKING:
    import highspy

TOLERANCE = 1e-9
SEED = 20_260_101


@dataclass(frozen=True)
class Answer:
    """`feasible` is False only when no solution exists; `bound` and `objective` are in the model's scale."""

    feasible: bool
    found: bool
    timed_out: bool
    objective: float
    bound: float
    values: Sequence[float]
    row_duals: Sequence[float]


def run(model: Model, *, seconds: float, relative_gap: float = 0.0, nodes: int = 1) -> Answer:
    """Maximise `model`, to `relative_gap` or `nodes` where it has switches; `seconds` is the safety net."""
    import highspy  # a native library of some megabytes: loaded by the first plan, not by every process

    create: Callable[[], highspy.Highs] = highspy.Highs
    solver = create()
    options: dict[str, bool | int | float] = {
        "output_flag": False,
        "threads": 1,
        "random_seed": SEED,
        "mip_rel_gap": relative_gap,
        "mip_abs_gap": TOLERANCE,
        "mip_allow_restart": False,  # a restart repeats the root cuts, which cost more than the small tree
        # Plans in hand come from the kernels of `search`; these two look for some anew in every tree, at a third of
        # its time.
        "mip_heuristic_run_feasibility_jump": False,
        "mip_heuristic_run_root_reduced_cost": False,
        "mip_max_nodes": nodes,
        "mip_feasibility_tolerance": TOLERANCE,
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
        "time_limit": seconds,
    }
    for name, value in options.items():
        solver.setOptionValue(name, value)
    solver.passModel(_programme(model))
    solver.run()
    return _answer(solver, exact=any(model.integral))


def _answer(solver: highspy.Highs, *, exact: bool) -> Answer:
    import highspy

    status, info = solver.getModelStatus(), solver.getInfo()
    nothing = status in (
        highspy.HighsModelStatus.kInfeasible,
        highspy.HighsModelStatus.kUnboundedOrInfeasible,  # every column is bounded, so it is the former
    )
    solution = solver.getSolution()
    return Answer(
        feasible=not nothing,
        found=info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible,
        timed_out=status == highspy.HighsModelStatus.kTimeLimit,
        objective=info.objective_function_value,
        bound=info.mip_dual_bound if exact else info.objective_function_value,
        values=solution.col_value,
        row_duals=solution.row_dual,
    )


def _programme(model: Model) -> highspy.HighsLp:
    import highspy
    import numpy as np

    columns, rows = len(model.costs), len(model.lower)
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = columns, rows
    programme.sense_ = highspy.ObjSense.kMaximize
    programme.col_cost_ = np.array(model.costs, dtype=np.double)
    programme.col_lower_ = np.zeros(columns)
    programme.col_upper_ = np.ones(columns)
    programme.row_lower_ = np.array(model.lower, dtype=np.double)
    programme.row_upper_ = np.array(model.upper, dtype=np.double)
    matrix = programme.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.num_col_, matrix.num_row_ = columns, rows
    matrix.start_ = np.array(model.starts, dtype=np.int32)
    matrix.index_ = np.array(model.columns, dtype=np.int32)
    matrix.value_ = np.array(model.entries, dtype=np.double)
    if any(model.integral):
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        programme.integrality_ = [kinds[integral] for integral in model.integral]
    return programme
