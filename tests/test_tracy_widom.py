"""Tracy-Widom laws: against mpmath at two precisions, published moments, and each method against the others."""

import math

import numpy as np
import pytest
from naive import tracy_widom as slow

import rmtjac as rj

# F_1 and F_2 by tests/naive/tracy_widom.py with 56 nodes and 35 digits; 44 nodes and 25 digits agree to 5e-19
VALUES = {
    -8.0: (1.8068279211850645647e-12, 1.9859004257624097147e-19),
    -5.0: (2.7791775491679036975e-4, 2.1359969847411157699e-5),
    -2.0: (0.27432019790921785767, 0.41322414250512255469),
    0.0: (0.83190806620295192746, 0.96937282835526266835),
    3.0: (0.99829348034988059517, 0.99999700595660764831),
}
# Bornemann, Math. Comp. 79 (2010), 871: mean, variance, skewness, excess kurtosis
MOMENTS = {
    1: (-1.2065335745820, 1.6077810345810, 0.29346452408, 0.1652429384),
    2: (-1.7710868074116, 0.8131947928329, 0.224084203610, 0.0934480876),
}


@pytest.mark.parametrize("s", VALUES)
@pytest.mark.parametrize("beta", [1, 2])
def test_distribution_functions_are_the_mpmath_values(s, beta):
    exact = VALUES[s][beta - 1]
    law = rj.tracy_widom(beta)
    assert law.cdf(s) == pytest.approx(exact, rel=1e-13, abs=1e-14)
    assert law.sf(s) == pytest.approx(1.0 - exact, abs=1e-13)


def test_the_table_is_that_of_the_slow_twin():
    for nodes, digits in ((20, 15), (24, 20)):
        found = slow.distributions(0.0, digits, nodes, 14)
        assert [float(value) for value in found] == pytest.approx(VALUES[0.0], rel=1e-9)


@pytest.mark.parametrize("beta", [1, 2])
def test_moments_are_the_published_ones(beta):
    law = rj.tracy_widom(beta)
    mean, variance, skewness, kurtosis = MOMENTS[beta]
    assert law.moment(0) == pytest.approx(1.0, abs=1e-13)
    assert law.mean() == pytest.approx(mean, abs=2e-13)
    assert law.var() == pytest.approx(variance, abs=1e-12)
    assert law.std() ** 2 == pytest.approx(law.var())
    raw = [law.moment(k) for k in range(5)]
    third = raw[3] - 3 * mean * raw[2] + 2 * mean**3
    fourth = raw[4] - 4 * mean * raw[3] + 6 * mean**2 * raw[2] - 3 * mean**4
    assert third / variance**1.5 == pytest.approx(skewness, abs=1e-10)
    assert fourth / variance**2 - 3.0 == pytest.approx(kurtosis, abs=1e-9)


@pytest.mark.parametrize("beta", [1, 2])
def test_the_density_is_the_derivative_of_the_distribution(beta):
    law, x, h = rj.tracy_widom(beta), np.linspace(-5.0, 4.0, 13), 1e-4
    assert law.pdf(x) == pytest.approx((law.cdf(x + h) - law.cdf(x - h)) / (2 * h), rel=1e-5, abs=1e-9)


def test_the_right_tail_keeps_its_digits():
    # leading order of -log F_1 (Ferrari and Spohn): the trace, integral of Ai(2x + s) over x > 0
    x, weights = np.polynomial.legendre.leggauss(200)
    from scipy.special import airy

    for s in (10.0, 30.0):
        trace = 2.0 * weights @ airy(4.0 * (1.0 + x) + s)[0]
        assert rj.tracy_widom(1).sf(s) == pytest.approx(trace, rel=1e-9, abs=0.0)


@pytest.mark.parametrize("beta", [1, 2])
def test_quantiles_invert_the_distribution(beta):
    law = rj.tracy_widom(beta)
    u = np.array([1e-6, 0.05, 0.5, 0.95, 1.0 - 1e-6])
    assert law.cdf(law.ppf(u)) == pytest.approx(u, abs=1e-13)
    assert law.cdf(law.median()) == pytest.approx(0.5, abs=1e-13)
    low, high = law.interval(0.9)
    assert law.cdf(high) - law.cdf(low) == pytest.approx(0.9, abs=1e-13)
    ends = law.ppf([0.0, 1.0, -0.1, math.nan])
    assert ends[0] == -math.inf
    assert ends[1] == math.inf
    assert np.isnan(ends[2:]).all()


def test_draws_have_the_law():
    # the bound is exceeded with probability 2 exp(-2 (.027 sqrt(10^4))^2) < 1e-6
    draws = np.sort(rj.tracy_widom().rvs(10_000, rng=5))
    ranks = np.arange(1, draws.size + 1, 100) / draws.size
    assert np.abs(rj.tracy_widom().cdf(draws[::100]) - ranks).max() < 0.027
    assert np.abs(rj.tracy_widom(2).cdf(draws[::100]) - ranks).max() > 0.1


def test_beyond_the_doubles_and_shapes():
    law = rj.tracy_widom()
    assert law.cdf([-50.0, 50.0]).tolist() == [0.0, 1.0]
    assert law.sf([-50.0, 200.0]).tolist() == [1.0, pytest.approx(0.0, abs=1e-300)]
    assert math.isnan(law.pdf(math.nan))
    assert law.pdf(np.zeros((2, 3))).shape == (2, 3)
    assert isinstance(law.cdf(0.0), float)
    assert law.rvs(rng=1) == law.rvs(rng=1)


@pytest.mark.parametrize("beta", [0, 3, 4, "1", None, 1.5])
def test_other_betas_are_refused(beta):
    with pytest.raises(ValueError, match=r"^beta=.*allowed are 1 and 2"):
        rj.tracy_widom(beta)


def test_intervals_outside_their_range():
    with pytest.raises(ValueError, match=r"^p=1.5: allowed"):
        rj.tracy_widom().interval(1.5)
