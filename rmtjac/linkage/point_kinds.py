"""What kind of fixed point it is: stability and index of each, and what undecided boxes hold: kinks and continua."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage import kinks
from rmtjac.linkage.newton_search import SAME
from rmtjac.model.network import Network

__all__ = ["kinds_of", "resolved"]

Floats = NDArray[np.float64]

MARGIN = 1e-9  # |spectral radius - 1| that is decided
ON_KINK = 1e-11  # distance of a pre-activation from a kink that counts as none
SNAP = 1e-8  # coordinates that are tried as 0
STEP = 1e-7  # along the kernel of 1 - J, which leads to another point of a continuum
NULL = 1e-9  # singular values of 1 - J, in units of 1 + |J|, that count as 0


def kinds_of(net: Network, points: Floats, jacobians: Floats) -> tuple[tuple[str, ...], Floats]:
    """Stability and index of each point."""
    stability: list[str] = []
    index = np.empty(len(points))
    names = {True: "stable", False: "unstable", None: "undecided"}
    for k, (x, jacobian) in enumerate(zip(points, jacobians, strict=True)):
        if kinks.has_kink(net, x, ON_KINK):
            pieces = kinks.sectors(net, x, ON_KINK) if x.size == 2 else []
            index[k] = kinks.degree(pieces) if pieces else np.nan
            stability.append(names[kinks.is_stable(pieces) if pieces else None])
            continue
        radius = np.abs(np.linalg.eigvals(jacobian)).max()
        stability.append(names[None if abs(radius - 1.0) <= MARGIN else bool(radius < 1.0)])
        gap = np.eye(x.size) - jacobian
        smallest = np.linalg.svd(gap, compute_uv=False)[-1]
        index[k] = (
            np.sign(np.linalg.slogdet(gap)[0]) if smallest > NULL * (1.0 + np.abs(gap).max()) else np.nan
        )
    return tuple(stability), index


def resolved(
    net: Network, boxes: list[tuple[Floats, Floats]]
) -> tuple[list[tuple[Floats, bool]], list[tuple[Floats, Floats]], int]:
    """Fixed points at kinks in undecided boxes, and whether each is proven; boxes left; dimension of a continuum."""
    points: list[tuple[Floats, bool]] = []
    left: list[tuple[Floats, Floats]] = []
    dimension = 0
    for low, high in boxes:
        centre = 0.5 * (low + high)
        centre[np.abs(centre) < SNAP] = 0.0
        found = _continuum_dimension(net, centre)
        dimension = max(dimension, found)
        is_point = np.abs(net(centre) - centre).max() <= 1e-12 * (1.0 + np.abs(centre).max())
        if found or not is_point or centre.size != 2 or not kinks.has_kink(net, centre, ON_KINK):
            left.append((low, high))
            continue
        proven = not centre.any() and _is_homogeneous(net) and _is_isolated(net, centre)
        if not proven:
            left.append((low, high))
        if not any(np.abs(centre - other).max() <= SAME for other, _ in points):
            points.append((centre, proven))
    return points, left, dimension


def _is_homogeneous(net: Network) -> bool:
    """Whether Phi(c x) = c Phi(x) for c > 0."""
    return not any(bias.any() for bias in net.biases) and not any(
        phi.gates_depend_on_q for phi in net.activations
    )


def _is_isolated(net: Network, centre: Floats) -> bool:
    return bool(np.isfinite(kinks.degree(kinks.sectors(net, centre, ON_KINK))))


def _continuum_dimension(net: Network, x: Floats) -> int:
    """Dimension of the fixed points next to x if they are a continuum, by a step along the kernel of 1 - J."""
    gap = np.eye(x.size) - net.jacobian(x)
    _, sizes, v = np.linalg.svd(gap)
    null = sizes <= NULL * (1.0 + np.abs(gap).max())
    if not null.any():
        return 0
    near = x + np.linalg.lstsq(gap, net(x) - x, rcond=NULL)[0]
    dimension = 0
    for direction in v[null]:
        moved = (
            near + np.array([[STEP], [-STEP]]) * direction
        )  # on the edge of a continuum one of them is outside
        gaps = np.abs(net(moved) - moved).max(axis=1)
        dimension += bool((gaps <= 1e-12 * (1.0 + np.abs(moved).max())).any())
    return dimension
