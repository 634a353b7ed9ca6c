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
from rmtjac.linkage.polygons import MAX_VERTICES, cut, squared_reach
from rmtjac.model.activation_kernels import HARD_TANH

__all__ = ["Pieces", "add_pieces", "cell_of", "image_on", "look_up", "no_pieces"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

CELLS = 512  # a side
REACH = 8.0  # of a piece from its centre, in cells: long slivers would crowd the lists of many
MAX_PIECES = 16_384
MAX_ENTRIES = 16 * MAX_PIECES

# columns of the table of pieces
BOX, COUNT, CENTRE, VALUE, SLOPE, VERTICES = 0, 4, 5, 7, 9, 13
COLUMNS = VERTICES + 2 * MAX_VERTICES


class Pieces(NamedTuple):
    """Pieces, and for each cell of a square grid the list of those that meet it.

    Kernels that are called for every step take these arrays one by one: a tuple of arrays costs ten times the step.

    grid: corner and cells per unit of length, (x - grid[:2]) grid[2:] are coordinates in cells. sizes: how many pieces
    and entries there are; what lies behind them has no meaning. heads: first entry of each cell's list, or -1; visits:
    how often a point of the cell was on no piece; entries: a piece, and the next entry. table: a row for each piece,
    the ends of its box in x and in y, number of vertices, centre, image and Jacobian (row by row) there, vertices.
    heirs: the piece on which a trajectory went on from each piece when that was looked up last, or -1.
    """

    grid: Floats
    sizes: Indices
    heads: Indices
    visits: Indices
    entries: Indices
    table: Floats
    heirs: Indices


def no_pieces(lower: Floats, upper: Floats) -> Pieces:
    """Cells on the box from `lower` to `upper`, without pieces; points outside are never on one."""
    margin = 1e-6 * (upper - lower)  # what is cut off is on the boundary of the box
    corner = lower - margin
    return Pieces(
        grid=np.concatenate([corner, CELLS / (upper + margin - corner)]),
        sizes=np.zeros(2, dtype=np.int64),
        heads=np.full(CELLS * CELLS, -1),
        visits=np.zeros(CELLS * CELLS, dtype=np.int64),
        entries=np.empty((MAX_ENTRIES, 2), dtype=np.int64),
        table=np.empty((MAX_PIECES, COLUMNS)),
        heirs=np.full(MAX_PIECES, -1),
    )


@kernel
def cell_of(grid: Floats, x: float, y: float) -> int:
    """The cell of a point, -1 outside."""
    column, row = (x - grid[0]) * grid[2], (y - grid[1]) * grid[3]
    if not (0.0 <= column < CELLS and 0.0 <= row < CELLS):
        return -1
    return int(row) * CELLS + int(column)


@kernel
def look_up(
    grid: Floats,
    heads: Indices,
    entries: Indices,
    table: Floats,
    heirs: Indices,
    x: float,
    y: float,
    before: int,
) -> int:
    """The known piece that holds a point, or -1; `before` is the piece that its trajectory comes from, or -1.

    Trajectories that share a piece often share the next: that is tried first. Else the cell's list is gone through,
    and the piece found moves to its front.
    """
    if before >= 0:
        piece = int(heirs[before])
        if piece >= 0 and _holds(table, piece, x, y):
            return piece
    cell = cell_of(grid, x, y)
    if cell < 0:
        return -1
    entry = head = heads[cell]
    while entry >= 0:
        piece = int(entries[entry, 0])
        if _holds(table, piece, x, y):
            entries[entry, 0] = entries[head, 0]
            entries[head, 0] = piece
            if before >= 0:
                heirs[before] = piece
            return piece
        entry = entries[entry, 1]
    return -1


@kernel
def _holds(table: Floats, piece: int, x: float, y: float) -> bool:
    """Whether a piece, a closed polygon whose vertices run counterclockwise, holds a point."""
    if not (table[piece, 0] <= x <= table[piece, 1] and table[piece, 2] <= y <= table[piece, 3]):
        return False
    count = int(table[piece, COUNT])
    x0, y0 = table[piece, VERTICES + 2 * count - 2], table[piece, VERTICES + 2 * count - 1]
    for i in range(count):
        x1, y1 = table[piece, VERTICES + 2 * i], table[piece, VERTICES + 2 * i + 1]
        if (x1 - x0) * (y - y0) < (y1 - y0) * (x - x0):
            return False
        x0, y0 = x1, y1
    return True


@kernel
def image_on(table: Floats, piece: int, x: float, y: float) -> tuple[float, float]:
    """Phi(x, y) for a point of a piece."""
    u, v = x - table[piece, CENTRE], y - table[piece, CENTRE + 1]
    return (
        table[piece, VALUE] + table[piece, SLOPE] * u + table[piece, SLOPE + 1] * v,
        table[piece, VALUE + 1] + table[piece, SLOPE + 2] * u + table[piece, SLOPE + 3] * v,
    )


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
    polygons, counts, reaches = _squares(pieces.grid, centres)
    at_weights, at_biases = 0, 0
    for index in range(flat.codes.size):
        weights, biases = layer(flat, index, at_weights, at_biases)
        x = np.dot(weights, x)
        _cut_by_layer(flat.codes[index], flat.parameters[index], biases, x, polygons, counts, reaches)
        _pass_gates(flat.codes[index], flat.parameters[index], x)
        at_weights += weights.size
        at_biases += biases.size
    for i in range(k):
        if counts[i] > 2:
            _store(pieces, centres[i], x[:, i::k], polygons[i, : counts[i]])
    return np.ascontiguousarray(x[:, :k].T)


@kernel
def _squares(grid: Floats, centres: Floats) -> tuple[Floats, Indices, Floats]:
    """Around each centre, which is the origin there, a square of cells; its vertices, their number and reach."""
    k = centres.shape[0]
    polygons, reaches = np.empty((k, MAX_VERTICES, 2)), np.empty(k)
    for i in range(k):
        for vertex in range(4):
            for axis in range(2):
                is_high = vertex in (1, 2) if axis == 0 else vertex >= 2
                side = REACH / grid[2 + axis]
                end = grid[axis] + (CELLS / grid[2 + axis] if is_high else 0.0) - centres[i, axis]
                polygons[i, vertex, axis] = min(end, side) if is_high else max(end, -side)
        reaches[i] = squared_reach(polygons[i], 4)
    return polygons, np.full(k, 4), reaches


@kernel
def _cut_by_layer(
    code: int,
    parameter: float,
    biases: Floats,
    x: Floats,
    polygons: Floats,
    counts: Indices,
    reaches: Floats,
) -> None:
    """Add the biases, and cut polygon i at the kinks of every unit: where h + u x + v y is -level or level.

    A row of x holds h of all polygons, then u, then v.
    """
    k, level = counts.size, 1.0 if code == HARD_TANH else 0.0
    for j in range(biases.size):
        for i in range(k):
            x[j, i] += biases[j]
            h, u, v = x[j, i], x[j, k + i], x[j, 2 * k + i]
            gap = abs(h) - level
            if gap * gap < (u * u + v * v) * reaches[i] and (code == HARD_TANH or parameter != 1.0):
                if h < 0.0:
                    u, v = -u, -v  # toward the nearer kink, h = level, if gap < 0
                if gap < 0.0:
                    counts[i] = cut(polygons[i], counts[i], u, v, -gap)
                    counts[i] = cut(polygons[i], counts[i], -u, -v, 2.0 * level + gap)
                else:
                    counts[i] = cut(polygons[i], counts[i], -u, -v, gap)
                reaches[i] = squared_reach(polygons[i], counts[i])


@kernel
def _pass_gates(code: int, parameter: float, x: Floats) -> None:
    """phi(h), phi'(h) u and phi'(h) v in place of h, u and v."""
    k = x.shape[1] // 3
    for j in range(x.shape[0]):
        row = x[j]
        for i in range(k):
            h = row[i]
            if code == HARD_TANH:
                gate = 1.0 if abs(h) < 1.0 else 0.0
                row[i] = min(max(h, -1.0), 1.0)
            else:
                gate = 1.0 if h > 0.0 else parameter
                row[i] = h * gate
            row[k + i] *= gate
            row[2 * k + i] *= gate


@kernel
def _store(pieces: Pieces, centre: Floats, affine: Floats, polygon: Floats) -> None:
    """Store a piece, unless there is no room: image and Jacobian are the columns of `affine`, vertices from centre."""
    piece, entry = pieces.sizes
    if piece == MAX_PIECES:
        return
    row, count = pieces.table[piece], polygon.shape[0]
    row[COUNT] = count
    for axis in range(2):
        row[CENTRE + axis], row[VALUE + axis] = centre[axis], affine[axis, 0]
        row[SLOPE + 2 * axis], row[SLOPE + 2 * axis + 1] = affine[axis, 1], affine[axis, 2]
        low, high = np.inf, -np.inf
        for i in range(count):
            x = polygon[i, axis] + centre[axis]
            row[VERTICES + 2 * i + axis] = x
            low, high = min(low, x), max(high, x)
        row[BOX + 2 * axis], row[BOX + 2 * axis + 1] = low, high
    left, right = _within(pieces.grid, 0, row[BOX]), _within(pieces.grid, 0, row[BOX + 1])
    bottom, top = _within(pieces.grid, 1, row[BOX + 2]), _within(pieces.grid, 1, row[BOX + 3])
    if entry + (right - left + 1) * (top - bottom + 1) > MAX_ENTRIES:
        return
    for line in range(bottom, top + 1):
        for cell in range(line * CELLS + left, line * CELLS + right + 1):
            pieces.entries[entry, 0], pieces.entries[entry, 1] = piece, pieces.heads[cell]
            pieces.heads[cell] = entry
            entry += 1
    pieces.sizes[0], pieces.sizes[1] = piece + 1, entry


@kernel
def _within(grid: Floats, axis: int, x: float) -> int:
    """Row or column of the cells that holds a coordinate, the outermost ones what lies beyond."""
    return min(max(int((x - grid[axis]) * grid[2 + axis]), 0), CELLS - 1)
