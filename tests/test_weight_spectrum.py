"""Weight matrices against Marchenko-Pastur: scales, outliers that were put in, and none where there are none."""

from __future__ import annotations

import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import rmtjac as rj
from rmtjac.comparison.weight_spectrum import FALSE_ALARM

SHAPES = [(40, 40), (30, 90), (90, 30)]


def spiked(shape, strength, rng, sigma=1.3):
    """Gaussian W of variance sigma^2/columns plus strength u v^T with unit vectors u, v."""
    matrix = sigma * rng.standard_normal(shape) / math.sqrt(shape[1])
    u, v = rng.standard_normal(shape[0]), rng.standard_normal(shape[1])
    return matrix + strength * np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v))


@pytest.mark.parametrize("shape", SHAPES)
def test_random_matrices_have_few_outliers_and_strong_spikes_are_found(shape, rng):
    """200 matrices: more than 8 alarms have a probability below 1e-12 at the rate 0.001, and 2e-4 at 0.01.

    The negative control is the same matrix with a spike of twice its norm.
    """
    random = [rj.weight_spectrum(spiked(shape, 0.0, rng)) for _ in range(200)]
    assert sum(found.outliers.size > 0 for found in random) <= 8
    assert FALSE_ALARM == 1e-3
    scales = np.array([found.bulk_sigma_w for found in random])
    # sqrt(2/(m n)) is the relative deviation of a mean square
    assert abs(scales.mean() / 1.3 - 1.0) < 5.0 / math.sqrt(2 * shape[0] * shape[1] * 200)
    ks = np.array([found.ks for found in random])
    assert np.mean(ks < random[0].usual_ks) > 0.95
    for _ in range(20):
        found = rj.weight_spectrum(spiked(shape, 2.0 * random[0].edge, rng))
        assert found.outliers.size == 1
        assert found.sigma_w > found.bulk_sigma_w
        assert abs(found.bulk_sigma_w / 1.3 - 1.0) < 6.0 / math.sqrt(2 * shape[0] * shape[1])


def test_place_of_an_outlier(rng):
    """A spike of strength t appears at sqrt((t^2 + s^2)(t^2 + c s^2))/t (Benaych-Georges and Nadakuditi 2012)."""
    m, n, t = 200, 400, 3.0
    found = rj.weight_spectrum(spiked((m, n), t, rng, sigma=1.0))
    # entries of variance 1/n: s^2 = 1 for the longer side, m/n for the shorter
    expected = math.sqrt((t**2 + 1.0) * (t**2 + m / n)) / t
    assert found.outliers == pytest.approx([expected], rel=0.02)
    assert found.edge == pytest.approx(1.0 + math.sqrt(m / n), rel=0.01)


def test_a_spike_below_the_transition_is_not_seen(rng):
    """At t < (m/n)^(1/4) the spike leaves no trace at the edge (Baik, Ben Arous and Peche 2005)."""
    seen = [rj.weight_spectrum(spiked((60, 60), 0.5, rng, 1.0)).outliers.size for _ in range(50)]
    assert sum(seen) <= 4


@hypothesis.given(st.floats(-3.0, 3.0), st.booleans(), st.integers(0, 100))
def test_scale_and_transposition(log_scale, transposed, seed):
    matrix = np.random.default_rng(seed).standard_normal((25, 35))
    found = rj.weight_spectrum(matrix)
    other = rj.weight_spectrum(10.0**log_scale * (matrix.T if transposed else matrix))
    np.testing.assert_allclose(other.singular_values, 10.0**log_scale * found.singular_values, rtol=1e-12)
    np.testing.assert_allclose(other.z, found.z, atol=1e-9)
    assert other.ks == pytest.approx(found.ks, abs=1e-12)
    sides = (25 / 35) ** 0.5 if transposed else 1.0
    assert other.sigma_w == pytest.approx(10.0**log_scale * sides * found.sigma_w, rel=1e-12)


def test_the_law_is_that_of_the_package(rng):
    matrix = rng.standard_normal((30, 50))
    found = rj.weight_spectrum(matrix)
    law = rj.marchenko_pastur(30 / 50, found.bulk_sigma_w)
    assert found.edge**2 == pytest.approx(law.edges[-1], rel=1e-12)
    values = np.linalg.svd(matrix, compute_uv=False)[::-1] ** 2
    naive = max(max(abs((k + 1) / 30 - law.cdf(x)), abs(k / 30 - law.cdf(x))) for k, x in enumerate(values))
    assert found.ks == pytest.approx(naive, abs=1e-12)


def test_heavy_tails_are_said(rng):
    cauchy = rj.weight_spectrum(rng.standard_cauchy((60, 60)))
    low, high = cauchy.tail.interval
    assert low < 1.0 < high
    assert cauchy.outliers.size > 5
    assert cauchy.ks > cauchy.usual_ks


def test_what_has_no_law(rng):
    for matrix in (rng.standard_normal((19, 200)), np.diag(np.arange(50.0) * (np.arange(50) > 30))):
        found = rj.weight_spectrum(matrix)
        assert found.law is None
        assert math.isnan(found.ks)
        assert found.outliers.size == 0
    assert rj.weight_spectrum(np.ones((2, 2))).tail is None
    # all singular values are equal: far from any random matrix, and finite
    assert rj.weight_spectrum(np.eye(30)).ks > 0.3


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 3)), np.ones(4), [[np.nan]], np.empty((0, 3)), 1j * np.eye(2)]
)
def test_refusals(matrix):
    with pytest.raises(ValueError, match="matrix"):
        rj.weight_spectrum(matrix)
