"""phi(h) and phi'(h) of the built-in activations inside kernels, by the code and the parameter of an activation.

They agree with `Activation.value` and `.derivative` to some rounding errors of the largest value; those of the
piecewise linear activations do so to the bit.
"""

from __future__ import annotations

import math

from rmtjac.jit import kernel
from rmtjac.model.superattracting_kernels import CUBIC, superattracting_slope, superattracting_value

__all__ = ["ERF", "GELU", "HARD_TANH", "SIGMOID", "SILU", "SOFTPLUS", "TANH", "phi", "phi_prime"]

# codes up to HARD_TANH are the piecewise linear ones: 0 to 2 are h and slope h on the two sides of 0; from CUBIC on
# they are superattracting
HARD_TANH, ERF, TANH, SIGMOID, GELU, SILU, SOFTPLUS = 3, 4, 5, 6, 7, 8, 9

HALF_ROOT_PI = 0.5 * math.sqrt(math.pi)
ROOT_HALF = math.sqrt(0.5)
DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)


@kernel
def phi(code: int, parameter: float, h: float) -> float:
    """phi(h)."""
    if code < HARD_TANH:
        return h if h > 0.0 else parameter * h
    if code == HARD_TANH:
        return min(max(h, -1.0), 1.0)
    if code == ERF:
        return math.erf(HALF_ROOT_PI * h)
    if code == TANH:
        return math.tanh(h)
    if code == SIGMOID:
        return _sigmoid(h)
    if code == GELU:
        return 0.5 * h * math.erfc(-ROOT_HALF * h)
    if code == SILU:
        return h * _sigmoid(h)
    if code >= CUBIC:
        return superattracting_value(code, parameter, h)
    return max(h, 0.0) + math.log1p(math.exp(-abs(h)))


@kernel
def phi_prime(code: int, parameter: float, h: float) -> float:
    """phi'(h); at a kink as `Activation.derivative`."""
    if code < HARD_TANH:
        return 1.0 if h > 0.0 else parameter
    if code == HARD_TANH:
        return 1.0 if abs(h) < 1.0 else 0.0
    if code == ERF:
        return math.exp(-0.25 * math.pi * h * h)
    if code == TANH:
        e = math.exp(-abs(h))
        return (2.0 * e / (1.0 + e * e)) ** 2
    if code == GELU:
        return 0.5 * math.erfc(-ROOT_HALF * h) + h * DENSITY_AT_0 * math.exp(-0.5 * h * h)
    if code >= CUBIC:
        return superattracting_slope(code, parameter, h)
    s = _sigmoid(h)
    if code == SIGMOID:
        return s * _sigmoid(-h)
    if code == SILU:
        return s + h * s * _sigmoid(-h)
    return s


@kernel
def _sigmoid(h: float) -> float:
    e = math.exp(-abs(h))
    return 1.0 / (1.0 + e) if h > 0.0 else e / (1.0 + e)
