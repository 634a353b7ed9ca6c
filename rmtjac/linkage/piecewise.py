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
from rmtjac.linkage.merging import merged
from rmtjac.linkage.pieces import Pieces, add_pieces, cell_of, look_up

__all__ = ["follow_pieces"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

VISITS = 2  # evaluations in a cell before it gets pieces
STRIDE = 4  # then every fourth point of it gets one
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
        waiting = _run_ahead(pieces, x, taken, waiting, steps, eps)
        if waiting.size == 0:
            return x, taken
        firsts, which = merged(x[waiting])
        image = _evaluated(flat, pieces, x[waiting[firsts]])
        for i in range(waiting.size):
            y = image[which[i]]
            _step(x[waiting[i]], taken, waiting[i], y[0], y[1], eps)


@kernel
def _run_ahead(
    pieces: Pieces, x: Floats, taken: Indices, running: Indices, steps: int, eps: float
) -> Indices:
    """Advance these trajectories as far as pieces are known; those that wait then."""
    waiting = np.empty(running.size, dtype=np.int64)
    count = 0
    for i in running:
        while 0 <= taken[i] < steps:
            known, u, v = look_up(pieces, x[i, 0], x[i, 1])
            if not known:
                waiting[count] = i
                count += 1
                break
            _step(x[i], taken, i, u, v, eps)
    return waiting[:count]


@kernel
def _step(x: Floats, taken: Indices, i: int, u: float, v: float, eps: float) -> None:
    """One step to (u, v), or a mark that it is too short."""
    if np.sqrt((u - x[0]) ** 2 + (v - x[1]) ** 2) < eps:
        taken[i] = -taken[i] - 1
        return
    taken[i] += 1
    x[0], x[1] = u, v


@kernel
def _evaluated(flat: FlatNetwork, pieces: Pieces, points: Floats) -> Floats:
    """Phi of points that are on no piece; some get one, and others may be on these."""
    out = np.empty(points.shape)
    centres, others = _chosen(pieces, points)
    for start in range(0, centres.size, BLOCK // 3):
        part = centres[start : start + BLOCK // 3]
        out[part] = add_pieces(flat, pieces, points[part])
    count = 0
    for i in others:
        known, out[i, 0], out[i, 1] = look_up(pieces, points[i, 0], points[i, 1])
        if not known:
            others[count] = i
            count += 1
    others = others[:count]
    out[others] = images(flat, points[others])
    return out


@kernel
def _chosen(pieces: Pieces, points: Floats) -> tuple[Indices, Indices]:
    """Which points get a piece, and which do not."""
    count = points.shape[0]
    is_chosen = np.zeros(count, dtype=np.bool_)
    for i in range(count):
        cell = cell_of(pieces, points[i, 0], points[i, 1])
        if cell >= 0:
            visits = pieces.visits[cell]
            is_chosen[i] = count <= FEW or (visits >= VISITS and (visits - VISITS) % STRIDE == 0)
            pieces.visits[cell] += 1
    return np.flatnonzero(is_chosen), np.flatnonzero(~is_chosen)
