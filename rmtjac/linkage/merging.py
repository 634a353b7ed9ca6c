"""Points that are the same to the bit, found by hashing: trajectories that meet have one future."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel

__all__ = ["merged", "rows_of"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@kernel
def merged(points: Floats) -> tuple[Indices, Indices]:
    """The rows of `points` (k, n) that are the first of their kind, ascending, and for every row which of these."""
    count = points.shape[0]
    slots = 64
    while slots < 2 * count:
        slots *= 2
    table = np.full(slots, -1)
    firsts, which = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    found = 0
    bits = np.ascontiguousarray(points).view(np.uint64)
    for i in range(count):
        code = np.uint64(0)
        for j in range(points.shape[1]):
            code = (code ^ bits[i, j]) * np.uint64(0x9E3779B97F4A7C15)
            code ^= code >> np.uint64(29)
        slot = np.int64(code & np.uint64(slots - 1))
        while table[slot] >= 0 and not _same(bits[firsts[table[slot]]], bits[i]):
            slot = (slot + 1) & (slots - 1)
        if table[slot] < 0:
            table[slot] = found
            firsts[found] = i
            found += 1
        which[i] = table[slot]
    return firsts[:found], which


@kernel
def rows_of(points: Floats, rows: Indices) -> Floats:
    """points[rows], in loops that compile in a fraction of the time."""
    out = np.empty((rows.size, points.shape[1]))
    for i in range(rows.size):
        for j in range(points.shape[1]):
            out[i, j] = points[rows[i], j]
    return out


@kernel
def _same(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> bool:
    for j in range(first.size):
        if first[j] != second[j]:
            break
    else:
        return True
    return False
