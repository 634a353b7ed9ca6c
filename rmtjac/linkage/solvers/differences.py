"""The last differences of residuals as an updated QR factorisation, for the least squares of Anderson's method."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, qr_delete

from rmtjac.linkage.solvers.method import Floats

__all__ = ["Differences"]

DEPENDENT = 1e-8  # share of a column outside of the span of the others below which it adds rounding only
HEAVY = 0.1  # weights below this share of 1/ridge are those of no ridge, to a percent


class Differences:
    """At most `memory` columns dg (n,) with A = [dg_1, ..., dg_m] = Q R, and the moves that belong to them.

    One more column costs O(n m), one less too (Givens rotations). A column that nearly depends on the others drives
    out the oldest ones: they say least about the map here.
    """

    def __init__(self, n: int, memory: int) -> None:
        self.count = 0
        self._q = np.empty((n, memory), order="F")
        self._r = np.zeros((memory, memory), order="F")
        self._moves = np.empty((memory, n))
        self._sizes = np.empty(memory)

    def clear(self) -> None:
        """Forget all."""
        self.count = 0

    def append(self, column: Floats, move: Floats) -> None:
        """One more column and its move; a column of zeros says nothing."""
        size = float(np.linalg.norm(column))
        if size == 0.0:
            return
        if self.count == len(self._moves):
            self._drop_oldest()
        inside, rest, height = self._split(column)
        while self.count and height <= DEPENDENT * size:
            self._drop_oldest()
            inside, rest, height = self._split(column)
        m = self.count
        self._q[:, m] = rest / height
        self._r[:m, m], self._r[m, m] = inside, height
        self._moves[m], self._sizes[m] = move, size
        self.count += 1

    def combined(self, residual: Floats, ridge: float) -> Floats:
        """sum_i w_i move_i with the w that minimise |residual - A w|^2 + ridge^2 sum_i (w_i |dg_i|)^2."""
        m = self.count
        target = residual @ self._q[:, :m]
        triangle, sizes = self._r[:m, :m], self._sizes[:m]
        weights, _ = lapack.dtrtrs(triangle, target)
        if ridge * np.linalg.norm(weights * sizes) > HEAVY * np.linalg.norm(target):
            basis, small = np.linalg.qr(np.concatenate([triangle / sizes, ridge * np.eye(m)]))
            weights = lapack.dtrtrs(small, target @ basis[:m])[0] / sizes
        return np.asarray(weights @ self._moves[:m])

    def _split(self, column: Floats) -> tuple[Floats, Floats, float]:
        """Coefficients in Q, what lies outside of its span, and the norm of this; twice is enough for rounding."""
        q = self._q[:, : self.count]
        inside = column @ q
        rest = column - q @ inside
        again = rest @ q
        rest -= q @ again
        return inside + again, rest, float(np.linalg.norm(rest))

    def _drop_oldest(self) -> None:
        m = self.count
        if m > 1:
            q, r = qr_delete(
                self._q[:, :m], self._r[:m, :m], 0, 1, "col", overwrite_qr=True, check_finite=False
            )
            # of a square Q one column and row too many come back
            self._q[:, : m - 1], self._r[: m - 1, : m - 1] = q[:, : m - 1], r[: m - 1]
        self._moves[: m - 1] = self._moves[1:m]
        self._sizes[: m - 1] = self._sizes[1:m]
        self.count -= 1
