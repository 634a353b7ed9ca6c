"""Activations with several superattracting fixed points, phi(s) = s and phi'(s) = 0: cubic, exp_cubic, hermite(k).

They make looped networks with exponentially many attracting points (THEORY.md section 4). Their slopes have no bound:
the spectral laws of random networks of them have no top edge, and refuse. A Gaussian has all moments of a polynomial,
but none of exp_cubic, which grows as exp(2|t|^3) on the left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.errors import UnsupportedError
from rmtjac.model.gates import GateLaw
from rmtjac.model.scalar_function import Activation, checked_variance
from rmtjac.model.superattracting_kernels import (
    CUBIC,
    EXP_CUBIC,
    EXP_CUBIC_WIDTH,
    HERMITE,
    LOG_LARGEST,
    MOST_POINTS,
    SLOPES,
    VALUES,
)

__all__ = ["SUPERATTRACTING", "Superattracting", "hermite"]

Floats = NDArray[np.float64]

WHOLE = (-math.inf, math.inf)
# Gauss's rule of 16 nodes is exact up to degree 31; the square of hermite(8) has degree 30
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(2 * MOST_POINTS)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


class Superattracting(Activation):
    """A polynomial with phi(s) = s and phi'(s) = 0 at its `points`.

    Attributes
    ----------
    points : ndarray (k,)
        The superattracting fixed points, ascending.
    """

    def __init__(
        self,
        name: str,
        code: int,
        parameter: float,
        functions: tuple[Callable[[Any], Floats], Callable[[Any], Floats]],
        points: Floats,
    ) -> None:
        image = (0.0, math.inf) if code == EXP_CUBIC else WHOLE
        super().__init__(name, *functions, range=image, derivative_range=WHOLE)
        self.code, self.parameter, self.points = code, parameter, points
        points.flags.writeable = False

    def gate_law(self, q: float) -> GateLaw:
        """Refused for q > 0: phi'(h)^2 has no largest value."""
        if checked_variance(q) == 0:
            return super().gate_law(q)
        raise UnsupportedError(
            f"activation={self.name!r}, q={q:g}: phi'(h)^2 has no largest value, and the law no top edge; allowed are "
            "activations of bounded slope"
        )

    def second_moment(self, q: float) -> float:
        """E phi(h)^2, exact up to rounding; inf where it passes the largest double."""
        return self._mean_square(self.value, q)

    def derivative_moment(self, q: float) -> float:
        """mu_1 = E phi'(h)^2, exact up to rounding; inf where it passes the largest double."""
        return self._mean_square(self.derivative, q)

    def _mean_square(self, function: Callable[[Any], Any], q: float) -> float:
        with np.errstate(over="ignore"):
            return float(WEIGHTS @ np.square(function(math.sqrt(checked_variance(q)) * NODES)))


class ExpCubic(Superattracting):
    """phi(h) = exp(3t^2 - 2t^3), t = (h - 1)/(e - 1)."""

    def __init__(self) -> None:
        functions = _exp_cubic, _exp_cubic_derivative
        super().__init__("exp_cubic", EXP_CUBIC, 0.0, functions, np.array([1.0, math.e]))

    def _mean_square(self, function: Callable[[Any], Any], q: float) -> float:
        if checked_variance(q) == 0:
            return float(np.square(function(np.zeros(1)))[0])
        raise UnsupportedError(
            f"activation='exp_cubic', q={q:g}: it grows as exp(2|t|^3) for h towards -inf, so that no mean of phi or "
            "phi' over Gaussian pre-activations is finite; allowed are networks of given weights and biases"
        )


def hermite(count: int) -> Superattracting:
    """The odd polynomial of degree 2k - 1 with k superattracting fixed points, of unit distance about 0, k = 2..8."""
    return Superattracting(
        f"hermite({count})", HERMITE, float(count), _hermite_functions(count), _equidistant(count)
    )


def _cubic_activation() -> Superattracting:
    return Superattracting("cubic", CUBIC, 0.0, (_cubic, _cubic_derivative), np.array([0.0, 1.0]))


def _quintic() -> Superattracting:
    return Superattracting("quintic", HERMITE, 3.0, _hermite_functions(3), _equidistant(3))


def _equidistant(count: int) -> Floats:
    return np.asarray(0.5 * np.arange(1 - count, count, 2))


def _hermite_functions(count: int) -> tuple[Callable[[Any], Floats], Callable[[Any], Floats]]:
    return partial(_hermite, count=count), partial(_hermite_derivative, count=count)


def _cubic(h: Any) -> Floats:
    h = np.asarray(h, dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(h * h * (3.0 - 2.0 * h))


def _cubic_derivative(h: Any) -> Floats:
    h = np.asarray(h, dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(6.0 * h * (1.0 - h))


def _exp_cubic(h: Any) -> Floats:
    t = (np.asarray(h, dtype=np.float64) - 1.0) / EXP_CUBIC_WIDTH
    with np.errstate(over="ignore"):
        exponent = t * t * (3.0 - 2.0 * t)
        return np.where(exponent >= LOG_LARGEST, np.inf, np.exp(exponent))


def _exp_cubic_derivative(h: Any) -> Floats:
    t = (np.asarray(h, dtype=np.float64) - 1.0) / EXP_CUBIC_WIDTH
    value = _exp_cubic(h)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(value == 0.0, 0.0, value * (6.0 * t * (1.0 - t)) / EXP_CUBIC_WIDTH)


def _hermite(h: Any, count: int) -> Floats:
    h = np.asarray(h, dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(h * _sum(VALUES[count, :count], h * h))


def _hermite_derivative(h: Any, count: int) -> Floats:
    h = np.asarray(h, dtype=np.float64)
    with np.errstate(over="ignore"):
        return _sum(SLOPES[count, :count], h * h)


def _sum(coefficients: Floats, square: Floats) -> Floats:
    """A polynomial at `square`; NumPy's own gives nan at inf."""
    total: Floats = np.full(square.shape, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * square + coefficient
    return total


# the activations of one name
SUPERATTRACTING: dict[str, Callable[[], Superattracting]] = {
    "cubic": _cubic_activation,
    "exp_cubic": ExpCubic,
    "quintic": _quintic,
}
