"""Values and slopes of functions of one variable over intervals.

The library functions err by some units in the last place (the tests measure this against Arb): UNITS of them are added
on each side, and what holds exactly is kept, as exp(0) = 1 and |tanh x| <= 1. Where a function is not defined on the
whole interval its values and slopes are all real numbers, so that nothing can be proven there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf as erf_of_doubles

from rmtjac.jit import kernel
from rmtjac.linkage.certificates.rounding import Pair, add, divide, multiply, negative, outward, square_root
from rmtjac.model.activation_enclosures import slope_range, value_range
from rmtjac.model.activations import Activation, activation

__all__ = ["FUNCTIONS", "absolute", "power", "slopes", "values"]

Floats = NDArray[np.float64]

UNITS = 8.0
TWO_OVER_ROOT_PI = 1.1283791670955126
ONE = np.ones(()), np.ones(())


def values(name: str, a: Pair) -> Pair:
    """What a function takes on a; `name` is one of FUNCTIONS or a built-in activation."""
    return FUNCTIONS[name][0](a) if name in FUNCTIONS else _of_activation(name, a)[0]


def slopes(name: str, a: Pair) -> Pair:
    """The slopes of a function on a, those of both sides at a kink; `name` as in `values`."""
    return FUNCTIONS[name][1](a) if name in FUNCTIONS else _of_activation(name, a)[1]


def power(a: Pair, exponent: int) -> Pair:
    """a^exponent for an integer exponent >= 0."""
    if exponent % 2 == 0:
        least, largest = absolute(a)
        return _size_power(least, exponent)[0], _size_power(largest, exponent)[1]
    (low_down, low_up), (high_down, high_up) = (_size_power(np.abs(end), exponent) for end in a)
    return np.where(a[0] >= 0.0, low_down, -low_up), np.where(a[1] >= 0.0, high_up, -high_down)


def absolute(a: Pair) -> Pair:
    """|a|."""
    sizes = np.abs(a[0]), np.abs(a[1])
    return np.where((a[0] <= 0.0) & (a[1] >= 0.0), 0.0, np.minimum(*sizes)), np.maximum(*sizes)


def _size_power(size: Floats, exponent: int) -> Pair:
    """size^exponent for size >= 0, rounded downward and upward."""
    result: Pair = np.ones_like(size), np.ones_like(size)
    for bit in f"{exponent:b}":
        result = multiply(result, result)
        if bit == "1":
            result = multiply(result, (size, size))
    return result


def _rising(function: Callable[[Floats], Floats], a: Pair, domain: float = -np.inf) -> Pair:
    """A function that rises, at both ends; what lies below its domain counts as the end of it."""
    with np.errstate(all="ignore"):
        return outward(function(np.maximum(a[0], domain)), function(np.maximum(a[1], domain)), UNITS)


def _exp(a: Pair) -> Pair:
    low, high = _rising(np.exp, a)
    # on each side of exp(0) = 1
    low = np.where(a[0] >= 0.0, np.maximum(low, 1.0), np.maximum(low, 0.0))
    return low, np.where(a[1] <= 0.0, np.minimum(high, 1.0), high)


def _log(a: Pair) -> Pair:
    low, high = _rising(np.log, a, 0.0)
    low, high = (
        np.where(a[0] >= 1.0, np.maximum(low, 0.0), low),
        np.where(a[1] <= 1.0, np.minimum(high, 0.0), high),
    )
    return _where_defined(a[0] > 0.0, (low, high))


def _root(a: Pair) -> Pair:
    return _where_defined(a[0] >= 0.0, square_root(a))


def _tanh(a: Pair) -> Pair:
    low, high = _rising(np.tanh, a)
    # |tanh x| <= |x|, with the sign of x
    return _within(low, np.where(a[0] >= 0.0, 0.0, a[0]), -1.0), -_within(
        -high, np.where(a[1] <= 0.0, 0.0, -a[1]), -1.0
    )


def _within(end: Floats, other: Floats, least: float) -> Floats:
    return np.maximum(np.maximum(end, other), least)


def _erf(a: Pair) -> Pair:
    low, high = _rising(erf_of_doubles, a)
    low = np.where(a[0] >= 0.0, np.maximum(low, 0.0), np.maximum(low, -1.0))
    return low, np.where(a[1] <= 0.0, np.minimum(high, 0.0), np.minimum(high, 1.0))


def _erf_slopes(a: Pair) -> Pair:
    constant = outward(np.asarray(TWO_OVER_ROOT_PI), np.asarray(TWO_OVER_ROOT_PI), 1.0)
    return multiply(constant, _exp(negative(power(a, 2))))


def _tanh_slopes(a: Pair) -> Pair:
    low, high = add(ONE, negative(power(_tanh(a), 2)))
    return np.maximum(low, 0.0), high


def _where_defined(defined: NDArray[np.bool_], ends: Pair) -> Pair:
    return np.where(defined, ends[0], -np.inf), np.where(defined, ends[1], np.inf)


def _reciprocal_slopes(a: Pair) -> Pair:
    return negative(divide(ONE, power(a, 2)))


def _root_slopes(a: Pair) -> Pair:
    return _where_defined(a[0] > 0.0, divide((np.asarray(0.5), np.asarray(0.5)), square_root(a)))


def _absolute_slopes(a: Pair) -> Pair:
    return np.where(a[0] > 0.0, 1.0, -1.0), np.where(a[1] < 0.0, -1.0, 1.0)


FUNCTIONS: dict[str, tuple[Callable[[Pair], Pair], Callable[[Pair], Pair]]] = {
    "exp": (_exp, _exp),
    "log": (_log, lambda a: _where_defined(a[0] > 0.0, divide(ONE, a))),
    "tanh": (_tanh, _tanh_slopes),
    "plain_erf": (_erf, _erf_slopes),
    "sqrt": (_root, _root_slopes),
    "reciprocal": (lambda a: divide(ONE, a), _reciprocal_slopes),
    "absolute": (absolute, _absolute_slopes),
}


@cache
def _built_in(name: str) -> Activation:
    return activation(name)


def _of_activation(name: str, a: Pair) -> tuple[Pair, Pair]:
    phi = _built_in(name)
    low, high = np.broadcast_arrays(*a)
    ranges = _activation_ranges(phi.code, phi.parameter, low.ravel(), high.ravel())
    below, above, least, largest = (part.reshape(low.shape) for part in ranges)
    return (below, above), (least, largest)


@kernel
def _activation_ranges(
    code: int, parameter: float, low: Floats, high: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Ends of phi and of phi' on many intervals."""
    below, above, least, largest = (
        np.empty(low.size),
        np.empty(low.size),
        np.empty(low.size),
        np.empty(low.size),
    )
    for i in range(low.size):
        below[i], above[i] = value_range(code, parameter, low[i], high[i])
        least[i], largest[i] = slope_range(code, parameter, low[i], high[i])
    return below, above, least, largest
