"""Where phi(h) and phi'(h) of the built-in activations lie for h in an interval, inside kernels.

Each range contains every true value for low <= h <= high, and what `phi` and `phi_prime` give there; ends are exact
for piecewise linear activations, and otherwise outside of the true range by the rounding errors that the formulas
can have: some 8 to 16 units in the last place of their terms, more by h^2/4 of them in Gaussian tails.
The functions are monotone between few places where phi' (or phi) turns, so both ends and those places are all.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.model.activation_kernels import (
    DENSITY_AT_0,
    ERF,
    GELU,
    HARD_TANH,
    ROOT_HALF,
    SIGMOID,
    SILU,
    SOFTPLUS,
    TANH,
    phi,
    phi_prime,
)
from rmtjac.model.smooth_activations import GELU_MINIMUM, GELU_SLOPES, SILU_MINIMUM, SILU_SLOPES
from rmtjac.model.smooth_functions import GELU_CROSSING, SILU_CROSSING
from rmtjac.model.superattracting_enclosures import superattracting_slope_range, superattracting_value_range
from rmtjac.model.superattracting_kernels import CUBIC

__all__ = ["slope_range", "value_range"]

Floats = NDArray[np.float64]

EPS = float(np.finfo(float).eps)
# what underflow can hide
TINY = 1e-320
# past it phi' is at its limit to less than TINY, and so is phi where that is finite
REACH = 1000.0
LARGEST = float(np.finfo(float).max)

# nearest doubles to where phi'' of gelu and silu is 0: an interval of doubles without them has not the zero either
GELU_TURN = math.sqrt(2.0)
SILU_TURN = 2.3993572805154675
NOWHERE = math.nan


def _by_code(of_activation: dict[int, tuple[float, ...]]) -> Floats:
    """Rows of a table by the code of an activation."""
    table = np.full((SOFTPLUS + 1, len(of_activation[ERF])), math.nan)
    for code, row in of_activation.items():
        table[code] = row
    table.flags.writeable = False
    return table


# smallest and largest phi, and where the smallest is taken
VALUES = _by_code(
    {
        HARD_TANH: (-1.0, 1.0, NOWHERE),
        ERF: (-1.0, 1.0, NOWHERE),
        TANH: (-1.0, 1.0, NOWHERE),
        SIGMOID: (0.0, 1.0, NOWHERE),
        GELU: (GELU_MINIMUM, math.inf, GELU_CROSSING[0]),
        SILU: (SILU_MINIMUM, math.inf, SILU_CROSSING[0]),
        SOFTPLUS: (0.0, math.inf, NOWHERE),
    }
)
# smallest and largest phi', and where each is taken
SLOPES = _by_code(
    {
        ERF: (0.0, 1.0, NOWHERE, 0.0),
        TANH: (0.0, 1.0, NOWHERE, 0.0),
        SIGMOID: (0.0, 0.25, NOWHERE, 0.0),
        GELU: (*GELU_SLOPES, -GELU_TURN, GELU_TURN),
        SILU: (*SILU_SLOPES, -SILU_TURN, SILU_TURN),
        SOFTPLUS: (0.0, 1.0, NOWHERE, NOWHERE),
    }
)


@kernel
def value_range(code: int, parameter: float, low: float, high: float) -> tuple[float, float]:
    """Two ends that hold phi(h) for every h in [low, high]; those of all h unless low <= high."""
    if not low <= high:
        low, high = -math.inf, math.inf
    if code < HARD_TANH:
        return _half_linear_range(parameter, low, high)
    if code == HARD_TANH:
        return min(max(low, -1.0), 1.0), min(max(high, -1.0), 1.0)
    if code >= CUBIC:
        return superattracting_value_range(code, parameter, low, high)
    smallest, largest, turn = VALUES[code]
    low = max(low, -REACH)
    at_low, at_high = phi(code, parameter, low), phi(code, parameter, max(high, -REACH))
    below = min(at_low - _value_error(code, low, at_low), at_high - _value_error(code, high, at_high))
    above = max(at_low + _value_error(code, low, at_low), at_high + _value_error(code, high, at_high))
    if low <= turn <= high:
        below = smallest
    return max(below, smallest), min(above, largest)


@kernel
def slope_range(code: int, parameter: float, low: float, high: float) -> tuple[float, float]:
    """Two ends that hold phi'(h), on both sides of a kink, for every h in [low, high]; of all h unless low <= high."""
    if not low <= high:
        low, high = -math.inf, math.inf
    if code < HARD_TANH:
        below, above = parameter if low <= 0.0 else 1.0, parameter if high < 0.0 else 1.0
        return min(below, above), max(below, above)
    if code == HARD_TANH:
        outside = low <= -1.0 or high >= 1.0
        inside = low <= 1.0 and high >= -1.0
        return 0.0 if outside else 1.0, 1.0 if inside else 0.0
    if code >= CUBIC:
        return superattracting_slope_range(code, parameter, low, high)
    smallest, largest, lower_turn, upper_turn = SLOPES[code]
    low, high = min(max(low, -REACH), REACH), min(max(high, -REACH), REACH)
    at_low, at_high = phi_prime(code, parameter, low), phi_prime(code, parameter, high)
    below = min(at_low - _slope_error(code, low, at_low), at_high - _slope_error(code, high, at_high))
    above = max(at_low + _slope_error(code, low, at_low), at_high + _slope_error(code, high, at_high))
    if low <= lower_turn <= high:
        below = smallest
    if low <= upper_turn <= high:
        above = largest
    return max(below, smallest), min(above, largest)


@kernel
def _half_linear_range(parameter: float, low: float, high: float) -> tuple[float, float]:
    """The range of h for h > 0 and parameter * h for h <= 0."""
    if low >= 0.0:
        return low, high
    first_below, first_above = _scaled(parameter, low)
    second_below, second_above = _scaled(parameter, min(high, 0.0))
    below, above = min(first_below, second_below), max(first_above, second_above)
    return below, max(above, high) if high > 0.0 else above


@kernel
def _scaled(parameter: float, h: float) -> tuple[float, float]:
    """parameter * h, rounded downward and upward."""
    if parameter == 0.0 or h == 0.0:  # 0 * inf would be nan
        return 0.0, 0.0
    product = parameter * h
    if parameter == 1.0 or math.isinf(product):
        return (min(product, LARGEST), max(product, -LARGEST)) if math.isfinite(h) else (product, product)
    error = EPS * abs(product) + TINY
    return product - error, product + error


@kernel
def _value_error(code: int, h: float, value: float) -> float:
    """A bound on the rounding error of a smooth phi(h)."""
    if math.isinf(value):
        return 0.0
    units = 8.0
    if code == GELU and h < 0.0:
        h = max(h, -REACH)
        units += 2.0 * h * h  # Phi(h) magnifies the rounding of its argument
    return units * EPS * abs(value) + TINY


@kernel
def _slope_error(code: int, h: float, slope: float) -> float:
    """A bound on the rounding error of a smooth phi'(h)."""
    if code == ERF:
        return (8.0 + 4.0 * h * h) * EPS * slope + TINY
    if code == GELU:
        tail = 0.5 * math.erfc(ROOT_HALF * abs(h)) + abs(h) * DENSITY_AT_0 * math.exp(-0.5 * h * h)
        return ((8.0 + 2.0 * h * h) * tail + 8.0 * abs(slope)) * EPS + TINY
    if code == SILU:
        e = math.exp(-abs(h))
        return 16.0 * EPS * (abs(slope) + 2.0 * (1.0 + abs(h)) * e) + TINY
    return 16.0 * EPS * slope + TINY
