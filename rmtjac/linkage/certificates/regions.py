"""Regions on which a map may contract: boxes, and balls of the 1- and the 2-norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.errors import check_choice
from rmtjac.linkage.certificates.forms import Parts
from rmtjac.linkage.certificates.rounding import EPS
from rmtjac.model.checks import checked_array, checked_box, checked_number

__all__ = ["NORMS", "Region", "around", "checked_region", "norm_name"]

Floats = NDArray[np.float64]

NORMS = ("inf", "1", "2", "diagonal")
ORDERS = {"1": 1, "2": 2}
TINY = 1e-150


@dataclass(frozen=True)
class Region:
    """The box from `low` to `high`, shape (n,) each; of it, a ball about `centre` if `radius` is given.

    `order` is that of the ball's norm, 1 or 2; a ball of the infinity norm is a box.
    """

    low: Floats
    high: Floats
    centre: Floats
    radius: float | None = None
    order: int = 2

    @property
    def inner_radius(self) -> float:
        """The radius of a ball, or half of the shortest side of a box."""
        return float((self.high - self.low).min()) / 2.0 if self.radius is None else self.radius

    def parts(self) -> Parts:
        """The region as one part."""
        whole = Parts.of(self.low[None], self.high[None])
        if self.radius is None:
            return whole
        half = np.maximum(self.high - self.centre, self.centre - self.low)[None] * (1.0 + EPS)
        return Parts(whole.low, whole.high, self.centre[None], half, (self.radius, self.order))

    def holds(self, low: Floats, high: Floats) -> NDArray[np.bool_]:
        """Whether boxes (k, n) are proven to lie inside."""
        inside = ((low >= self.low) & (high <= self.high)).all(axis=1)
        if self.radius is None:
            return np.asarray(inside)
        farthest = np.maximum(np.abs(low - self.centre), np.abs(high - self.centre))
        return np.asarray(self.length(farthest) <= self.radius)

    def misses(self, low: Floats, high: Floats) -> NDArray[np.bool_]:
        """Whether boxes (k, n) are proven to have no point of the region."""
        if self.radius is None:
            return np.asarray(((low > self.high) | (high < self.low)).any(axis=1))
        nearest = np.maximum(np.maximum(low - self.centre, self.centre - high), 0.0)
        return np.asarray(self.length(nearest, -1.0) > self.radius)

    def length(self, vectors: Floats, sign: float = 1.0) -> Floats:
        """Norms of vectors >= 0, rounded upward (sign 1) or downward (-1)."""
        n = vectors.shape[1]
        squares = np.sqrt(np.square(vectors).sum(axis=1)) + sign * TINY
        length = vectors.sum(axis=1) if self.order == 1 else squares
        return np.asarray(length * (1.0 + sign * (n + 6) * EPS))


def checked_region(
    lower: Any, upper: Any, center: Any, radius: Any, norm: str, shape: tuple[int, ...] | None
) -> tuple[Region, tuple[int, ...]]:
    """The region that the arguments of `certify_contraction` name, and the shape of its points.

    `shape` is that of the points where it is known; else it is that of the corners or the centre.

    Raises
    ------
    ValueError, TypeError
        If neither or both of box and ball are given, or one is empty or of another shape.
    """
    check_choice("norm", norm, NORMS)
    box, ball = (lower is not None, upper is not None), (center is not None, radius is not None)
    if any(box) and any(ball):
        raise ValueError("a box (lower, upper) and a ball (center, radius): allowed is one of them")
    if not (all(box) or all(ball)):
        raise ValueError("no region: give a box (lower and upper) or a ball (center and radius)")
    if all(box):
        shape = shape or np.broadcast_shapes(np.shape(lower), np.shape(upper))
        size = max(1, int(np.prod(shape)))
        low, high = checked_box(_flat(lower, shape), _flat(upper, shape), size)
        return Region(low, high, 0.5 * low + 0.5 * high), shape
    shape = shape or np.shape(center)
    size = max(1, int(np.prod(shape)))
    centre = np.broadcast_to(checked_array("center", _flat(center, shape)), (size,)).copy()
    length = checked_number("radius", radius)
    low, high = checked_box(centre - length, centre + length, size)
    return around(centre, length, norm), shape


def around(centre: Floats, radius: float, norm: str) -> Region:
    """The ball of a norm about a centre; a box for "inf" and "diagonal"."""
    low, high = centre - radius, centre + radius
    if norm not in ORDERS:
        return Region(low, high, centre)
    return Region(np.nextafter(low, -np.inf), np.nextafter(high, np.inf), centre, radius, ORDERS[norm])


def norm_name(norm: Any) -> Any:
    """The name of a norm that may be given as a number."""
    if isinstance(norm, (int, float)) and not isinstance(norm, bool):
        return {1: "1", 2: "2", math.inf: "inf"}.get(norm, norm)
    return norm


def _flat(corner: ArrayLike, shape: tuple[int, ...]) -> ArrayLike:
    """A corner as a flat array where it has the shape of the points; otherwise as it is, to be checked."""
    return np.ravel(np.asarray(corner)) if np.shape(corner) == shape else corner
