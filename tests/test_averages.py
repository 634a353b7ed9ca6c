"""Moments and deviations where they are delicate: heavy lower tails, tiny slopes, scales at the end of the doubles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import law_of
from scipy.special import gammaln

import rmtjac as rj


def fuss_catalan_moment(depth, k):
    """Gamma((L+1)k + 1)/(Gamma(k + 1) Gamma(Lk + 2)), for real k > -1/(L+1)."""
    n = depth + 1
    return math.exp(gammaln(n * k + 1) - gammaln(k + 1) - gammaln(depth * k + 2))


@pytest.mark.parametrize(("depth", "k"), [(1, -0.3), (1, -0.49), (2, -0.3), (5, -0.15), (3, 0.5), (4, 2.5)])
def test_real_moments_of_linear_networks(depth, k):
    exact = fuss_catalan_moment(depth, k)
    assert law_of("linear", depth).moment(k) == pytest.approx(exact, rel=1e-11)
    assert rj.fuss_catalan(depth).moment(k) == pytest.approx(exact, rel=1e-11)
    assert law_of("linear", depth).of("singular_values").moment(2.0 * k) == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("depth", [1, 3])
def test_moments_that_diverge_are_infinite(depth):
    assert law_of("linear", depth).moment(-1.0 / (depth + 1)) == math.inf
    assert law_of("relu", depth).moment(-0.01) == math.inf


@pytest.mark.parametrize(("slope", "depth"), [(1e-8, 20), (1e-12, 20), (1e-50, 3), (1e20, 3), (-0.3, 2)])
def test_log_moment_of_any_slope(slope, depth):
    law = rj.spectral_law(rj.Ensemble(depth=depth, activation=f"leaky_relu({slope!r})"))
    assert law.log_moment() == pytest.approx(depth * (math.log(abs(slope)) - 1.0), rel=1e-12)


def test_log_moment_of_a_million_layers():
    assert law_of("linear", 10**6).log_moment() == pytest.approx(-(10.0**6), rel=1e-12)


def test_deviations_near_the_largest_double():
    law = rj.spectral_law(rj.Ensemble(depth=3, sigma_w=1e50))
    assert law.mean() == pytest.approx(1e300)
    assert law.std() == pytest.approx(math.sqrt(3.0) * 1e300)
    assert law.var() == math.inf
    assert rj.spectral_law(rj.Ensemble(depth=1000, sigma_w=3.0)).mean() == math.inf


def test_variance_does_not_cancel():
    """Nearly all gates open, orthogonal: mean 1 - 3e-11, variance of the same size."""
    law = rj.spectral_law(rj.Ensemble(depth=2, activation="hard_tanh", weights="orthogonal"), q=0.023)
    closed = law.atoms[0, 1]
    assert law.var() == pytest.approx(2.0 * closed, rel=1e-6)


@pytest.mark.parametrize(("sigma_w", "depth"), [(1.2, 10_000), (math.sqrt(2.0), 10_000), (0.1248, 1000)])
def test_the_scale_of_many_layers_is_rounded_once(sigma_w, depth):
    import mpmath as mp

    with mp.workdps(40):
        exact = 2 * depth * mp.log(mp.mpf(sigma_w)) + (depth + 1) * mp.log(depth + 1) - depth * mp.log(depth)
    law = rj.spectral_law(rj.Ensemble(depth=depth, sigma_w=sigma_w)).of("log_eigenvalues")
    assert law.edges[-1] == pytest.approx(float(exact), rel=4e-16, abs=4e-15 * abs(float(exact)) / 10)


def test_gates_that_are_hardly_ever_open():
    """p = erf(1/sqrt(2q)) keeps its digits where 1 - p rounds to 1."""
    law = rj.spectral_law(rj.Ensemble(depth=1, activation="hard_tanh", sigma_w=1e17), q=1e34)
    assert law.mean() == pytest.approx(1e34 * math.sqrt(2.0 / math.pi) * 1e-17, rel=1e-7)


@pytest.mark.parametrize("sigma_w", [0.7, 1.0, 1.3, 0.13, 2.9])
@pytest.mark.parametrize("slope", [0.14, 0.3, 0.77])
def test_atoms_count_at_their_own_place(slope, sigma_w):
    law = law_of(f"leaky_relu({slope})", 1, "orthogonal", 1.0, sigma_w)
    assert law.cdf(law.atoms[:, 0]) == pytest.approx([0.5, 1.0])
    assert law.ppf([0.1, 0.5, 0.9]) == pytest.approx(law.atoms[[0, 0, 1], 0])


def test_quantiles_beside_an_atom_do_not_fall_through():
    ens = rj.Ensemble(depth=2, width=40, weights="orthogonal")
    law = rj.spectral_law(ens, gates=[np.repeat([0.3, 0.5, 0.9], [2, 37, 1])] * 2)
    place, mass = law.atoms[0]
    for u in (law.cdf(place) - mass, law.cdf(place) - mass + 2e-16, law.cdf(place), law.cdf(place) + 2e-16):
        # the gap round the atom reaches from .19 to .37
        assert 0.18 < law.ppf(u) < 0.37
