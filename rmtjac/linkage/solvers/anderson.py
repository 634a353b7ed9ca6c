"""Anderson's method, type II: the next point is where the last differences of residuals say that the residual is 0."""

from __future__ import annotations

import math

from rmtjac.linkage.solvers.differences import Differences
from rmtjac.linkage.solvers.method import Floats, Iterate, Steps, Value
from rmtjac.linkage.solvers.options import checked_damping, checked_memory
from rmtjac.model.checks import checked_number

__all__ = ["Anderson"]

PATIENCE = 20  # iterations without a new smallest residual after which the memory misleads


class Anderson:
    """x -> x + damping g - sum_i w_i (dx_i + damping dg_i), g = f(x) - x, where w minimises |g - sum_i w_i dg_i|.

    On a linear f of dimension n with memory n it is GMRES: exact after n + 1 evaluations (Walker, Ni: Anderson
    acceleration for fixed-point iterations, SIAM J. Numer. Anal. 49 (2011), theorem 2.2).

    Parameters
    ----------
    n : int
    memory : int or None
        Number of differences, 1 to n; None for min(n, 50).
    ridge : float
        Moves along an orthonormal basis of the dg are shortened where they are longer than |g_0|/(ridge |g|): the
        ridge fades as the residual falls, where an absolute one would leave plain iteration. 0 for none, as dg that
        depend on others are dropped anyhow.
    damping : float
        0 < damping <= 2.
    """

    def __init__(
        self, n: int, *, memory: int | None = None, ridge: float = 0.0, damping: float = 1.0
    ) -> None:
        self.ridge = checked_number("ridge", ridge, zero=True)
        self.damping = checked_damping(damping)
        self._differences = Differences(n, checked_memory(memory, n))
        self._last: tuple[Floats, Floats] | None = None
        self._first = self._best = math.inf
        self._since_best = 0

    def step(self, at: Iterate) -> Steps:
        """One evaluation; a second one, of the plain step, where f is not finite at the first."""
        plain = at.fx if self.damping == 1.0 else at.x + self.damping * at.gap
        self._remember(at, plain)
        if self._differences.count:
            ridge = self.ridge * min(1.0, at.residual / self._first)
            x = plain - self._differences.combined(at.gap, ridge)
            reached = Iterate.of(x, (yield Value(x)))
            if math.isfinite(reached.residual):
                return reached
            self._differences.clear()
        return Iterate.of(plain, (yield Value(plain)))

    def _remember(self, at: Iterate, plain: Floats) -> None:
        """The new difference, or a clean slate after `PATIENCE` iterations without progress."""
        if self._last is None:
            self._first = at.residual
        else:
            gap, before = self._last
            self._differences.append(at.gap - gap, plain - before)
        self._last = at.gap, plain
        self._since_best = 0 if at.residual < self._best else self._since_best + 1
        self._best = min(self._best, at.residual)
        if self._since_best == PATIENCE:
            self._differences.clear()
            self._since_best = 0
