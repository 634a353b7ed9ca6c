"""Every fixed point in a box by branch and prune: boxes are discarded, shrunk, proven to hold one point, or split.

A box is discarded only where bounds with all rounding prove that it has no fixed point, so that an empty list of boxes
proves that none was missed. Boxes are split a little off their middle: what lies on a line of symmetry, where kinks
meet, would stay on the boundary of boxes for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.affine_bounds import UNIT, BoundedNetwork, affine_image
from rmtjac.linkage.newton_operator import newton_image, proven_point, sharpened

__all__ = ["BoxSearch", "ProvenPoint", "chunk_of", "collect", "prove", "search_box"]

Floats = NDArray[np.float64]

CUT = 0.4871  # where a side is cut
GOOD_SHRINK = 0.4  # of the volume: less is left and the box is tried again before it is split
SMALLEST = 1e-10  # of the side of the first box
RESOLUTION = 2.0**-49  # of a coordinate: boxes of that side cannot be split
NEAR = 0.2  # s of the Newton operator from which a proof is tried
STACK, LEAVES = 100_000, 64
CHUNK = 10**8  # products of weights and numbers between two looks for an interruption
MAX_UNDECIDED = 1_000
MANY_UNDECIDED = 100  # after so many, boxes ten times as large are left undecided
OUTSIDE = 1e-9  # how far the first box goes beyond the one asked for, in sides


@dataclass(frozen=True, kw_only=True)
class ProvenPoint:
    """A fixed point within `error` of `point`, the only one within `reach` of `centre`; arrays of shape (n,)."""

    point: Floats
    error: Floats
    centre: Floats
    reach: Floats


@dataclass(kw_only=True)
class BoxSearch:
    """A search on its way: points, small boxes (low, high) that it could not decide, numbers of boxes seen and left."""

    points: list[ProvenPoint]
    undecided: list[tuple[Floats, Floats]]
    boxes: int
    left: int

    def goes_on(self, max_boxes: int) -> bool:
        """Whether boxes are left, and room for more."""
        full = self.left >= STACK - 4 or len(self.undecided) >= MAX_UNDECIDED
        return self.left > 0 and self.boxes < max_boxes and not full

    def smallest(self, side: Floats, size: Floats) -> Floats:
        """Sides of boxes that are not split, of a first box with these sides and coordinates up to `size`.

        They grow where undecided boxes pile up, as about a tangency, to keep time for the rest of the box.
        """
        return np.maximum(
            SMALLEST * 10.0 ** (len(self.undecided) // MANY_UNDECIDED) * side, RESOLUTION * size
        )


def search_box(net: BoundedNetwork, lower: Floats, upper: Floats, max_boxes: int) -> BoxSearch:
    """All fixed points with lower <= x <= upper, to within OUTSIDE sides.

    Interruptions are seen every `chunk_of` boxes. One point may be found more than once.
    """
    n, side, size = lower.size, upper - lower, np.maximum(np.abs(lower), np.abs(upper))
    stack, leaves = np.empty((STACK, 2 * n)), np.empty((LEAVES, 4 * n + 1))
    stack[0, :n], stack[0, n:] = lower - OUTSIDE * side, upper + OUTSIDE * side
    search = BoxSearch(points=[], undecided=[], boxes=0, left=1)
    while search.goes_on(max_boxes):
        chunk = min(chunk_of(net), max_boxes - search.boxes)
        smallest = search.smallest(side, size)
        collect(search, leaves, *_search(net, stack, search.left, chunk, smallest, leaves))
    return search


def chunk_of(net: BoundedNetwork) -> int:
    """How many boxes are worked off between two looks for an interruption."""
    return max(1, CHUNK // (50 * net.transposed.size))


def collect(search: BoxSearch, leaves: Floats, left: int, seen: int, found: int) -> None:
    """Take over what one call of a kernel has found."""
    search.left = left
    search.boxes += seen
    for leaf in leaves[:found].copy():
        first, second, centre, reach = leaf[1:].reshape(4, -1)
        if leaf[0] > 0.0:
            search.points.append(ProvenPoint(point=first, error=second, centre=centre, reach=reach))
        else:
            search.undecided.append((first, second))


@kernel
def _search(
    net: BoundedNetwork, stack: Floats, held: int, chunk: int, smallest: Floats, leaves: Floats
) -> tuple[int, int, int]:
    """Work off at most `chunk` boxes of the stack; returns how many it holds, were seen, and leaves were found."""
    n = smallest.size
    seen, found = 0, 0
    while held > 0 and seen < chunk and found < leaves.shape[0] and held < stack.shape[0] - 2:
        held -= 1
        seen += 1
        low, high = stack[held, :n].copy(), stack[held, n:].copy()
        centre, half = _middle(low, high)
        zonotope = affine_image(net, centre, half)
        shift, spread = newton_image(zonotope, centre, half)
        volume = _shrink(low, high, centre, half, zonotope.rows[0], zonotope.reach, shift, spread)
        if volume < 0.0:
            continue
        small = True
        for j in range(n):
            small = small and high[j] - low[j] <= smallest[j]
        if small or zonotope.bent == 0 or spread.max() < NEAR:
            proven = prove(net, low, high, smallest, leaves[found])
            if proven or small or zonotope.bent == 0:
                found += 1
                continue
        held = _push(stack, held, low, high, smallest, volume < GOOD_SHRINK)
    return held, seen, found


@kernel
def _middle(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Centre and half sides of a box that holds [low, high]; no side is 0."""
    centre = 0.5 * (low + high)
    half = np.maximum(high - centre, centre - low)
    return centre, half * (1.0 + 4.0 * UNIT) + 4.0 * UNIT * np.abs(centre) + 1e-300


@kernel
def _shrink(
    low: Floats,
    high: Floats,
    centre: Floats,
    half: Floats,
    image: Floats,
    reach: Floats,
    shift: Floats,
    spread: Floats,
) -> float:
    """Cut the box to where fixed points can be, in place; the part of the volume left, -1 for none."""
    volume = 1.0
    for j in range(low.size):
        before = high[j] - low[j]
        rounding = 8.0 * UNIT * (abs(centre[j]) + half[j])
        below, above = image[j] - reach[j] - rounding, image[j] + reach[j] + rounding
        if spread[j] < np.inf:
            size = half[j] * spread[j] + rounding * (1.0 + abs(shift[j]))
            below = max(below, centre[j] + half[j] * shift[j] - size)
            above = min(above, centre[j] + half[j] * shift[j] + size)
        if below > high[j] or above < low[j] or below > above:
            return -1.0
        low[j], high[j] = max(low[j], below), min(high[j], above)
        if before > 0.0:
            volume *= (high[j] - low[j]) / before
    return volume


@kernel
def prove(net: BoundedNetwork, low: Floats, high: Floats, smallest: Floats, leaf: Floats) -> bool:
    """Whether all fixed points in the box are proven to be one; `leaf` then holds 1 and it, else 0 and the box.

    The proof is about a box around it: three times as large, or larger, so that a point next to the boundary of its
    box is one of the inside there.
    """
    n = low.size
    centre, half = _middle(low, high)
    for least in (smallest.max(), 1e-3 * smallest.max()):
        around = np.maximum(3.0 * half, least)
        proven, point, error = proven_point(net, centre, around)
        if proven:
            point, error = sharpened(net, point, error)
            leaf[0] = 1.0
            leaf[1:] = np.concatenate((point, error, centre, around))
            return True
    leaf[0] = 0.0
    leaf[1 : n + 1], leaf[n + 1 : 2 * n + 1] = low, high
    return False


@kernel
def _push(stack: Floats, held: int, low: Floats, high: Floats, smallest: Floats, whole: bool) -> int:
    """Put a box onto the stack, whole or cut across its longest side."""
    n = low.size
    stack[held, :n], stack[held, n:] = low, high
    if whole:
        return held + 1
    stack[held + 1] = stack[held]
    side = np.argmax((high - low) / smallest)
    cut = low[side] + CUT * (high[side] - low[side])
    stack[held, n + side] = cut
    stack[held + 1, side] = cut
    return held + 2
