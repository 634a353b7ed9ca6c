"""From a network to its law: reference values, golden numbers, exact moments, invariances, refusals."""

import math
import warnings

import numpy as np
import pytest
from conftest import case_law, case_name, law_of, read_data
from hypothesis import given
from hypothesis import strategies as st
from naive.power_series import moments

import rmtjac as rj

CASES = read_data("gates.json")["cases"]
WEIGHTS = st.sampled_from(["gaussian", "orthogonal"])
Q = st.floats(0.01, 10.0)
SIGMA = st.floats(0.5, 3.0)


def gate_laws(ens, q):
    laws = [a.gate_law(v) for a, v in zip(ens.activations, np.broadcast_to(q, ens.depth), strict=True)]
    return [(law.values, law.masses) for law in laws]


# Reference values


@pytest.mark.parametrize(
    "table", read_data("fuss_catalan.json")["tables"], ids=lambda t: f"depth {t['depth']}"
)
def test_linear_densities_are_the_mpmath_values(table):
    """The issue's figure on all 2,000 points of a depth: median 1e-13, 1e-10 away from the edge, eps/(1-x) near it."""
    depth = table["depth"]
    lam, exact = np.array(table["lam_density"]).T
    distance = np.concatenate([np.full(1000, 0.5), np.geomspace(0.5, 1e-14, 1000)])
    error = np.abs(law_of("linear", depth).pdf(lam) / exact - 1.0)
    near = distance < 1e-4
    assert np.median(error) <= 1e-13
    assert error[~near].max() <= 1e-10
    # the grid's distance is rounded to a multiple of eps
    assert (error[near] <= 20 * depth * 2.22e-16 / distance[near]).all()


def test_a_wrong_depth_fails_the_same_tolerance():
    """Negative control: with one layer more no point agrees."""
    lam, exact = np.array(read_data("fuss_catalan.json")["tables"][2]["lam_density"]).T
    error = np.abs(law_of("linear", 4).pdf(lam) / exact - 1.0)
    assert np.median(error) > 1e-3


def test_log_densities_at_depth_10_000_are_the_mpmath_values():
    table = read_data("deep.json")
    t, exact = np.array(table["rows"]).T
    law = law_of("linear", table["depth"]).of("log_eigenvalues")
    error = np.abs(law.logpdf(t) - exact)
    far = t < 9.0
    assert error[far].max() <= 1e-11
    bound = law.status(t).bound / law.pdf(t)
    assert (error[~far] <= bound[~far]).all()


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_densities_and_masses_are_the_mpmath_values(case):
    law = case_law(case)
    lam, density, above = np.array([[float(x) for x in row] for row in case["rows"]]).reshape(-1, 3).T
    assert law.pdf(lam) * lam == pytest.approx(density, rel=1e-9)
    assert law.sf(lam) == pytest.approx(above, rel=1e-8, abs=1e-13)
    assert law.cdf(lam) == pytest.approx(1.0 - above, abs=1e-12)
    assert (np.abs(law.pdf(lam) * lam - density) <= law.status(lam).bound * lam + 1e-16).all()
    for k, moment in enumerate(case["moments"], 1):
        assert law.moment(k) == pytest.approx(float(moment), rel=1e-9)
    if case["atom"]:
        assert law.atoms[-1] == pytest.approx([float(x) for x in case["atom"]], rel=1e-12)


# Golden numbers of THEORY.md section 2


@pytest.mark.parametrize(
    ("depth", "density"),
    [
        (1, 0.2756644477108962),
        (2, 0.1789791274880285),
        (3, 0.1368777991756355),
        (5, 0.0956543236011748),
        (10, 0.0565658196123541),
    ],
)
def test_golden_fuss_catalan(depth, density):
    assert law_of("linear", depth).pdf(1.0) == pytest.approx(density, rel=1e-14)


def test_golden_hard_tanh_gaussian():
    law = law_of("hard_tanh", 2)
    assert law.pdf([0.1, 0.5]) == pytest.approx([0.9036573012, 0.2648310125], abs=6e-11)
    assert law.edges == pytest.approx([4.1008959522], abs=6e-11)


def test_golden_hard_tanh_orthogonal():
    law = law_of("hard_tanh", 2, "orthogonal")
    assert law.pdf([0.1, 0.5]) == pytest.approx([0.4895907357, 0.2725216733], abs=6e-11)
    assert law.atoms == pytest.approx(np.array([[0.0, 0.3173105079], [1.0, 0.3653789843]]), abs=6e-11)
    assert law.edges == pytest.approx([0.8664981979], abs=6e-11)


@pytest.mark.parametrize(("depth", "edge"), [(1, 5.828427), (5, 27.272773), (10, 54.410859)])
def test_golden_critical_relu(depth, edge):
    law = law_of("relu", depth, "gaussian", 1.0, math.sqrt(2.0))
    assert law.edges[-1] == pytest.approx(edge, abs=6e-7)
    assert law.mean() == pytest.approx(1.0, rel=1e-12)
    assert law.var() == pytest.approx(2 * depth, rel=1e-12)
    assert law.atoms == pytest.approx(np.array([[0.0, 0.5]]))


# Exact averages


@given(
    activation=st.sampled_from(["linear", "relu", "leaky_relu(0.05)", "leaky_relu(0.5)", "hard_tanh"]),
    weights=WEIGHTS,
    depth=st.integers(1, 20),
    q=Q,
    sigma_w=SIGMA,
)
def test_moments_are_the_power_series_of_the_equation(activation, weights, depth, q, sigma_w):
    ens = rj.Ensemble(depth=depth, activation=activation, weights=weights, sigma_w=sigma_w)
    law = rj.spectral_law(ens, q=q)
    exact = moments(gate_laws(ens, q), ens.sigma_w, weights == "orthogonal", 4)
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)
    for k in range(1, 5):
        assert law.moment(k) == pytest.approx(exact[k - 1], rel=1e-9)


@given(weights=WEIGHTS, qs=st.lists(Q, min_size=2, max_size=6), sigma_w=SIGMA)
def test_moments_of_layers_that_differ(weights, qs, sigma_w):
    ens = rj.Ensemble(depth=len(qs), activation="hard_tanh", weights=weights, sigma_w=sigma_w)
    law = rj.spectral_law(ens, q=qs)
    exact = moments(gate_laws(ens, qs), ens.sigma_w, weights == "orthogonal", 4)
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)
    assert [law.moment(k) for k in range(1, 5)] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu(0.4)", "hard_tanh"])
@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_mass_of_the_density_by_an_independent_quadrature(activation, weights):
    """tanh-sinh in log lambda from the public pdf: knows no node, no root, no closed-form mass."""
    law = law_of(activation, 4, weights, 1.5, 1.2).of("log_eigenvalues")
    total = law.atoms[:, 1].sum()
    for low, high in law.support:
        low = max(low, high - 250.0)
        s = np.linspace(-4.0, 4.0, 4001)
        y = 0.5 * np.pi * np.sinh(s)
        rate = (high - low) * 0.25 * np.pi * np.cosh(s) / np.cosh(y) ** 2
        t = high - (high - low) / (1.0 + np.exp(2.0 * y))
        total += float(law.pdf(t) @ rate) * (s[1] - s[0])
    assert total == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize(("weights", "shift"), [("gaussian", 1.0), ("orthogonal", 0.0)])
@pytest.mark.parametrize("activation", ["linear", "leaky_relu(0.2)", "leaky_relu(0.9)"])
@pytest.mark.parametrize("depth", [1, 2, 7, 1000])
def test_log_moment(weights, shift, activation, depth):
    """sum_l [log sigma^2 - c + E log phi'^2], c = 1 for independent entries and 0 for Haar."""
    slope = 1.0 if activation == "linear" else float(activation[11:-1])
    sigma_w = 1.1
    exact = depth * (2 * math.log(sigma_w) - shift + math.log(slope))
    law = law_of(activation, depth, weights, 1.0, sigma_w)
    assert law.log_moment() == pytest.approx(exact, rel=1e-11, abs=1e-12)
    assert law.of("log_eigenvalues").mean() == pytest.approx(exact, rel=1e-11, abs=1e-12)
    assert law.of("singular_values").log_moment() == pytest.approx(exact / 2, rel=1e-11, abs=1e-12)


# Invariances


@given(weights=WEIGHTS, depth=st.integers(1, 8), sigma_w=st.floats(0.1, 10.0), q=Q)
def test_sigma_w_scales_lambda(weights, depth, sigma_w, q):
    one = law_of("hard_tanh", depth, weights, q).of("log_eigenvalues")
    scaled = law_of("hard_tanh", depth, weights, q, sigma_w).of("log_eigenvalues")
    shift = 2 * depth * math.log(sigma_w)
    u = one.cdf(-np.inf) + (one.sf(-np.inf)) * np.array([0.01, 0.2, 0.6])
    t = one.ppf(u)
    assert scaled.edges == pytest.approx(one.edges + shift, abs=1e-12)
    assert scaled.logpdf(t + shift) == pytest.approx(one.logpdf(t), abs=1e-9, nan_ok=True)


@given(
    weights=WEIGHTS,
    activation=st.sampled_from(["linear", "relu", "leaky_relu(0.3)", "hard_tanh"]),
    depth=st.integers(2, 9),
)
def test_s_transforms_multiply(weights, activation, depth):
    one, all_layers = (law_of(activation, d, weights, 2.0, 1.2) for d in (1, depth))
    w = np.array([-0.3, -0.01, 1e-6, 0.1, 1.0, 30.0])
    assert all_layers.s_transform(w) == pytest.approx(one.s_transform(w) ** depth, rel=1e-11)


@given(qs=st.lists(Q, min_size=3, max_size=6, unique=True), weights=WEIGHTS, seed=st.integers(0, 100))
def test_layers_may_be_permuted(qs, weights, seed):
    other = tuple(np.random.default_rng(seed).permutation(qs))
    laws = [law_of("hard_tanh", len(qs), weights, order) for order in (tuple(qs), other)]
    u = np.linspace(0.0, 1.0, 9)
    # sums over layers in another order: rounding
    assert laws[0].ppf(u) == pytest.approx(laws[1].ppf(u), rel=1e-11)


def test_gates_given_as_values_are_their_law():
    gates = [np.array([1.0, 1.0, 0.0, 1.0])] * 3
    ens = rj.Ensemble(depth=3, activation="hard_tanh", width=40)
    direct = rj.spectral_law(ens, gates=gates)
    twice = rj.spectral_law(ens, gates=[np.repeat(g, 2) for g in gates])
    x = np.linspace(0.01, 5.0, 20)
    assert np.array_equal(direct.pdf(x), twice.pdf(x))
    half = rj.spectral_law(ens, gates=[np.array([0.0, 1.0])] * 3)
    assert half.pdf(x) == pytest.approx(law_of("relu", 3).pdf(x), rel=1e-12)


@given(seed=st.integers(0, 1000), weights=WEIGHTS)
def test_realised_gates_of_many_values_are_their_law(seed, weights):
    """Every layer with its own values: mass, moments and the zero mass."""
    rng = np.random.default_rng(seed)
    gates = [np.round(rng.uniform(0.0, 1.0, 4), 2) * (rng.uniform(size=4) < 0.8) for _ in range(2)]
    if min(np.count_nonzero(g) for g in gates) < 2:
        return
    ens = rj.Ensemble(depth=2, activation="hard_tanh", weights=weights, width=40, sigma_w=1.3)
    law = rj.spectral_law(ens, gates=gates)
    values = [np.unique(g[g > 0.0], return_counts=True) for g in gates]
    exact = moments([(v, c / 4.0) for v, c in values], ens.sigma_w, weights == "orthogonal", 3)
    assert [law.moment(k) for k in range(4)] == pytest.approx([1.0, *exact], rel=1e-9)
    closed = max(np.mean(g == 0.0) for g in gates)
    assert law.cdf(0.0) == pytest.approx(closed, abs=1e-14)


def test_splitting_a_gate_value_changes_nothing():
    """Two gate values an ulp apart are one: the equation must not see the difference."""
    ens = rj.Ensemble(depth=3, activation="leaky_relu(0.5)", width=40)
    x = np.linspace(0.05, 5.0, 30)
    split = rj.spectral_law(ens, gates=[[0.25, 0.25, 1.0, np.nextafter(1.0, 0.0)]] * 3)
    assert split.pdf(x) == pytest.approx(law_of("leaky_relu(0.5)", 3).pdf(x), rel=1e-10)


def test_nearly_tied_open_probabilities_are_a_small_change():
    tied = law_of("hard_tanh", 3, "gaussian", 1.0)
    nearly = law_of("hard_tanh", 3, "gaussian", (1.0, 1.0 + 1e-13, 1.0 - 1e-13))
    x = np.geomspace(1e-6, 5.0, 40)
    assert nearly.pdf(x) == pytest.approx(tied.pdf(x), rel=1e-9)
    assert nearly.edges[-1] == pytest.approx(tied.edges[-1], rel=1e-12)


def test_gaussian_class_weights_share_one_law():
    x = np.linspace(0.1, 4.0, 9)
    for weights in ("uniform", "rademacher", "student_t:5"):
        assert np.array_equal(law_of("relu", 2, weights).pdf(x), law_of("relu", 2).pdf(x))


# Orthogonal weights


def test_linear_orthogonal_networks_have_one_singular_value():
    law = law_of("linear", 3, "orthogonal", 1.0, 2.0)
    assert law.atoms == pytest.approx(np.array([[64.0, 1.0]]))
    assert law.support.shape == (0, 2)
    assert law.mean() == pytest.approx(64.0)
    assert law.var() == pytest.approx(0.0, abs=1e-9)
    assert np.array_equal(law.cdf([63.9, law.atoms[0, 0], 64.1]), [0.0, 1.0, 1.0])
    assert law.pdf(64.0) == 0.0


@pytest.mark.parametrize(
    ("activation", "atoms"),
    [("relu", [[0.0, 0.5], [4.0, 0.5]]), ("leaky_relu(0.5)", [[1.0, 0.5], [4.0, 0.5]])],
)
def test_one_orthogonal_layer_is_the_law_of_its_gates(activation, atoms):
    law = law_of(activation, 1, "orthogonal", 1.0, 2.0)
    assert law.atoms == pytest.approx(np.array(atoms))
    assert law.support.shape == (0, 2)
    assert law.ppf([0.2, 0.5, 0.500001, 1.0]) == pytest.approx([atoms[0][0], atoms[0][0], 4.0, 4.0])


def test_two_orthogonal_relu_layers_are_the_arcsine_law():
    """pdf 1/(2 pi sqrt(x (1 - x))) with half the mass at 0; the edge 1 is no critical point."""
    law = law_of("relu", 2, "orthogonal")
    x = np.array([1e-200, 1e-9, 0.1, 0.5, 0.9, 1.0 - 1e-6])
    assert law.pdf(x) == pytest.approx(1.0 / (2.0 * math.pi * np.sqrt(x * (1.0 - x))), rel=1e-9)
    assert law.cdf(x) == pytest.approx(0.5 + np.arcsin(np.sqrt(x)) / math.pi, rel=1e-9)
    assert law.edges == pytest.approx([1.0], rel=1e-15)
    assert np.array_equal(law.atoms, [[0.0, 0.5]])


@pytest.mark.parametrize("slope", [0.1, 0.5, 0.9])
def test_two_orthogonal_leaky_layers_end_at_the_products_of_the_gates(slope):
    """Two projections in general position: lam/(slope^2) + slope^2/lam runs between its extremes, arcsine."""
    law = law_of(f"leaky_relu({slope})", 2, "orthogonal")
    a = slope**2
    assert law.edges == pytest.approx([a**2, 1.0], rel=1e-12)
    # two-by-two blocks, determinant a^2 and trace lam + a^2/lam = 2 a + (1 - a)^2 c, c arcsine on (0, 1)
    x = np.array([a**2 * 1.05, 0.5 * (a + a**2), 0.5 * (1.0 + a), 0.97])
    c = (x + a * a / x - 2.0 * a) / (1.0 - a) ** 2
    density = 0.5 / (math.pi * np.sqrt(c * (1.0 - c))) * np.abs(1.0 - a * a / x**2) / (1.0 - a) ** 2
    assert law.pdf(x) == pytest.approx(density, rel=1e-9)


# Extremes


@pytest.mark.parametrize("q", [1e-3, 1e-2, 1e2])
@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("depth", [1, 2, 10])
def test_extreme_q(q, weights, depth):
    law = law_of("hard_tanh", depth, weights, q)
    ens = rj.Ensemble(depth=depth, activation="hard_tanh", weights=weights)
    exact = moments(gate_laws(ens, q), ens.sigma_w, weights == "orthogonal", 2)
    assert [law.moment(k) for k in (0, 1, 2)] == pytest.approx([1.0, *exact], rel=1e-9)
    u = np.linspace(0.01, 0.99, 9)
    assert (law.cdf(law.ppf(u)) >= u - 1e-9).all()


def test_small_q_is_linear_down_to_the_probability_of_a_closed_gate():
    """q = 0.001: a gate is closed with probability 1e-219; above that scale the law is that of a linear network."""
    t = np.array([-500.0, -100.0, 0.0, 1.0])
    assert law_of("hard_tanh", 2, "gaussian", 1e-3).of("log_eigenvalues").logpdf(t) == pytest.approx(
        law_of("linear", 2).of("log_eigenvalues").logpdf(t), abs=1e-10
    )


@pytest.mark.parametrize("sigma_w", [1e-100, 1e-3, 1e3, 1e100])
def test_extreme_sigma_w_is_exact_in_log_lambda(sigma_w):
    one, law = (law_of("relu", 3, "gaussian", 1.0, s).of("log_eigenvalues") for s in (1.0, sigma_w))
    shift = 6.0 * math.log(sigma_w)
    t = np.array([-5.0, 0.0, 1.0])
    assert law.pdf(t + shift) == pytest.approx(one.pdf(t), rel=1e-10)


@pytest.mark.parametrize("activation", ["linear", "relu", "hard_tanh", "leaky_relu(0.1)"])
@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_depth_10_000_is_finite_and_complete(activation, weights):
    if (activation, weights) == ("linear", "orthogonal"):
        pytest.skip("an atom")
    law = law_of(activation, 10_000, weights).of("log_eigenvalues")
    assert law.moment(0) == pytest.approx(1.0, abs=1e-10)
    high = law.support[-1, 1]
    t = np.array([high - 1e-3, high - 1.0, high - 100.0])
    assert np.isfinite(law.logpdf(t)).all()
    assert (law.status(t).code == 0).all()


@pytest.mark.parametrize("slope", [1.0 - 1e-5, 1.0 - 1e-7])
def test_leaky_gates_that_are_nearly_linear(slope):
    law = law_of(f"leaky_relu({slope!r})", 3, "orthogonal")
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)


def test_a_layer_that_almost_never_closes():
    law = law_of("hard_tanh", 2, "orthogonal", (0.0108, 1.05))
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)


# What is refused


def ensemble(**kwargs):
    return rj.Ensemble(**{"depth": 2, "activation": "hard_tanh", "width": 40} | kwargs)


@pytest.mark.parametrize(
    ("q", "allowed"),
    [
        (0.0, "> 0"),
        (-1.0, "> 0"),
        (math.nan, "finite"),
        (math.inf, "finite"),
        ([1.0, 2.0, 3.0], "one per layer"),
        ([1.0, -2.0], "> 0"),
        ([[1.0, 2.0]], "one per layer"),
        ("nonsense", "stationary"),
    ],
)
def test_q_outside_its_range(q, allowed):
    with pytest.raises(ValueError, match=r"^q=.*") as caught:
        rj.spectral_law(ensemble(), q=q)
    assert allowed in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "gates", ["nonsense", [], [np.ones(4)], [np.ones(4), []], [np.ones(4), [-1.0]], [np.ones(4), [math.nan]]]
)
def test_gates_outside_their_range(gates):
    with pytest.raises(ValueError, match=r"^gates") as caught:
        rj.spectral_law(ensemble(), gates=gates)
    assert "allowed" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_heavy_tails_say_why_the_paper_has_no_equation():
    with pytest.raises(rj.HeavyTailError, match=r"cauchy.*finite variance"):
        rj.spectral_law(ensemble(weights="cauchy"), method="banach")


def test_orthogonal_weights_between_different_widths_are_refused():
    with pytest.raises(rj.UnsupportedError, match=r"orthogonal.*equal widths"):
        rj.spectral_law(rj.Ensemble(widths=[20, 30, 20], weights="orthogonal"))


@pytest.mark.parametrize("widths", [[19, 30], [30, 19, 30]])
def test_a_small_width_is_warned_of(widths):
    with pytest.warns(UserWarning, match=r"width 19: .*below 20"):
        rj.spectral_law(rj.Ensemble(widths=widths))


def test_no_width_from_twenty_on_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rj.spectral_law(rj.Ensemble(widths=[20, 30]))


def test_unknown_side_is_refused():
    with pytest.raises(ValueError, match=r"side='middle'.*output.*input"):
        rj.spectral_law(ensemble(), side="middle")


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"method='magic'.*newton"):
        rj.spectral_law(ensemble(), method="magic")


@pytest.mark.parametrize(
    "argument", [{"q": ["a", "b"]}, {"gates": None}, {"gates": 5}, {"gates": [["a"], ["b"]]}]
)
def test_what_is_no_number_is_refused_by_name(argument):
    with pytest.raises((ValueError, TypeError), match=f"^{next(iter(argument))}"):
        rj.spectral_law(ensemble(), **argument)


def test_all_gates_closed_is_all_zeros():
    law = rj.spectral_law(ensemble(), gates=[np.zeros(4), np.ones(4)])
    assert np.array_equal(law.atoms, [[0.0, 1.0]])
