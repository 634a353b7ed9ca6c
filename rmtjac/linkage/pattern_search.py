"""Every fixed point of one piecewise linear layer x = phi(W x + b), by its patterns of linear pieces.

Unit i is on one piece of phi or another, and where all pieces are known the fixed point solves a linear system. The
search goes through the patterns with the pre-activations h bounded from both sides: a unit whose bounds hold a kink
lies between two parallel lines, phi(h_i) = s_i h_i + t_i +- r_i, and

    (1 - W S) h = W t + b + W e,      |e_i| <= r_i,

bounds all h at once. Bounds that exclude each other discard every pattern below them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.affine_bounds import UNIT, BoundedNetwork
from rmtjac.linkage.box_search import LEAVES, OUTSIDE, STACK, BoxSearch, chunk_of, collect, prove
from rmtjac.linkage.newton_operator import inverse
from rmtjac.model.activation_enclosures import value_range
from rmtjac.model.activation_kernels import HARD_TANH
from rmtjac.model.linear_enclosures import linear_enclosure

__all__ = ["search_patterns"]

Floats = NDArray[np.float64]

GOOD_SHRINK = 0.5  # of the widest bounds
MAX_SHRINKS = 20


def search_patterns(net: BoundedNetwork, lower: Floats, upper: Floats, max_boxes: int) -> BoxSearch:
    """All fixed points with lower <= x <= upper of a network of one piecewise linear layer; as `search_box`."""
    n, side = lower.size, upper - lower
    stack, leaves = np.empty((STACK, 2 * n)), np.empty((LEAVES, 4 * n + 1))
    low, high = lower - OUTSIDE * side, upper + OUTSIDE * side
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    weights = net.transposed.reshape(n, n).T.copy()
    reach = np.abs(weights) @ half
    reach += (n + 4) * UNIT * (np.abs(weights) @ (np.abs(centre) + half) + np.abs(net.biases))
    stack[0, :n] = weights @ centre + net.biases - reach
    stack[0, n:] = weights @ centre + net.biases + reach
    search = BoxSearch(points=[], undecided=[], boxes=0, left=1)
    while search.goes_on(max_boxes):
        chunk = min(chunk_of(net), max_boxes - search.boxes)
        smallest = search.smallest(side, np.abs(centre) + half)
        collect(search, leaves, *_search(net, weights, stack, search.left, chunk, smallest, leaves))
    return search


@kernel
def _search(
    net: BoundedNetwork,
    weights: Floats,
    stack: Floats,
    held: int,
    chunk: int,
    smallest: Floats,
    leaves: Floats,
) -> tuple[int, int, int]:
    """Work off at most `chunk` sets of bounds; returns how many are left, were seen, and leaves were found."""
    n = smallest.size
    seen, found = 0, 0
    while held > 0 and seen < chunk and found < leaves.shape[0] and held < stack.shape[0] - 3:
        held -= 1
        seen += 1
        low, high = stack[held, :n].copy(), stack[held, n:].copy()
        bent = _shrunk(net, weights, low, high)
        if bent == EMPTY:
            continue
        if bent == STRAIGHT:
            below, above = np.empty(n), np.empty(n)
            for i in range(n):
                below[i], above[i] = value_range(net.codes[0], net.parameters[0], low[i], high[i])
            prove(net, below, above, smallest, leaves[found])
            found += 1
            continue
        held = _push(net.codes[0], stack, held, low, high, bent)
    return held, seen, found


EMPTY, STRAIGHT = -2, -1


@kernel
def _shrunk(net: BoundedNetwork, weights: Floats, low: Floats, high: Floats) -> int:
    """Tighten bounds of h in place; EMPTY, STRAIGHT (no kink is left within them), or the unit to decide next."""
    n = low.size
    slopes, offsets, radii = np.empty(n), np.empty(n), np.empty(n)
    for _ in range(MAX_SHRINKS):
        for i in range(n):
            slopes[i], offsets[i], radii[i] = linear_enclosure(
                net.codes[0], net.parameters[0], low[i], high[i]
            )
        matrix = np.eye(n) - weights * slopes
        approximate = inverse(matrix)
        influence = np.abs(np.dot(approximate, weights)) * radii
        if not np.isfinite(approximate).all():
            influence = np.abs(weights) * radii
            break
        target = np.dot(weights, offsets) + net.biases
        middle = np.dot(approximate, target)
        sizes = np.dot(np.abs(weights), np.abs(offsets) + radii) + np.abs(net.biases)
        held = np.maximum(np.abs(low), np.abs(high))
        rest = np.abs(np.eye(n) - np.dot(approximate, matrix))
        terms = np.eye(n) + np.abs(weights) * np.abs(slopes)  # of 1 - W S, which may cancel
        rest += 8 * n * UNIT * (np.eye(n) + np.dot(np.abs(approximate), terms))
        spread = np.dot(rest, held) + 8 * n * UNIT * np.dot(np.abs(approximate), sizes)
        shrink = 1.0
        for i in range(n):
            size = (influence[i].sum() + spread[i]) * (1.0 + 8 * n * UNIT)
            before = high[i] - low[i]
            low[i], high[i] = max(low[i], middle[i] - size), min(high[i], middle[i] + size)
            if low[i] > high[i]:
                return EMPTY
            if radii[i] > 0.0:
                shrink = min(shrink, (high[i] - low[i]) / before)
        if radii.max() == 0.0:
            return STRAIGHT
        if shrink > GOOD_SHRINK:
            break
    unit = STRAIGHT
    most = 0.0
    for i in range(n):
        total = influence[:, i].sum()
        if radii[i] > 0.0 and total >= most:
            unit, most = i, total
    return unit


@kernel
def _push(code: int, stack: Floats, held: int, low: Floats, high: Floats, unit: int) -> int:
    """Put the bounds onto the stack, cut at the kinks of one unit."""
    n = low.size
    ends = (
        np.array([low[unit], -1.0, 1.0, high[unit]])
        if code == HARD_TANH
        else np.array([low[unit], 0.0, high[unit]])
    )
    for k in range(ends.size - 1):
        below, above = max(ends[k], low[unit]), min(ends[k + 1], high[unit])
        if below <= above and (below < above or low[unit] == high[unit]):
            stack[held, :n], stack[held, n:] = low, high
            stack[held, unit], stack[held, n + unit] = below, above
            held += 1
    return held
