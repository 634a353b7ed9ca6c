"""The last differences of residuals as an updated QR factorisation, for the least squares of Anderson's method."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, qr_delete

from rmtjac.linkage.solvers.method import Floats, norm

__all__ = ["Differences"]

DEPENDENT = 1e-8  # share of a column outside of the span of the others below which it adds rounding only
INDEPENDENT = 0.1  # share from which on one orthogonalisation loses no more than a digit
NEGLIGIBLE = 0.1  # ridge, in units of the smallest singular value, that changes weights by a percent


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
        # of each column, the share of its norm outside of the span of those before it
        self._shares: list[float] = []

    @property
    def count(self) -> int:
        """Number of columns."""
        return len(self._shares)

    def clear(self) -> None:
        """Forget all."""
        self._shares.clear()

    def append(self, column: Floats, move: Floats) -> None:
        """One more column and its move; a column of zeros says nothing."""
        size = norm(column)
        if size == 0.0:
            return
        if self.count == self._memory:
            self._drop(-(-self._memory // 10))
        inside, rest, height = self._split(column, size)
        while self.count and height <= DEPENDENT * size:
            self._drop(1)
            inside, rest, height = self._split(column, size)
        m = self.count
        np.divide(rest, height, out=self._q[:, m])
        self._r[:m, m], self._r[m, m] = inside, height
        self._moves[m] = move
        self._shares.append(height / size)

    def combined(self, residual: Floats, ridge: float) -> Floats:
        """sum_i w_i move_i with the w that minimise |residual - A w|^2 + ridge^2 sum_i (w_i |dg_i|)^2.

        The ridge is left out where no column is near to the span of the others: it would change nothing.
        """
        m = self.count
        triangle, target = self._r[:m, :m], residual @ self._q[:, :m]
        if ridge <= NEGLIGIBLE * min(self._shares):
            weights = lapack.dtrtrs(triangle, target)[0]
        else:
            sizes = np.linalg.norm(triangle, axis=0)
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
            self._moves[:left] = self._moves[count:m]
        del self._shares[:count]
