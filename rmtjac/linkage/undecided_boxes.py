"""What small boxes hold of which a search could not decide: fixed points on kinks, parts of a continuum, or neither."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage import kinks
from rmtjac.linkage.affine_bounds import affine_image, bounded
from rmtjac.linkage.newton_search import SAME
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import Network

__all__ = ["continuum_dimension", "resolved"]

Floats = NDArray[np.float64]

SNAP = 1e-8  # coordinates that are tried as 0
RESIDUAL = 1e-14  # |Phi(x) - x|, in units of 1 + |x|, of a fixed point to rounding
STEP = 1e-3  # of the box: a tangency is no fixed point any more that far away along the kernel of 1 - J
NULL = 1e-9  # singular values of 1 - J, in units of 1 + |J|, that count as 0


def resolved(
    net: Network, boxes: list[tuple[Floats, Floats]], side: Floats
) -> tuple[list[tuple[Floats, bool]], list[tuple[Floats, Floats]], int]:
    """Fixed points on kinks, and whether each is proven; boxes left; dimension of what may be a continuum."""
    points: list[tuple[Floats, bool]] = []
    left: list[tuple[Floats, Floats]] = []
    dimension = 0
    for low, high in boxes:
        centre = 0.5 * (low + high)
        centre[np.abs(centre) < SNAP] = 0.0
        found = continuum_dimension(net, centre, side)
        dimension = max(dimension, found)
        if found or centre.size != 2 or not _is_on_kink(net, centre):
            left.append((low, high))
            continue
        proven = not centre.any() and _is_homogeneous(net) and _is_isolated(net, centre)
        if not proven:
            left.append((low, high))
        if not any(np.abs(centre - other).max() <= SAME for other, _ in points):
            points.append((centre, proven))
    return points, left, dimension


def continuum_dimension(net: Map, x: Floats, side: Floats) -> int:
    """Dimension of the points next to x that are fixed to rounding, along the kernel of 1 - J; 0 if none is."""
    gap = np.eye(x.size) - net.jacobian(x)
    if not np.isfinite(gap).all():
        return 0
    _, sizes, kernel = np.linalg.svd(gap)
    null = sizes <= NULL * (1.0 + np.abs(gap).max())
    if not null.any():
        return 0
    near = x + np.linalg.lstsq(gap, net(x) - x, rcond=NULL)[0]
    # on the edge of a continuum one of the two directions leads out of it
    steps = STEP * np.array([[1.0], [-1.0]])
    moved = [near + steps * direction * float(side.min()) for direction in kernel[null]]
    return sum(bool(_is_fixed(net, pair).any()) for pair in moved) if _is_fixed(net, near[None])[0] else 0


def _is_fixed(net: Map, x: Floats) -> NDArray[np.bool_]:
    """Whether points (k, n) are fixed, to rounding."""
    fixed: NDArray[np.bool_] = np.abs(net(x) - x).max(axis=1) <= RESIDUAL * (1.0 + np.abs(x).max(axis=1))
    return fixed


def _units_on_kinks(net: Network, x: Floats) -> list[NDArray[np.bool_]]:
    image = affine_image(bounded(net), x, np.zeros(x.size))
    return kinks.on_kinks(net, image.low, image.high)


def _is_on_kink(net: Network, x: Floats) -> bool:
    return bool(_is_fixed(net, x[None])[0]) and any(units.any() for units in _units_on_kinks(net, x))


def _is_homogeneous(net: Network) -> bool:
    """Whether Phi(c x) = c Phi(x) for c > 0."""
    return not any(bias.any() for bias in net.biases) and not any(
        phi.gates_depend_on_q for phi in net.activations
    )


def _is_isolated(net: Network, centre: Floats) -> bool:
    return bool(np.isfinite(kinks.degree(kinks.sectors(net, centre, _units_on_kinks(net, centre)))))
