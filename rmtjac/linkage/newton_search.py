"""Fixed points by Newton's method from many starts at once: for any dimension, and with no claim to find them all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.affine_bounds import BoundedNetwork
from rmtjac.linkage.box_search import ProvenPoint
from rmtjac.linkage.newton_operator import proven_point, sharpened
from rmtjac.model.differentiable_map import Map

__all__ = ["newton_points", "proven_near", "random_starts"]

Floats = NDArray[np.float64]

MAX_STEPS = 60
WARM_UP = 30  # applications of the map to the first half of the starts: they lead to attracting points
RESIDUAL = 1e-11  # |Phi(x) - x|, in units of 1 + |x|, of a fixed point
SAME = 1e-8  # distance of two that are one
BLOCK = 2_000_000  # numbers in a batch of Jacobians
REACHES = (1e-9, 1e-7, 1e-11, 1e-13)  # half sides of the boxes in which a point may be proven


def random_starts(lower: Floats, upper: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Starts in a box, shape (count, n): the last is its middle, half of the others are uniform, half nearer to it."""
    xi = rng.uniform(-0.5, 0.5, (count, lower.size))
    xi[1::2] *= rng.random((count // 2, 1)) ** 2
    xi[-1] = 0.0
    return np.asarray(0.5 * (lower + upper) + (upper - lower) * xi)


def newton_points(net: Map, starts: Floats, side: Floats) -> Floats:
    """The different ends, shape (Q, n), of Newton's method for Phi(x) = x from starts (k, n).

    No step is longer than `side`. The map is applied to the first half of the starts before.
    """
    x, half = starts.copy(), len(starts) // 2
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(WARM_UP):
            moved = net(x[:half])
            x[:half] = np.where(np.isfinite(moved), moved, x[:half])
    batch = max(1, BLOCK // (side.size * max(net.widths)))
    ends = np.concatenate([_iterated(net, x[k : k + batch], side) for k in range(0, len(x), batch)])
    found: list[Floats] = []
    for end in ends:
        if not any(np.abs(end - other).max() <= SAME * (1.0 + np.abs(end).max()) for other in found):
            found.append(end)
    return np.array(found).reshape(len(found), side.size)


def proven_near(net: BoundedNetwork, point: Floats) -> ProvenPoint | None:
    """The fixed point next to `point`, if there is proven to be exactly one there."""
    for reach in REACHES:
        half = np.full(point.size, reach) * (1.0 + np.abs(point))
        proven, found, error = proven_point(net, point, half)
        if proven:
            found, error = sharpened(net, found, error)
            return ProvenPoint(point=found, error=error, centre=point, reach=half)
    return None


def _iterated(net: Map, x: Floats, side: Floats) -> Floats:
    """Ends of those starts that converge; no step is longer than the box."""
    n = side.size
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(MAX_STEPS):
            gap, matrices = net(x) - x, np.eye(n) - net.jacobian(x)
            known = np.isfinite(gap).all(axis=1) & np.isfinite(matrices).all(axis=(1, 2))
            x = x[known]
            step = _solved(matrices[known], gap[known])
            longest = np.max(np.abs(step) / side, axis=1, keepdims=True, initial=0.0)
            x = x + step / np.maximum(longest, 1.0)
            x = x[np.isfinite(x).all(axis=1)]
        size = 1.0 + np.abs(x).max(axis=1, initial=0.0)
        ends: Floats = x[np.abs(net(x) - x).max(axis=1, initial=0.0) <= RESIDUAL * size]
    return ends


def _solved(matrices: Floats, right: Floats) -> Floats:
    """Solutions of many systems; the shortest ones where a matrix is singular."""
    try:
        return np.asarray(np.linalg.solve(matrices, right[..., None])[..., 0])
    except np.linalg.LinAlgError:
        return np.asarray((np.linalg.pinv(matrices) @ right[..., None])[..., 0])
