"""The two functions of one variable that products of stable matrices are made of, by one Mellin-Barnes rule.

With beta = alpha/2, S one-sided beta-stable, E e^(-sS) = e^(-s^beta), and the gates d of a layer (THEORY.md, 3a),

    a B_d(a) = a E|d|^alpha B(|d|^alpha a),      B(a)   = int_0^inf exp(-a u - u^(1/beta)) du/Gamma(1 + beta),
    p Psi_d(p) = p E|d|^alpha Psi(|d|^alpha p),  Psi(p) = int_0^inf exp(-p u) E exp(-u^(1/beta)/S) du/Gamma(1 + beta).

The Mellin transforms of both kernels are quotients of Gamma functions (E S^s = Gamma(1 - s/beta)/Gamma(1 - s)), so

    F(p) = beta/Gamma(1 + beta) (1/(2 pi i)) int G(s) M(s) p^s ds,      0 < Re s < 1,
    G = Gamma(beta s) Gamma(1 - s),  for Psi times Gamma(1 - s)/Gamma(1 - beta s);      M(s) = E|d|^(alpha s),

and gates enter by their moments alone. The integrand is analytic in the strip and decays like e^(-(pi - |arg p|)|Im s|)
(for B with pi (1 + beta)/2 instead of pi): the trapezoidal sum converges exponentially. For small p the residues at
s = 1, 2, ... are summed, which holds at every argument. Otherwise F is a sum over gates of the function without gates
at |d|^alpha p. Where that is small, the integral in the strip is good; where it is large, one on a line to the left of
-1/beta, with the residues at 0 and -1/beta split off, so that F(inf) - F(p) keeps its digits. Both take the moments of
the gates above or below a size, which `GateBlocks` has.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import loggamma, psi, rgamma

from rmtjac.model.stable_field import StableGates
from rmtjac.theory.gate_blocks import WIDTH, GateBlocks

__all__ = ["StableFunction"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

DIGITS = 37.0  # e^-37 is below a rounding
SMALL = math.log(0.7)  # of the largest |d|^alpha |p|: residues below
LARGE = 20.0  # terms of the line on the left over F(inf), where that takes over
ARGUMENTS = 40  # at which that is known
TERMS = 110
WIDEST_ARGUMENT = 0.94  # up to which it is summed
REACH = 2.0  # heights of the first nodes over DIGITS/decay: the decay of Gamma functions is slower at first


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
        self._beta, self._inner = alpha / 2.0, inner
        self._blocks = GateBlocks(gates, alpha)
        self._limit_open = 1.0 / math.gamma(1.0 + self._beta)
        self.limit = gates.open * self._limit_open

    @property
    def _convergence(self) -> float:
        """|arg p| at which the integral ceases to converge."""
        return math.pi if self._inner else 0.5 * math.pi * (1.0 + self._beta)

    def __call__(self, eta: Complexes) -> tuple[Complexes, Complexes, Complexes]:
        """F, dF/d eta and F(inf) - F at eta, each of the shape (n,)."""
        largest = eta + self._blocks.top
        value, slope, rest = (np.empty(eta.shape, dtype=np.complex128) for _ in range(3))
        small = largest.real < SMALL
        if small.any():
            value[small], slope[small], rest[small] = self._residues(largest[small])
        # blocks at |d|^alpha |p| above e^reach by the line on the left; -1 stands for small
        split = np.floor(np.nan_to_num(largest.real - self._reach(np.abs(eta.imag))) / WIDTH)
        split = np.where(small, -1.0, np.clip(split, 0.0, self._blocks.count)).astype(np.int64)
        for b in np.unique(split[~small]):
            chosen = split == b
            value[chosen], slope[chosen], rest[chosen] = self._lines(int(b), largest[chosen] - b * WIDTH)
        return value, slope, rest

    def _residues(self, eta: Complexes) -> tuple[Complexes, Complexes, Complexes]:
        """Minus the residues at s = 1, 2, ..., TERMS: sum of p^k (A_k + C_k log p)."""
        k, plain, logarithmic = self._expansion
        powers = np.exp(np.multiply.outer(eta, k))
        value = powers @ plain + eta * (powers @ logarithmic)
        slope = powers @ (k * plain + logarithmic) + eta * (powers @ (k * logarithmic))
        return value, slope, self.limit - value

    def _lines(self, b: int, eta: Complexes) -> tuple[Complexes, Complexes, Complexes]:
        """Blocks before b by the line on the left, the others by that in the strip; eta counted from the edge of b."""
        none = np.zeros(eta.shape, dtype=np.complex128)
        value, slope = self._central.summed(b, eta) if b < self._blocks.count else (none, none)
        left, left_slope = self._left.summed(b, eta) if b > 0 else (none, none)
        power = -1.0 / self._beta
        first = self._first_residues[b] * np.exp(power * eta)
        rest = -first - left
        above, below = self._limit_open * self._open_masses[:, b]
        return value + above - rest, slope + left_slope + power * first, below - value + rest

    @cached_property
    def _open_masses(self) -> Floats:
        """Masses of the blocks before b, and of those from b on."""
        zero = np.zeros(1, dtype=np.complex128)
        return np.array([self._blocks.above(zero)[:, 0].real, self._blocks.below(zero)[:, 0].real])

    @cached_property
    def _first_residues(self) -> Floats:
        """Residue at s = -1/beta, where Gamma(beta s) has -1/beta, over the blocks before b."""
        root = 1.0 / self._beta
        kernel = math.gamma(1.0 + root) * (math.gamma(1.0 + root) / math.gamma(2.0) if self._inner else 1.0)
        moments = self._blocks.above(np.array([-root], dtype=np.complex128))[:, 0].real
        return np.asarray(-kernel * self._limit_open * moments)

    def _reach(self, argument: Floats) -> Floats:
        """log |p| from which the line on the left is good without gates, at |arg p|."""
        return np.asarray(np.interp(argument, *self._reaches))

    @cached_property
    def _reaches(self) -> tuple[Floats, Floats]:
        """Arguments, and `_reach` there."""
        s, log_weights = self._left_rule
        arguments = np.linspace(0.0, WIDEST_ARGUMENT * self._convergence, ARGUMENTS)
        sizes = np.exp(log_weights.real + np.multiply.outer(arguments, s.imag)).sum(axis=1)
        return arguments, np.maximum(
            SMALL, np.log(2.0 * sizes / (LARGE * self._limit_open)) / -float(s[0].real)
        )

    @cached_property
    def _left_rule(self) -> tuple[Complexes, Complexes]:
        return self._rule(-1.5 / self._beta, 0.5 / self._beta)  # between the poles at -1/beta and -2/beta

    @cached_property
    def _central(self) -> _Line:
        s, log_weights = self._rule(0.5, 0.5)
        return _Line(s, log_weights, self._blocks.below(s), WIDEST_ARGUMENT * self._convergence)

    @cached_property
    def _left(self) -> _Line:
        s, log_weights = self._left_rule
        return _Line(s, log_weights, self._blocks.above(s), WIDEST_ARGUMENT * self._convergence)

    def _rule(self, real: float, margin: float) -> tuple[Complexes, Complexes]:
        """Nodes s, Im s > 0, and logs of weights without gates on the line Re s = real, `margin` from the next pole."""
        step = 2.0 * math.pi * margin / DIGITS
        fall = self._convergence * (1.0 - WIDEST_ARGUMENT)
        count = math.ceil(REACH * DIGITS / fall / step)
        heights = np.asarray(step * (np.arange(count) + 0.5), dtype=np.float64)
        s = real + 1j * heights
        log_g = loggamma(self._beta * s) + loggamma(1.0 - s)
        if self._inner:
            log_g += loggamma(1.0 - s) - loggamma(1.0 - self._beta * s)
        log_scale = math.log(self._beta * step / (2.0 * math.pi) * self._limit_open)
        count = _needed(log_g.real, heights, WIDEST_ARGUMENT * self._convergence)
        return s[:count].astype(np.complex128), np.asarray(log_scale + log_g[:count], dtype=np.complex128)

    @cached_property
    def _expansion(self) -> tuple[Floats, Floats, Floats]:
        """k, A_k and C_k of the residues.

        Gamma(1 - s) has the residue -(-1)^(k-1)/(k-1)! at s = k, and its square a double pole, whose residue takes
        derivatives; 1/Gamma(1 - beta s) and its derivative are entire.
        """
        k = np.arange(1.0, TERMS + 1.0)
        beta = self._beta
        moments, moment_slopes = self._blocks.moments(k)
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


class _Line:
    """The sums of e^log_weights moments[b] e^(s eta) over nodes s and their conjugates.

    Parameters
    ----------
    s, log_weights : arrays (nodes,)
        Im s > 0, ascending.
    moments : array (blocks, nodes)
    widest : float
        Largest |Im eta|.
    """

    def __init__(self, s: Complexes, log_weights: Complexes, moments: Complexes, widest: float) -> None:
        self._s, self._weights = s, np.exp(log_weights) * moments
        self._arguments = np.linspace(-widest, widest, 2 * ARGUMENTS)
        self._counts = [_needed(log_weights.real, s.imag, argument) for argument in self._arguments]

    def summed(self, b: int, eta: Complexes) -> tuple[Complexes, Complexes]:
        """The sum of block b, and its derivative."""
        upper, lower = self._half(b, eta), self._half(b, eta.conj()).conj()
        return upper[:, 0] + lower[:, 0], upper[:, 1] + lower[:, 1]

    def _half(self, b: int, eta: Complexes) -> Complexes:
        """The sum over Im s > 0, and its derivative; nodes that are too far out to count are left out."""
        argument = int(np.searchsorted(self._arguments, -float(eta.imag.min())))
        near = slice(0, self._counts[min(argument, len(self._counts) - 1)])
        s, weights = self._s[near], self._weights[b, near]
        with np.errstate(over="ignore", invalid="ignore"):  # a trial of Newton's method that is too far out
            return np.asarray(np.exp(np.multiply.outer(eta, s)) @ np.column_stack([weights, weights * s]))


def _needed(log_sizes: Floats, height: Floats, argument: float) -> int:
    """How many nodes there are before e^(log_sizes + argument height) is a rounding."""
    sizes = log_sizes + argument * height
    return 1 + int(np.flatnonzero(sizes >= sizes.max() - DIGITS)[-1])


def _slope_of_inverse_gamma(x: Floats) -> Floats:
    """d/dx of 1/Gamma(x): -psi(x)/Gamma(x), at the poles of psi by reflection."""
    # 1/Gamma(x) = Gamma(1 - x) sin(pi x)/pi
    gamma = np.exp(loggamma(1.0 - x))
    slope: Floats = gamma * (np.cos(math.pi * x) - psi(1.0 - x) * np.sin(math.pi * x) / math.pi)
    return slope
