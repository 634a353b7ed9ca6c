"""Heavy tails with independent gates: golden values, closed forms, mpmath, sampling, and what is not there yet."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erfcx

import rmtjac as rj
from rmtjac.errors import HeavyTailError, UnsupportedError
from rmtjac.model.stable import stable_density, stable_nodes
from rmtjac.model.stable_field import StableGates, stable_mean_field
from rmtjac.theory.mellin import StableFunction

OPEN = StableGates(np.zeros(1), np.ones(1))
TWO = StableGates(np.log([0.3, 1.0]), np.array([0.5, 0.25]))
S_STAR, P_STAR = 0.5963300750, 0.6576789446  # THEORY.md section 3: Cauchy, hard_tanh, sigma_w = 1


# the stable density and mean field


def test_the_cauchy_density():
    x = np.geomspace(1e-12, 1e30, 200)
    np.testing.assert_allclose(stable_density(x, 1.0), 1.0 / (math.pi * (1.0 + x * x)), rtol=1e-10)
    middle = (x > 1e-9) & (x < 1e9)
    np.testing.assert_allclose(
        stable_density(x, 1.0)[middle], 1.0 / (math.pi * (1.0 + x[middle] ** 2)), rtol=2e-12
    )


@pytest.mark.parametrize("alpha", [0.5, 0.7, 1.5, 1.95])
def test_stable_means(alpha):
    """Mass 1, and E|Z|^r = 2^r Gamma((1 + r)/2) Gamma(1 - r/alpha)/(Gamma(1 - r/2) sqrt(pi)) for r < alpha."""
    z, weights = stable_nodes(alpha, 1.0)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    r = alpha / 3.0
    exact = (
        2**r
        * math.gamma((1 + r) / 2)
        * math.gamma(1 - r / alpha)
        / math.gamma(1 - r / 2)
        / math.sqrt(math.pi)
    )
    assert weights @ z**r == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.8, 1.3])
def test_the_stable_density_is_the_fourier_integral(alpha):
    for x in (0.2, 1.0, 4.0):
        integral = quad(
            lambda t: math.exp(-(t**alpha)), 0, 200, weight="cos", wvar=x, epsabs=1e-12, limit=500
        )
        assert stable_density(np.array([x]), alpha)[0] == pytest.approx(integral[0] / math.pi, rel=1e-8)


def cauchy(**others):
    return rj.Ensemble(
        **({"depth": 3, "width": 100, "activation": "hard_tanh", "weights": "cauchy"} | others)
    )


def test_the_mean_field_of_hard_tanh_under_cauchy_weights():
    field = rj.mean_field(cauchy())
    assert field.scale_star == pytest.approx(S_STAR, abs=1e-10)
    s = math.sqrt(2.0 / math.pi)  # E|x^0| of a Gaussian input of mean square 1
    for scale, opened in zip(field.scale, field.gate_open, strict=True):
        assert scale == pytest.approx(s, rel=1e-12)
        assert opened == pytest.approx(2.0 / math.pi * math.atan(1.0 / s), rel=1e-12)
        s = s / math.pi * math.log1p(1.0 / s**2) + 2.0 / math.pi * math.atan(s)
    stationary = stable_mean_field(cauchy(), "stationary")
    np.testing.assert_allclose(stationary.gate_open, P_STAR, rtol=1e-9)


def test_the_mean_field_of_another_alpha():
    """The fixed point by P(|Z| > y) = 1 - (2/pi) int sin(ty) exp(-t^alpha) dt/t, another route."""
    alpha = 1.5

    def tail(y):
        return (
            1.0
            - 2.0 / math.pi * quad(lambda t: math.sin(t * y) / t * math.exp(-(t**alpha)), 0, 12, limit=500)[0]
        )

    s = rj.mean_field(cauchy(weights="stable:1.5")).scale_star
    y = 1.0 / s
    inside = quad(lambda u: alpha * u ** (alpha - 1) * (tail(u) - tail(y)), 0, y)[0]
    assert s**alpha * inside + tail(y) == pytest.approx(s**alpha, rel=1e-8)


@pytest.mark.parametrize("sigma_w", [0.04, 0.06, 0.2])
def test_tiny_fixed_points(sigma_w):
    """1 = sigma_w [(1/pi) ln(1 + 1/s^2) + (2/pi) atan(s)/s], down to 1e-16."""
    s = rj.mean_field(cauchy(sigma_w=sigma_w)).scale_star
    layer = sigma_w / math.pi * (math.log1p(1.0 / s**2) + 2.0 * math.atan(s) / s)
    assert layer == pytest.approx(1.0, rel=1e-10)


def test_mean_fields_that_do_not_exist():
    field = rj.mean_field(cauchy(activation="relu"))
    assert np.isnan(field.scale[1:]).all()
    np.testing.assert_array_equal(field.gate_open, 0.5)
    assert "logarithm" in field.scale_star_reason
    assert rj.mean_field(cauchy(sigma_w=1e-3)).scale_star == 0.0  # it is e^-1570
    with pytest.raises(HeavyTailError, match="logarithm"):
        rj.spectral_law(cauchy(activation=["relu", "hard_tanh", "relu"]), gates="independent")
    with pytest.raises(HeavyTailError, match="no fixed point"):
        rj.spectral_law(
            cauchy(activation=["hard_tanh", "hard_tanh", "relu"]), q="stationary", gates="independent"
        )


# the functions


def exact_plain(alpha, p, gates):
    """a B_d(a) by mpmath, the ray turned towards -arg a."""
    beta, turn = mp.mpf(alpha) / 2, mp.expj(-mp.arg(p) * mp.mpf(alpha) / 2 / (1 + mp.mpf(alpha) / 2))

    def plain(a):
        return turn * mp.quad(lambda u: mp.exp(-a * turn * u - (turn * u) ** (1 / beta)), [0, 0.1, 1, 5, 40])

    sizes = [(mp.exp(alpha * log), mass) for log, mass in zip(gates.logs, gates.masses, strict=True)]
    return p * sum(mass * size * plain(size * p) for size, mass in sizes) / mp.gamma(1 + beta)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("gates", [OPEN, TWO])
def test_the_output_function(alpha, gates):
    function = StableFunction(alpha, gates, False)
    with mp.workdps(30):
        for size in (1e-4, 0.3, 0.69, 0.71, 2.0, 30.0, 1e3):
            for angle in (0.0, 0.3 * math.pi * alpha):
                exact = exact_plain(alpha, mp.mpc(mp.expj(angle)) * size, gates)
                value, _, rest = function(np.array([math.log(size) + 1j * angle]))
                assert abs(value[0] / complex(exact) - 1) < 1e-12
                limit = mp.mpf(gates.open) / mp.gamma(1 + mp.mpf(alpha) / 2)
                assert abs(rest[0] / complex(limit - exact) - 1) < 1e-11


def test_the_functions_of_cauchy_weights():
    """B = erfcx(a/2); Psi by int e^(-pu) (1 + 4u^2)^(-1/2) du."""
    p = np.array([1e-3, 0.5, 1.0, 3.0, 9.0, 50.0]) * np.exp(0.7j)
    value, _, _ = StableFunction(1.0, OPEN, False)(np.log(p))
    np.testing.assert_allclose(value, p * erfcx(p / 2), rtol=1e-14)
    value, _, rest = StableFunction(1.0, OPEN, True)(np.log(p))
    turn = np.exp(-0.7j)
    for q, found, left in zip(p, value, rest, strict=True):
        ends = [0, 0.01, 0.1, 1, 10, 100, 60 / abs(q) + 200]
        with mp.workdps(25):
            exact = (
                q
                * turn
                * mp.quad(lambda u, q=q: mp.exp(-q * turn * u) / mp.sqrt(1 + 4 * (turn * u) ** 2), ends)
            )
            exact /= mp.gamma(mp.mpf(3) / 2)
        assert abs(found / complex(exact) - 1) < 3e-13
        assert abs(left / complex(2 / mp.sqrt(mp.pi) - exact) - 1) < 3e-12


@settings(deadline=None, max_examples=30)
@given(
    st.floats(0.35, 1.9),
    st.booleans(),
    st.floats(-8.0, 12.0),
    st.floats(0.0, 0.45),
    st.sampled_from([OPEN, TWO]),
)
def test_derivatives_of_the_functions(alpha, inner, log_size, turn, gates):
    function, eta = StableFunction(alpha, gates, inner), np.array([log_size + 1j * math.pi * turn * alpha])
    step = 1e-5
    up, down = function(eta + step), function(eta - step)
    slope = (up[0] - down[0] if log_size < 0 else down[2] - up[2]) / (2 * step)
    _, exact, rest = function(eta)
    assert abs(slope - exact)[0] <= 1e-6 * abs(exact[0]) + 1e-9 * abs(rest[0])


# the laws


@pytest.mark.parametrize(
    ("depth", "at_1"), [(1, 0.2715416859691317), (2, 0.1634212878863675), (3, 0.118900453100264)]
)
def test_golden_densities_of_cauchy_products(depth, at_1):
    law = rj.stable_product_law(1.0, depth).of("singular_values")
    assert law.pdf(1.0) == pytest.approx(at_1, rel=1e-13)
    if depth == 1:
        assert law.pdf(0.5) == pytest.approx(0.485799176020428, rel=1e-13)
        assert law.pdf(1e-9) == pytest.approx(1.0, rel=1e-8)
    status = law.status(np.array([1.0]))
    assert (status.code == 0).all()
    assert abs(law.pdf(1.0) - at_1) < status.bound[0] < 1e-10


def test_singular_values_of_one_cauchy_matrix():
    """L = 1 has a closed form: with u = a/2, sqrt(pi) x u = -i erfcx(u), p = |Im(2 u erfcx(u))|/(x sqrt(pi))."""
    x = np.geomspace(1e-4, 1e4, 9)
    law = rj.stable_product_law(1.0, 1).of("singular_values")
    with mp.workdps(40):
        for point, found in zip(x, law.pdf(x), strict=True):
            start = mp.mpc(1, 1) / 2 if point > 0.1 else mp.sqrt(1j / (mp.pi * point))
            start = 1j / (mp.sqrt(mp.pi) * point) if point > 10 else start

            def equation(u, point=point):
                return mp.sqrt(mp.pi) * (-1j * point) * u - mp.exp(u * u) * mp.erfc(u)

            u = mp.findroot(equation, start)
            exact = abs(mp.im(2 * u * mp.exp(u * u) * mp.erfc(u))) / (point * mp.sqrt(mp.pi))
            assert found == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize(("depth", "above_4"), [(1, 0.1021), (2, 0.1321), (3, 0.1458)])
def test_golden_tails_of_independent_gates(depth, above_4):
    law = rj.stable_product_law(1.0, depth, gates=P_STAR)
    assert law.of("singular_values").sf(4.0) == pytest.approx(above_4, abs=5e-5)
    assert law.atoms[0] == pytest.approx([0.0, 1.0 - P_STAR])
    network = rj.spectral_law(cauchy(depth=depth), q="stationary", gates="independent")
    assert network.cdf(3.0) == pytest.approx(law.cdf(3.0), rel=1e-9)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.7])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_laws_are_whole(alpha, depth):
    law = rj.stable_product_law(alpha, depth).of("log_eigenvalues")
    u = np.array([1e-12, 1e-4, 0.3, 0.9, 1 - 1e-9])
    np.testing.assert_allclose(law.cdf(law.ppf(u)), u, rtol=1e-10)
    np.testing.assert_allclose(law.sf(law.ppf(u)), 1 - u, rtol=1e-7)
    edges = law.ppf(np.array([0.2, 0.8]))
    assert quad(law.pdf, *edges, epsabs=1e-12)[0] == pytest.approx(0.6, abs=1e-10)
    assert law.moment(0) == pytest.approx(1.0, abs=1e-10)


def test_moments_exist_below_the_tail_index_only():
    law = rj.stable_product_law(1.0, 2).of("singular_values")
    assert law.mean() == math.inf
    assert law.var() == math.inf
    assert law.of("eigenvalues").mean() == math.inf
    assert law.support.tolist() == [[0.0, math.inf]]
    assert law.edges.size == 0
    assert law.moment(0.9) < law.moment(0.95) < math.inf
    with pytest.raises(UnsupportedError, match="less close"):
        law.moment(0.999)
    assert rj.stable_product_law(1.5, 1).of("singular_values").mean() < math.inf
    half = quad(lambda t: law.of("log_singular_values").pdf(t) * math.exp(0.5 * t), -60, 120, limit=400)[0]
    assert law.moment(0.5) == pytest.approx(half, rel=1e-7)
    assert math.isfinite(law.of("log_eigenvalues").var())


def test_sigma_w_scales_the_law():
    one, other = rj.stable_product_law(1.3, 3), rj.stable_product_law(1.3, 3, sigma_w=2.0)
    x = np.geomspace(1e-3, 1e4, 7)
    np.testing.assert_allclose(other.cdf(64.0 * x), one.cdf(x), rtol=1e-10)


def test_alpha_2_is_fuss_catalan():
    x = np.linspace(0.1, 13.0, 9)
    exact = rj.fuss_catalan(2).pdf(x / 4.0) / 4.0  # entries of variance 2/n in each of two layers
    np.testing.assert_allclose(rj.stable_product_law(2.0, 2).pdf(x), exact, rtol=1e-9)


@pytest.mark.parametrize("side", ["output", "input"])
def test_rectangular_layers_that_differ_against_sampling(side):
    """The mass at 0 fluctuates as n^(-1/2) through the open units of the narrowest layer: compared off 0.

    40 networks: the distribution functions of the rest have a standard deviation of 0.002.
    """
    ens = rj.Ensemble(
        widths=[200, 300, 100, 150],
        activation=["hard_tanh", "relu", "linear"],
        weights="stable:1.5",
        sigma_w=[1.0, 0.8, 1.3],
    )
    law = rj.spectral_law(ens, gates="independent", side=side)
    sample = rj.sample_spectrum(ens, 40, 1, gates="independent", accuracy="relative").of_side(side)
    assert law.atoms[0, 1] == pytest.approx(0.75 if side == "input" else 2 / 3)
    logs, view = sample.log_singular_values, law.of("log_singular_values")
    for x in (-0.5, 0.0, 1.0, 2.0):
        assert np.mean(logs > x) == pytest.approx(view.sf(x), abs=0.012)
    wrong = rj.spectral_law(
        rj.Ensemble(
            widths=[150, 100, 300, 200],
            activation=["hard_tanh", "relu", "linear"],
            weights="stable:1.5",
            sigma_w=[1.0, 0.8, 1.3],
        ),
        gates="independent",
        side="input" if side == "output" else "output",
    ).of("log_singular_values")
    assert max(abs(np.mean(logs > x) - wrong.sf(x)) for x in (-0.5, 0.0, 1.0, 2.0)) > 0.012


def test_relu_networks_have_the_law_of_independent_gates():
    """Signs of h are independent of the weights up to signs of rows: true gates, sampled, fall on the same law."""
    ens = rj.Ensemble(depth=2, width=200, activation="relu", weights="cauchy")
    law = rj.spectral_law(ens)
    x = np.geomspace(0.01, 100.0, 5)
    np.testing.assert_allclose(law.cdf(x), rj.spectral_law(ens, gates="independent").cdf(x), rtol=1e-13)
    sample = rj.sample_spectrum(ens, 60, 2, accuracy="relative")
    view = law.of("log_singular_values")
    for t in (-2.0, 0.0, 2.0):
        assert np.mean(sample.log_singular_values > t) == pytest.approx(view.sf(t), abs=0.01)


def test_stationary_inputs_keep_the_scale():
    """Open units of every layer: 30 networks of 1,000 units, standard deviation 0.003."""
    sample = rj.sample_spectrum(cauchy(width=300), 100, 3, inputs="stationary", accuracy="eigenvalues")
    np.testing.assert_allclose(sample.gate_fractions.mean(axis=0), P_STAR, atol=0.015)
    drifting = rj.sample_spectrum(cauchy(width=300), 100, 3, accuracy="eigenvalues")
    assert abs(drifting.gate_fractions.mean(axis=0)[0] - P_STAR) > 0.05


def test_comparison_with_a_law_without_a_mean():
    ens = rj.Ensemble(depth=1, width=100, weights="cauchy")
    comparison = rj.compare(rj.spectral_law(ens), rj.sample_spectrum(ens, 20, 1))
    assert comparison.ks < 0.02
    assert comparison.wasserstein == math.inf
    assert comparison.mean_gap == comparison.edge_gap == -math.inf
    assert math.isnan(comparison.edge_p_value)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: rj.spectral_law(cauchy(weights="stable:1.5")), UnsupportedError, "depend on its weights"),
        (lambda: rj.spectral_law(cauchy(activation="relu", sigma_b=0.1)), UnsupportedError, "independent"),
        (lambda: rj.spectral_law(cauchy(), gates="independent", q=-1.0), ValueError, "> 0"),
        (lambda: rj.spectral_law(cauchy(), gates="independent", inputs="other"), ValueError, "stationary"),
        (lambda: rj.spectral_law(cauchy(), gates="independent", inputs=np.ones(7)), ValueError, r"\(100,\)"),
        (
            lambda: rj.realised_laws(cauchy(), rj.sample_spectrum(cauchy(), 2, 1)),
            UnsupportedError,
            "depend on",
        ),
        (lambda: rj.spectral_law(cauchy(), gates="independent", q=[1.0, 2.0]), ValueError, "one per layer"),
        (lambda: rj.spectral_law(cauchy(weights="stable:0.2"), gates="independent"), ValueError, "0.3"),
        (lambda: rj.spectral_law(cauchy(), method="banach", gates="independent"), HeavyTailError, "banach"),
        (lambda: rj.stable_product_law(0.3, 1), ValueError, "alpha"),
        (lambda: rj.stable_product_law(2.1, 1), ValueError, "alpha"),
        (lambda: rj.stable_product_law(1.0, 0), ValueError, "depth"),
        (lambda: rj.stable_product_law(1.0, 1, gates=1.5), ValueError, "gates"),
        (lambda: rj.stable_product_law(1.0, 1, gates=0.0), ValueError, "gates"),
    ],
)
def test_bad_input_says_which_condition_fails(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_all_gates_closed():
    law = rj.spectral_law(cauchy(depth=1), gates=[np.zeros(100)])
    assert law.atoms.tolist() == [[0.0, 1.0]]


def test_the_tail_index_is_that_of_the_distribution():
    law = rj.stable_product_law(1.5, 1)
    assert law.tail_index == pytest.approx(0.75)
    singular = law.of("singular_values")
    assert singular.tail_index == pytest.approx(1.5)
    slope = np.log(singular.sf(1e6) / singular.sf(1e5)) / np.log(10.0)
    assert slope == pytest.approx(-singular.tail_index, rel=1e-3)
    assert rj.fuss_catalan(2).tail_index == np.inf
    assert math.isnan(rj.fuss_catalan(2).tail_constant)


@pytest.mark.parametrize(("alpha", "gates"), [(0.7, 0.5), (1.0, None), (1.5, None)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_tail_constant_is_that_of_the_distribution(alpha, gates, depth):
    """With k = depth - 1, P(log lambda > t) e^(beta t)/t^k is off by O(log t/t): extrapolated from t and 2t."""
    law = rj.stable_product_law(alpha, depth, sigma_w=1.3, gates=gates).of("log_singular_values")
    k = law.tail_logarithms
    assert k == depth - 1
    t = np.array([100.0, 200.0])
    near, far = law.sf(t) * np.exp(law.tail_index * t) / (law.tail_constant * t**k)
    if depth == 1:
        assert far == pytest.approx(1.0, rel=1e-9)
    else:
        assert abs(far - 1.0) < 0.1
        assert abs(2.0 * far - near - 1.0) < 0.03


def test_the_tail_constant_of_other_layers():
    """Rectangular layers, relu and leaky gates, both sides: twice the logarithm, half the distance."""
    ens = rj.Ensemble(
        widths=[200, 300, 100],
        activation=["leaky_relu:0.5", "relu"],
        weights="stable:1.5",
        sigma_w=[1.2, 0.7],
    )
    for side in ("output", "input"):
        law = rj.spectral_law(ens, gates="independent", side=side).of("log_eigenvalues")
        t = np.array([200.0, 400.0])
        near, far = law.sf(t) * np.exp(law.tail_index * t) / (law.tail_constant * t)
        assert 2.0 * far - near == pytest.approx(1.0, abs=1e-3)
