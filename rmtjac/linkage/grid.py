"""Square grids in a box of two inputs, and the cells of the box that belong to their points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtjac.model.checks import checked_number

__all__ = ["Grid"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

ROUNDING = 1e-9  # of a step: an end of the box that steps miss by less is one of the grid's points
MOST_POINTS = 10**7


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """The points lower + step k of a box, k = 0..floor((upper - lower)/step) in x and in y: the source's grid (7).

    The cell of a point is the part of the box that no other point is nearer to. Arrays over the grid are [iy, ix].

    Attributes
    ----------
    x, y : ndarray (nx,), (ny,)
        Coordinates of the points.
    x_ends, y_ends : ndarray (nx + 1,), (ny + 1,)
        Where cells begin and end; the first and the last are the box's sides.
    """

    x: Floats
    y: Floats
    x_ends: Floats
    y_ends: Floats

    @classmethod
    def in_box(cls, lower: Floats, upper: Floats, step: float) -> Grid:
        """The grid of a box with corners (2,).

        Raises
        ------
        ValueError, TypeError
            If step is no number > 0, or larger than a side of the box, or the grid has more than 10^7 points.
        """
        step = checked_number("step", step)
        side = float((upper - lower).min())
        if step > side:
            raise ValueError(f"step={step:g}: allowed are numbers up to {side:g}, the box's shorter side")
        area = float((upper[0] - lower[0]) * (upper[1] - lower[1]))
        if area > MOST_POINTS * step**2:
            least = math.sqrt(area / MOST_POINTS)
            raise ValueError(f"step={step:g}: allowed are numbers from {least:.3g} on, for 10^7 points")
        counts = np.floor((upper - lower) / step + ROUNDING).astype(int) + 1
        x, y = (low + step * np.arange(count) for low, count in zip(lower, counts, strict=True))
        x_ends, y_ends = (
            np.concatenate([[low], 0.5 * (places[1:] + places[:-1]), [high]])
            for low, places, high in zip(lower, (x, y), upper, strict=True)
        )
        return cls(x=x, y=y, x_ends=x_ends, y_ends=y_ends)

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.y.size, self.x.size

    @property
    def points(self) -> Floats:
        """The points, shape (ny, nx, 2)."""
        return np.stack(np.meshgrid(self.x, self.y), axis=-1)

    @property
    def areas(self) -> Floats:
        """Areas of the cells, shape (ny, nx)."""
        return np.outer(np.diff(self.y_ends), np.diff(self.x_ends))

    def corners(self, rows: Indices, columns: Indices) -> tuple[Floats, Floats]:
        """Lower and upper corners (k, 2) of the cells [rows, columns]."""
        return (
            np.column_stack([self.x_ends[columns], self.y_ends[rows]]),
            np.column_stack([self.x_ends[columns + 1], self.y_ends[rows + 1]]),
        )

    def met(self, lower: Floats, upper: Floats) -> Indices:
        """The cells that boxes (k, 2) meet: first and last row, first and last column, shape (k, 4).

        A box that is not all in the grid's box has row -1, or ny, or column -1, or nx, among them.
        """
        ranges = []
        for axis, ends in ((1, self.y_ends), (0, self.x_ends)):
            ranges.append(np.searchsorted(ends, lower[:, axis], side="left") - 1)
            ranges.append(np.searchsorted(ends, upper[:, axis], side="right") - 1)
            # a side of the grid's box belongs to its last cell
            ranges[-2][lower[:, axis] == ends[0]] = 0
            ranges[-1][upper[:, axis] == ends[-1]] = ends.size - 2
        return np.column_stack(ranges)

    def labels_of(self, labels: Indices, points: Floats) -> Indices:
        """The entries of `labels` (ny, nx) at the cells of points (k, 2), 0 for points outside."""
        rows = np.clip(np.searchsorted(self.y_ends, points[:, 1], side="right") - 1, 0, self.y.size - 1)
        columns = np.clip(np.searchsorted(self.x_ends, points[:, 0], side="right") - 1, 0, self.x.size - 1)
        ends = np.array([[self.x_ends[0], self.y_ends[0]], [self.x_ends[-1], self.y_ends[-1]]])
        inside = ((points >= ends[0]) & (points <= ends[1])).all(axis=1)
        return np.where(inside, labels[rows, columns], 0)
