"""What random-matrix theory says about solving z = phi(W z + x) before it is solved: uniqueness, rates, evaluations.

W = gain Gauss/sqrt(n), x Gaussian, n to infinity. As W is not symmetric, h_k = W z_k + x of plain iteration is a
Gaussian process in k whose covariance closes on itself; at its end D W, D = diag phi'(h), fills the disk of the
circular law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from rmtjac.linkage.solvers.method import Floats
from rmtjac.model.activations import Activation, activations_per_layer
from rmtjac.model.checks import checked_integer, checked_number
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.meanfield import variance_field

__all__ = ["SolverPrediction", "solver_prediction"]

NODES = 60
REACH, EVEN_NODES = 9.0, 4_001
STEPS = 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class SolverPrediction:
    """Solving z = phi(W z + x) from z = 0, at infinite n.

    Attributes
    ----------
    q_star : float
        Variance of h = W z + x at the fixed point.
    spectral_radius : float
        Of D W there: gain sqrt(E phi'^2), the radius of the circular law. Below 1 the fixed point is unique and picard
        converges at this rate; above 1 there are many, and picard wanders.
    norm_edge : float
        Largest singular value of D W there, at least 2 spectral_radius: above 1 no contraction is seen in the 2-norm,
        though picard converges.
    norm_bound : float
        2 gain sup|phi'|, the limit of sup |DPhi|: below 1 the map is a contraction everywhere.
    residuals : ndarray
        |f(z_k) - z_k|/sqrt(n) of plain iteration, k = 0, 1, ...
    """

    q_star: float
    spectral_radius: float
    norm_edge: float
    norm_bound: float
    residuals: Floats

    def __post_init__(self) -> None:
        self.residuals.flags.writeable = False

    @property
    def unique(self) -> bool:
        """Whether there is one fixed point, and picard finds it."""
        return self.spectral_radius < 1.0

    def evaluations(self, n: int, tol: float = 1e-10, method: str = "picard") -> float:
        """Evaluations until |f(z) - z| <= tol; inf if it is not reached within the residuals.

        "krylov": what the best polynomial in D W makes of the same residuals, a bound for broyden and anderson where
        n is large: powers of D W on a vector are orthogonal then, with norms rho^k, and the least residual is
        1/sqrt(sum_(j <= k) rho^(-2j)), which is sqrt(1 - rho^2) rho^k for large k. Only a memory that is a share of n
        does better.
        """
        n, tol = checked_integer("n", n, 1), checked_number("tol", tol)
        residuals = self.residuals * math.sqrt(n)
        if method == "krylov":
            if not self.unique:
                return np.inf
            powers = self.spectral_radius ** (2.0 * np.arange(1, residuals.size + 1))
            residuals *= np.sqrt((1.0 - self.spectral_radius**2) / (1.0 - powers))
        reached = np.flatnonzero(residuals <= tol)
        return float(reached[0] + 1) if reached.size else np.inf


def solver_prediction(
    gain: float, sigma_x: float = 1.0, activation: str | Activation = "tanh", max_iter: int = STEPS
) -> SolverPrediction:
    """The prediction for z = phi(W z + x), W_ij of variance gain^2/n, x_i of variance sigma_x^2, for smooth phi.

    Parameters
    ----------
    gain, sigma_x : float
        > 0.
    activation : str or Activation
    max_iter : int
        Iterations of which residuals are predicted, >= 1; fewer where they end in rounding.

    Raises
    ------
    ValueError, TypeError
        If a number is out of its range, or h has no finite variance.
    """
    gain, sigma_x = checked_number("gain", gain), checked_number("sigma_x", sigma_x)
    max_iter = checked_integer("max_iter", max_iter, 1)
    phi = activations_per_layer(activation, 1)[0]
    field = variance_field(Ensemble(depth=1, width=1, activation=phi, sigma_w=gain, sigma_b=sigma_x, q0=1.0))
    if not math.isfinite(field.q_star):
        raise ValueError(f"gain={gain} with {phi.name}: h has no finite variance ({field.q_star_reason})")
    return SolverPrediction(
        q_star=field.q_star,
        spectral_radius=math.sqrt(field.chi),
        norm_edge=_norm_edge(phi, gain, field.q_star),
        norm_bound=2.0 * gain * _largest_slope(phi),
        residuals=_residuals(phi, gain, sigma_x, max_iter),
    )


class _Rule(NamedTuple):
    nodes: Floats
    weights: Floats


@cache
def _rule() -> _Rule:
    """Gauss's rule for a standard Gaussian variable."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return _Rule(nodes, weights / math.sqrt(2.0 * math.pi))


def _largest_slope(phi: Activation) -> float:
    return float(np.abs(phi.derivative(np.linspace(-10.0, 10.0, 20_001))).max())


def _norm_edge(phi: Activation, gain: float, q: float) -> float:
    """Upper edge of the singular values of D W: a Gaussian matrix of variance 1/n whose rows have scales sqrt(t).

    Its square is the least 1/s + E t/(1 - t s), 0 < s < 1/max t (Silverstein, Choi: Analysis of the limiting spectral
    distribution of large dimensional random matrices, J. Multivariate Anal. 54 (1995)).
    """
    # evenly spaced, since the largest slopes, which matter most, lie between the nodes of Gauss's rule
    xi = np.linspace(-REACH, REACH, EVEN_NODES)
    weights = np.exp(-0.5 * xi**2)
    weights /= weights.sum()
    squares = (gain * phi.derivative(math.sqrt(q) * xi)) ** 2
    top = float(squares.max())

    def square(s: float) -> float:
        return float(1.0 / s + weights @ (squares / (1.0 - squares * s)))

    found = minimize_scalar(square, bounds=(0.0, 1.0 / top), method="bounded", options={"xatol": 1e-12 / top})
    return math.sqrt(found.fun)


def _residuals(phi: Activation, gain: float, sigma_x: float, max_iter: int) -> Floats:
    """Residuals of plain iteration, by the covariance of h_k and its last change, d = h_k - h_(k-1).

    h_(k+1) has variance gain^2 E phi(h_k)^2 + sigma_x^2, and the next change gain^2 E (phi(h_k) - phi(h_k - d))^2,
    which is written without the cancellation of two covariances.
    """
    nodes, weights = _rule()
    a, b = np.meshgrid(nodes, nodes, indexing="ij")
    plane = np.outer(weights, weights)

    def mean_square(variance: float) -> float:
        return float(weights @ phi.value(math.sqrt(variance) * nodes) ** 2)

    before = sigma_x**2
    squares = [mean_square(before)]
    change = gain**2 * squares[0]
    now = before + change
    while len(squares) < max_iter and squares[-1] > 1e-30 * squares[0]:
        covariance = 0.5 * (now - before + change)
        rest = max(change - covariance**2 / now, 0.0)
        h = math.sqrt(now) * a
        moved = phi.value(h) - phi.value(h - covariance / now * h - math.sqrt(rest) * b)
        squares.append(float((plane * moved**2).sum()))
        before, now = now, gain**2 * mean_square(now) + sigma_x**2
        change = gain**2 * squares[-1]
    return np.sqrt(squares)
