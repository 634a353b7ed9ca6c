"""The scale of the weights at which the Jacobian keeps lengths on average, at a finite depth.

On a unit vector J acts with the mean square (1/n) E Tr J^T J = m_1 = prod_l sigma_w^2 E phi'(sqrt(q_l) xi)^2, q_l
layer by layer from the input. A network is *tuned* at its depth where m_1 = 1: what a random perturbation (or, going
backwards, a gradient) loses in some directions it gains in others. As the depth grows this scale tends to the
critical one, chi = 1; at a few layers it differs, since q_l still moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from scipy.optimize import brentq

from rmtjac.model.gates import GateLaw
from rmtjac.model.meanfield import LayerMap
from rmtjac.model.scalar_function import Activation

__all__ = ["FACTOR", "TunedScale", "find_tuned_scale", "layer_variances", "variance_rate"]

FACTOR = 2.0
CONVERGED = 1e-14
LARGEST_LOG = 200.0  # how far from where it starts a search for log sigma_w goes
FLOOR = 1e6  # a mean square below every double, in a search


@dataclass(frozen=True, kw_only=True)
class TunedScale:
    """The sigma_w at which the mean squared singular value is 1, and what it gives.

    Attributes
    ----------
    sigma_w : float
        nan if none was found.
    low, high : float
        The sigma_w at which it is 1/FACTOR and FACTOR.
    relative_variance : float
        m_2/m_1^2 - 1 of the squared singular values at `sigma_w`.
    """

    sigma_w: float
    low: float
    high: float
    relative_variance: float


def variance_rate(law: GateLaw, haar: bool) -> float:
    """What a layer with these gates adds to m_2/m_1^2 - 1: mu_2/mu_1^2 - 1 - s_1 >= 0 (THEORY.md section 2).

    s_1 = -1 for independent weights and 0 for Haar ones; inf where all gates are closed. Absolute error about 1e-15.
    """
    first, second = law.moment(1), law.moment(2)
    if first * first == 0.0:
        return math.inf
    return max(0.0, second / (first * first) - 1.0) + (0.0 if haar else 1.0)


def layer_variances(layer: LayerMap, q0: float, depth: int) -> list[tuple[float, int]]:
    """q_1..q_L from inputs of mean square q0, as (q, number of layers in a row that have it)."""
    if not layer.phi.gates_depend_on_q:
        return [(1.0, depth)]
    path: list[tuple[float, int]] = []
    q = layer.sigma_w**2 * q0 + layer.bias_variance
    for passed in range(depth):
        image = layer(q)
        if abs(image - q) <= CONVERGED * q:
            return [*path, (q, depth - passed)]
        path.append((q, 1))
        q = image
    return path


def find_tuned_scale(
    phi: Activation, sigma_b: float, depth: int, q0: float = 1.0, *, haar: bool = False, start: float = 1.0
) -> TunedScale:
    """The sigma_w at which the mean squared singular value at `depth` is 1, layer by layer from q0.

    Where there are several, it is one next to `start`; where there is none within e^(+-200) of it, or a moment of
    phi does not exist on the way, all numbers are nan.
    """

    @cache
    def log_mean_square(log_sigma: float) -> float:
        layer = LayerMap(phi, math.exp(log_sigma), sigma_b**2)
        chis = [(layer.chi(q), count) for q, count in layer_variances(layer, q0, depth)]
        return max(-FLOOR, sum(n * (math.log(chi) if chi > 0.0 else -math.inf) for chi, n in chis))

    try:
        log_sigma = _crossing(log_mean_square, math.log(start), 0.0, 0.5 / depth)
        ends = [
            _crossing(log_mean_square, log_sigma, sign * math.log(FACTOR), 0.5 / depth)
            for sign in (-1.0, 1.0)
        ]
        sigma_w = math.exp(log_sigma)
        path = layer_variances(LayerMap(phi, sigma_w, sigma_b**2), q0, depth)
        variance = sum(count * variance_rate(phi.gate_law(q), haar) for q, count in path)
    except ValueError:
        return TunedScale(sigma_w=math.nan, low=math.nan, high=math.nan, relative_variance=math.nan)
    low, high = map(math.exp, ends)
    return TunedScale(sigma_w=sigma_w, low=low, high=high, relative_variance=variance)


def _crossing(function: Callable[[float], float], start: float, level: float, step: float) -> float:
    """Where a function that rises, if not everywhere, takes a level; ValueError if it is not found near `start`."""

    def excess(x: float) -> float:
        return function(x) - level

    here, height = start, excess(start)
    direction = -math.copysign(1.0, height)
    while height != 0.0 and abs(here - start) < LARGEST_LOG:
        there = here + direction * step
        if direction * excess(there) >= 0.0:
            return float(brentq(excess, *sorted((here, there)), xtol=1e-14, rtol=1e-14))
        here, step = there, 2.0 * step
    if height != 0.0:
        raise ValueError("no sigma_w was found")
    return here
