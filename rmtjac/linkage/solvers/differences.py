"""The last differences of residuals as an updated QR factorisation, for the least squares of Anderson's method."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, qr_delete

from rmtjac.linkage.solvers.method import Floats, norm

__all__ = ["Differences"]

DROPPED = 10  # share of a full memory, 1/10, that goes at once
DEPENDENT = 1e-8  # share of a column outside of the span of the others below which it adds rounding only
INDEPENDENT = (
    0.7  # share from which on one orthogonalisation is exact to rounding; below it, errors would build up
)
NEGLIGIBLE = 0.1  # share of 1/ridge of the weights up to which it changes them by a percent


class Differences:
    """At most `memory` columns dg (n,) with A = [dg_1, ..., dg_m] = Q R, and the moves that belong to them.

    One more column costs O(n m). When the memory is full its oldest tenth goes, for O(n m) too. A column that nearly
    depends on the others drives out the oldest ones: they say least about the map here.
    """

    def __init__(self, n: int, memory: int) -> None:
        self._memory = memory
        self._q = np.empty((n, memory), order="F")
        self._r = np.zeros((memory, memory), order="F")
        self._moves = np.empty((memory, n))
        self._sizes = np.empty(memory)
        self.count = 0

    def clear(self) -> None:
        """Forget all."""
        self.count = 0

    def append(self, column: Floats, move: Floats) -> None:
        """One more column and its move; a column of zeros says nothing."""
        size = norm(column)
        if size == 0.0:
            return
        if self.count == self._memory:
            self._drop(-(-self._memory // DROPPED))
        inside, rest, height = self._split(column, size)
        while self.count and height <= DEPENDENT * size:
            self._drop(1)
            inside, rest, height = self._split(column, size)
        m = self.count
        np.divide(rest, height, out=self._q[:, m])
        self._r[:m, m], self._r[m, m] = inside, height
        self._moves[m], self._sizes[m] = move, size
        self.count += 1

    def combined(self, residual: Floats, ridge: float) -> Floats:
        """sum_i w_i move_i with the w that minimise |residual - A w|^2 + ridge^2 sum_i (w_i |dg_i|)^2."""
        m = self.count
        triangle, target = self._r[:m, :m], residual @ self._q[:, :m]
        weights = lapack.dtrtrs(triangle, target)[0]
        sizes = self._sizes[:m]
        if ridge > 0.0 and ridge * norm(weights * sizes) > NEGLIGIBLE * norm(target):
            basis, small = np.linalg.qr(np.concatenate([triangle / sizes, ridge * np.eye(m)]))
            weights = lapack.dtrtrs(small, target @ basis[:m])[0] / sizes
        return np.asarray(weights @ self._moves[:m])

    def _split(self, column: Floats, size: float) -> tuple[Floats, Floats, float]:
        """Coefficients in Q, what lies outside of its span, and the norm of this; twice is enough."""
        q = self._q[:, : self.count]
        inside = column @ q
        rest = column - q @ inside
        height = norm(rest)
        if height < INDEPENDENT * size:
            again = rest @ q
            rest -= q @ again
            inside, height = inside + again, norm(rest)
        return inside, rest, height

    def _drop(self, count: int) -> None:
        """Forget the oldest columns."""
        m, left = self.count, self.count - count
        if left:
            q, r = qr_delete(
                self._q[:, :m], self._r[:m, :m], 0, count, "col", overwrite_qr=True, check_finite=False
            )
            # a square Q comes back with columns too many; mostly it is turned in its place
            if not np.may_share_memory(q, self._q):
                self._q[:, :left] = q[:, :left]
            self._r[:left, :left] = r[:left]
            self._moves[:left], self._sizes[:left] = self._moves[count:m], self._sizes[count:m]
        self.count = left
