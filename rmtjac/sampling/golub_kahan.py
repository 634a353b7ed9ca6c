"""Block Golub-Kahan bidiagonalisation of a matrix that is known by its products alone.

From p start vectors, S = U_1 R, orthonormal bases of the block Krylov spaces grow in turn,

    J^T U_k = V_{k-1} B_{k-1}^T + V_k A_k,   J V_k = U_k A_k^T + U_{k+1} B_k,

so that J^T [U_1 ... U_s] = [V_1 ... V_s] H with H block bidiagonal. H^T H is the block tridiagonal matrix of s block
Lanczos steps for J J^T; it is not formed, because singular values would then be known to sqrt(eps) only (Golub and
Kahan 1965; Golub, Luk and Overton 1981). Every block is made orthogonal to all of its basis, twice. Directions that are
rounding are left out: blocks shrink, and when nothing is left the space is invariant and H exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from rmtjac import lapack

__all__ = ["Bidiagonal", "Multiply", "bidiagonalise"]

Floats = NDArray[np.float64]
Multiply = Callable[[Floats], tuple[Floats, int]]

EPS = float(np.finfo(np.float64).eps)


class Bidiagonal(NamedTuple):
    """J^T in the two Krylov bases.

    Attributes
    ----------
    matrix : ndarray, shape (r, c)
        H, in units of 2^exponent; r <= c.
    exponent : int
    start : ndarray, shape (c_1, p)
        R, the start vectors in U_1.
    sizes : list of (int, int)
        Rows and columns of H that each step had reached.
    exhausted : bool
        Whether the Krylov space is invariant: more steps would add nothing.
    """

    matrix: Floats
    exponent: int
    start: Floats
    sizes: list[tuple[int, int]]
    exhausted: bool


def bidiagonalise(
    forth: Multiply, back: Multiply, shape: tuple[int, int], start: Floats, steps: int, dimension: int
) -> Bidiagonal:
    """H after at most `steps` block steps: 2 steps - 1 products.

    Parameters
    ----------
    forth, back : callable
        Products with J^T and with J: (y, e) stands for y 2^e, of any range.
    shape : (int, int)
        Rows and columns of J.
    start : ndarray, shape (rows, p)
    steps : int
        >= 1.
    dimension : int
        Of a space of start vectors that J J^T does not leave, e.g. the number of non-empty rows of J.
    """
    capacity = min(start.shape[1] * steps, dimension)
    lefts, rights = _Basis(shape[0], capacity), _Basis(shape[1], capacity)
    h, norm, unit = np.zeros((capacity, capacity)), 0.0, 0
    sizes: list[tuple[int, int]] = []
    left, start = lefts.extend(start, _length(start))
    exhausted = False
    while not exhausted and len(sizes) < steps:
        image, exponent = forth(lefts[left])
        unit = unit if sizes else exponent
        image = np.ldexp(image, exponent - unit)
        norm = max(norm, _length(image))
        right, h_block = rights.extend(image, norm)
        h[right, left] = h_block
        sizes.append((right.stop, left.stop))
        exhausted = right.start == right.stop or left.stop == dimension
        if not exhausted and len(sizes) < steps:
            image, exponent = back(rights[right])
            left, h_block = lefts.extend(np.ldexp(image, exponent - unit), norm)
            h[right, left] = h_block.T
            exhausted = left.start == left.stop
    rows, columns = sizes[-1]
    return Bidiagonal(h[:rows, :columns], unit, start, sizes, exhausted)


class _Basis:
    """Orthonormal columns that grow by blocks."""

    def __init__(self, rows: int, capacity: int) -> None:
        self._columns = np.empty((rows, capacity), order="F")
        self._size = 0

    def __getitem__(self, columns: slice) -> Floats:
        return self._columns[:, columns]

    def extend(self, block: Floats, norm: float) -> tuple[slice, Floats]:
        """The place of Q and C, where Q C is what of `block` is new to the basis, which Q joins.

        `block` is the image of unit vectors under a matrix of that norm. Q has fewer columns where those of `block`
        depend, to rounding, on each other and on the basis.
        """
        q, coefficients = self._independent(self._rest(block), norm)
        # a small rest is orthogonal to the basis only to a rounding of what it was left from: once more
        q, again = lapack.qr(self._rest(q))
        place = slice(self._size, self._size + q.shape[1])
        self._columns[:, place] = q
        self._size = place.stop
        return place, again @ coefficients

    def _rest(self, block: Floats) -> Floats:
        basis = self._columns[:, : self._size]
        return block - basis @ (basis.T @ block)

    def _independent(self, block: Floats, norm: float) -> tuple[Floats, Floats]:
        """QR decomposition without the columns of Q that only rounding has made; no more of them than fit."""
        q, r, order = scipy.linalg.qr(block, mode="economic", pivoting=True, check_finite=False)
        rank = int(np.count_nonzero(np.abs(np.diagonal(r)) > EPS * max(block.shape) * norm))
        rank = min(rank, self._columns.shape[1] - self._size)
        return q[:, :rank], r[:rank, np.argsort(order)]


def _length(block: Floats) -> float:
    """Of the longest column."""
    return float(np.linalg.norm(block, axis=0).max())
