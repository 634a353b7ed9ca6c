"""Where the fixed points in a box can be, and whether there is exactly one: the interval Newton operator.

With Phi(x) = c + A xi + e(xi), |e| bounded, on the box x = centre + half * xi, a fixed point solves
(A - diag(half)) xi = centre - c - e(xi); for any matrix Y

    xi = (1 - Y B) xi - Y (c - centre) - Y e(xi),      B = A - diag(half).

The right-hand side lies in m +- s for all |xi| <= 1. Outside of it the box has no fixed point; if it is inside the box,
there is one (Brouwer). It is the only one if 1 - DPhi is regular for all of `jacobian_range`, since
F(x) - F(y) = M (x - y) for a mean M of those. Sums here are short; their rounding is in s.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.affine_bounds import UNIT, BoundedNetwork, Zonotope, affine_image, jacobian_range

__all__ = ["inverse", "is_regular", "newton_image", "proven_point", "sharpened"]

Floats = NDArray[np.float64]

MAX_SHARPENINGS = 60


@kernel
def newton_image(zonotope: Zonotope, centre: Floats, half: Floats) -> tuple[Floats, Floats]:
    """m and s, in units of `half`; s is inf where no inverse was found."""
    n = centre.size
    jacobian = zonotope.rows[1 : n + 1].T.copy()
    for j in range(n):
        jacobian[j, j] -= half[j]
    approximate = inverse(jacobian)
    if not np.isfinite(approximate).all():
        return np.zeros(n), np.full(n, np.inf)
    gap = zonotope.rows[0] - centre
    spread = _total(np.dot(approximate, zonotope.rows[n + 1 :].T.copy()))
    spread += _total(np.eye(n) - np.dot(approximate, jacobian))
    sizes = zonotope.reach + np.abs(gap) + half + UNIT * (np.abs(zonotope.rows[0]) + np.abs(centre))
    rounding = (4 * n + zonotope.rows.shape[0]) * UNIT
    spread += np.dot(np.abs(approximate), zonotope.radius + rounding * sizes)
    return -np.dot(approximate, gap), spread * (1.0 + rounding) + rounding


@kernel
def proven_point(net: BoundedNetwork, centre: Floats, half: Floats) -> tuple[bool, Floats, Floats]:
    """Whether exactly one fixed point is within `half` of `centre`, and where: a point and how far it is at most."""
    zonotope = affine_image(net, centre, half)
    middle, spread = newton_image(zonotope, centre, half)
    inside = True
    for j in range(centre.size):
        inside = inside and abs(middle[j]) + spread[j] < 1.0
    if not inside:
        return False, centre, half
    point = centre + half * middle
    error = half * spread + 4.0 * UNIT * (np.abs(centre) + half)
    return is_regular(net, zonotope), point, error


@kernel
def sharpened(net: BoundedNetwork, point: Floats, error: Floats) -> tuple[Floats, Floats]:
    """A proven point nearer to the fixed point: the operator again and again, until it shrinks its box no more."""
    for _ in range(MAX_SHARPENINGS):
        half = error * (1.0 + 4.0 * UNIT) + 4.0 * UNIT * np.abs(point) + 1e-300
        middle, spread = newton_image(affine_image(net, point, half), point, half)
        moved = point + half * middle
        nearer = half * spread + 4.0 * UNIT * (np.abs(point) + half * np.abs(middle))
        low = np.maximum(point - error, moved - nearer)
        high = np.minimum(point + error, moved + nearer)
        if not (high - low).max() < 1.4 * error.max():
            break
        point = 0.5 * (low + high)
        error = np.maximum(high - point, point - low) * (1.0 + 4.0 * UNIT) + 4.0 * UNIT * np.abs(point)
    return point, error


@kernel
def is_regular(net: BoundedNetwork, zonotope: Zonotope) -> bool:
    """Whether 1 - M is proven regular for every M between the Jacobians on the box of `zonotope`."""
    jacobian, radius = jacobian_range(net, zonotope.low, zonotope.high)
    n = jacobian.shape[0]
    matrix = np.eye(n) - jacobian
    approximate = inverse(matrix)
    if not np.isfinite(approximate).all():
        return False
    sizes = np.abs(approximate)
    rest = np.abs(np.eye(n) - np.dot(approximate, matrix)) + np.dot(sizes, radius)
    rest += (4 * n + 4) * UNIT * (1.0 + np.dot(sizes, np.abs(matrix) + radius))
    regular = True
    for i in range(n):
        regular = regular and rest[i].sum() < 1.0
    return regular


@kernel
def inverse(matrix: Floats) -> Floats:
    """The inverse of a small matrix by Gauss-Jordan elimination with row pivots; nan if a pivot is 0."""
    n = matrix.shape[0]
    rows = np.zeros((n, 2 * n))
    rows[:, :n] = matrix
    for i in range(n):
        rows[i, n + i] = 1.0
    for i in range(n):
        pivot = i + np.argmax(np.abs(rows[i:, i]))
        if not abs(rows[pivot, i]) > 0.0:
            return np.full((n, n), np.nan)
        if pivot != i:
            moved = rows[i].copy()
            rows[i] = rows[pivot]
            rows[pivot] = moved
        rows[i] /= rows[i, i]
        for k in range(n):
            if k != i:
                rows[k] -= rows[k, i] * rows[i]
    return rows[:, n:].copy()


@kernel
def _total(matrix: Floats) -> Floats:
    """Sums of the sizes in each row."""
    sums = np.zeros(matrix.shape[0])
    for i in range(matrix.shape[0]):
        for k in range(matrix.shape[1]):
            sums[i] += abs(matrix[i, k])
    return sums
