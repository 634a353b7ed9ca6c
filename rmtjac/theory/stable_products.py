"""Products of alpha-stable matrices with independent gates: the law of their singular values (THEORY.md, 3a).

The chain-linearised product is locally a tree. On it two families of messages, one from each end, are beta-stable
scales, beta = alpha/2: A_l of the sums that reach layer l from the input side, C_l from the output side. With the
functions F of `mellin` (F_0 = a B(a) at the input, F_l = p Psi_d(p) inside, F_L = b B_d(b) at the output) and
p_l = A_l C_l the recursions of both families say

    n_0 F_0(a) = n_l F_l(p_l) = n_L F_L(b) = n_0 c,
    beta log(-lambda) = sum_l log kappa_l + sum_{l<L} log(c n_0/n_l) - log a - sum_{0<l<L} log p_l - log b,

kappa_l = sigma_l^alpha 2^alpha Gamma((1 + alpha)/2)/sqrt(pi), and Gamma(1 + beta) Im(c)/pi is the density of log lambda
for J^T J. Equal layers share one unknown. The unknowns are the logs of a, b and p_l; the one whose layer is the
narrowest in open units (of the smallest n_l F_l(inf)) is the reference, and where c is close to its limit the others
are tied to it through F(inf) - F, so that the density keeps its digits at the hard edge.

Start: lambda < 0, where all unknowns are real and the equations monotone. Then the argument of -lambda is turned to
-pi, and |lambda| followed from there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from rmtjac.errors import ConvergenceError
from rmtjac.theory.mellin import StableFunction

__all__ = ["StableEquation", "Term"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

MAX_STEPS = 60
LONGEST_STEP = 1.0  # of log p
CONVERGED = 1e-13
TURN = 24  # steps from lambda < 0 to lambda > 0
STRIDE = 0.25  # first step in log lambda
ROUNDINGS = 2e-15
LOST = 1e-11  # of 1: the imaginary part of F(inf) - F is known to 1e-16/LOST
POWER = 1e-17  # (F(inf) - F)/F(inf) where its first term is all
FINEST = 1e-5
LOG_REACH = 3000.0  # real start: unknowns between e^-3000 and e^3000


@dataclass(frozen=True, eq=False)
class Term:
    """One of the functions F, with n_l/n_0 and the number of layers that share it."""

    function: StableFunction
    ratio: float
    count: int


class StableEquation:
    """The equations of one product.

    Parameters
    ----------
    terms : sequence of Term
        Input, output, and the groups of equal layers between.
    beta : float
    log_kappa : float
        sum_l log kappa_l.

    Attributes
    ----------
    mass : float
        Non-zero eigenvalues per input: Gamma(1 + beta) times the limit of c.
    exponent : float
        The density of log lambda falls like lambda^exponent at 0; inf if faster than any power, where one layer alone
        is the narrowest: then F(inf) - F is a series in lambda with real coefficients.
    """

    def __init__(self, terms: Sequence[Term], beta: float, log_kappa: float) -> None:
        limits = [term.ratio * term.function.limit for term in terms]
        order = np.argsort(limits, kind="stable")
        self._terms = [terms[i] for i in order]
        self._limit = limits[order[0]]
        self._gaps = [limits[i] - self._limit for i in order]
        self._beta = beta
        self._counts = np.array([term.count for term in self._terms], dtype=float)
        inner = [(term.ratio, term.count) for term in terms[2:]]
        self._layers = 1 + sum(count for _, count in inner)
        self._log_scale = log_kappa - sum(count * math.log(ratio) for ratio, count in inner)
        self.mass = self._limit * math.gamma(1.0 + beta)
        saturated = sum(term.count for term, gap in zip(self._terms, self._gaps, strict=True) if gap <= 1e-12)
        self.exponent = 1.0 / saturated if saturated > 1 else math.inf

    def density(self, eta: Complexes) -> tuple[Floats, Floats]:
        """Density of log lambda for J^T J at a solution, shape (n, terms), and its relative error.

        The error is that of c by rounding, and by a rounding of log lambda, which moves c much where the density ends
        like a square root.
        """
        value, slope, rest = self._terms[0].function(eta[:, 0])
        _, stiffness = self._newton_step(eta, self._target_of(eta))
        scale = self._terms[0].ratio * math.gamma(1.0 + self._beta) / math.pi
        imaginary = np.where(np.abs(value) < np.abs(rest), -value, rest).imag
        size = 1.0 + np.abs(eta @ self._counts)
        moved = np.abs(slope) * size / stiffness + np.minimum(np.abs(value), np.abs(rest))
        with np.errstate(divide="ignore"):
            return -scale * imaginary, ROUNDINGS * (1.0 + moved / np.abs(imaginary))

    def solve(self, log_lambda: Floats, angle: float, eta: Complexes) -> tuple[Complexes, Floats]:
        """Solution at -lambda = |lambda| e^(-i angle) from starts `eta` (n, terms), and the size of the last step."""
        eta = eta.copy()
        target = np.asarray(self._beta * (log_lambda - 1j * angle) - self._log_scale, dtype=np.complex128)
        last = np.full(log_lambda.shape, np.inf)
        active = np.arange(log_lambda.size)
        for _ in range(MAX_STEPS):
            step, _ = self._newton_step(eta[active], target[active])
            size = np.abs(step).max(axis=1)
            step *= np.minimum(1.0, LONGEST_STEP / np.maximum(size, 1e-300))[:, None]
            eta[active] += step
            # Newton converges quadratically until rounding: a step no smaller than the last is rounding
            settled = (size < CONVERGED) | ((size >= last[active]) & (size < 1e-9))
            last[active] = size
            active = active[~settled & np.isfinite(size)]
            if not active.size:
                break
        return eta, last

    def _target_of(self, eta: Complexes) -> Complexes:
        """What `solve` aims at, at a solution."""
        value, _, _ = self._terms[0].function(eta[:, 0])
        target: Complexes = self._layers * np.log(self._terms[0].ratio * value) - eta @ self._counts
        return target

    def _newton_step(self, eta: Complexes, target: Complexes) -> tuple[Complexes, Floats]:
        """Newton's step for all unknowns, those of the other terms eliminated; and |d target/d eta| of the first."""
        values = [term.function(eta[:, i]) for i, term in enumerate(self._terms)]
        ratio = self._terms[0].ratio
        c, c_slope, c_rest = (ratio * part for part in values[0])
        close = np.abs(c) > 0.5 * self._limit
        with np.errstate(all="ignore"):
            residual = self._layers * np.log(c) - eta @ self._counts - target
            slope = self._layers * c_slope / c - self._counts[0]
            gaps, rates = [], []
            for i, (value, own, rest) in enumerate(values[1:], start=1):
                r, gap = self._terms[i].ratio, self._gaps[i]
                error = np.where(close, np.log(r * rest / (gap + c_rest)), np.log(r * value / c))
                change = np.where(close, -own / rest, own / value)
                from_reference = np.where(close, -c_slope / (gap + c_rest), c_slope / c)
                gaps.append(-error / change)
                rates.append(from_reference / change)
                residual -= self._counts[i] * gaps[-1]
                slope -= self._counts[i] * rates[-1]
            first = -residual / slope
            others = [gap + rate * first for gap, rate in zip(gaps, rates, strict=True)]
        return np.column_stack([first, *others]), np.abs(slope)

    def skeleton(self, enough: float) -> tuple[Floats, Complexes]:
        """Solutions along log lambda, ascending, until the density is below e^-enough at both ends, or cannot be had.

        Raises
        ------
        ConvergenceError
            If the start fails.
        """
        t, eta = self._real_start()
        for angle in np.linspace(0.0, math.pi, TURN + 1)[1:]:
            eta, size = self.solve(np.array([t]), angle, eta)
            if not size[0] < 1e-9:
                raise ConvergenceError(
                    f"stable product: no root at lambda = e^({t:.3g} + i{math.pi - angle:.3g})"
                )
        down, up = ([*self._followed(t, eta, side, enough)] for side in (-1.0, 1.0))
        points = [*reversed(down), (t, eta[0]), *up]
        return np.array([place for place, _ in points]), np.array([root for _, root in points])

    def _followed(
        self, t: float, eta: Complexes, side: float, enough: float
    ) -> Sequence[tuple[float, Complexes]]:
        """Solutions from t to one side, in steps that grow while Newton's method has little to do."""
        points: list[tuple[float, Complexes]] = []
        before, stride = eta[0], STRIDE
        rate = np.zeros_like(before)
        while True:
            place = t + side * stride
            root, size = self.solve(np.array([place]), math.pi, (before + rate * side * stride)[None, :])
            moved = np.abs(root[0] - before - rate * side * stride).max()
            if not (size[0] < 1e-9 and moved < 1.0) or self._lost(root):
                stride *= 0.5
                if stride < FINEST * STRIDE:
                    return points
                continue
            rate = (root[0] - before) / (side * stride)
            t, before = place, root[0]
            points.append((t, before))
            density = self.density(root)[0][0]
            if not density > math.exp(-enough) or self._is_power(root):
                return points
            if moved < 0.1:
                stride *= 1.4

    def _lost(self, eta: Complexes) -> bool:
        """Whether the density of a law that falls faster than any power has lost its digits."""
        if not math.isinf(self.exponent):
            return False
        value, _, rest = self._terms[0].function(eta[:, 0])
        return bool(abs(rest[0]) < abs(value[0]) and not -rest[0].imag > LOST * abs(rest[0]))

    def _is_power(self, eta: Complexes) -> bool:
        """Whether the law is at its hard edge a power to the last digit."""
        _, _, rest = self._terms[0].function(eta[:, 0])
        return bool(abs(rest[0]) < POWER * self._limit)

    def _real_start(self) -> tuple[float, Complexes]:
        """log|lambda| for lambda < 0 and c = half its limit, and the unknowns there, which are real."""
        unknowns = []
        for term in self._terms:
            goal = 0.5 * self._limit / term.ratio

            def excess(log_p: float, term: Term = term, goal: float = goal) -> float:
                return float(term.function(np.array([log_p + 0j]))[0][0].real) / goal - 1.0

            unknowns.append(float(brentq(excess, -LOG_REACH, LOG_REACH, xtol=1e-13)))
        eta = np.array(unknowns)
        t = self._layers * math.log(0.5 * self._limit) - float(eta @ self._counts) + self._log_scale
        return t / self._beta, eta[None, :].astype(np.complex128)
