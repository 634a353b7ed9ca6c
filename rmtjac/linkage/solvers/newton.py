"""Newton's method with a line search, with the user's Jacobian or one of finite differences."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from scipy.linalg import lapack

from rmtjac.linkage.solvers.jacobian import (
    SINGULAR,
    SINGULAR_TO_DIFFERENCES,
    difference_quotients,
    reciprocal_condition,
)
from rmtjac.linkage.solvers.method import Failure, Floats, Iterate, Slope, Steps, Value, norm
from rmtjac.linkage.solvers.status import Status
from rmtjac.model.checks import checked_integer

__all__ = ["Newton"]

DECREASE = 1e-4  # share of the decrease promised by the linear model that is asked for


class Newton:
    """x -> x + t (I - J)^{-1} (f(x) - x), with t = 1, 1/2, 1/4, ... until the residual falls.

    Parameters
    ----------
    analytic : bool
        Whether the user gave the Jacobian; else each costs n evaluations of f.
    halvings : int
        Of the step, at most, >= 0.
    """

    def __init__(self, *, analytic: bool, halvings: int = 30) -> None:
        self.analytic = analytic
        self.halvings = checked_integer("halvings", halvings, 0)

    def step(self, at: Iterate) -> Steps:
        """A Jacobian, a system of equations, and the line search."""
        jacobian = yield from self._jacobian(at)
        if not np.isfinite(jacobian).all():
            return Failure(Status.NOT_FINITE, f"the Jacobian is not, at |x| = {norm(at.x):.3g}")
        factors, pivots, rcond = reciprocal_condition(jacobian)
        if rcond < (SINGULAR if self.analytic else SINGULAR_TO_DIFFERENCES):
            found = f"|x| = {norm(at.x):.6g}, 1/|(I - J)^-1| = {rcond:.3g} (1 + |J|) in the 1-norm"
            return Failure(Status.SINGULAR, found, rcond=rcond)
        step, _ = lapack.dgetrs(factors, pivots, at.gap)
        return (yield from self._searched(at, step))

    def _jacobian(self, at: Iterate) -> Generator[Value | Slope, Floats, Floats]:
        if self.analytic:
            return (yield Slope(at.x))
        return (yield from difference_quotients(at.x, at.fx))

    def _searched(self, at: Iterate, step: Floats) -> Steps:
        """The first point on the way to x + step with a smaller residual."""
        t = 1.0
        for _ in range(self.halvings + 1):
            x = at.x + t * step
            reached = Iterate.of(x, (yield Value(x)))
            # nan is not
            if reached.residual <= (1.0 - DECREASE * t) * at.residual:
                return reached
            t /= 2.0
        found = f"residual {at.residual:.3g} at |x| = {norm(at.x):.6g}, {self.halvings} halvings tried"
        return Failure(Status.STALLED, found)
