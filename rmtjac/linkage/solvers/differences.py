"""The last differences of residuals, made orthonormal, and the moves that belong to them: Anderson's least squares."""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr_delete

from rmtjac.linkage.solvers.method import Floats, norm

__all__ = ["Differences"]

DROPPED = 10  # share of a full memory, 1/10, that goes at once
DEPENDENT = 1e-8  # share of a column outside of the span of the others below which it adds rounding only
INDEPENDENT = 0.7  # share from which on one orthogonalisation is exact; below it, errors would build up


class Differences:
    """At most `memory` columns dg (n,) with [dg_1, ..., dg_m] = Q R, and their moves M (n, m), kept as M R^{-1}.

    What is done to dg_j to make it a column of Q is done to its move: the least squares need no triangular solve, and
    R only where columns go. One more column costs O(n m). When the memory is full its oldest tenth goes, for O(n m)
    too. A column that nearly depends on the others drives out the oldest ones: they say least about the map here.
    """

    def __init__(self, n: int, memory: int) -> None:
        self._n, self._memory = n, memory
        self._pairs = np.empty((2 * n, memory), order="F")  # Q above, M R^{-1} below
        self._pair = np.empty(2 * n)  # the one that is being made
        self._triangle: list[Floats] = []  # columns of R, of 1, 2, ... entries

    @property
    def count(self) -> int:
        """Number of columns."""
        return len(self._triangle)

    def clear(self) -> None:
        """Forget all."""
        self._triangle.clear()

    def append(self, column: Floats, move: Floats) -> None:
        """One more column and its move; a column of zeros says nothing."""
        size = norm(column)
        if size == 0.0:
            return
        if self.count == self._memory:
            self._drop(-(-self._memory // DROPPED))
        entries = self._split(column, move, size)
        while self.count and entries[-1] <= DEPENDENT * size:
            self._drop(1)
            entries = self._split(column, move, size)
        np.divide(self._pair, entries[-1], out=self._pairs[:, self.count])
        self._triangle.append(entries)

    def combined(self, residual: Floats, ridge: float) -> Floats:
        """sum_i w_i move_i with the w that minimise |residual - sum_i w_i dg_i|.

        With a ridge, moves along the basis are shortened where they are longer than 1/ridge.
        """
        pairs = self._pairs[:, : self.count]
        moves = pairs[self._n :]
        heights = residual @ pairs[: self._n]
        if ridge > 0.0:
            heights /= 1.0 + ridge**2 * np.einsum("ij,ij->j", moves, moves)
        return np.asarray(moves @ heights)

    def _split(self, column: Floats, move: Floats, size: float) -> Floats:
        """Leave the part of `column` outside of the span of Q, and its move, in `_pair`; the new column of R."""
        m, n, pair = self.count, self._n, self._pair
        pair[:n], pair[n:] = column, move
        pairs, rest = self._pairs[:, :m], pair[:n]
        entries = np.empty(m + 1)
        inside = rest @ pairs[:n]
        pair -= pairs @ inside
        height = norm(rest)
        if height < INDEPENDENT * size:
            again = rest @ pairs[:n]
            pair -= pairs @ again
            inside, height = inside + again, norm(rest)
        entries[:m], entries[m] = inside, height
        return entries

    def _drop(self, count: int) -> None:
        """Forget the oldest columns: rotations of R make it triangular again, and turn the pairs."""
        m, left = self.count, self.count - count
        triangle = np.zeros((m, m))
        for j, entries in enumerate(self._triangle):
            triangle[: j + 1, j] = entries
        self.clear()
        if left:
            pairs, triangle = qr_delete(
                self._pairs[:, :m], triangle, 0, count, "col", overwrite_qr=True, check_finite=False
            )
            # mostly they are turned in their place
            if not np.may_share_memory(pairs, self._pairs):
                self._pairs[:, :left] = pairs[:, :left]
            self._triangle += [triangle[: j + 1, j].copy() for j in range(left)]
