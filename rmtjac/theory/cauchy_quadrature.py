"""Quadrature for Cauchy networks: nodes on the half-line, integrals with a root at their end, Gaussian moments."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import wofz

from rmtjac.theory.cauchy_kernels import lagrange_matrix

__all__ = [
    "first_moment",
    "lagrange_weights",
    "lower_integral",
    "mean_exponential",
    "second_moment",
    "unit_nodes",
    "upper_integral",
]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

ASYMPTOTIC = 30.0  # |a|/(2 sqrt(c)) from where moments of exp(-a r - c r^2) are asymptotic series
REACH = 34.0  # int_v^inf du to u = v e^34
PANEL, POINTS = 0.5, 16


def unit_nodes(count: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre rule on (0, 1)."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (points + 1.0), 0.5 * weights


def lagrange_weights(count: int) -> Floats:
    """Barycentric weights of the Gauss-Legendre nodes."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return np.asarray((-1.0) ** np.arange(count) * np.sqrt((1.0 - points**2) * weights))


@lru_cache(maxsize=32)
def upper_integral(count: int, u_count: int) -> Floats:
    """Matrix of int_v^inf (1 - v^2/u^2)^(1/2) F(u) du at `count` nodes v = z/(1 - z).

    F is given at such nodes u, divided by (1 - z)^2. u = v cosh(theta) makes the root tanh(theta).
    """
    theta, weights = _hyperbolic_rule()
    nodes, lagrange = unit_nodes(u_count)[0], lagrange_weights(u_count)
    matrix = np.empty((count, u_count))
    for i, z in enumerate(unit_nodes(count)[0]):
        v = z / (1.0 - z)
        u = v * np.cosh(theta)
        basis = lagrange_matrix(nodes, lagrange, u / (1.0 + u))
        matrix[i] = (weights * v * np.sinh(theta) / (1.0 + u) ** 2) @ basis
    matrix.flags.writeable = False
    return matrix


@lru_cache(maxsize=32)
def lower_integral(count: int) -> Floats:
    """Matrix of int_0^u (1 - v^2/u^2)^(1/2) F(v) dv, all as in `_upper_integral`, by u = v cosh(theta)."""
    theta, weights = _hyperbolic_rule()
    nodes, lagrange = unit_nodes(count)[0], lagrange_weights(count)
    matrix = np.empty((count, count))
    for i, z in enumerate(nodes):
        v = z / (1.0 - z) / np.cosh(theta)
        basis = lagrange_matrix(nodes, lagrange, v / (1.0 + v))
        matrix[i] = (weights * v * np.tanh(theta) / (1.0 + v) ** 2) @ basis
    matrix.flags.writeable = False
    return matrix


def _hyperbolic_rule() -> tuple[Floats, Floats]:
    """Nodes and weights of int_0^REACH tanh(theta) f(theta) dtheta."""
    points, weights = unit_nodes(POINTS)
    theta = (np.arange(0.0, REACH, PANEL)[:, None] + PANEL * points).ravel()
    return theta, np.tile(PANEL * weights, theta.size // POINTS) * np.tanh(theta)


def mean_exponential(a: Complexes, c: complex) -> Complexes:
    """int_0^inf exp(-a r - c r^2) dr."""
    root = np.sqrt(c)
    return np.asarray(0.5 * math.sqrt(math.pi) / root * wofz(0.5j * a / root))


def first_moment(a: Complexes, c: Complexes | complex) -> Complexes:
    """int_0^inf r exp(-a r - c r^2) dr."""
    z = a / (2.0 * np.sqrt(c))
    square = z * z
    result = (1.0 - 1.5 / square * (1.0 - 2.5 / square)) / (2.0 * square)
    near = np.abs(z) <= ASYMPTOTIC
    z = z[near]
    result[near] = 1.0 - math.sqrt(math.pi) * z * wofz(1j * z)
    return np.asarray(result / (2.0 * c))


def second_moment(a: Complexes, c: Complexes | complex) -> Complexes:
    """int_0^inf r^2 exp(-a r - c r^2) dr."""
    root = np.sqrt(c)
    z = a / (2.0 * root)
    square = z * z
    result = (1.0 - 3.0 / square * (1.0 - 3.75 / square)) / (square * z)
    near = np.abs(z) <= ASYMPTOTIC
    z, square = z[near], square[near]
    result[near] = math.sqrt(math.pi) * (1.0 + 2.0 * square) * wofz(1j * z) - 2.0 * z
    return np.asarray(result / (4.0 * root**3))
