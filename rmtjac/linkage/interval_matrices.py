"""Upper bounds on the spectral norm of every matrix within a radius of a centre, rounding included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["norm_bound"]

Floats = NDArray[np.float64]

EPS = float(np.finfo(float).eps)
TINY = 1e-300  # far above what underflow loses in matrices with entries up to 1
SWEEPS = 4


def norm_bound(centre: Floats, radius: Floats) -> Floats:
    """For each of k pairs (k, m, n): a number that is >= ||A||_2 of every A with |A - centre| <= radius.

    The smaller of ||centre||_2 + ||radius||_2 and || |centre| + radius ||_2: the first is better for small radii, the
    second for large ones. inf where an entry is not finite.
    """
    largest = np.abs(centre).max(axis=(1, 2)) + radius.max(axis=(1, 2))
    bounds = np.full(len(centre), np.inf)
    known = np.isfinite(largest)
    # by a power of two, which rounds nothing
    exponent = np.frexp(largest[known])[1]
    centre, radius = (np.ldexp(part[known], -exponent[:, None, None]) for part in (centre, radius))
    apart = _norm_of_any(centre) + _norm_of_nonnegative(radius)
    together = _norm_of_nonnegative(_up(np.abs(centre) + radius, 1))
    with np.errstate(over="ignore"):
        bounds[known] = np.ldexp(_up(np.minimum(apart, together), 2), exponent)
    return bounds


def _norm_of_any(matrices: Floats) -> Floats:
    """>= ||A||_2 of matrices (k, m, n) with entries up to 1.

    G = A A^T of the smaller size. For any invertible Q, near to the eigenvectors, y = Q^-1 x gives x^T G x = y^T S y
    with S = Q^T G Q, and |x|^2 >= (1 - |Q^T Q - 1|) |y|^2: so ||G|| <= |S| / (1 - |Q^T Q - 1|) in row sums.
    """
    if matrices.shape[1] > matrices.shape[2]:
        matrices = matrices.mT
    m, n = matrices.shape[1:]
    gram = matrices @ matrices.mT
    frobenius = np.square(matrices).sum(axis=(1, 2))
    vectors = np.linalg.eigh(gram)[1]
    sizes = np.abs(vectors)
    rounding = sizes.mT @ (np.abs(gram) @ sizes.sum(axis=2, keepdims=True))
    rows = np.abs(vectors.mT @ gram @ vectors).sum(axis=2) + 3 * m * EPS * rounding[:, :, 0]
    defect = np.abs(vectors.mT @ vectors - np.eye(m)).sum(axis=2)
    defect += (m + 1) * EPS * (sizes.mT @ sizes.sum(axis=2, keepdims=True))[:, :, 0]
    share = 1.0 - _up(defect, m).max(axis=1)
    square = np.where(share > 0.5, rows.max(axis=1) / share, frobenius)
    return np.asarray(np.sqrt(_up(square, 4 * m) + 2 * n * EPS * frobenius + TINY) * (1.0 + 2.0 * EPS))


def _norm_of_nonnegative(matrices: Floats) -> Floats:
    """>= ||A||_2 of matrices (k, m, n) with entries from 0 to 1.

    A^T A v <= c v with v > 0 proves ||A||^2 <= c (Collatz, Wielandt); v comes from some steps of the power method.
    """
    v = np.ones((len(matrices), matrices.shape[2], 1))
    square = np.full(len(matrices), np.inf)
    for _ in range(SWEEPS):
        image = matrices.mT @ (matrices @ v) + TINY
        square = np.minimum(square, (image / v).max(axis=(1, 2)))
        # entries that would be 0 prove nothing
        v = image / image.max(axis=1, keepdims=True) + 1e-6
    return np.asarray(np.sqrt(_up(square, 2 * sum(matrices.shape[1:]) + 8)) + TINY)


def _up(values: Floats, units: int) -> Floats:
    """Nonnegative results of sums of that many rounded terms, moved above the true ones."""
    return np.asarray(values * (1.0 + (units + 2) * EPS))
