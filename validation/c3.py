"""C3: root finding of z - f(z): Newton with the Jacobian, quasi-Newton and Anderson, against forward iteration."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from rmtjac.trace_plots import plot_traces
from validation.case import Case, Result

Floats = npt.NDArray[np.float64]

N, QUICK_N = 300, 60
GAINS = (0.5, 0.9, 1.3, 1.6, 2.0)
METHODS = ("picard", "broyden", "anderson", "newton, differences", "newton, Jacobian")
SHOWN = 1.3
SAME = 1e-8


def run(quick: bool) -> Result:
    """Evaluations, Jacobians and time of every method on one layer a gain."""
    n = QUICK_N if quick else N
    table: list[list[Any]] = [["gain", "method", "status", "evaluations", "Jacobians", "ms", "same point"]]
    same, traces = [], {}
    for gain in GAINS:
        net = layer(gain, n)
        first: Floats | None = None
        for method in METHODS:
            found, seconds = _timed(net, method)
            if gain == SHOWN:
                traces[method] = found.trace
            verdict = "-"
            if found.success and rj.solver_prediction(gain).unique:
                first = found.x if first is None else first
                same.append(bool(np.abs(found.x - first).max() < SAME))
                verdict = "yes" if same[-1] else "NO"
            counts = [str(found.status), found.nfev, found.njev, 1e3 * seconds, verdict]
            table.append([gain, method, *counts])
    return Result(
        verdict="reproduced" if all(same) else "contradicted",
        sentence=(
            "All methods find the same point where it is unique. Newton takes the fewest iterations, each with a "
            "Jacobian; anderson and broyden the fewest evaluations, and they converge beyond the gain where picard "
            "fails; with many fixed points each method may find another one."
        ),
        table=table,
        artists=plot_traces(list(traces.values()), list(traces), tol=1e-10),
    )


def layer(gain: float, n: int, seed: int = 0) -> rj.Network:
    """z -> tanh(W z + x) with its Jacobian."""
    rng = np.random.default_rng(seed)
    return rj.Network([gain * rng.standard_normal((n, n)) / np.sqrt(n)], [rng.standard_normal(n)], "tanh")


def _timed(net: rj.Network, method: str) -> tuple[rj.FixedPointSolution, float]:
    name, _, kind = method.partition(", ")
    jac = net.jacobian if kind == "Jacobian" else None
    start = perf_counter()
    found = rj.solve_fixed_point(net, np.zeros(net.widths[0]), method=name, jac=jac, max_iter=500)
    return found, perf_counter() - start


CASE = Case(
    name="C3",
    claim="any root finder works on z - f(z) = 0: Newton with the Jacobian, quasi-Newton, Anderson",
    run=run,
)
