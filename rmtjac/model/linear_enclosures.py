"""Straight lines about phi on an interval, inside kernels: |phi(h) - slope h - offset| <= error.

The slope is that of the chord. What is left of phi has the same value at both ends of the interval; between them it is
extreme at a kink, or where the slope of phi is the chord's, which most activations know in closed form. For the others
it stays below and above the lines that leave the ends with the largest and smallest slopes; where phi is convex or
concave, it also stays on one side of that value. The error is of the second order in the length of the interval,
and for a kink inside it is the smallest one.
"""

from __future__ import annotations

import math

from rmtjac.jit import kernel
from rmtjac.model.activation_enclosures import EPS, SLOPES, TINY, slope_range, value_range
from rmtjac.model.activation_kernels import ERF, GELU, HARD_TANH, SIGMOID, SILU, SOFTPLUS, TANH, phi
from rmtjac.model.superattracting_enclosures import superattracting_curvature
from rmtjac.model.superattracting_kernels import CUBIC, superattracting_value_error

__all__ = ["linear_enclosure"]

GAUSSIAN_REACH = 40.0  # past it a Gaussian tail is no double
FLAT = 1e-250  # with smaller slopes, whose products with numbers below 1 may be no doubles, phi is taken as constant


@kernel
def linear_enclosure(code: int, parameter: float, low: float, high: float) -> tuple[float, float, float]:
    """slope, offset, error with |phi(h) - slope h - offset| <= error for every h in [low, high], rounding included."""
    if code < HARD_TANH and (low >= 0.0 or high <= 0.0):
        return 1.0 if low >= 0.0 else parameter, 0.0, 0.0
    if code == HARD_TANH:
        if low >= 1.0 or high <= -1.0:
            return 0.0, phi(code, parameter, low), 0.0
        if low >= -1.0 and high <= 1.0:
            return 1.0, 0.0, 0.0
    least, largest = slope_range(code, parameter, low, high)
    if code < HARD_TANH and least == largest:
        return least, 0.0, 0.0
    at_low, at_high = phi(code, parameter, low), phi(code, parameter, high)
    overflows = not math.isfinite(high - low) or (code >= CUBIC and not math.isfinite(at_high - at_low))
    if overflows or max(abs(least), abs(largest)) < FLAT:
        below, above = value_range(code, parameter, low, high)
        if not math.isfinite(above - below):
            return 0.0, 0.0, math.inf
        return 0.0, 0.5 * below + 0.5 * above, _half(below, above)
    width = high - low
    slope = (at_high - at_low) / width if width > 0.0 else largest
    slope = min(max(slope, least), largest)
    bottom, top = _remainder(code, parameter, low, high, slope, least - slope, largest - slope)
    size = abs(at_low) + abs(at_high) + abs(slope) * (abs(low) + abs(high)) + abs(bottom) + abs(top)
    error = _half(bottom, top) + _units(code, low) * EPS * size + TINY
    if code >= CUBIC:
        error += superattracting_value_error(code, parameter, low, at_low)
        error += superattracting_value_error(code, parameter, high, at_high)
    return slope, 0.5 * bottom + 0.5 * top, error


@kernel
def _remainder(
    code: int, parameter: float, low: float, high: float, slope: float, falling: float, rising: float
) -> tuple[float, float]:
    """The range of phi(h) - slope h, whose slopes are from falling <= 0 to rising >= 0, without rounding errors."""
    first = phi(code, parameter, low) - slope * low
    last = phi(code, parameter, high) - slope * high
    bottom, top = min(first, last), max(first, last)
    if code < CUBIC and code not in (GELU, SILU):
        for bend in _bends(code, slope):
            if low < bend < high:
                value = phi(code, parameter, bend) - slope * bend
                bottom, top = min(bottom, value), max(top, value)
        return bottom, top
    if rising > falling:
        share = rising / (rising - falling)
        bend = share * ((high - low) * falling)
        convex, concave = _curvature(code, parameter, low, high)
        if not concave:
            bottom = share * first + (1.0 - share) * last + bend
        if not convex:
            top = share * last + (1.0 - share) * first - bend
    return bottom, top


@kernel
def _bends(code: int, slope: float) -> tuple[float, float]:
    """Where phi has a kink, or phi' is `slope`: two places, nan for none.

    A place that is off by a rounding error changes the value there in the second order only.
    """
    if code < HARD_TANH:
        return 0.0, math.nan
    if code == HARD_TANH:
        return -1.0, 1.0
    if code == SOFTPLUS:
        return math.log(slope / (1.0 - slope)) if 0.0 < slope < 1.0 else math.nan, math.nan
    place = math.nan
    if code == ERF and 0.0 < slope <= 1.0:
        place = math.sqrt(-4.0 / math.pi * math.log(slope))
    elif code == SIGMOID and slope > 0.0:
        place = _logistic_place(slope)
    elif code == TANH and slope > 0.0:
        place = 0.5 * _logistic_place(0.25 * slope)  # 1/cosh(h)^2 = 4 s (1 - s), s the sigmoid of 2 h
    return -place, place


@kernel
def _logistic_place(slope: float) -> float:
    """h >= 0 where the sigmoid has this slope: its value at -h is the smaller root s of s (1 - s) = slope."""
    tail = 2.0 * slope / (1.0 + math.sqrt(max(1.0 - 4.0 * slope, 0.0)))
    return max(math.log((1.0 - tail) / tail), 0.0)


@kernel
def _curvature(code: int, parameter: float, low: float, high: float) -> tuple[bool, bool]:
    """Whether gelu, silu and others are known to be convex on [low, high], and whether they are known to be concave."""
    if code >= CUBIC:
        return superattracting_curvature(code, parameter, low, high)
    lower_turn, upper_turn = SLOPES[code, 2], SLOPES[code, 3]
    return low >= lower_turn and high <= upper_turn, high <= lower_turn or low >= upper_turn


@kernel
def _units(code: int, low: float) -> float:
    """Rounding errors of the remainder in units of EPS and of its terms; that of gelu grows in its Gaussian tail."""
    return 16.0 + (4.0 * min(max(low, -GAUSSIAN_REACH), 0.0) ** 2 if code == GELU else 0.0)


@kernel
def _half(low: float, high: float) -> float:
    """Half of the length of an interval, rounded upward."""
    return (0.5 * high - 0.5 * low) * (1.0 + 2.0 * EPS) + TINY
