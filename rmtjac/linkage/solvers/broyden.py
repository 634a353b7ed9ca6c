"""Broyden's good method with limited memory: quasi-Newton steps that are known by the steps before them."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np

from rmtjac.linkage.solvers.method import Floats, Iterate, Steps, Value
from rmtjac.linkage.solvers.options import checked_memory

__all__ = ["Broyden"]

EXCURSION = 100.0  # a residual so many times the smallest one is no progress: start again from there
SMALLEST_PIVOT = 1e-8  # an update that is nearly singular would throw the next step far away


class Broyden:
    """x -> x + s with s = H g, g = f(x) - x, where H -> H + (s - H y) s^T H / (s^T H y), y = -(change of g), H_0 = 1.

    Kept are the steps alone, which give H again (Kelley: Iterative methods for linear and nonlinear equations, SIAM
    1995, section 7.3); a full memory, or an excursion, starts again from H = 1.

    Parameters
    ----------
    n : int
    memory : int or None
        Number of steps, 1 to n; None for min(n, 50).
    """

    def __init__(self, n: int, *, memory: int | None = None) -> None:
        kept = checked_memory(memory, n) + 1
        self._steps, self._squares = np.empty((kept, n)), np.empty(kept)
        self._count = 0
        self._best: Iterate | None = None

    def step(self, at: Iterate) -> Steps:
        """One evaluation; a second one, of the plain step from the best point, after an excursion."""
        if self._best is None or at.residual < self._best.residual:
            self._best = at
        if at.residual > EXCURSION * self._best.residual and self._count:
            self._count, at = 0, self._best
        reached = yield from self._moved(at)
        if math.isfinite(reached.residual) or self._count == 1:
            return reached
        self._count = 0
        return (yield from self._moved(self._best))

    def _moved(self, at: Iterate) -> Generator[Value, Floats, Iterate]:
        x = at.x + self._next(at.gap)
        return Iterate.of(x, (yield Value(x)))

    def _next(self, g: Floats) -> Floats:
        """H g after the update for the last step; it is kept."""
        if self._count == len(self._steps):
            self._count = 0
        step = g.copy()
        for old, new in zip(range(self._count - 1), range(1, self._count), strict=True):
            step += self._steps[new] * ((self._steps[old] @ step) / self._squares[old])
        if self._count:
            last = self._count - 1
            pivot = 1.0 - (self._steps[last] @ step) / self._squares[last]
            if abs(pivot) > SMALLEST_PIVOT:
                step /= pivot
            else:
                self._count, step = 0, g.copy()
        self._steps[self._count] = step
        self._squares[self._count] = max(float(step @ step), np.finfo(float).tiny)
        self._count += 1
        return step
