"""Activations with several superattracting fixed points, phi(s) = s and phi'(s) = 0, inside kernels.

cubic 3h^2 - 2h^3 has them at 0 and 1, exp_cubic exp(3t^2 - 2t^3), t = (h - 1)/(e - 1), at 1 and e, and hermite(k), the
odd polynomial of degree 2k - 1 that interpolates both conditions, at k points of unit distance about 0: -1/2 and 1/2
for k = 2, where it is the cubic in other coordinates, -1, 0 and 1 for k = 3, where it is (5h^3 - 3h^5)/2. Any other
equidistant points are these in coordinates of the network's biases (THEORY.md section 4).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel

__all__ = [
    "CUBIC",
    "EXP_CUBIC",
    "EXP_CUBIC_WIDTH",
    "HERMITE",
    "MOST_POINTS",
    "hermite_coefficients",
    "superattracting_slope",
    "superattracting_slope_error",
    "superattracting_value",
    "superattracting_value_error",
]

Floats = NDArray[np.float64]

CUBIC, EXP_CUBIC, HERMITE = 10, 11, 12
MOST_POINTS = 8  # of hermite
EXP_CUBIC_WIDTH = math.e - 1.0
LOG_LARGEST = 709.0

EPS = float(np.finfo(float).eps)
TINY = 1e-320  # what underflow can hide
HERMITE_UNITS = (
    16.0  # roundings of its sums, and of the coefficients, in units of EPS and of the sizes of the terms
)


def hermite_coefficients(count: int) -> list[Fraction]:
    """a_0, ..., a_{k-1} of hermite(k), the sum of a_j h^(2j+1), exactly; k >= 2.

    Rows of the linear equations P(s) = s and P'(s) = 0 at the points s > 0; at s = 0 it is P'(0) = 0.
    """
    points = [Fraction(j, 2) for j in range(1 - count, count, 2) if j >= 0]
    powers = range(1, 2 * count, 2)
    rows = [[*(s**n for n in powers), s] for s in points if s > 0]
    rows += [[*(n * s ** (n - 1) for n in powers), Fraction(0)] for s in points]
    for i in range(count):
        pivot = next(row for row in rows[i:] if row[i] != 0)
        rows.remove(pivot)
        rows.insert(i, [entry / pivot[i] for entry in pivot])
        for j in set(range(count)) - {i}:
            rows[j] = [a - rows[j][i] * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [row[-1] for row in rows]


def _table(of_order: int) -> Floats:
    """Rows by k: coefficients in h^2 of hermite(k)/h (order 0) or of its derivative (order 1)."""
    table = np.zeros((MOST_POINTS + 1, MOST_POINTS))
    for count in range(2, MOST_POINTS + 1):
        for j, a in enumerate(hermite_coefficients(count)):
            table[count, j] = float(a * (2 * j + 1) ** of_order)
    table.flags.writeable = False
    return table


VALUES, SLOPES = _table(0), _table(1)
VALUE_SIZES, SLOPE_SIZES = np.abs(VALUES), np.abs(SLOPES)


@kernel
def superattracting_value(code: int, parameter: float, h: float) -> float:
    """phi(h)."""
    if code == CUBIC:
        return h * h * (3.0 - 2.0 * h)
    if code == HERMITE:
        return h * _sum(VALUES[int(parameter)], int(parameter), h * h)
    t = (h - 1.0) / EXP_CUBIC_WIDTH
    exponent = t * t * (3.0 - 2.0 * t)
    return math.inf if exponent >= LOG_LARGEST else math.exp(exponent)


@kernel
def superattracting_slope(code: int, parameter: float, h: float) -> float:
    """phi'(h)."""
    if code == CUBIC:
        return 6.0 * h * (1.0 - h)
    if code == HERMITE:
        return _sum(SLOPES[int(parameter)], int(parameter), h * h)
    value = superattracting_value(code, parameter, h)
    t = (h - 1.0) / EXP_CUBIC_WIDTH
    return 0.0 if value == 0.0 else value * (6.0 * t * (1.0 - t)) / EXP_CUBIC_WIDTH


@kernel
def superattracting_value_error(code: int, parameter: float, h: float, value: float) -> float:
    """A bound on the rounding error of a finite phi(h)."""
    if code == HERMITE:
        sizes = abs(h) * _sum(VALUE_SIZES[int(parameter)], int(parameter), h * h)
        return HERMITE_UNITS * EPS * sizes + TINY
    units = 8.0
    if code == EXP_CUBIC:
        units += _exponent_units(h)
    return units * EPS * abs(value) + TINY


@kernel
def superattracting_slope_error(code: int, parameter: float, h: float, slope: float) -> float:
    """A bound on the rounding error of a finite phi'(h)."""
    if code == HERMITE:
        return HERMITE_UNITS * EPS * _sum(SLOPE_SIZES[int(parameter)], int(parameter), h * h) + TINY
    error = 8.0 * EPS * abs(slope) + TINY
    value = superattracting_value(code, parameter, h) if code == EXP_CUBIC else 0.0
    if value > 0.0:
        # 1 - t has the absolute error of t
        size = abs((h - 1.0) / EXP_CUBIC_WIDTH)
        error += EPS * (_exponent_units(h) * abs(slope) + 32.0 * value * size * (1.0 + size))
    return error


@kernel
def _sum(coefficients: Floats, count: int, square: float) -> float:
    """A polynomial of `count` coefficients at `square`."""
    total: float = coefficients[count - 1]
    for j in range(count - 2, -1, -1):
        total = total * square + coefficients[j]
    return total


@kernel
def _exponent_units(h: float) -> float:
    """The rounding error of the exponent of exp_cubic, in units of EPS; where it is large phi is 0 or infinite."""
    t = min(abs((h - 1.0) / EXP_CUBIC_WIDTH), 100.0)
    return 24.0 * t * t * (1.0 + t)
