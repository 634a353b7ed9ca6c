"""The law of a layer's gates in blocks of equal ratio, and the moments of those above and below a block's edge.

Of u = alpha log d, counted downward from its largest value, block k holds depths from k to k + 1 in units of WIDTH.
Inside a block the law is replaced by masses at Chebyshev points with the same first POINTS moments: E e^(s u) keeps its
digits up to |Im s| of some 2 POINTS/WIDTH, and the sums over blocks are recurrences.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rmtjac.model.stable_field import StableGates

__all__ = ["GateBlocks"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

WIDTH = 0.5
POINTS = 48
CHUNK = 20_000  # nodes whose polynomials are held at once


class GateBlocks:
    """u = alpha log d of the open gates.

    Parameters
    ----------
    gates : StableGates
        With an open gate.
    alpha : float

    Attributes
    ----------
    top : float
        Largest u.
    count : int
        Number of blocks.
    """

    def __init__(self, gates: StableGates, alpha: float) -> None:
        u = alpha * gates.logs
        self.top = float(u.max())
        depth = (self.top - u) / WIDTH
        block = np.floor(depth).astype(np.int64)
        self.count = 1 + int(block.max())
        # cos(n theta_j), theta_j = pi (2 j + 1)/(2 POINTS), of angles reduced first: large ones would round
        steps = np.multiply.outer(np.arange(POINTS), 2 * np.arange(POINTS) + 1) % (4 * POINTS)
        cosines = np.cos(0.5 * math.pi / POINTS * steps)
        self._points = 0.5 * WIDTH * (1.0 + cosines[1])
        moments = _chebyshev_moments(2.0 * (depth - block) - 1.0, gates.masses, block, self.count)
        series = 2.0 / POINTS * cosines
        series[0] *= 0.5
        self._masses: Floats = moments @ series

    def _of_each(self, s: Complexes) -> Complexes:
        """E e^(s u) over each block alone, u counted from its upper edge, shape (count, s.size)."""
        kernel = np.exp(-np.multiply.outer(self._points, s))
        own = np.empty((self.count, s.size), dtype=np.complex128)
        own.real, own.imag = self._masses @ kernel.real, self._masses @ kernel.imag
        return own

    def below(self, s: Complexes) -> Complexes:
        """Row b: E e^(s u) over the blocks from b on, u counted from the upper edge of b; for Re s >= 0."""
        sums = np.zeros((self.count + 1, s.size), dtype=np.complex128)
        sums[:-1] = self._of_each(s)
        fall = np.exp(-s * WIDTH)
        for b in range(self.count - 1, -1, -1):
            sums[b] += fall * sums[b + 1]
        return sums

    def above(self, s: Complexes) -> Complexes:
        """Row b: E e^(s u) over the blocks before b, u counted from the upper edge of b; for Re s <= 0."""
        sums = np.zeros((self.count + 1, s.size), dtype=np.complex128)
        sums[1:] = self._of_each(s)
        fall = np.exp(s * WIDTH)
        for b in range(1, self.count + 1):
            sums[b] = fall * (sums[b] + sums[b - 1])
        return sums

    def moments(self, k: Floats) -> tuple[Floats, Floats]:
        """E e^(k u) and E u e^(k u), u counted from `top`, for k > 0."""
        kernel, edges = np.exp(-np.multiply.outer(self._points, k)), WIDTH * np.arange(self.count)
        own, own_depths = self._masses @ kernel, self._masses @ (self._points[:, None] * kernel)
        falls = np.exp(-np.multiply.outer(edges, k))
        return (falls * own).sum(axis=0), -(falls * (edges[:, None] * own + own_depths)).sum(axis=0)


def _chebyshev_moments(y: Floats, masses: Floats, block: Integers, count: int) -> Floats:
    """E T_n(y), n < POINTS, over each block, shape (count, POINTS)."""
    order = np.argsort(block, kind="stable")
    moments = np.zeros((count, POINTS))
    for chunk in np.array_split(order, 1 + order.size // CHUNK):
        angle = np.arccos(np.clip(y[chunk], -1.0, 1.0))
        polynomials = masses[chunk, None] * np.cos(np.multiply.outer(angle, np.arange(POINTS)))
        blocks, starts = np.unique(block[chunk], return_index=True)
        moments[blocks] += np.add.reduceat(polynomials, starts, axis=0)
    return moments
