"""Sums, products and quotients of intervals with ends rounded outward, and exact where the result is a double.

An interval is a pair of arrays (low, high). The error of a rounded sum or product is itself a double (Knuth, Dekker):
its sign says which end must move by one unit, and none moves where it is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EPS",
    "TINY",
    "Pair",
    "add",
    "divide",
    "dot",
    "hull",
    "multiply",
    "negative",
    "outward",
    "product",
    "square_root",
]

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]

EPS = float(np.finfo(float).eps)
TINY = 1e-300  # far above what underflow can hide
SPLITTER = 2.0**27 + 1.0
# the error of a product is known to be a double if the product and its factors are no smaller or larger
SMALLEST, LARGEST = 1e-250, 1e140


def hull(low: Floats, high: Floats) -> Pair:
    """The pair, with all real numbers where an end is nan."""
    return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)


def outward(low: Floats, high: Floats, units: float) -> Pair:
    """Ends moved outward by `units` of EPS of their size."""
    margin = units * EPS
    return hull(low - margin * np.abs(low) - TINY, high + margin * np.abs(high) + TINY)


def negative(a: Pair) -> Pair:
    """-a."""
    return -a[1], -a[0]


def add(a: Pair, b: Pair) -> Pair:
    """a + b."""
    with np.errstate(over="ignore", invalid="ignore"):
        return hull(_directed(*_sum(a[0], b[0]))[0], _directed(*_sum(a[1], b[1]))[1])


def multiply(a: Pair, b: Pair) -> Pair:
    """a b; 0 times anything is 0."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        ends = [_directed(*_product(x, y)) for x in a for y in b]
    return np.minimum.reduce([below for below, _ in ends]), np.maximum.reduce([above for _, above in ends])


def divide(a: Pair, b: Pair) -> Pair:
    """a / b; all real numbers where b contains 0."""
    with np.errstate(all="ignore"):
        ends = [_quotient(x, y) for x in a for y in b]
    low, high = (
        np.minimum.reduce([below for below, _ in ends]),
        np.maximum.reduce([above for _, above in ends]),
    )
    unknown = (b[0] <= 0.0) & (b[1] >= 0.0)
    return hull(np.where(unknown, -np.inf, low), np.where(unknown, np.inf, high))


def square_root(a: Pair) -> Pair:
    """The square root of what is >= 0 of a; an end of a below 0 counts as 0."""
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        roots = [np.sqrt(np.maximum(end, 0.0)) for end in a]
        exact = [_is_exact(root, root, end) for root, end in zip(roots, a, strict=True)]
    low = np.where(exact[0], roots[0], np.nextafter(roots[0], -np.inf))
    return hull(np.maximum(low, 0.0), np.where(exact[1], roots[1], np.nextafter(roots[1], np.inf)))


def dot(matrix: Floats, a: Pair) -> Pair:
    """matrix @ a for a of shape (k, inner, columns), by the ends that the signs of the entries pick."""
    rising, falling = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        size = product(np.abs(matrix), np.maximum(np.abs(a[0]), np.abs(a[1])))
        slack = (2 * matrix.shape[1] + 4) * EPS * size + TINY
        low = product(rising, a[0]) + product(falling, a[1]) - slack
        return hull(low, product(rising, a[1]) + product(falling, a[0]) + slack)


def product(matrix: Floats, arrays: Floats) -> Floats:
    """matrix @ arrays, of shape (k, inner, columns), as one product of large matrices."""
    if len(arrays) == 1:
        return np.asarray(matrix @ arrays)
    side_by_side = arrays.transpose(1, 0, 2)
    shape = (len(matrix), *side_by_side.shape[1:])
    return (matrix @ side_by_side.reshape(len(side_by_side), -1)).reshape(shape).transpose(1, 0, 2)


def _directed(rounded: Floats, error: Floats) -> Pair:
    """The result rounded downward and upward; an error of nan may have any sign."""
    below = np.where(error >= 0.0, rounded, np.nextafter(rounded, -np.inf))
    return below, np.where(error <= 0.0, rounded, np.nextafter(rounded, np.inf))


def _sum(x: Floats, y: Floats) -> Pair:
    """x + y, rounded, and its error."""
    total = x + y
    rest = total - x
    return total, (x - (total - rest)) + (y - rest)


def _product(x: Floats, y: Floats) -> Pair:
    """x y, rounded, and its error; nan where that may be no double."""
    product = x * y
    (x_high, x_low), (y_high, y_low) = _halves(x), _halves(y)
    error = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low
    safe = (np.abs(product) > SMALLEST) & (np.maximum(np.abs(x), np.abs(y)) < LARGEST)
    zero = (x == 0.0) | (y == 0.0)
    return np.where(zero, 0.0, product), np.where(zero, 0.0, np.where(safe, error, np.nan))


def _quotient(x: Floats, y: Floats) -> Pair:
    """x / y rounded downward and upward."""
    quotient = x / y
    return _directed(quotient, np.where(_is_exact(quotient, y, x), 0.0, np.nan))


def _is_exact(x: Floats, y: Floats, product: Floats) -> NDArray[np.bool_]:
    """Whether x y is `product` without rounding."""
    rounded, error = _product(x, y)
    return np.asarray((rounded == product) & (error == 0.0))


def _halves(x: Floats) -> Pair:
    """Two doubles of half the digits whose sum is x."""
    scaled = SPLITTER * x
    high = scaled - (scaled - x)
    return high, x - high
