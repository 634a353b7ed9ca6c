"""Stability and index of fixed points, decided where the numbers can decide it, rounding and errors included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage import kinks
from rmtjac.linkage.affine_bounds import affine_image, bounded, jacobian_range
from rmtjac.linkage.flat_network import is_built_in
from rmtjac.linkage.newton_operator import is_regular
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import Network

__all__ = ["kinds_of"]

Floats = NDArray[np.float64]

EPS = float(np.finfo(float).eps)
UNPROVEN = 1e-11  # error, in units of 1 + |x|, that a point is given where none is known
NULL = 1e-9  # singular values of 1 - J, in units of 1 + |J|, that count as 0
NAMES = {True: "stable", False: "unstable", None: "undecided"}


def kinds_of(net: Map, points: Floats, errors: Floats) -> tuple[tuple[str, ...], Floats]:
    """Stability and index of each point (Q, n) that is known to errors (Q, n), nan for unknown ones."""
    half = np.where(np.isnan(errors), UNPROVEN * (1.0 + np.abs(points)), errors)
    boxes = zip(points, half, strict=True)
    if is_built_in(net):
        kinds = [_kind_in_box(net, x, reach) for x, reach in boxes]
    else:
        kinds = [_kind_at(net, x, reach) for x, reach in boxes]
    return tuple(NAMES[stable] for stable, _ in kinds), np.array(
        [index for _, index in kinds], dtype=np.float64
    )


def _kind_in_box(net: Network, x: Floats, half: Floats) -> tuple[bool | None, float]:
    """Stability and index that hold wherever in the box the fixed point is; None and nan if they depend on it."""
    flat = bounded(net)
    zonotope = affine_image(flat, x, half)
    jacobian, radius = jacobian_range(flat, zonotope.low, zonotope.high)
    if not (np.isfinite(jacobian).all() and np.isfinite(radius).all()):
        return None, np.nan
    index = (
        float(np.sign(np.linalg.slogdet(np.eye(x.size) - jacobian)[0]))
        if is_regular(flat, zonotope)
        else np.nan
    )
    on = kinks.on_kinks(net, zonotope.low, zonotope.high)
    if not any(units.any() for units in on):
        return _stability(jacobian, float(np.linalg.norm(radius))), index
    if np.linalg.norm(np.abs(jacobian) + radius, 2) < 1.0 - NULL:
        return True, index
    if x.size != 2:
        return None, index
    pieces = kinks.sectors(net, x, on)
    return kinks.is_stable(pieces), kinks.degree(pieces) if np.isnan(index) else index


def _kind_at(net: Map, x: Floats, half: Floats) -> tuple[bool | None, float]:
    """The same for maps without enclosures: from J at the point alone, and nearly singular 1 - J left open."""
    jacobian = net.jacobian(x)
    gap = np.eye(x.size) - jacobian
    moved = np.abs(net.jacobian(x + half) - jacobian).max()
    regular = np.linalg.svd(gap, compute_uv=False)[-1] > NULL * (1.0 + np.abs(gap).max())
    return _stability(jacobian, float(x.size * moved)), float(
        np.sign(np.linalg.slogdet(gap)[0])
    ) if regular else np.nan


def _stability(jacobian: Floats, error: float) -> bool | None:
    """Whether the spectral radius is below 1, for a matrix that may be off by `error` in norm.

    Eigenvalues move by cond(V) times the error at most (Bauer and Fike), or by the n-th root of what the departure from
    normality makes of it (Henrici), which is less next to defective matrices.
    """
    n, size = jacobian.shape[0], float(np.linalg.norm(jacobian))
    error += 8 * n * EPS * size
    if np.linalg.norm(jacobian, 2) + error < 1.0:
        return True
    values, vectors = np.linalg.eig(jacobian)
    with np.errstate(over="ignore"):
        spread = error * float(np.sum(size ** np.arange(n)))
        margin = min(float(np.linalg.cond(vectors)) * error, max(spread, spread ** (1.0 / n)))
    radius = float(np.abs(values).max())
    return None if abs(radius - 1.0) <= margin else radius < 1.0
