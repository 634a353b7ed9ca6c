"""What a law gets from its density and masses alone, on a law small enough to do by hand."""

import numpy as np
import pytest
from conftest import LAWS, law_of
from hypothesis import given
from hypothesis import strategies as st

from rmtjac.theory.spectral_law import SpectralLaw
from rmtjac.theory.spectrum import AtomicSpectrum, Spectrum


class UniformLambda(Spectrum):
    """lambda uniform on (0, 1) with mass 1/2, an atom of mass 1/4 at lambda = 2, mass 1/4 at zero."""

    intervals = np.array([[-np.inf, 0.0]])
    atoms = np.array([[np.log(2.0), 0.25]])
    zero_mass = 0.25
    hard_edge_exponent = 1.0

    def density(self, t):
        return np.where(t < 0.0, 0.5 * np.exp(np.minimum(t, 0.0)), 0.0)

    def log_density(self, t):
        return np.where(t < 0.0, np.log(0.5) + t, -np.inf)

    def mass_below(self, t):
        return 0.5 * np.exp(np.minimum(t, 0.0)) + 0.25 * (t >= np.log(2.0))

    def mass_above(self, t):
        return -0.5 * np.expm1(np.minimum(t, 0.0)) + 0.25 * (t < np.log(2.0))

    def density_error(self, t):
        return np.zeros(t.shape, dtype=np.int64), np.full(t.shape, 1e-15)

    def knots(self, interval):
        return np.linspace(-30.0, -0.1, 50)

    @property
    def nodes(self):
        lam, weights = np.polynomial.legendre.leggauss(40)
        return np.log(0.5 * (lam + 1.0)).astype(complex), (0.25 * weights).astype(complex)


@pytest.fixture
def uniform():
    return SpectralLaw(UniformLambda(), "uniform")


@pytest.mark.parametrize("u", [0.0, 0.1, 0.25, 0.2500001, 0.3, 0.5, 0.7499, 0.75, 0.7501, 0.9, 1.0])
def test_quantiles_of_the_uniform_law(uniform, u):
    exact = 0.0 if u <= 0.25 else 2.0 * (u - 0.25) if u <= 0.75 else 2.0
    assert uniform.ppf(u) == pytest.approx(exact, rel=1e-14)


@given(log_u=st.floats(-700.0, -1.0))
def test_small_quantiles_keep_their_digits(log_u):
    law = SpectralLaw(UniformLambda(), "uniform").of("log_eigenvalues")
    t = law._spectrum.quantile(np.array([np.exp(log_u)]), np.array([1.0]))
    assert t[0] == pytest.approx(log_u + np.log(2.0), abs=1e-12)


def test_averages_of_the_uniform_law(uniform):
    assert uniform.moment(0) == pytest.approx(1.0, rel=1e-14)
    assert uniform.mean() == pytest.approx(0.75, rel=1e-14)
    assert uniform.moment(2) == pytest.approx(0.5 / 3 + 1.0, rel=1e-14)
    assert uniform.var() == pytest.approx(0.5 / 3 + 1.0 - 0.75**2, rel=1e-13)
    assert uniform.of("singular_values").mean() == pytest.approx(1 / 3 + 0.25 * 2**0.5, rel=1e-5)
    assert uniform.moment(-1) == np.inf
    assert uniform.log_moment() == -np.inf


def test_no_spectrum_is_all_zeros():
    law = SpectralLaw(AtomicSpectrum(np.empty((0, 2)), 1.0), "nothing")
    x = np.array([-1.0, 0.0, 0.5, 2.0])
    assert np.array_equal(law.pdf(x), [0.0, 0.0, 0.0, 0.0])
    assert np.array_equal(law.cdf(x), [0.0, 1.0, 1.0, 1.0])
    assert np.array_equal(law.sf(x), [1.0, 0.0, 0.0, 0.0])
    assert np.array_equal(law.atoms, [[0.0, 1.0]])
    assert law.support.shape == (0, 2)
    assert law.moment(0) == 1.0
    assert law.mean() == law.var() == 0.0
    assert law.log_moment() == -np.inf


@pytest.mark.parametrize("u", [0.0, 0.3, 1.0])
def test_quantiles_of_no_spectrum_are_zero(u):
    assert SpectralLaw(AtomicSpectrum(np.empty((0, 2)), 1.0), "nothing").ppf(u) == 0.0


def test_draws_of_no_spectrum_are_zero():
    assert np.array_equal(
        SpectralLaw(AtomicSpectrum(np.empty((0, 2)), 1.0), "nothing").rvs(3, rng=1), np.zeros(3)
    )


@pytest.mark.parametrize("name", LAWS)
def test_knots_lie_inside_their_interval_and_ascend(name):
    spectrum = law_of(*LAWS[name])._spectrum
    for k, (low, high) in enumerate(spectrum.intervals):
        knots = spectrum.knots(k)
        assert (np.diff(knots) > 0.0).all()
        assert low < knots[0]
        assert knots[-1] < high
