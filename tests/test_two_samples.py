"""Sample against sample: the definition, and samples that are no two."""

from dataclasses import replace

import numpy as np
import pytest

import rmtjac as rj

RELU = rj.Ensemble(depth=2, width=60, activation="relu", sigma_w=1.4)


def sample_of(ens=RELU, seed=1, replicates=40, **settings):
    return rj.sample_spectrum(ens, replicates, seed, workers=1, **settings)


def test_the_distance_is_that_of_the_pooled_distribution_functions():
    a, b = sample_of(seed=1), sample_of(rj.Ensemble(depth=2, width=60, activation="relu", sigma_w=2.0), 2)
    x = np.unique(np.concatenate([a.eigenvalues.ravel(), b.eigenvalues.ravel()]))
    pooled = [
        np.searchsorted(np.sort(s.eigenvalues, axis=None), x, side="right") / s.eigenvalues.size
        for s in (a, b)
    ]
    comparison = rj.compare_samples(a, b)
    exact = np.abs(pooled[0] - pooled[1]).max()
    assert exact - 0.02 < comparison.ks <= exact
    low, high = comparison.ks_interval
    assert low <= comparison.ks <= high
    assert comparison.p_value < 1e-7
    other = rj.compare_samples(b, a)
    assert (other.ks, other.p_value) == pytest.approx((comparison.ks, comparison.p_value), rel=1e-6)


def test_accuracies_agree():
    # the floor of the coarser sample is the floor of both
    deep = rj.Ensemble(depth=8, width=40)
    fine, coarse = sample_of(deep, 1, accuracy="relative"), sample_of(deep, 2, accuracy="eigenvalues")
    assert rj.compare_samples(fine, coarse).p_value > 1e-7


def test_samples_that_share_a_stream_are_refused():
    a = sample_of(seed=1)
    with pytest.raises(ValueError, match="replicates 0 and 40 have the same spectrum"):
        rj.compare_samples(a, sample_of(seed=1))
    b = sample_of(seed=2)
    values = b.singular_values.copy()
    values[3] = a.singular_values[5]
    ranks = b.ranks.copy()
    ranks[3] = a.ranks[5]
    with pytest.raises(ValueError, match="replicates 5 and 43"):
        rj.compare_samples(a, replace(b, singular_values=values, ranks=ranks))


def test_one_replicate_proves_nothing():
    comparison = rj.compare_samples(sample_of(replicates=1), sample_of(seed=2))
    assert np.isnan(comparison.p_value)
    assert comparison.ks_interval == (0.0, 1.0)
