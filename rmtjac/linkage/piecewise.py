"""Trajectories of a piecewise linear map of the plane: each runs ahead over known pieces until it meets a new one.

The points that wait are then evaluated together. A cell of the plane gets pieces only after some of its points had to
be evaluated one by one: where trajectories do not gather, a piece costs four times what it saves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.flat_network import FlatNetwork
from rmtjac.linkage.images import BLOCK, images
from rmtjac.linkage.merging import merged, rows_of
from rmtjac.linkage.pieces import Pieces, add_pieces, cell_of, image_on, look_up

__all__ = ["follow_pieces"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

VISITS = 2  # evaluations in a cell before it gets pieces
STRIDE = 4  # then every fourth point of it gets one
BATCH = BLOCK // 3  # pieces whose values and slopes go through the layers together
FEW = 12  # waiting points that all get pieces: the weights' way through the cache is what they cost


@kernel
def follow_pieces(
    flat: FlatNetwork, pieces: Pieces, points: Floats, steps: int, eps: float
) -> tuple[Floats, Indices]:
    """Up to `steps` steps from each row of `points`, broken off before one shorter than eps; pieces are added.

    The points x^m reached, and how many steps were taken or, where one was found too short, minus the number m of
    that step.
    """
    x = points.copy()
    taken = np.zeros(x.shape[0], dtype=np.int64)
    waiting = np.arange(x.shape[0])
    while True:
        waiting = _run_ahead(
            pieces.grid,
            pieces.heads,
            pieces.entries,
            pieces.table,
            pieces.heirs,
            x,
            taken,
            waiting,
            steps,
            eps,
        )
        if waiting.size == 0:
            return x, taken
        points = rows_of(x, waiting)
        firsts, which = merged(points)
        image = _evaluated(flat, pieces, rows_of(points, firsts))
        for j in range(waiting.size):
            i, y = waiting[j], which[j]
            if _is_short(x[i, 0], x[i, 1], image[y, 0], image[y, 1], eps):
                taken[i] = -taken[i] - 1
            else:
                taken[i] += 1
                x[i, 0], x[i, 1] = image[y, 0], image[y, 1]


@kernel
def _run_ahead(
    grid: Floats,
    heads: Indices,
    entries: Indices,
    table: Floats,
    heirs: Indices,
    x: Floats,
    taken: Indices,
    running: Indices,
    steps: int,
    eps: float,
) -> Indices:
    """Advance these trajectories as far as pieces are known; those that wait then."""
    waiting = np.empty(running.size, dtype=np.int64)
    count = 0
    for i in running:
        u, v, m, piece = x[i, 0], x[i, 1], taken[i], -1
        while 0 <= m < steps:
            piece = look_up(grid, heads, entries, table, heirs, u, v, piece)
            if piece < 0:
                waiting[count] = i
                count += 1
                break
            next_u, next_v = image_on(table, piece, u, v)
            if _is_short(u, v, next_u, next_v, eps):
                m = -m - 1
            else:
                u, v, m = next_u, next_v, m + 1
        x[i, 0], x[i, 1], taken[i] = u, v, m
    return waiting[:count]


@kernel
def _is_short(x: float, y: float, u: float, v: float, eps: float) -> bool:
    return bool(np.sqrt((u - x) ** 2 + (v - y) ** 2) < eps)


@kernel
def _evaluated(flat: FlatNetwork, pieces: Pieces, points: Floats) -> Floats:
    """Phi of points that are on no piece; some get one, and others may be on these."""
    out = np.empty(points.shape)
    centres, others = _chosen(pieces.grid, pieces.visits, points)
    batches = (centres.size + BATCH - 1) // BATCH
    for start in range(batches):
        # what lies together is in different batches: the piece of one may hold the others
        part = _found(
            pieces.grid,
            pieces.heads,
            pieces.entries,
            pieces.table,
            pieces.heirs,
            points,
            centres[start::batches],
            out,
        )
        _put(out, part, add_pieces(flat, pieces, rows_of(points, part)))
    others = _found(
        pieces.grid, pieces.heads, pieces.entries, pieces.table, pieces.heirs, points, others, out
    )
    _put(out, others, images(flat, rows_of(points, others)))
    return out


@kernel
def _found(
    grid: Floats,
    heads: Indices,
    entries: Indices,
    table: Floats,
    heirs: Indices,
    points: Floats,
    rows: Indices,
    out: Floats,
) -> Indices:
    """Fill in the images of those rows that are on known pieces; the others."""
    missing = np.empty(rows.size, dtype=np.int64)
    count = 0
    for i in rows:
        piece = look_up(grid, heads, entries, table, heirs, points[i, 0], points[i, 1], -1)
        if piece >= 0:
            out[i, 0], out[i, 1] = image_on(table, piece, points[i, 0], points[i, 1])
        else:
            missing[count] = i
            count += 1
    return missing[:count]


@kernel
def _put(out: Floats, rows: Indices, values: Floats) -> None:
    for i in range(rows.size):
        out[rows[i], 0], out[rows[i], 1] = values[i, 0], values[i, 1]


@kernel
def _chosen(grid: Floats, visits: Indices, points: Floats) -> tuple[Indices, Indices]:
    """Which points get a piece, and which do not."""
    count = points.shape[0]
    is_chosen = np.zeros(count, dtype=np.bool_)
    for i in range(count):
        cell = cell_of(grid, points[i, 0], points[i, 1])
        if cell >= 0:
            visited = visits[cell]
            is_chosen[i] = count <= FEW or (visited >= VISITS and (visited - VISITS) % STRIDE == 0)
            visits[cell] += 1
    return np.flatnonzero(is_chosen), np.flatnonzero(~is_chosen)
