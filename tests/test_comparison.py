"""Law against sample: distances by definition, and a comparison that notices a wrong law."""

from __future__ import annotations

import numpy as np
import pytest

import rmtjac as rj

WIDTH, REPLICATES, SEED = 200, 20, 7


def sample_of(ens, replicates=REPLICATES):
    return rj.sample_spectrum(ens, replicates, SEED)


@pytest.fixture(scope="module")
def relu():
    ens = rj.Ensemble(depth=3, width=WIDTH, activation="relu", sigma_w=2**0.5)
    return ens, sample_of(ens)


def test_kolmogorov_distance_is_its_definition(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    values = np.sort(sample.eigenvalues, axis=None)
    places = np.unique(values)
    above = np.searchsorted(values, places, side="right") / values.size
    below = np.searchsorted(values, places, side="left") / values.size
    left = law.cdf(places) - np.where(places == 0.0, law.atoms[0, 1], 0.0)
    expected = max(np.abs(above - law.cdf(places)).max(), np.abs(below - left).max())
    assert rj.compare(law, sample).ks == pytest.approx(expected, abs=1e-12)


def test_wasserstein_distance_is_the_area_between_distribution_functions(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    x = np.linspace(0.0, 40.0, 400_001)
    empirical = (
        np.searchsorted(np.sort(sample.eigenvalues, axis=None), x, side="right") / sample.eigenvalues.size
    )
    area = np.abs(empirical - law.cdf(x)).mean() * 40.0
    assert rj.compare(law, sample).wasserstein == pytest.approx(area, rel=2e-3)


def test_gaps_are_differences_of_means(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    comparison = rj.compare(law, sample)
    assert comparison.mean_gap == pytest.approx(sample.eigenvalues.mean() - 1.0, abs=1e-12)
    assert comparison.edge_gap == pytest.approx(sample.eigenvalues[:, -1].mean() - law.edges[-1])
    assert comparison.zero_mass_gap == pytest.approx(sample.zero_mass - 0.5)
    low, high = comparison.ks_interval
    assert low <= comparison.ks <= high


@pytest.mark.parametrize(
    ("activation", "weights", "depth"),
    [
        ("linear", "gaussian", 2),
        ("relu", "gaussian", 2),
        ("hard_tanh", "gaussian", 4),
        ("hard_tanh", "orthogonal", 3),
    ],
)
def test_the_law_at_realised_gates_is_that_of_the_network(activation, weights, depth):
    # measured distances: .002 to .006 at this size; a law off by 5 % in sigma_w is at .02 and more
    ens = rj.Ensemble(depth=depth, width=WIDTH, activation=activation, weights=weights, sigma_w=1.1)
    sample = sample_of(ens)
    assert rj.compare(rj.realised_laws(ens, sample), sample).ks < 0.01
    wrong = rj.Ensemble(depth=depth, width=WIDTH, activation=activation, weights=weights, sigma_w=1.1 * 1.05)
    assert rj.compare(rj.realised_laws(wrong, sample), sample).ks > 0.012


def test_a_dropped_layer_is_noticed():
    ens = rj.Ensemble(depth=3, width=WIDTH)
    sample = sample_of(ens)
    assert rj.compare(rj.spectral_law(ens), sample).ks < 0.01
    assert rj.compare(rj.spectral_law(ens.with_depth(2)), sample).ks > 0.05


def test_a_mixture_of_equal_laws_is_the_law(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    mixture = rj.compare([law] * REPLICATES, sample)
    assert mixture.ks == pytest.approx(rj.compare(law, sample).ks, abs=1e-14)


def test_wrong_number_of_laws_is_refused(relu):
    ens, sample = relu
    with pytest.raises(ValueError, match="3 laws given, allowed are 1 or one per replicate"):
        rj.compare([rj.spectral_law(ens)] * 3, sample)


def test_realised_laws_need_gates_of_one_value():
    ens = rj.Ensemble(depth=2, width=20, activation="leaky_relu(0.3)")
    with pytest.raises(rj.UnsupportedError, match="leaky_relu"):
        rj.realised_laws(ens, sample_of(ens, 2))


def test_an_eigenvalue_on_an_atom_counts_as_the_atom():
    # all singular values of an orthogonal linear network are 1 up to rounding
    ens = rj.Ensemble(depth=4, width=50, weights="orthogonal", sigma_w=1.3)
    assert rj.compare(rj.spectral_law(ens), sample_of(ens, 3)).ks == pytest.approx(0.0, abs=1e-12)
