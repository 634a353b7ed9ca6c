"""Contraction constants: bounds on a norm of every matrix within a radius of a centre, and the best diagonal weight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.certificates.rounding import EPS, TINY
from rmtjac.linkage.interval_matrices import norm_bound

__all__ = ["best_weights", "constants", "least_norms"]

Floats = NDArray[np.float64]

ROOM = 1e-12  # constants are stated so much larger, so that a check with other rounding has room
GAPS = (1e-9, 1e-6, 1e-4, 1e-2)
LARGEST_SPREAD = 1e9  # of weights
LARGEST = 1e300


def constants(slope: Floats, radius: Floats, norm: str, weights: Floats | None = None) -> Floats:
    """>= the norm of every A with |A - slope| <= radius, (k, n, n) each, rounded upward; inf where nothing is known.

    "inf", "1" and "2": the norms induced by those of vectors. "diagonal": by max_i |x_i| / weights_i.
    """
    n = slope.shape[-1]
    if norm == "2":
        bounds = norm_bound(slope, radius)
    else:
        sizes = np.abs(slope) + radius
        if norm == "1":
            bounds = sizes.sum(axis=1).max(axis=1)
        elif weights is None:
            bounds = sizes.sum(axis=2).max(axis=1)
        else:
            bounds = ((sizes @ weights) / weights).max(axis=1)
    bounds = bounds * (1.0 + ROOM + (n + 4) * EPS) + TINY
    return np.asarray(np.where(np.isnan(bounds), np.inf, bounds))


def least_norms(slope: Floats, radius: Floats, norm: str) -> Floats:
    """A number that every such A has as its norm at least, (k,): what refutes a constant below 1.

    For "diagonal": at least the spectral radius of |A|, which no weight beats (Collatz, Wielandt).
    """
    n = slope.shape[-1]
    radius = np.minimum(radius, LARGEST)  # inf times 0 would be nan
    sizes = np.maximum(np.abs(slope) - radius, 0.0)
    if norm == "2":
        # |A|_F / sqrt(n) would be coarse: A v for v near to the largest singular vector
        vectors = np.linalg.svd(np.nan_to_num(slope))[2][:, 0, :, None]
        image = np.maximum(np.abs(slope @ vectors) - radius @ np.abs(vectors), 0.0)
        sums = np.sqrt(np.square(image).sum(axis=(1, 2)))
    elif norm == "1":
        sums = sizes.sum(axis=1).max(axis=1)
    elif norm == "inf":
        sums = sizes.sum(axis=2).max(axis=1)
    else:
        vectors = np.ones((len(sizes), n, 1))
        for _ in range(30):
            vectors = sizes @ vectors + 1e-6 * vectors
            vectors = vectors / np.maximum(vectors.max(axis=1, keepdims=True), TINY)
        sums = (sizes @ vectors / vectors).min(axis=(1, 2))
    return np.asarray(np.where(np.isfinite(sums), sums, 0.0) * (1.0 - ROOM - 4 * (n + 2) ** 2 * EPS))


def best_weights(sizes: Floats) -> Floats:
    """w > 0 (n,) for which max_i (sizes w)_i / w_i is near its least value, the spectral radius of sizes >= 0.

    For any kappa above that radius, w = (1 - sizes/kappa)^-1 1 has sizes w = kappa (w - 1) < kappa w.
    """
    n = len(sizes)
    if not np.isfinite(sizes).all():
        return np.ones(n)
    radius = float(np.abs(np.linalg.eigvals(sizes)).max())
    best, best_constant = np.ones(n), float(sizes.sum(axis=1).max())
    for gap in GAPS:
        kappa = radius + gap * max(1.0 - radius, 1e-3)
        try:
            weights = np.linalg.solve(np.eye(n) - sizes / kappa, np.ones(n))
        except np.linalg.LinAlgError:
            continue
        if not (weights > 0.0).all() or weights.max() > LARGEST_SPREAD * weights.min():
            continue
        constant = float(((sizes @ weights) / weights).max())
        if constant < best_constant:
            best, best_constant = weights / weights.max(), constant
    return best
