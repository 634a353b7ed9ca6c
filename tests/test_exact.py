"""Closed-form laws: against the mpmath table, each other, the functional equation and known moments."""

import math

import mpmath as mp
import numpy as np
import pytest
from conftest import law_of, read_data
from hypothesis import given
from hypothesis import strategies as st

import rmtjac as rj

TABLES = read_data("fuss_catalan.json")["tables"]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: f"depth {t['depth']}")
def test_fuss_catalan_densities_are_the_mpmath_values(table):
    lam, exact = np.array(table["lam_density"]).T
    law = rj.fuss_catalan(table["depth"])
    error = np.abs(law.pdf(lam) / exact - 1.0)
    assert np.median(error) < 1e-13
    # up to 1 - lam/edge = 1e-4; closer to the edge its rounding counts
    assert error[:1268].max() < 1e-10


@pytest.mark.parametrize("table", TABLES, ids=lambda t: f"depth {t['depth']}")
def test_bounds_of_fuss_catalan_are_never_smaller_than_the_error(table):
    lam, exact = np.array(table["lam_density"]).T
    law = rj.fuss_catalan(table["depth"])
    assert (np.abs(law.pdf(lam) - exact) <= law.status(lam).bound).all()


@pytest.mark.parametrize("depth", [1, 2, 5, 30])
def test_moments_of_fuss_catalan_are_its_numbers(depth):
    law = rj.fuss_catalan(depth)
    for k in range(7):
        exact = math.comb((depth + 1) * k, k) / (depth * k + 1)
        assert law.moment(k) == pytest.approx(exact, rel=1e-12)
    assert law.log_moment() == pytest.approx(-depth, rel=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 3, 10, 100, 10_000])
def test_fuss_catalan_is_the_law_of_a_linear_network(depth):
    closed, solved = (
        rj.fuss_catalan(depth).of("log_eigenvalues"),
        law_of("linear", depth).of("log_eigenvalues"),
    )
    t = np.concatenate([solved.support[-1, 1] - np.geomspace(1e-3, 100.0, 40), [-600.0]])
    assert closed.logpdf(t) == pytest.approx(solved.logpdf(t), abs=1e-9)
    assert closed.cdf(t) == pytest.approx(solved.cdf(t), rel=1e-9)
    assert closed.sf(t) == pytest.approx(solved.sf(t), rel=1e-7)
    u = np.array([1e-9, 0.01, 0.5, 0.99, 1.0 - 1e-9])
    assert closed.ppf(u) == pytest.approx(solved.ppf(u), rel=1e-9, abs=1e-9)
    assert closed.edges == pytest.approx(solved.edges, rel=1e-13)


def test_log_density_of_fuss_catalan_is_finite_wherever_the_density_is_positive():
    t = np.array([-1e3, -1e4, -1e6])
    closed, solved = rj.fuss_catalan(1).of("log_eigenvalues"), law_of("linear", 1).of("log_eigenvalues")
    assert closed.logpdf(t) == pytest.approx(solved.logpdf(t), rel=1e-12)


@given(ratio=st.floats(0.01, 20.0), sigma=st.floats(0.1, 10.0))
def test_marchenko_pastur_moments_and_masses(ratio, sigma):
    law = rj.marchenko_pastur(ratio, sigma)
    assert law.moment(0) == pytest.approx(1.0, abs=1e-11)
    assert law.mean() == pytest.approx(sigma**2, rel=1e-11)
    assert law.moment(2) == pytest.approx(sigma**4 * (1 + ratio), rel=1e-11)
    assert law.cdf(0.0) == pytest.approx(max(0.0, 1.0 - 1.0 / ratio), abs=1e-13)
    u = np.linspace(0.01, 0.99, 9)
    x = law.ppf(u)
    assert law.cdf(x) == pytest.approx(np.maximum(u, law.cdf(0.0)), abs=1e-9)
    assert law.cdf(x) + law.sf(x) == pytest.approx(1.0, abs=1e-12)


@given(ratio=st.floats(0.05, 20.0), place=st.floats(0.01, 0.99))
def test_marchenko_pastur_density_is_the_textbook_formula(ratio, place):
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    x = low + (high - low) * place
    exact = math.sqrt((high - x) * (x - low)) / (2 * math.pi * ratio * x)
    assert rj.marchenko_pastur(ratio).pdf(x) == pytest.approx(exact, rel=1e-9)


def test_marchenko_pastur_of_a_relu_layer():
    """One ReLU layer keeps half the rows: Wishart of ratio 1/2 beside the mass at zero."""
    law, half = law_of("relu", 1), rj.marchenko_pastur(0.5)
    x = np.linspace(0.1, 2.9, 20)
    assert law.pdf(x) == pytest.approx(0.5 * half.pdf(x), rel=1e-12)


@pytest.mark.parametrize("ratio", [1.0 - 1e-9, 1.0 + 1e-9, 1.0 + 1e-14])
def test_lower_edge_of_marchenko_pastur_next_to_ratio_one(ratio):
    with mp.workdps(40):
        exact = float(2 * mp.log(abs(1 - mp.sqrt(mp.mpf(ratio)))))
    assert rj.marchenko_pastur(ratio).of("log_eigenvalues").support[0, 0] == pytest.approx(exact, rel=1e-13)


@given(variance=st.floats(1e-3, 1e3), gates=st.sampled_from(["smooth", "hard"]))
def test_depth_limits_have_mean_one_and_their_variance(variance, gates):
    law = rj.critical_depth_limit(variance, gates)
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)
    assert law.mean() == pytest.approx(1.0, rel=1e-9)
    assert law.var() == pytest.approx(variance, rel=1e-9)


def test_a_depth_limit_that_is_nearly_one_point():
    assert rj.critical_depth_limit(1e-10).var() == pytest.approx(1e-10, rel=1e-6)


@pytest.mark.parametrize("variance", [0.01, 0.5, 1.0, 4.0, 50.0])
def test_edges_of_the_smooth_depth_limit(variance):
    s = math.sqrt(variance)
    root = s * math.sqrt(variance + 4)
    exact = [
        0.5 * (2 + variance + sign * root) * math.exp(0.5 * (sign * root - variance)) for sign in (-1, 1)
    ]
    exact[0] = 2.0 / (2 + variance + root) * math.exp(-0.5 * (root + variance))
    assert rj.critical_depth_limit(variance).edges == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("variance", [0.01, 0.5, 1.0, 4.0])
def test_edges_and_atom_of_the_hard_depth_limit(variance):
    law = rj.critical_depth_limit(variance, "hard")
    assert law.edges[-1] == pytest.approx(math.e * variance, rel=1e-12)
    if variance < 1.0:
        assert law.atoms == pytest.approx(np.array([[math.exp(variance), 1.0 - variance]]), rel=1e-12)
    else:
        assert law.atoms.shape == (0, 2)
    assert law.log_moment() == -math.inf
    assert law.moment(-1) == math.inf


def test_deep_orthogonal_networks_approach_their_limit():
    """Hard gates with P(0) = s^2/L: the distance to the limit falls with depth."""
    t = np.linspace(-3.0, 0.9, 30)
    limit = rj.critical_depth_limit(1.0, "hard").of("log_eigenvalues")
    distances = []
    for depth in (10, 100, 1000):
        closed = np.zeros(2 * depth)
        closed[:2] = 1.0
        ens = rj.Ensemble(
            depth=depth,
            width=2 * depth,
            activation="relu",
            weights="orthogonal",
            sigma_w=(1 - 1 / depth) ** -0.5,
        )
        law = rj.spectral_law(ens, gates=[1.0 - closed] * depth).of("log_eigenvalues")
        distances.append(np.abs(law.cdf(t) - limit.cdf(t)).max())
    assert distances[1] < distances[0] / 5
    assert distances[2] < distances[1] / 5


@pytest.mark.parametrize(
    "depth",
    [0, -1, 2.5, "3", True, math.nan, math.inf, None, [2]],
)
def test_depths_that_are_none(depth):
    with pytest.raises((ValueError, TypeError), match=r"^depth=.*allowed"):
        rj.fuss_catalan(depth)


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "3", None])
@pytest.mark.parametrize(
    ("name", "make"), [("ratio", rj.marchenko_pastur), ("variance", rj.critical_depth_limit)]
)
def test_parameters_outside_their_range(name, make, value):
    with pytest.raises((ValueError, TypeError), match=rf"^{name}=.*allowed"):
        make(value)


def test_other_parameters_outside_their_range():
    with pytest.raises(ValueError, match=r"^sigma="):
        rj.marchenko_pastur(1.0, -1.0)
    with pytest.raises(ValueError, match=r"^gates='soft'.*hard"):
        rj.critical_depth_limit(1.0, "soft")
