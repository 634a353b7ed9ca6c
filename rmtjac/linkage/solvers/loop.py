"""The one loop of all methods: what ends an iteration, and what the end says."""

from __future__ import annotations

import math
import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rmtjac.linkage.solvers.method import Failure, Floats, Iterate, Method, Slope, Value, norm
from rmtjac.linkage.solvers.status import Status

__all__ = ["End", "Run", "iterations"]

DIVERGED = 1e10  # growth of the residual beyond the start, or beyond 1, that is no excursion any more
WINDOW = 50  # iterations over which a rate is estimated


@dataclass(frozen=True, kw_only=True, eq=False)
class End:
    """The last iterate of one item, the residuals on the way, and why it ended; evidence as in the solution."""

    x: Floats
    trace: Floats
    status: Status
    evidence: str
    rate: float
    remaining: float
    period: int = 0
    rcond: float = np.nan


Run: TypeAlias = Generator[Value | Slope, Floats, End]


def iterations(method: Method, x: Floats, tol: float, max_iter: int) -> Run:
    """Iterate from x, shape (n,), until one of the statuses holds; yields the points where f is wanted."""
    at = Iterate.of(x, (yield Value(x)))
    trace: list[float] = []
    largest = min(DIVERGED * max(1.0, norm(x), at.residual), sys.float_info.max)
    while True:
        trace.append(at.residual)
        if tol < at.residual <= largest and len(trace) <= max_iter:
            reached = yield from method.step(at)
            if isinstance(reached, Iterate):
                at = reached
                continue
        else:
            reached = _failure(at, trace, tol, largest)
        rate = _rate(trace)
        return End(
            x=at.x,
            trace=np.array(trace),
            rate=rate,
            remaining=_remaining(at.residual, rate, tol),
            **reached._asdict(),
        )


def _failure(at: Iterate, trace: list[float], tol: float, largest: float) -> Failure:
    """Why the iteration ends here, convergence included."""
    residual, done = at.residual, len(trace) - 1
    after = f"after {done} iteration{'s' if done != 1 else ''}"
    if not math.isfinite(residual):
        found = "nan" if np.isnan(at.fx).any() else "inf"
        came = f", where the residual came from {trace[0]:.3g} to {trace[-2]:.3g}" if done else ""
        return Failure(Status.NOT_FINITE, f"f(x) has {found} at |x| = {norm(at.x):.3g} {after}{came}")
    if residual <= tol:
        return Failure(Status.CONVERGED, f"residual {residual:.3g} {after}")
    if residual > largest:
        grew = f"the residual grew from {trace[0]:.3g} to {residual:.3g} {after}"
        return Failure(Status.DIVERGENCE, f"{grew}, by a factor {_rate(trace):.4g} an iteration")
    rate = _rate(trace)
    slow = "it does not fall"
    if rate < 1.0:
        left = _remaining(residual, rate, tol)
        slow = f"it falls by a factor {rate:.6g} an iteration: some {left:.3g} more would reach {tol:.3g}"
    return Failure(Status.ITERATION_LIMIT, f"residual {residual:.3g} {after}; {slow}")


def _rate(trace: list[float]) -> float:
    """Factor of the residual per iteration: between the largest ones of the two halves of the last WINDOW."""
    finite = [r for r in trace[-WINDOW:] if np.isfinite(r)]
    half = len(finite) // 2
    if half == 0:
        return np.nan
    before, after = max(finite[-2 * half : -half]), max(finite[-half:])
    return float((after / before) ** (1.0 / half)) if before > 0.0 else np.nan


def _remaining(residual: float, rate: float, tol: float) -> float:
    """Iterations to the tolerance at a rate."""
    if residual <= tol:
        return 0.0
    if not (0.0 < rate < 1.0 and tol > 0.0):
        return np.inf
    return float(np.ceil(np.log(tol / residual) / np.log(rate)))
