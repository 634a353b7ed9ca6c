"""Where trajectories begin: a grid of the plane, a plane through three points of any space, or points of one's own."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.linkage.grid import Grid
from rmtjac.model.checks import checked_array, checked_box, checked_integer, checked_number

__all__ = ["checked_starts", "grid_starts", "plane_starts"]

Floats = NDArray[np.float64]

MOST_STARTS = 10_000_000


def grid_starts(n: int, lower: ArrayLike, upper: ArrayLike, step: float) -> Floats:
    """The grid of `basins`, shape (ny, nx, 2): x along rows, y from row to row.

    Raises
    ------
    ValueError, TypeError
        As `basins`.
    """
    low, high = checked_box(lower, upper, n)
    if n != 2:
        raise ValueError(f"a grid in {n} dimensions: allowed are 2; give `starts`, as those of plane_starts")
    return Grid.in_box(low, high, step).points


def plane_starts(a: ArrayLike, b: ArrayLike, c: ArrayLike, points: int = 41, margin: float = 0.0) -> Floats:
    """Starts a + s (b - a) + t (c - a) in the plane through three points, shape (points, points, n).

    s along rows and t from row to row take `points` values from -margin to 1 + margin.

    Raises
    ------
    ValueError, TypeError
        If a, b, c are not three points (n,) of one dimension that span a plane, `points` is no integer from 2, or
        `margin` is negative.
    """
    corners = [checked_array(name, point) for name, point in (("a", a), ("b", b), ("c", c))]
    if any(corner.shape != corners[0].shape or corner.ndim != 1 for corner in corners):
        shapes = ", ".join(str(corner.shape) for corner in corners)
        raise ValueError(f"a, b, c of shapes {shapes}: allowed are three points of one dimension")
    points = checked_integer("points", points, 2, math.isqrt(MOST_STARTS))
    margin = checked_number("margin", margin, zero=True)
    sides = np.stack([corners[1] - corners[0], corners[2] - corners[0]])
    if np.linalg.matrix_rank(sides) < 2:
        raise ValueError("a, b, c lie on a line: allowed are points that span a plane")
    s = np.linspace(-margin, 1.0 + margin, points)
    return np.asarray(corners[0] + s[:, None] * sides[0] + s[:, None, None] * sides[1])


def checked_starts(starts: ArrayLike, n: int) -> Floats:
    """A copy of starts of shape (k, n) or (ny, nx, n).

    Raises
    ------
    ValueError
        If they have another shape, are none or more than 1e7, or an entry is not finite.
    """
    array = checked_array("starts", starts).copy()
    if array.ndim not in (2, 3) or array.shape[-1] != n or not array.size:
        raise ValueError(f"starts of shape {array.shape}: allowed are (k, {n}) and (ny, nx, {n})")
    if array.size > MOST_STARTS * n:
        raise ValueError(f"{array.size // n} starts: allowed are {MOST_STARTS}")
    return array
