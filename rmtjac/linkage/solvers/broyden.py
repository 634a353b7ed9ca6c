"""Broyden's good method with limited memory: quasi-Newton steps that are known by the steps before them."""

from __future__ import annotations

import numpy as np

from rmtjac.linkage.solvers.method import Floats, Iterate, Steps, Value, is_finite
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
        self._smallest = np.inf

    def step(self, x: Floats, fx: Floats) -> Steps:
        """One evaluation; a second one, of the plain step from the best point, after an excursion."""
        residual = float(np.linalg.norm(fx - x))
        if residual < self._smallest:
            self._best, self._smallest = Iterate(x, fx), residual
        assert self._best is not None  # the first residual is finite
        if residual > EXCURSION * self._smallest and self._count:
            return (yield from self._plain(self._best))
        reached = x + self._next(fx - x)
        value = yield Value(reached)
        if not is_finite(value) and self._count > 1:
            return (yield from self._plain(self._best))
        return Iterate(reached, value)

    def _plain(self, at: Iterate) -> Steps:
        """From `at` with H = 1."""
        self._count = 0
        reached = at.x + self._next(at.fx - at.x)
        return Iterate(reached, (yield Value(reached)))

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
