"""Tracy-Widom: the law of the largest eigenvalue of a random matrix on the scale of its soft edge.

With A_s the operator of kernel Ai(x + y + s) on (0, infinity), F_1(s) = det(1 - A_s) (Ferrari and Spohn 2005,
J. Phys. A 38, L557) and F_2(s) = det(1 - A_s^2), whose square is the Airy kernel. Gauss-Legendre nodes make them
determinants of matrices that converge exponentially (Bornemann 2010, Math. Comp. 79, 871).
"""

from __future__ import annotations

import math
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import Chebyshev
from scipy.special import airy

__all__ = ["TracyWidom", "tracy_widom"]

Floats = npt.NDArray[np.float64]

NODES = 48
REACH = 16.0  # Ai(16) = 4e-20
LOWEST, HIGHEST = -10.0, 20.0  # below, and for F also above, nothing is left but rounding
DEGREE = 120
BISECTIONS = 60


class TracyWidom:
    """The Tracy-Widom law of real (beta = 1) or complex (beta = 2) matrices.

    Made by `tracy_widom`. Methods take scalars or arrays of any shape and return the same; `pdf` and `cdf` are known
    to 1e-13, `sf` to 1e-12 of itself.

    Attributes
    ----------
    beta : int
    """

    def __init__(self, beta: int) -> None:
        self.beta = beta

    def __repr__(self) -> str:
        return f"TracyWidom(beta={self.beta})"

    def pdf(self, x: npt.ArrayLike) -> Any:
        """Density at x."""
        return self._each(x, lambda log_cdf, slope: math.exp(log_cdf) * slope, 0.0)

    def cdf(self, x: npt.ArrayLike) -> Any:
        """Mass at or below x."""
        return self._each(x, lambda log_cdf, _: math.exp(log_cdf), 0.0)

    def sf(self, x: npt.ArrayLike) -> Any:
        """Mass above x, with all its digits where it is small."""
        return self._each(x, lambda log_cdf, _: -math.expm1(log_cdf), 1.0)

    def ppf(self, u: npt.ArrayLike) -> Any:
        """Quantile: the x with cdf(x) = u, good to 1e-14/pdf(x); nan unless 0 <= u <= 1."""
        values = np.asarray(u, dtype=np.float64)
        low, high = np.full(values.shape, LOWEST), np.full(values.shape, HIGHEST)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            below = self._smooth_cdf(middle) < values
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        ends = np.where(values == 0.0, -np.inf, np.where(values == 1.0, np.inf, np.nan))
        return np.where((values > 0.0) & (values < 1.0), 0.5 * (low + high), ends)[()]

    def rvs(self, size: int | tuple[int, ...] | None = None, rng: Any = None) -> Any:
        """Independent draws.

        Parameters
        ----------
        size : shape of the result; None for a scalar
        rng : None, int, SeedSequence or Generator
        """
        return self.ppf(np.random.default_rng(rng).random(size))

    def moment(self, k: int) -> float:
        """E x^k for an integer k >= 0."""
        x, weights = self._quadrature
        return float(weights @ x**k)

    def mean(self) -> float:
        """E x."""
        return self.moment(1)

    def var(self) -> float:
        """E (x - E x)^2."""
        x, weights = self._quadrature
        return float(weights @ (x - self.mean()) ** 2)

    def std(self) -> float:
        """Square root of `var`."""
        return math.sqrt(self.var())

    def median(self) -> float:
        """ppf(1/2)."""
        return float(self.ppf(0.5))

    def interval(self, p: float) -> tuple[float, float]:
        """The central interval of mass p: quantiles (1 - p)/2 and (1 + p)/2.

        Raises
        ------
        ValueError
            Unless 0 <= p <= 1.
        """
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"p={p!r}: allowed is 0 <= p <= 1")
        return float(self.ppf(0.5 * (1.0 - p))), float(self.ppf(0.5 * (1.0 + p)))

    def _each(self, x: npt.ArrayLike, reading: Any, lowest: float) -> Any:
        """reading(log F, its slope) at every x, and `lowest` where F is 0 to rounding; nan for nan."""
        values = np.asarray(x, dtype=np.float64)
        result = [
            lowest if s < LOWEST else math.nan if math.isnan(s) else reading(*_log_cdf(self.beta, s))
            for s in values.ravel().tolist()
        ]
        return np.array(result).reshape(values.shape)[()]

    @cached_property
    def _smooth_cdf(self) -> Any:
        """F as a polynomial on (LOWEST, HIGHEST)."""
        return Chebyshev.interpolate(self.cdf, DEGREE, [LOWEST, HIGHEST])

    @cached_property
    def _quadrature(self) -> tuple[Floats, Floats]:
        """Nodes and weights of the law."""
        points, weights = _gauss_legendre(DEGREE)
        half = 0.5 * (HIGHEST - LOWEST)
        x = LOWEST + half * (1.0 + points)
        return x, half * weights * self.pdf(x)


@cache
def tracy_widom(beta: int = 1) -> TracyWidom:
    """The Tracy-Widom law: of (largest eigenvalue - edge)/scale for real (beta=1) or complex (beta=2) matrices.

    Raises
    ------
    ValueError
        Unless beta is 1 or 2.
    """
    if beta not in (1, 2):
        raise ValueError(f"beta={beta!r}: allowed are 1 and 2")
    return TracyWidom(beta)


def _log_cdf(beta: int, s: float) -> tuple[float, float]:
    """log F_beta(s) and its derivative, from the eigenvalues of A_s; theirs are v^T A_s' v."""
    points, weights = _gauss_legendre(NODES)
    half = 0.5 * (REACH + max(-s, 0.0))
    x, root = half * (1.0 + points), np.sqrt(half * weights)
    value, slope, _, _ = airy(x[:, None] + x + s)
    eigenvalues, vectors = np.linalg.eigh(root[:, None] * value * root)
    rates = np.einsum("ij,ij->j", vectors, root[:, None] * slope * root @ vectors)
    if beta == 2:
        eigenvalues, rates = eigenvalues**2, 2.0 * eigenvalues * rates
    return float(np.log1p(-eigenvalues).sum()), float(-(rates / (1.0 - eigenvalues)).sum())


@cache
def _gauss_legendre(order: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(order)
