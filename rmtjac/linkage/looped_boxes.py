"""Boxes about the candidates of a superattracting layer: of a given radius, or the largest that certify."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.region_bounds import Bounds, bounds_on_boxes, superattracting
from rmtjac.model.checks import checked_number
from rmtjac.model.network import Network
from rmtjac.model.superattracting import Superattracting

__all__ = ["CONSTANT", "HALVINGS", "SCALES", "boxes", "checked_constant", "checked_radius", "largest_scales"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]

CONSTANT = 0.9
SCALES, HALVINGS = 24, 12  # of boxes that are tried


def checked_constant(constant: float) -> float:
    """`constant` as a float in (0, 1); ValueError otherwise."""
    number = checked_number("constant", constant)
    if not number < 1.0:
        raise ValueError(f"constant={constant}: allowed are numbers in (0, 1)")
    return number


def checked_radius(phi: Superattracting, radius: float) -> Floats:
    """`radius` on both sides of each point, shape (k, 2); ValueError if the intervals would meet."""
    number = checked_number("radius", radius)
    limit = float(np.diff(phi.points).min()) / 2.0
    if not number < limit:
        raise ValueError(
            f"radius={radius}: allowed are numbers below {limit:.4g}, half the distance of the points of {phi.name}"
        )
    return np.full((phi.points.size, 2), number)


def boxes(points: Floats, places: Indices, reach: Floats, scales: Floats) -> tuple[Floats, Floats]:
    """Boxes (N, d) about the candidates, of the scalar intervals times a scale <= 1 each."""
    below, above = reach[places, 0] * scales[:, None], reach[places, 1] * scales[:, None]
    return points[places] - below, points[places] + above


def _is_certified(bounds: Bounds, lower: Floats, upper: Floats, constant: float) -> Flags:
    """Whether K <= constant and the image is inside, for each box."""
    inside = (bounds.low >= lower) & (bounds.high <= upper)
    return np.asarray((inside & (bounds.constant <= constant)).all(axis=1))


def largest_scales(net: Network, places: Indices, reach: Floats, constant: float) -> Floats:
    """The largest scale of each box that certifies, of a grid and then by halving; the smallest tried if none does."""
    phi = superattracting(net)

    def holds(rows: Indices, scales: Floats) -> Flags:
        lower, upper = boxes(phi.points, places[rows], reach, scales)
        return _is_certified(bounds_on_boxes(net, lower, upper), lower, upper, constant)

    step = 1.0 / SCALES
    scales, left = np.full(len(places), step / 4.0), np.arange(len(places))
    for scale in np.linspace(1.0, step, SCALES):
        is_good = holds(left, np.full(left.size, scale))
        scales[left[is_good]] = scale
        left = left[~is_good]
        if not left.size:
            break
    found = np.flatnonzero((scales >= step) & (scales < 1.0))
    outside = scales[found] + step
    for _ in range(HALVINGS):
        tried = 0.5 * (scales[found] + outside)
        larger = holds(found, tried)
        scales[found] = np.where(larger, tried, scales[found])
        outside = np.where(larger, outside, tried)
    return scales
