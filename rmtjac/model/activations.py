"""The names of the built-in activations, and those that are piecewise linear, with all their moments.

A gate phi'(h) of those takes finitely many values; the other built-in ones are in smooth_activations. At a kink
the derivative is the one of the side where it is smaller in size for relu and hard_tanh: phi'(0) = 0 for relu,
phi'(-1) = phi'(1) = 0 for hard_tanh; leaky_relu takes its slope at 0. Kinks have probability zero for any
input but an all-zero one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, gammainc

from rmtjac.model.gates import GateLaw
from rmtjac.model.scalar_function import USER_CODE, Activation, checked_variance
from rmtjac.model.smooth_activations import SMOOTH
from rmtjac.model.superattracting import SUPERATTRACTING, hermite
from rmtjac.model.superattracting_kernels import MOST_POINTS

__all__ = ["USER_CODE", "Activation", "GateLaw", "activation", "activations_per_layer"]

Floats = NDArray[np.float64]

ALLOWED = (
    f"linear, relu, leaky_relu(SLOPE), hard_tanh, {', '.join([*SMOOTH, *SUPERATTRACTING])}, hermite(POINTS), or an "
    "Activation"
)


class HalfLinear(Activation):
    """phi(h) = h for h > 0 and slope * h for h <= 0: linear (slope 1), relu (slope 0) and leaky_relu."""

    gates_depend_on_q = False

    def __init__(self, name: str, code: int, slope: float) -> None:
        image = (-math.inf if slope > 0 else 0.0, math.inf)
        super().__init__(
            name,
            partial(_half_linear, slope=slope),
            partial(_half_linear_derivative, slope=slope),
            range=image,
            derivative_range=(min(slope, 1.0), max(slope, 1.0)),
        )
        self.code = code
        self.parameter = slope

    def gate_law(self, q: float) -> GateLaw:
        """Law of phi'(h)^2; the same for every q > 0, and continued to q = 0 and q = inf."""
        checked_variance(q)
        square = self.parameter**2
        if square == 1.0:
            return GateLaw(np.ones(1), np.ones(1), 0.0)
        if square == 0.0:
            return GateLaw(np.ones(1), np.full(1, 0.5), 0.5)
        return GateLaw(np.sort([square, 1.0]), np.full(2, 0.5), 0.0)

    def second_moment(self, q: float) -> float:
        """E phi(h)^2 = q (1 + slope^2)/2."""
        return self.derivative_moment(q) * q

    def derivative_moment(self, q: float) -> float:
        """mu_1 = (1 + slope^2)/2."""
        checked_variance(q)
        return (1.0 + self.parameter**2) / 2.0


class HardTanh(Activation):
    """phi(h) = h cut off at -1 and 1."""

    def __init__(self) -> None:
        super().__init__(
            "hard_tanh", _hard_tanh, _hard_tanh_derivative, range=(-1.0, 1.0), derivative_range=(0.0, 1.0)
        )
        self.code = 3

    def gate_law(self, q: float) -> GateLaw:
        """Law of phi'(h)^2: 1 with probability erf(1/sqrt(2q)), else 0; q = 0 and q = inf are allowed."""
        checked_variance(q)
        if q == math.inf:
            return GateLaw(np.empty(0), np.empty(0), 1.0)
        if q == 0:
            return GateLaw(np.ones(1), np.ones(1), 0.0)
        reach = 1.0 / math.sqrt(2.0 * q)
        return GateLaw(np.ones(1), np.full(1, math.erf(reach)), math.erfc(reach))

    def second_moment(self, q: float) -> float:
        """E phi(h)^2 = q P(chi^2_3 < 1/q) + P(|h| > 1): THEORY.md section 1, uncancelled."""
        closed = self.gate_law(q).closed
        if q in (0.0, math.inf):
            return closed
        return q * float(gammainc(1.5, 0.5 / q)) + closed

    def deficit(self, q: float) -> float:
        """1 - E phi(h)^2/q in a form that keeps its digits where it is exponentially small.

        With x = 1/(2q): (1 - 2x) erfc(sqrt(x)) + 2 sqrt(x/pi) exp(-x).
        """
        x = 0.5 / q
        scaled = (1.0 - 2.0 * x) * float(erfcx(math.sqrt(x))) + 2.0 * math.sqrt(x / math.pi)
        return max(scaled, 0.0) * math.exp(-x)

    def derivative_moment(self, q: float) -> float:
        """mu_1 = P(|h| < 1) = erf(1/sqrt(2q))."""
        return self.gate_law(q).open


def activation(name: str | Activation) -> Activation:
    """The activation called `name`; an Activation is returned as it is.

    Raises
    ------
    ValueError, TypeError
        If the name is unknown, SLOPE is not allowed, or `name` is neither a string nor an Activation.
    """
    if isinstance(name, Activation):
        return name
    if not isinstance(name, str):
        raise TypeError(f"activation={name!r}: allowed are {ALLOWED}")
    if name == "linear":
        return HalfLinear(name, 0, 1.0)
    if name == "relu":
        return HalfLinear(name, 1, 0.0)
    if name == "hard_tanh":
        return HardTanh()
    if name in SMOOTH:
        return SMOOTH[name]()
    if name in SUPERATTRACTING:
        return SUPERATTRACTING[name]()
    family = re.fullmatch(r"(leaky_relu|hermite)(?:\((.*)\)|:(.*))", name)
    if family is None:
        raise ValueError(f"activation={name!r}: allowed are {ALLOWED}")
    of_text = _leaky_relu if family[1] == "leaky_relu" else _hermite
    return of_text(name, family[2] if family[2] is not None else family[3])


def activations_per_layer(given: Any, depth: int) -> tuple[Activation, ...]:
    """The activations of `depth` layers, from one name or Activation or a sequence of `depth` of them.

    Raises
    ------
    ValueError, TypeError
        If the sequence has another length, or an entry is no activation.
    """
    if isinstance(given, (str, Activation)) or not isinstance(given, Sequence):
        return (activation(given),) * depth
    if len(given) != depth:
        raise ValueError(f"activation has {len(given)} entries: allowed are one, or {depth} (one per layer)")
    return tuple(activation(entry) for entry in given)


def _leaky_relu(name: str, text: str) -> Activation:
    try:
        slope = float(text)
    except ValueError:
        slope = math.nan
    if not (slope == 0 or 1e-100 <= abs(slope) <= 1e100):
        raise ValueError(f"activation={name!r}: SLOPE is 0 or a number of size 1e-100 to 1e100")
    slope += 0.0  # -0.0 becomes 0.0
    return HalfLinear(f"leaky_relu({slope!r})", 2, slope)


def _hermite(name: str, text: str) -> Activation:
    if not text.isdecimal() or not 2 <= int(text) <= MOST_POINTS:
        raise ValueError(f"activation={name!r}: POINTS is an integer from 2 to {MOST_POINTS}")
    return hermite(int(text))


def _half_linear(h: Any, slope: float) -> Floats:
    h = np.asarray(h, dtype=np.float64)
    # relu by maximum: 0 * inf would be nan
    image: Floats = np.maximum(h, 0.0) if slope == 0 else np.where(h > 0, h, slope * h)
    return image


def _half_linear_derivative(h: Any, slope: float) -> Floats:
    return np.where(np.asarray(h, dtype=np.float64) > 0, 1.0, slope)


def _hard_tanh(h: Any) -> Floats:
    return np.clip(np.asarray(h, dtype=np.float64), -1.0, 1.0)


def _hard_tanh_derivative(h: Any) -> Floats:
    return np.where(np.abs(np.asarray(h, dtype=np.float64)) < 1, 1.0, 0.0)
