"""The scheme of the source paper as it is printed: grid (7), iteration (8), stop (9), a list of points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.trajectories import Follow

__all__ = ["EPS", "N0", "Literal", "literal_basins"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

EPS = 1e-5
N0 = 50
MERGED_WITHIN = 10 * EPS  # the paper's list of "different" points needs a distance, and gives none


class Literal(NamedTuple):
    """Labels (k,) from 1 on, -1 where no step was short; the points of the list (Q, n); evaluations of Phi (k,)."""

    labels: Indices
    points: Floats
    iterations: Indices


def literal_basins(follow: Follow, starts: Floats) -> Literal:
    """The start is x^1; it stops at the first m in 1, ..., N0 - 1 with |x^(m+1) - x^m| < eps, and its point is x^m.

    In the order of the starts, a point is that of the list's first entry within 10 eps, else a new entry.
    """
    ends, steps, is_short = follow(starts, N0 - 1, EPS)
    labels, chosen = _listed(ends, is_short, MERGED_WITHIN)
    return Literal(labels, ends[chosen], np.minimum(steps + 1, N0 - 1))


@kernel
def _listed(points: Floats, is_end: NDArray[np.bool_], radius: float) -> tuple[Indices, Indices]:
    """Labels of the points, and which of them are the list."""
    labels, chosen = np.full(points.shape[0], -1), np.empty(points.shape[0], dtype=np.int64)
    count = 0
    for i in range(points.shape[0]):
        if not is_end[i]:
            continue
        found = 0
        while found < count and np.sqrt(((points[i] - points[chosen[found]]) ** 2).sum()) >= radius:
            found += 1
        if found == count:
            chosen[count] = i
            count += 1
        labels[i] = found + 1
    return labels, chosen[:count]
