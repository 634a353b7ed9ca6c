"""Where trajectories end under noise: boxes about attracting points that f, plus the noise, maps into themselves.

If f maps a box X into itself with delta to spare in every coordinate, x_{n+1} = f(x_n) + h_n, |h_n| <= delta, stays
in X from a start in X. After one step it stays in X' = f(X) +- delta, a smaller box with the same property, and so on.
Next to superattracting points the boxes shrink far below delta/(1 - K), K the constant of the whole region.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.looped_regions import LoopedRegions
from rmtjac.linkage.region_bounds import EPS, bounds_on_boxes
from rmtjac.model.checks import checked_number

__all__ = ["certify_tubes"]

Floats = NDArray[np.float64]

SCALES = np.linspace(1.0, 0.05, 20)  # of the region, of boxes that are tried at first
MAX_STEPS = 200
ENOUGH = 1e-3  # an improvement, in units of the radius, that is the last


def certify_tubes(found: LoopedRegions, delta: float) -> Floats:
    """Radii R (N,) such that |x_n - point| <= R in every coordinate, under noise of at most delta a step.

    Proven, rounding included: for ever for starts in the tube; after some steps for all starts in the region where
    `margins` >= delta. inf where the region is not certified, or no box in it was found that keeps trajectories.

    Parameters
    ----------
    found : LoopedRegions
    delta : float
        >= 0.

    Raises
    ------
    ValueError, TypeError
        If delta is out of range.
    """
    delta = checked_number("delta", delta, zero=True)
    radii = np.full(len(found.certified), np.inf)
    left = np.flatnonzero(found.certified)
    for scale in SCALES:
        points = found.points[left]
        lower = points + scale * (found.lower[left] - points)
        upper = points + scale * (found.upper[left] - points)
        low, high = _images(found, lower, upper, delta)
        kept = ((low >= lower) & (high <= upper)).all(axis=1)
        radii[left[kept]] = _shrunk(found, points[kept], low[kept], high[kept], delta)
        left = left[~kept]
        if not left.size:
            break
    radii.flags.writeable = False
    return radii


def _shrunk(found: LoopedRegions, points: Floats, lower: Floats, upper: Floats, delta: float) -> Floats:
    """Radii about the points of what is left of boxes that keep trajectories."""
    radius = np.maximum(upper - points, points - lower).max(axis=1, initial=0.0)
    for _ in range(MAX_STEPS):
        low, high = _images(found, lower, upper, delta)
        lower, upper = np.maximum(lower, low), np.minimum(upper, high)
        before, radius = radius, np.maximum(upper - points, points - lower).max(axis=1, initial=0.0)
        if not (radius < before * (1.0 - ENOUGH)).any():
            break
    return np.asarray(radius * (1.0 + 2.0 * EPS))


def _images(found: LoopedRegions, lower: Floats, upper: Floats, delta: float) -> tuple[Floats, Floats]:
    """Boxes that hold f(x) + h for x in these boxes and |h| <= delta."""
    bounds = bounds_on_boxes(found.network, lower, upper)
    rounding = 2.0 * EPS * (delta + np.maximum(np.abs(bounds.low), np.abs(bounds.high)))
    return bounds.low - delta - rounding, bounds.high + delta + rounding
