"""Errors that a comparison must notice, each beside the right case at the same settings.

A right case fails with probability 1e-7 at most: its p-values pass 1e-7. A wrong one stays below that.
"""

from dataclasses import replace

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.comparison.replicates import mean_p_value

ALARM = 1e-7


@pytest.fixture(scope="module")
def linear():
    """The settings of the issue: L = 2, N = 200, 200 replicates."""
    return rj.sample_spectrum(rj.Ensemble(depth=2, width=200), 200, 1, workers=1, accuracy="eigenvalues")


def p_values(comparison):
    found = (
        comparison.p_value,
        comparison.mean_p_value,
        comparison.edge_p_value,
        comparison.zero_mass_p_value,
    )
    return [p for p in found if not np.isnan(p)]


def test_the_right_law_passes(linear):
    comparison = rj.compare(rj.fuss_catalan(2), linear)
    assert min(p_values(comparison)) > ALARM
    assert len(p_values(comparison)) == 4


@pytest.mark.parametrize("sigma_w", [1.005, 0.995])
def test_a_scale_off_by_half_a_percent_is_caught(linear, sigma_w):
    comparison = rj.compare(rj.spectral_law(rj.Ensemble(depth=2, width=200, sigma_w=sigma_w)), linear)
    assert comparison.p_value < ALARM
    assert comparison.mean_p_value < 1e-40


def test_a_dropped_layer_is_caught(linear):
    for depth in (1, 3):
        comparison = rj.compare(rj.fuss_catalan(depth), linear)
        assert max(comparison.p_value, comparison.edge_p_value) < ALARM


def test_a_repeated_replicate_is_refused(linear):
    values = linear.singular_values.copy()
    values[150] = values[7]
    with pytest.raises(ValueError, match="replicates 7 and 150 have the same spectrum"):
        rj.compare(rj.fuss_catalan(2), replace(linear, singular_values=values))


@pytest.mark.parametrize("repeated", [False, True])
def test_one_stream_for_both_layers_is_seen_in_exact_moments(repeated):
    # the limit law is the same; THEORY.md section 2, "Finite N": E Tr M^2 of width 8
    n, replicates = 8, 3000
    exact = np.linalg.matrix_power([[1.0, 2.0 / n], [1.0 / n, (n + 1.0) / n]], 2) @ [n**2, n]
    ens = rj.Ensemble(depth=2, width=n)
    eigenvalues = rj.sample_spectrum(ens, replicates, 3, workers=1, accuracy="eigenvalues").eigenvalues
    if repeated:
        w = np.random.default_rng(3).standard_normal((replicates, n, n)) / np.sqrt(n)
        eigenvalues = np.linalg.svd(w @ w, compute_uv=False) ** 2
    found = np.array([eigenvalues.sum(axis=1) ** 2, (eigenvalues**2).sum(axis=1)])
    p = min(mean_p_value(values / value - 1.0, 0.0) for values, value in zip(found, exact, strict=True))
    assert (p < ALARM) == repeated


def test_transposed_widths_are_caught():
    ens, transposed = (rj.Ensemble(widths=widths) for widths in ([60, 90, 45], [45, 90, 60]))
    sample = rj.sample_spectrum(ens, 30, 2, workers=1)
    assert min(p_values(rj.compare(rj.spectral_law(ens), sample))) > ALARM
    assert rj.compare(rj.spectral_law(transposed), sample).p_value < ALARM


CAUCHY = rj.Ensemble(depth=1, width=150, activation="hard_tanh", weights="cauchy")


def cauchy_sample(seed, gates="network"):
    return rj.sample_spectrum(CAUCHY, 60, seed, workers=1, gates=gates)


def test_independent_instead_of_true_gates_are_caught():
    true = cauchy_sample(1)
    assert rj.compare_samples(true, cauchy_sample(2)).p_value > ALARM
    assert rj.compare_samples(true, cauchy_sample(2, "independent")).p_value < ALARM


@pytest.mark.parametrize("gates_first", [False, True])
def test_gates_on_the_wrong_side_are_caught(gates_first):
    # D W, the gates of large rows closed, against W D; the first is an independent sampler too
    true, rng, n = cauchy_sample(1), np.random.default_rng(5), CAUCHY.widths[0]
    values = []
    for _ in range(60):
        w = rng.standard_cauchy((n, n)) / n
        x = rng.standard_normal(n)
        gates = np.abs(w @ x) < np.sqrt(np.mean(x**2))
        product = w * gates if gates_first else gates[:, None] * w
        values.append(np.linalg.svd(product, compute_uv=False)[::-1])
    values = np.array(values)
    other = replace(true, singular_values=values, ranks=(values > 1e-9).sum(axis=1), logs=None)
    other = replace(other, metadata=true.metadata | {"accuracy": "absolute"})
    assert (rj.compare_samples(true, other).p_value < ALARM) == gates_first
