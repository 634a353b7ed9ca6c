"""Where trajectories end under noise: neighbourhoods of attracting points that f, plus the noise, maps into themselves.

On a certified box every trajectory tends to |x - x*| <= delta/(1 - K), K for the whole box. Next to a superattracting
point f contracts far more, and what it does to the tube shows it: from |x - p| <= R follows |f(x) + h - p| <= R' =
delta + sup |f - p|. With R' <= R the same trajectories end in the tube R', which has the same property; and so on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.looped_regions import LoopedRegions
from rmtjac.linkage.region_bounds import EPS, bounds_on_boxes
from rmtjac.model.checks import checked_number

__all__ = ["certify_tubes"]

Floats = NDArray[np.float64]

MAX_STEPS = 200
ENOUGH = 1e-3  # an improvement, in units of the radius, that is the last


def certify_tubes(found: LoopedRegions, delta: float) -> Floats:
    """Radii R (N,) such that |x_n - point| <= R in the end, in every coordinate, under noise of at most delta a step.

    Proven, rounding included, for every trajectory that stays in its box: those of starts in the tube (there |x_n -
    point| <= R holds for ever), and those of all starts in the box where `margins` >= delta. inf where the box is not
    certified, or delta/(1 - K) does not fit into it.

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
    rows = np.flatnonzero(found.certified)
    first = (delta / (1.0 - found.constants[rows]) + found.errors[rows]) * (1.0 + 8.0 * EPS)
    lower, upper = _balls(found.points[rows], first)
    fits = ((lower >= found.lower[rows]) & (upper <= found.upper[rows])).all(axis=1)
    rows, radius = rows[fits], first[fits]
    points = found.points[rows]
    for _ in range(MAX_STEPS):
        bounds = bounds_on_boxes(found.network, *_balls(points, radius))
        far = np.maximum(bounds.high - points, points - bounds.low).max(axis=1)
        smaller = np.minimum(radius, (far + delta) * (1.0 + 8.0 * EPS))
        improved = (smaller < radius * (1.0 - ENOUGH)).any()
        radius = smaller
        if not improved:
            break
    radii[rows] = radius
    radii.flags.writeable = False
    return radii


def _balls(points: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """Boxes (N, n) that hold the balls, rounding included."""
    reach = radii[:, None] * (1.0 + 4.0 * EPS) + 4.0 * EPS * np.abs(points)
    return points - reach, points + reach
