"""The last differences of residuals as an updated QR factorisation, for the least squares of Anderson's method."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, qr_delete

from rmtjac.linkage.solvers.method import Floats, norm

__all__ = ["Differences"]

DEPENDENT = 1e-8  # share of a column outside of the span of the others below which it adds rounding only
INDEPENDENT = 0.1  # share from which on one orthogonalisation loses no more than a digit
HEAVY = 0.1  # weights below this share of 1/ridge are those of no ridge, to a percent


class Differences:
    """At most `memory` columns dg (n,) with A = [dg_1, ..., dg_m] = Q R, and the moves that belong to them.

    One more column costs O(n m), one less too (Givens rotations). A column that nearly depends on the others drives
    out the oldest ones: they say least about the map here.
    """

    def __init__(self, n: int, memory: int) -> None:
        self.count = 0
        self._memory = memory
        self._q = np.empty((n, memory), order="F")
        self._r = np.zeros((memory, memory), order="F")
        # a window that slides through twice the room, so that it is copied once in `memory` columns
        self._first = 0
        self._moves, self._sizes = np.empty((2 * memory, n)), np.empty(2 * memory)

    def clear(self) -> None:
        """Forget all."""
        self.count = self._first = 0

    def append(self, column: Floats, move: Floats) -> None:
        """One more column and its move; a column of zeros says nothing."""
        size = norm(column)
        if size == 0.0:
            return
        if self.count == self._memory:
            self._drop_oldest()
        inside, rest, height = self._split(column, size)
        while self.count and height <= DEPENDENT * size:
            self._drop_oldest()
            inside, rest, height = self._split(column, size)
        m = self.count
        np.divide(rest, height, out=self._q[:, m])
        self._r[:m, m], self._r[m, m] = inside, height
        self._moves[self._first + m], self._sizes[self._first + m] = move, size
        self.count += 1

    def combined(self, residual: Floats, ridge: float) -> Floats:
        """sum_i w_i move_i with the w that minimise |residual - A w|^2 + ridge^2 sum_i (w_i |dg_i|)^2."""
        m = self.count
        window = slice(self._first, self._first + m)
        triangle, target = self._r[:m, :m], residual @ self._q[:, :m]
        weights = lapack.dtrtrs(triangle, target)[0]
        if ridge > 0.0:
            sizes = self._sizes[window]
            if ridge * norm(weights * sizes) > HEAVY * norm(target):
                basis, small = np.linalg.qr(np.concatenate([triangle / sizes, ridge * np.eye(m)]))
                weights = lapack.dtrtrs(small, target @ basis[:m])[0] / sizes
        return np.asarray(weights @ self._moves[window])

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

    def _drop_oldest(self) -> None:
        m = self.count
        if m > 1:
            q, r = qr_delete(
                self._q[:, :m], self._r[:m, :m], 0, 1, "col", overwrite_qr=True, check_finite=False
            )
            # a square Q comes back with one column too many; mostly it is turned in its place
            if not np.may_share_memory(q, self._q):
                self._q[:, : m - 1] = q[:, : m - 1]
            self._r[: m - 1, : m - 1] = r[: m - 1]
        self.count -= 1
        self._first += 1
        if self._first == self._memory:
            for kept in (self._moves, self._sizes):
                kept[: self.count] = kept[self._first : self._first + self.count]
            self._first = 0
