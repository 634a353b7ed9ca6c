"""How the mean eigenvalue varies between networks, and bands that hold what comes of it.

Statistical tests reject at p-values of 1e-6; sampled variances of 20,000 chains are good to 1 %.
"""

import math

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.comparison.gate_fluctuations import log_mean_variance


def sampled_variance(ens, chains, seed=0):
    """Variance of sum log E phi'(h^l)^2 over chains q_1, q_2, ...: given x, h is Gaussian; no weights are needed."""
    rng, logs = np.random.default_rng(seed), np.zeros(chains)
    square = np.full(chains, ens.q0)
    for i, phi in enumerate(ens.activations):
        q = ens.sigma_w[i] ** 2 * square + ens.bias_scales[i] ** 2
        h = np.sqrt(q)[:, None] * rng.standard_normal((chains, ens.widths[i + 1]))
        square = np.mean(phi.value(h) ** 2, axis=1)
        grid = np.geomspace(0.99 * q.min(), 1.01 * q.max(), 40)
        logs += np.interp(np.log(q), np.log(grid), [math.log(phi.derivative_moment(x)) for x in grid])
    return float(logs.var())


@pytest.mark.parametrize(
    "parameters",
    [
        {"depth": 4, "activation": "silu", "sigma_w": 1.2},
        {"depth": 5, "activation": "tanh", "sigma_w": 1.5, "sigma_b": 0.2},
        {"depth": 4, "activation": "erf", "q0": 3.0},
    ],
)
def test_the_variance(parameters):
    ens = rj.Ensemble(width=400, **parameters)
    assert log_mean_variance(ens.describe()) == pytest.approx(sampled_variance(ens, 20_000), rel=0.1)


def test_networks_that_do_not_know_the_scale_have_none():
    assert log_mean_variance(rj.Ensemble(4, 50, "relu").describe()) == pytest.approx(0.0, abs=1e-12)


def test_activations_of_the_user_have_no_band():
    own = rj.Activation("mine", np.tanh, lambda h: 1.0 / np.cosh(h) ** 2)
    assert math.isnan(log_mean_variance(rj.Ensemble(2, 50, own).describe()))


def test_silu_networks_keep_within_their_band():
    """Their mean eigenvalue is 13 % above that of the limit law at width 60."""
    ens = rj.Ensemble(4, 60, "silu", sigma_w=1.2)
    comparison = rj.compare(rj.spectral_law(ens), rj.sample_spectrum(ens, 60, 1, accuracy="eigenvalues"))
    assert comparison.mean_gap > 0.02 * comparison.laws[0].mean()
    assert comparison.mean_p_value > 1e-6
    assert comparison.edge_p_value > 1e-6


def test_entries_of_two_values_move_the_top():
    """By their fourth cumulant, -2: log lambda_max is 2/n below that of Gaussian entries."""
    ens = rj.Ensemble(1, 50, "linear", weights="rademacher")
    comparison = rj.compare(rj.spectral_law(ens), rj.sample_spectrum(ens, 500, 1, accuracy="absolute"))
    assert comparison.edge_p_value > 1e-6
    assert np.mean(comparison.edge_z) < -1.7
