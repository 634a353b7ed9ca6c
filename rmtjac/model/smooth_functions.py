"""The smooth built-in functions phi, phi' and log|phi'|, each to a few rounding errors also in its tails.

Everything is written in terms of a = -|h|, where exponentials are small, and carried to h > 0 by the symmetry of
each function: a step with step(h) + step(-h) = 1 is built from its lower tail step(a), and so is the derivative of
gelu and silu, which has phi'(h) + phi'(-h) = 1. Where phi' crosses 0, at h = CROSSING, the difference to the
crossing is taken in twice the digits of a double, so that phi' keeps its relative accuracy there.

Arguments and results of all functions are arrays (or scalars) of any shape; infinities give the limit, nan gives
nan. The names are those of the activations; `log_derivative` functions return (log|phi'(h)|, sign of phi'(h)).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf as error_function
from scipy.special import erfcx

Floats = NDArray[np.float64]

HALF_ROOT_PI = 0.5 * math.sqrt(math.pi)
LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
# the digits of pi/4 behind those of math.pi / 4
QUARTER_PI_LOW = 3.061616997868383e-17
# past this size a Gaussian is below the smallest double
GAUSSIAN_REACH = 40.0
LOGISTIC_REACH = 800.0

# the negative zero of phi', with the digits that follow those of the double, for gelu and silu
GELU_CROSSING = (-0.7517915246935645, 1.4956759177009883e-17)
SILU_CROSSING = (-1.2784645427610737, -1.0946994183093437e-16)
# |h - crossing| below which the gelu uses its Taylor polynomial; 24 terms leave 1e-19
TAYLOR_REACH = 0.4
TAYLOR_TERMS = 24


def erf(h: Any) -> Floats:
    """erf(sqrt(pi) h/2), in [-1, 1]."""
    return np.asarray(error_function(HALF_ROOT_PI * _floats(h)))[()]


def erf_derivative(h: Any) -> Floats:
    """exp(-pi h^2/4), in [0, 1]."""
    return _exp_of_square(h, math.pi / 4, QUARTER_PI_LOW)


def erf_log_derivative(h: Any) -> tuple[Floats, Floats]:
    """-pi h^2/4, and 1."""
    h = _floats(h)
    return -math.pi / 4 * _square(h), _positive(h)


def tanh(h: Any) -> Floats:
    """tanh h, in [-1, 1]."""
    return np.tanh(_floats(h))


def tanh_derivative(h: Any) -> Floats:
    """1/cosh(h)^2, in [0, 1]."""
    e = np.exp(_lower(h))
    # squared at the end: e^2 leaves the range of doubles before the derivative does; rounding may pass 1
    return np.minimum(2.0 * e / (1.0 + e * e), 1.0) ** 2


def tanh_log_derivative(h: Any) -> tuple[Floats, Floats]:
    """-2 log cosh h, and 1."""
    a = _lower(h)
    return 2.0 * (math.log(2.0) + a - np.log1p(np.exp(2.0 * a))), _positive(a)


def sigmoid(h: Any) -> Floats:
    """1/(1 + e^-h), in [0, 1]."""
    return _step(_floats(h), sigmoid_tail(_lower(h)))


def sigmoid_derivative(h: Any) -> Floats:
    """e^-h/(1 + e^-h)^2, in [0, 1/4]."""
    e = np.exp(_lower(h))
    # rounding may pass 1/4
    return np.minimum(e / (1.0 + e) ** 2, 0.25)


def sigmoid_log_derivative(h: Any) -> tuple[Floats, Floats]:
    """-|h| - 2 log(1 + e^-|h|), and 1."""
    a = _lower(h)
    return a - 2.0 * np.log1p(np.exp(a)), _positive(a)


def softplus(h: Any) -> Floats:
    """log(1 + e^h), >= 0."""
    h = _floats(h)
    return np.asarray(np.maximum(h, 0.0) + softplus_tail(_lower(h)))[()]


def softplus_derivative(h: Any) -> Floats:
    """1/(1 + e^-h), in [0, 1]."""
    return sigmoid(h)


def softplus_log_derivative(h: Any) -> tuple[Floats, Floats]:
    """-log(1 + e^-h), and 1."""
    h = _floats(h)
    return np.minimum(h, 0.0) - softplus_tail(_lower(h)), _positive(h)


def gelu(h: Any) -> Floats:
    """h Phi(h), Phi the normal distribution function."""
    h = _floats(h)
    a = np.maximum(_lower(h), -GAUSSIAN_REACH)
    # the normal density comes last: it is what leaves the range of doubles first
    ratio, density = _mills(a), _density(a)
    return np.where(h < 0, a * ratio * density, h * (1.0 - ratio * density))[()]


def gelu_derivative(h: Any) -> Floats:
    """Phi(h) + h g(h), g the normal density."""
    h = _floats(h)
    a = np.maximum(_lower(h), -GAUSSIAN_REACH)
    return _step(h, _gelu_derivative_over_density(a) * _density(a))


def gelu_log_derivative(h: Any) -> tuple[Floats, Floats]:
    """log|Phi(h) + h g(h)|, and its sign: -1 below -0.7518."""
    h = _floats(h)
    a = np.maximum(_lower(h), -1e300)
    over_density = _gelu_derivative_over_density(a)
    logarithm = -0.5 * _square(a) - LOG_ROOT_2PI + np.log(np.abs(over_density))
    return _log_of_step(h, logarithm, np.sign(over_density))


def silu(h: Any) -> Floats:
    """h/(1 + e^-h)."""
    h = _floats(h)
    a = np.maximum(_lower(h), -LOGISTIC_REACH)
    root = np.exp(0.5 * a)
    # e^a in two factors: it leaves the range of doubles before a e^a does
    return np.where(h < 0, a * root / (1.0 + root * root) * root, h * (1.0 - sigmoid_tail(a)))[()]


def silu_derivative(h: Any) -> Floats:
    """s + h s (1 - s), s the sigmoid of h."""
    return _step(_floats(h), silu_derivative_tail(_lower(h)))


def silu_log_derivative(h: Any) -> tuple[Floats, Floats]:
    """log|s + h s (1 - s)|, s the sigmoid, and its sign: -1 below -1.2785."""
    h = _floats(h)
    a = _lower(h)
    factor = _silu_factor(np.maximum(a, -1e300))
    logarithm = a + np.log(np.abs(factor)) - 2.0 * np.log1p(np.exp(a))
    return _log_of_step(h, logarithm, np.sign(factor))


def sigmoid_tail(a: Floats) -> Floats:
    """The sigmoid at a <= 0."""
    e = np.exp(a)
    return e / (1.0 + e)


def softplus_tail(a: Floats) -> Floats:
    """The softplus at a <= 0."""
    return np.log1p(np.exp(a))


def silu_derivative_tail(a: Floats) -> Floats:
    """The derivative of the silu at a <= 0: (1 + a + e^a) e^a/(1 + e^a)^2."""
    a = np.maximum(a, -LOGISTIC_REACH)
    root = np.exp(0.5 * a)
    return _silu_factor(a) * root / (1.0 + root * root) ** 2 * root


def _silu_factor(a: Floats) -> Floats:
    """1 + a + e^a from its zero c on: (a - c) + e^c (e^(a - c) - 1), two terms of one sign."""
    distance = (a - SILU_CROSSING[0]) - SILU_CROSSING[1]
    # e^c = -1 - c
    return distance + (-1.0 - SILU_CROSSING[0]) * np.expm1(distance)


def _gelu_derivative_over_density(a: Floats) -> Floats:
    """Phi(a)/g(a) + a for a <= 0, by its Taylor polynomial where the two terms cancel."""
    distance = (a - GELU_CROSSING[0]) - GELU_CROSSING[1]
    near = np.abs(distance) < TAYLOR_REACH
    polynomial = np.polynomial.polynomial.polyval(np.where(near, distance, 0.0), GELU_TAYLOR)
    return np.where(near, polynomial, _mills(a) + a)


def _gelu_taylor() -> Floats:
    """Coefficients of Phi/g + h about its zero c: the ratio M obeys M' = 1 + h M, and M(c) = -c."""
    c = GELU_CROSSING[0]
    ratio = [-c, 1.0 - c * c]
    for k in range(1, TAYLOR_TERMS):
        ratio.append((c * ratio[k] + ratio[k - 1]) / (k + 1))
    return np.array([0.0, 2.0 - c * c, *ratio[2:]])


GELU_TAYLOR = _gelu_taylor()


def _mills(a: Floats) -> Floats:
    """Phi(a)/g(a) for a <= 0."""
    x = -math.sqrt(0.5) * a
    # erfcx is off by 7e-16 near 0, where 1 - erf hardly cancels
    near = 0.5 * (1.0 - error_function(x)) / _density(np.maximum(a, -1.0))
    return np.asarray(np.where(x < 0.4, near, math.sqrt(math.pi / 2) * erfcx(x)))


def _density(a: Floats) -> Floats:
    """The normal density g(a)."""
    return _exp_of_square(a, 0.5, 0.0) / math.sqrt(2 * math.pi)


def _exp_of_square(h: Any, factor: float, factor_low: float) -> Floats:
    """exp(-(factor + factor_low) h^2): the rounding errors of the exponent, up to 1e-13, are put back."""
    h = np.minimum(np.abs(_floats(h)), GAUSSIAN_REACH)
    square, square_low = _product(h, h)
    exponent, low = _product(square, factor)
    low = low + factor * square_low + factor_low * square
    return np.asarray(np.exp(-exponent) * (1.0 - low))[()]


def _product(x: Any, y: Any) -> tuple[Any, Any]:
    """x y as a double and its rounding error (Dekker), for sizes far from overflow."""
    (x_high, x_low), (y_high, y_low) = _halves(x), _halves(y)
    product = x * y
    return product, ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def _halves(x: Any) -> tuple[Any, Any]:
    """x as the sum of two numbers of 26 bits each (Veltkamp)."""
    scaled = 134217729.0 * x
    high = scaled - (scaled - x)
    return high, x - high


def _step(h: Floats, tail: Floats) -> Floats:
    """The function with values `tail` at -|h| and f(h) + f(-h) = 1."""
    return np.where(h > 0, 1.0 - tail, tail)[()]


def _log_of_step(h: Floats, log_tail: Floats, sign: Floats) -> tuple[Floats, Floats]:
    """log|f| and the sign of f, from those of f(-|h|), where f(h) + f(-h) = 1 and f(h) > 0 for h > 0."""
    upper = np.log1p(-sign * np.exp(log_tail))
    return np.where(h > 0, upper, log_tail)[()], np.where(h > 0, 1.0, sign)[()]


def _lower(h: Any) -> Floats:
    return -np.abs(_floats(h))


def _square(h: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.square(h)


def _positive(h: Floats) -> Floats:
    """The sign of a derivative that is positive everywhere."""
    return np.where(np.isnan(h), np.nan, 1.0)[()]


def _floats(h: Any) -> Floats:
    return np.asarray(h, dtype=np.float64)
