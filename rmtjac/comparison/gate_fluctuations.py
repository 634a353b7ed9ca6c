"""How much the mean eigenvalue varies between networks of finite width whose gates know the variances q_l.

Given x^{l-1}, h^l is Gaussian of variance q_l = sigma_l^2 |x^{l-1}|^2/n_{l-1} + bias, and the mean eigenvalue is about
the product of sigma_l^2 E phi'(h^l)^2. The mean square of phi(h^l) varies by n_l^(-1/2) about its expectation b_l,
which moves q_{l+1} and all behind. With T_l(log q_l) = sum_{k >= l} log(sigma_k^2 E phi'(h^k)^2) along the mean field
from q_l on, the variance of the log of the mean eigenvalue is to first order

    V = sum_{l < L} r_l^2 T_{l+1}'^2 v_l/n_l,    r_l = sigma_{l+1}^2 b_l/q_{l+1},    v_l = E phi(h^l)^4/b_l^2 - 1.

The expectation of the mean eigenvalue is shifted by the order of V. Where V is not small, as in deep networks of gelu
or silu, rare networks of large eigenvalues make it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rmtjac.model.activations import Activation
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.meanfield import variance_field

__all__ = ["log_mean_variance"]

STEP = 0.05  # of log q, for central differences
NODES = 80


def log_mean_variance(description: Mapping[str, Any]) -> float:
    """V of an ensemble of weights of finite variance.

    Parameters
    ----------
    description : mapping
        `Ensemble.describe()`.

    Returns
    -------
    float
        nan for activations of the user, which a description does not hold, and where a layer has no moment.
    """
    try:
        ens = Ensemble(
            widths=description["widths"],
            activation=description["activations"],
            weights=description["weights"],
            sigma_w=description["sigma_w"],
            sigma_b=description["sigma_b"],
            q0=description["q0"],
        )
    except ValueError:
        return math.nan
    q = variance_field(ens).q
    total = 0.0
    with np.errstate(all="ignore"):
        for i in range(ens.depth - 1):
            mean, variance = _moments(ens.activations[i], float(q[i]))
            share = ens.sigma_w[i + 1] ** 2 * mean / q[i + 1]
            low, high = (_log_mean_from(ens, i + 1, q[i + 1] * math.exp(h)) for h in (-STEP, STEP))
            total += (share * (high - low) / (2.0 * STEP)) ** 2 * variance / ens.widths[i + 1]
    return float(total) if math.isfinite(total) else math.nan


def _log_mean_from(ens: Ensemble, layer: int, q: float) -> float:
    """T of this layer, counted from 0."""
    total = 0.0
    for i in range(layer, ens.depth):
        total += float(np.log(ens.sigma_w[i] ** 2 * ens.activations[i].derivative_moment(q)))
        if i + 1 < ens.depth:
            q = ens.sigma_w[i + 1] ** 2 * ens.activations[i].second_moment(q) + ens.bias_scales[i + 1] ** 2
    return total


def _moments(phi: Activation, q: float) -> tuple[float, float]:
    """E phi^2, and the variance of phi^2 over its square."""
    h, weights = np.polynomial.hermite_e.hermegauss(NODES)
    squares = np.asarray(phi.value(math.sqrt(q) * h)) ** 2
    first, second = (
        np.float64(weights @ power) / math.sqrt(2.0 * math.pi) for power in (squares, squares**2)
    )
    return float(first), float(second / first**2 - 1.0)
