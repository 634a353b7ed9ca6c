"""Convex polygons in the plane: cut by half-planes. Vertices run counterclockwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel

__all__ = ["MAX_VERTICES", "cut", "squared_reach"]

Floats = NDArray[np.float64]

MAX_VERTICES = 16


@kernel
def cut(polygon: Floats, count: int, a: float, b: float, margin: float) -> int:
    """Cut to a x + b y <= margin, in place; the number of vertices left, 0 if nothing is or they are too many.

    The first `count` rows of `polygon`, of shape (MAX_VERTICES, 2), are the vertices.
    """
    furthest = -1.0
    for i in range(count):
        furthest = max(furthest, a * polygon[i, 0] + b * polygon[i, 1] - margin)
    if furthest <= 0.0:
        return count  # most lines miss the polygon
    spare = np.empty((MAX_VERTICES, 2))
    left = 0
    x0, y0 = polygon[count - 1, 0], polygon[count - 1, 1]
    gap0 = margin - a * x0 - b * y0
    for i in range(count):
        x1, y1 = polygon[i, 0], polygon[i, 1]
        gap1 = margin - a * x1 - b * y1
        if (gap0 >= 0.0) != (gap1 >= 0.0):
            if left == MAX_VERTICES:
                return 0
            share = gap0 / (gap0 - gap1)
            spare[left, 0], spare[left, 1] = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
            left += 1
        if gap1 >= 0.0:
            if left == MAX_VERTICES:
                return 0
            spare[left, 0], spare[left, 1] = x1, y1
            left += 1
        x0, y0, gap0 = x1, y1, gap1
    for i in range(left):
        polygon[i, 0], polygon[i, 1] = spare[i, 0], spare[i, 1]
    return left


@kernel
def squared_reach(polygon: Floats, count: int) -> float:
    """The largest squared distance of a vertex from the origin."""
    reach = 0.0
    for i in range(count):
        reach = max(reach, polygon[i, 0] ** 2 + polygon[i, 1] ** 2)
    return reach
