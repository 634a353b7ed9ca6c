"""The two functions of one variable that products of stable matrices are made of, by one Mellin-Barnes rule.

With beta = alpha/2, S one-sided beta-stable, E e^(-sS) = e^(-s^beta), and the gates d of a layer (THEORY.md, 3a),

    a B_d(a) = a E|d|^alpha B(|d|^alpha a),      B(a)   = int_0^inf exp(-a u - u^(1/beta)) du/Gamma(1 + beta),
    p Psi_d(p) = p E|d|^alpha Psi(|d|^alpha p),  Psi(p) = int_0^inf exp(-p u) E exp(-u^(1/beta)/S) du/Gamma(1 + beta).

The Mellin transforms of both kernels are quotients of Gamma functions (E S^s = Gamma(1 - s/beta)/Gamma(1 - s)), so

    F(p) = beta/Gamma(1 + beta) (1/(2 pi i)) int G(s) M(s) p^s ds,      0 < Re s < 1,
    G = Gamma(beta s) Gamma(1 - s),  for Psi times Gamma(1 - s)/Gamma(1 - beta s);      M(s) = E|d|^(alpha s),

and gates enter by their moments alone. The integrand is analytic in the strip and decays like e^(-(pi - |arg p|)|Im s|)
(for B with pi (1 + beta)/2 instead of pi): the trapezoidal sum converges exponentially. For small p the residues at
s = 1, 2, ... are summed, which holds at every argument; for large p the residues at 0 and -1/beta are split off, so
that F(inf) - F(p) ~ p^(-1/beta) keeps its digits.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import loggamma, psi, rgamma

from rmtjac.model.stable_field import StableGates

__all__ = ["StableFunction"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

DIGITS = 37.0  # e^-37 is below a rounding
SMALL = math.log(0.7)  # of log |p|: residues below
LARGE = 0.5  # terms of the contour on the left over F(inf), where that takes over
TERMS = 110
WIDEST_ARGUMENT = 0.94  # of the largest argument at which the integral converges
BLOCK = 500_000  # complex numbers held at once


class StableFunction:
    """F(p) of a layer's gates, in the variable eta = log p.

    Parameters
    ----------
    alpha : float
        0.3 <= alpha < 2.
    gates : StableGates
    inner : bool
        True for p Psi_d(p), False for a B_d(a).

    Attributes
    ----------
    limit : float
        F(inf) = P(d != 0)/Gamma(1 + beta).
    """

    def __init__(self, alpha: float, gates: StableGates, inner: bool) -> None:
        self._alpha, self._beta, self._gates, self._inner = alpha, alpha / 2.0, gates, inner
        self.limit = gates.open / math.gamma(1.0 + self._beta)

    @property
    def _convergence(self) -> float:
        """|arg p| at which the integral ceases to converge."""
        return math.pi if self._inner else 0.5 * math.pi * (1.0 + self._beta)

    def __call__(self, eta: Complexes) -> tuple[Complexes, Complexes, Complexes]:
        """F, dF/d eta and F(inf) - F at eta, each of the shape (n,)."""
        value, slope, rest = (np.empty(eta.shape, dtype=np.complex128) for _ in range(3))
        size = np.digitize(eta.real, [SMALL, max(SMALL, self._large)])
        for region, terms in enumerate((self._residues, self._middle, self._left)):
            chosen = size == region
            if chosen.any():
                value[chosen], slope[chosen], rest[chosen] = terms(eta[chosen])
        return value, slope, rest

    def _residues(self, eta: Complexes) -> tuple[Complexes, Complexes, Complexes]:
        """Minus the residues at s = 1, 2, ..., TERMS: sum of p^k (A_k + C_k log p)."""
        k, plain, logarithmic = self._expansion
        powers = np.exp(np.multiply.outer(eta, k))
        value = powers @ plain + eta * (powers @ logarithmic)
        slope = powers @ (k * plain + logarithmic) + eta * (powers @ (k * logarithmic))
        return value, slope, self.limit - value

    def _middle(self, eta: Complexes) -> tuple[Complexes, Complexes, Complexes]:
        value, slope = self._summed(self._central_rule, eta)
        return value, slope, self.limit - value

    def _left(self, eta: Complexes) -> tuple[Complexes, Complexes, Complexes]:
        """Large p: the contour to the left of -1/beta."""
        value, slope = self._summed(self._left_rule, eta)
        power = -1.0 / self._beta
        first = self._first_residue * np.exp(power * eta)
        rest = -first - value
        return self.limit - rest, power * first + slope, rest

    @cached_property
    def _large(self) -> float:
        """log |p| from which the contour on the left is good."""
        s, weights = self._left_rule
        return math.log(float(np.abs(weights).sum()) / (LARGE * self.limit)) / -float(s[0].real)

    @cached_property
    def _first_residue(self) -> float:
        """Residue at s = -1/beta, where Gamma(beta s) has -1/beta."""
        root = 1.0 / self._beta
        kernel = math.gamma(1.0 + root) * (math.gamma(1.0 + root) / math.gamma(2.0) if self._inner else 1.0)
        moment = float(np.exp(-2.0 * self._gates.logs) @ self._gates.masses)
        return -kernel * moment / math.gamma(1.0 + self._beta)

    @cached_property
    def _central_rule(self) -> tuple[Complexes, Complexes]:
        return self._rule(0.5, 0.5)

    @cached_property
    def _left_rule(self) -> tuple[Complexes, Complexes]:
        return self._rule(-1.5 / self._beta, 0.5 / self._beta)  # between the poles at -1/beta and -2/beta

    def _rule(self, real: float, margin: float) -> tuple[Complexes, Complexes]:
        """Nodes s and weights of the sum on the line Re s = real, at a distance `margin` from the next pole."""
        step = 2.0 * math.pi * margin / DIGITS
        count = math.ceil(DIGITS / (self._convergence * (1.0 - WIDEST_ARGUMENT)) / step)
        s = np.asarray(real + 1j * step * (np.arange(-count, count) + 0.5), dtype=np.complex128)
        log_g = loggamma(self._beta * s) + loggamma(1.0 - s)
        if self._inner:
            log_g += loggamma(1.0 - s) - loggamma(1.0 - self._beta * s)
        scale = self._beta * step / (2.0 * math.pi * math.gamma(1.0 + self._beta))
        return s, np.asarray(scale * np.exp(log_g) * self._moments(s), dtype=np.complex128)

    def _summed(self, rule: tuple[Complexes, Complexes], eta: Complexes) -> tuple[Complexes, Complexes]:
        """sum of weights e^(s eta), and its derivative; nodes that are too far out to count are left out."""
        widest = min(float(np.abs(eta.imag).max()), WIDEST_ARGUMENT * self._convergence)
        near = np.abs(rule[0].imag) <= DIGITS / (self._convergence - widest)
        s, weights = rule[0][near], rule[1][near]
        value, slope = np.empty(eta.shape, dtype=np.complex128), np.empty(eta.shape, dtype=np.complex128)
        for block in np.array_split(np.arange(eta.size), 1 + s.size * eta.size // BLOCK):
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # a trial of Newton's method that is too far out
                terms = np.exp(np.multiply.outer(eta[block], s))
                value[block], slope[block] = terms @ weights, terms @ (weights * s)
        return value, slope

    def _moments(self, s: Complexes) -> Complexes:
        """M(s) = E|d|^(alpha s)."""
        logs, masses = self._gates.logs, self._gates.masses
        moments = np.empty(s.shape, dtype=np.complex128)
        for block in np.array_split(np.arange(s.size), 1 + s.size * logs.size // BLOCK):
            moments[block] = np.exp(self._alpha * np.multiply.outer(s[block], logs)) @ masses
        return moments

    @cached_property
    def _expansion(self) -> tuple[Floats, Floats, Floats]:
        """k, A_k and C_k of the residues.

        Gamma(1 - s) has the residue -(-1)^(k-1)/(k-1)! at s = k, and its square a double pole, whose residue takes
        derivatives; 1/Gamma(1 - beta s) and its derivative are entire.
        """
        k = np.arange(1.0, TERMS + 1.0)
        beta, logs, masses = self._beta, self._gates.logs, self._gates.masses
        powers = np.exp(self._alpha * np.multiply.outer(k, logs))
        moments, moment_slopes = powers @ masses, self._alpha * (powers @ (masses * logs))
        with np.errstate(over="ignore", invalid="ignore"):
            factor = beta / math.gamma(1.0 + beta) * np.exp(loggamma(beta * k))
            if not self._inner:
                signs = np.where(k % 2 == 1, 1.0, -1.0)
                plain = factor * signs * np.exp(-loggamma(k)) * moments
                return k, plain, np.zeros(k.shape)
            common = -factor * np.exp(-2.0 * loggamma(k))
            inverse, inverse_slope = rgamma(1.0 - beta * k), _slope_of_inverse_gamma(1.0 - beta * k)
            # with eps = s - k: Gamma(1 - s)^2 = (1/(k-1)!)^2 (1/eps^2)(1 - 2 psi(k) eps + ...)
            flat = (beta * psi(beta * k) - 2.0 * psi(k)) * inverse - beta * inverse_slope
            plain = common * (flat * moments + inverse * moment_slopes)
            return k, plain, common * inverse * moments


def _slope_of_inverse_gamma(x: Floats) -> Floats:
    """d/dx of 1/Gamma(x): -psi(x)/Gamma(x), at the poles of psi by reflection."""
    # 1/Gamma(x) = Gamma(1 - x) sin(pi x)/pi
    gamma = np.exp(loggamma(1.0 - x))
    slope: Floats = gamma * (np.cos(math.pi * x) - psi(1.0 - x) * np.sin(math.pi * x) / math.pi)
    return slope
