"""Where phi(h) and phi'(h) of superattracting activations lie for h in an interval, inside kernels.

As in activation_enclosures: phi is monotone between its turns, phi' between its own, and both ends and the turns
between them are all. A turn is known to 1e-13; a value there is off by the square of that, far less than its rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.model.superattracting_kernels import (
    EXP_CUBIC,
    EXP_CUBIC_WIDTH,
    HERMITE,
    MOST_POINTS,
    SLOPES,
    superattracting_slope,
    superattracting_slope_error,
    superattracting_value,
    superattracting_value_error,
)

__all__ = [
    "superattracting_curvature",
    "superattracting_ranges",
    "superattracting_slope_range",
    "superattracting_value_range",
]

Floats = NDArray[np.float64]

NEAR = 1e-11  # an end this near to a turn counts as behind it
LARGE = 0.4 * float(np.finfo(float).max)  # where a value overflows it is larger than this
CUBIC_ROW, EXP_CUBIC_ROW = 0, 1  # of the tables; hermite(k) has row k
# roots of 1 - 2t + 6t^2 - 12t^3 + 6t^4, where phi'' of exp_cubic is 0
EXP_CUBIC_BENDS = (0.6537273013117652, 1.391742096640911)


def _turns(slopes: Floats) -> Floats:
    """Real h where the sum of slopes_j h^(2j) is 0."""
    squares = np.roots(slopes[::-1])
    sizes = np.sqrt(squares.real[(np.abs(squares.imag) < 1e-9) & (squares.real >= 0.0)])
    return np.unique(np.concatenate([-sizes, sizes]))


def _tables() -> tuple[Floats, Floats]:
    """Rows of h where phi' is 0, and of h where phi'' is 0, ascending, nan behind them."""
    first, second = (np.full((MOST_POINTS + 1, 2 * MOST_POINTS), math.nan) for _ in range(2))
    first[CUBIC_ROW, :2], second[CUBIC_ROW, 0] = (0.0, 1.0), 0.5
    first[EXP_CUBIC_ROW, :2] = 1.0, math.e
    second[EXP_CUBIC_ROW, :2] = [1.0 + EXP_CUBIC_WIDTH * t for t in EXP_CUBIC_BENDS]
    for count in range(2, MOST_POINTS + 1):
        slopes = SLOPES[count, :count]
        bends = np.append(_turns(slopes[1:] * 2.0 * np.arange(1, count)), 0.0)
        for table, turns in ((first, _turns(slopes)), (second, np.sort(bends))):
            table[count, : turns.size] = turns
    first.flags.writeable = second.flags.writeable = False
    return first, second


TURNS, BENDS = _tables()


@kernel
def superattracting_value_range(code: int, parameter: float, low: float, high: float) -> tuple[float, float]:
    """Two ends that hold phi(h) for every h in [low, high], low <= high."""
    below, above = _value_ends(code, parameter, low)
    turns = TURNS[_row(code, parameter)]
    for j in range(turns.size + 1):
        h = turns[j] if j < turns.size else high
        if h == high or low - NEAR <= h <= high + NEAR:
            least, largest = _value_ends(code, parameter, h)
            below, above = min(below, least), max(above, largest)
    return max(below, 0.0) if code == EXP_CUBIC else below, above


@kernel
def superattracting_slope_range(code: int, parameter: float, low: float, high: float) -> tuple[float, float]:
    """Two ends that hold phi'(h) for every h in [low, high], low <= high."""
    below, above = _slope_ends(code, parameter, low)
    bends = BENDS[_row(code, parameter)]
    for j in range(bends.size + 1):
        h = bends[j] if j < bends.size else high
        if h == high or low - NEAR <= h <= high + NEAR:
            least, largest = _slope_ends(code, parameter, h)
            below, above = min(below, least), max(above, largest)
    return below, above


@kernel
def superattracting_ranges(
    code: int, parameter: float, low: Floats, high: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Least and largest phi, and least and largest phi', over many intervals, of one shape."""
    ends = np.empty((4, low.size))
    for i in range(low.size):
        a, b = low.flat[i], high.flat[i]
        ends[0, i], ends[1, i] = superattracting_value_range(code, parameter, a, b)
        ends[2, i], ends[3, i] = superattracting_slope_range(code, parameter, a, b)
    values, slopes = ends[:2].reshape(2, *low.shape), ends[2:].reshape(2, *low.shape)
    return values[0], values[1], slopes[0], slopes[1]


@kernel
def superattracting_curvature(code: int, parameter: float, low: float, high: float) -> tuple[bool, bool]:
    """Whether phi is known to be convex on [low, high], and whether it is known to be concave.

    All of them are convex on the far left.
    """
    is_convex = True
    for bend in BENDS[_row(code, parameter)]:
        if low - NEAR <= bend <= high + NEAR:
            return False, False
        if bend < low:
            is_convex = not is_convex
    return is_convex, not is_convex


@kernel
def _row(code: int, parameter: float) -> int:
    if code == HERMITE:
        return int(parameter)
    return EXP_CUBIC_ROW if code == EXP_CUBIC else CUBIC_ROW


@kernel
def _value_ends(code: int, parameter: float, h: float) -> tuple[float, float]:
    """phi(h) less and plus its rounding error."""
    value = superattracting_value(code, parameter, h)
    if math.isinf(value):
        return min(value, LARGE), max(value, -LARGE)
    error = superattracting_value_error(code, parameter, h, value)
    return value - error, value + error


@kernel
def _slope_ends(code: int, parameter: float, h: float) -> tuple[float, float]:
    """phi'(h) less and plus its rounding error."""
    slope = superattracting_slope(code, parameter, h)
    if math.isinf(slope):
        return min(slope, LARGE), max(slope, -LARGE)
    error = superattracting_slope_error(code, parameter, h, slope)
    return slope - error, slope + error
