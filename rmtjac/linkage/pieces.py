"""The linear pieces of a piecewise linear map of the plane, kept where trajectories meet them.

On the piece around a point c the map is x -> Phi(c) + J (x - c), and the piece is a convex polygon: every unit cuts it
by the one or two lines on which its gate changes. The numbers are those of the network up to rounding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.flat_network import FlatNetwork, layer
from rmtjac.linkage.polygons import MAX_VERTICES, contains, cut, squared_reach
from rmtjac.model.activation_kernels import HARD_TANH

__all__ = ["Pieces", "add_pieces", "cell_of", "look_up", "no_pieces"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

CELLS = 256  # a side
MAX_PIECES = 16_384
MAX_ENTRIES = 16 * MAX_PIECES


class Pieces(NamedTuple):
    """Pieces, and for each cell of a square grid the list of those that meet it.

    corner and rate place the cells: (x - corner) rate are coordinates in cells. sizes: how many pieces and entries
    there are; what lies behind them has no meaning. heads: first entry of each cell's list, or -1; visits: how often
    a point of the cell was on no piece; entries: a piece, and the next entry. boxes: x from, x to, y from, y to.
    """

    corner: Floats
    rate: Floats
    sizes: Indices
    heads: Indices
    visits: Indices
    entries: Indices
    centres: Floats
    values: Floats
    slopes: Floats
    boxes: Floats
    counts: Indices
    polygons: Floats


def no_pieces(lower: Floats, upper: Floats) -> Pieces:
    """Cells on the box from `lower` to `upper`, without pieces; points outside are never on one."""
    margin = 1e-6 * (upper - lower)  # what is cut off is on the boundary of the box
    corner = lower - margin
    return Pieces(
        corner=corner,
        rate=CELLS / (upper + margin - corner),
        sizes=np.zeros(2, dtype=np.int64),
        heads=np.full(CELLS * CELLS, -1, dtype=np.int64),
        visits=np.zeros(CELLS * CELLS, dtype=np.int64),
        entries=np.empty((MAX_ENTRIES, 2), dtype=np.int64),
        centres=np.empty((MAX_PIECES, 2)),
        values=np.empty((MAX_PIECES, 2)),
        slopes=np.empty((MAX_PIECES, 2, 2)),
        boxes=np.empty((MAX_PIECES, 4)),
        counts=np.empty(MAX_PIECES, dtype=np.int64),
        polygons=np.empty((MAX_PIECES, MAX_VERTICES, 2)),
    )


@kernel
def cell_of(pieces: Pieces, x: float, y: float) -> int:
    """The cell of a point, -1 outside."""
    column = (x - pieces.corner[0]) * pieces.rate[0]
    row = (y - pieces.corner[1]) * pieces.rate[1]
    if not (0.0 <= column < CELLS and 0.0 <= row < CELLS):
        return -1
    return int(row) * CELLS + int(column)


@kernel
def look_up(pieces: Pieces, x: float, y: float) -> tuple[bool, float, float]:
    """Whether the point is on a known piece, and then its image; the piece moves to the front of its cell's list."""
    cell = cell_of(pieces, x, y)
    if cell < 0:
        return False, 0.0, 0.0
    entry = head = pieces.heads[cell]
    while entry >= 0:
        piece = pieces.entries[entry, 0]
        box = pieces.boxes[piece]
        inside = box[0] <= x <= box[1] and box[2] <= y <= box[3]
        if inside and contains(pieces.polygons[piece], pieces.counts[piece], x, y):
            pieces.entries[entry, 0] = pieces.entries[head, 0]
            pieces.entries[head, 0] = piece
            u, v = x - pieces.centres[piece, 0], y - pieces.centres[piece, 1]
            value, slope = pieces.values[piece], pieces.slopes[piece]
            return (
                True,
                value[0] + slope[0, 0] * u + slope[0, 1] * v,
                value[1] + slope[1, 0] * u + slope[1, 1] * v,
            )
        entry = pieces.entries[entry, 1]
    return False, 0.0, 0.0


@kernel
def add_pieces(flat: FlatNetwork, pieces: Pieces, centres: Floats) -> Floats:
    """Add the pieces around the rows of `centres` (k, 2), of which there are at most BLOCK // 3; their images (k, 2).

    Values and the two columns of the Jacobians go through the layers together, as 3 k columns.
    """
    k = centres.shape[0]
    x = np.zeros((2, 3 * k))
    x[:, :k] = centres.T
    x[0, k : 2 * k] = 1.0
    x[1, 2 * k :] = 1.0
    polygons, counts, reaches = _squares(pieces, centres)
    at_weights, at_biases = 0, 0
    for index in range(flat.codes.size):
        weights, biases = layer(flat, index, at_weights, at_biases)
        x = np.dot(weights, x)
        level = 1.0 if flat.codes[index] == HARD_TANH else 0.0
        for i in range(biases.size):
            h, u, v = x[i, :k], x[i, k : 2 * k], x[i, 2 * k :]
            h += biases[i]
            _cut_by_unit(level, flat.parameters[index], h, u, v, polygons, counts, reaches)
            _pass_gate(flat.codes[index], flat.parameters[index], h, u, v)
        at_weights += weights.size
        at_biases += biases.size
    for i in range(k):
        if counts[i] > 2:
            _store(pieces, centres[i], x[:, i::k], polygons[i, : counts[i]])
    return np.ascontiguousarray(x[:, :k].T)


@kernel
def _squares(pieces: Pieces, centres: Floats) -> tuple[Floats, Indices, Floats]:
    """Around each centre, which is the origin there, all cells as a polygon; its vertices, their number and reach."""
    k = centres.shape[0]
    polygons, reaches = np.empty((k, MAX_VERTICES, 2)), np.empty(k)
    for i in range(k):
        for vertex in range(4):
            right, top = vertex in (1, 2), vertex >= 2
            corner = pieces.corner
            polygons[i, vertex, 0] = corner[0] + (CELLS / pieces.rate[0] if right else 0.0) - centres[i, 0]
            polygons[i, vertex, 1] = corner[1] + (CELLS / pieces.rate[1] if top else 0.0) - centres[i, 1]
        reaches[i] = squared_reach(polygons[i], 4)
    return polygons, np.full(k, 4), reaches


@kernel
def _cut_by_unit(
    level: float,
    parameter: float,
    h: Floats,
    u: Floats,
    v: Floats,
    polygons: Floats,
    counts: Indices,
    reaches: Floats,
) -> None:
    """Cut each polygon at the kinks h = -level and h = level of one unit, h + u x + v y over the polygon."""
    if level == 0.0 and parameter == 1.0:
        return  # linear: no kink
    for i in range(h.size):
        gap = abs(h[i]) - level
        if gap * gap < (u[i] * u[i] + v[i] * v[i]) * reaches[i]:
            toward = 1.0 if h[i] > 0.0 else -1.0  # from 0 to the nearer kink
            a, b = toward * u[i], toward * v[i]
            if gap < 0.0:
                counts[i] = cut(polygons[i], counts[i], a, b, -gap)
                counts[i] = cut(polygons[i], counts[i], -a, -b, 2.0 * level + gap)
            else:
                counts[i] = cut(polygons[i], counts[i], -a, -b, gap)
            reaches[i] = squared_reach(polygons[i], counts[i])


@kernel
def _pass_gate(code: int, parameter: float, h: Floats, u: Floats, v: Floats) -> None:
    for i in range(h.size):
        if code == HARD_TANH:
            gate = 1.0 if abs(h[i]) < 1.0 else 0.0
            h[i] = min(max(h[i], -1.0), 1.0)
        else:
            gate = 1.0 if h[i] > 0.0 else parameter
            h[i] *= gate
        u[i] *= gate
        v[i] *= gate


@kernel
def _store(pieces: Pieces, centre: Floats, affine: Floats, polygon: Floats) -> None:
    """Store a piece, unless there is no room: value and Jacobian are the columns of `affine`, vertices from centre."""
    x, y = polygon[:, 0] + centre[0], polygon[:, 1] + centre[1]
    left, right = _within(pieces, 0, x.min()), _within(pieces, 0, x.max())
    bottom, top = _within(pieces, 1, y.min()), _within(pieces, 1, y.max())
    piece, entry = pieces.sizes
    if piece == MAX_PIECES or entry + (right - left + 1) * (top - bottom + 1) > MAX_ENTRIES:
        return
    pieces.centres[piece] = centre
    pieces.values[piece] = affine[:, 0]
    pieces.slopes[piece] = affine[:, 1:]
    pieces.boxes[piece] = x.min(), x.max(), y.min(), y.max()
    pieces.counts[piece] = x.size
    pieces.polygons[piece, : x.size, 0] = x
    pieces.polygons[piece, : x.size, 1] = y
    for row in range(bottom, top + 1):
        for cell in range(row * CELLS + left, row * CELLS + right + 1):
            pieces.entries[entry] = piece, pieces.heads[cell]
            pieces.heads[cell] = entry
            entry += 1
    pieces.sizes[:] = piece + 1, entry


@kernel
def _within(pieces: Pieces, axis: int, x: float) -> int:
    """Row or column of the cells that holds a coordinate, the outermost ones what lies beyond."""
    return min(max(int((x - pieces.corner[axis]) * pieces.rate[axis]), 0), CELLS - 1)
