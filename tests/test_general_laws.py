"""Laws of smooth and of differing layers against independent references: roots by mpmath, moments as power series."""

import math
import random
from itertools import permutations

import numpy as np
import pytest
from conftest import law_of, read_data
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import rmtjac as rj
from rmtjac.model.activations import activation as as_activation
from validation.moments import moments_of_network
from validation.networks import HARD, SMOOTH, Network, mixed_network

LAWS = read_data("smooth_laws.json")
SMOOTH_Q = st.floats(0.05, 8.0)
EPS = 2.3e-16


def identical_law(case, q=None):
    q = case["q"] if q is None else q
    return law_of(case["activation"], case["depth"], case["weights"], q, case["sigma_w"])


def identical_name(case):
    return f"{case['activation']}-{case['weights']}-{case['depth']}"


def density_error(case, law):
    """Relative errors of the densities, over what is allowed: 1e-9, and the conditioning of a root next to an edge."""
    lam, density, _ = np.array(case["rows"], dtype=float).T
    room = 1.0 - lam / float(case["edge"])
    allowed = np.maximum(1e-9 * (room >= 1e-2), 20.0 * case["depth"] * EPS / room)
    return np.abs(law.pdf(lam) / density - 1.0) / allowed


# Identical layers: tests/data/smooth_laws.json


@pytest.mark.parametrize("case", LAWS["identical"], ids=identical_name)
def test_smooth_densities_and_masses_are_the_reference_values(case):
    law = identical_law(case)
    lam, density, above = np.array(case["rows"], dtype=float).T
    assert density_error(case, law).max() <= 1.0
    assert (np.abs(law.pdf(lam) - density) <= law.status(lam).bound).all()
    assert not law.status(lam).code.any()
    room = 1.0 - lam / float(case["edge"])
    assert (np.abs(law.sf(lam) / above - 1.0) <= np.maximum(1e-9, 60.0 * case["depth"] * EPS / room)).all()


@pytest.mark.parametrize("case", LAWS["identical"], ids=identical_name)
def test_smooth_edges_are_the_reference_values(case):
    edge, exact = identical_law(case).edges[-1], float(case["edge"])
    if case["activation"] == "softplus":
        # its largest gates are beyond 38.5 standard deviations: the law ends where the density is below 1e-300
        assert 0.95 * exact < edge < exact * (1.0 + 1e-12)
    else:
        assert edge == pytest.approx(exact, rel=1e-12)


def test_another_q_fails_the_same_tolerance():
    case = LAWS["identical"][0]
    assert density_error(case, identical_law(case, case["q"] * (1.0 + 1e-8))).max() > 1.0


# Layers that differ


def mixed_law(case, side):
    layers = case["layers"]
    ens = rj.Ensemble(
        widths=[10 * n for n in case["widths"]],
        activation=[layer["activation"] for layer in layers],
        sigma_w=[layer["sigma_w"] for layer in layers],
        weights=case["weights"],
    )
    return rj.spectral_law(ens, q=[layer["q"] for layer in layers], side=side)


@pytest.mark.parametrize(
    "case", LAWS["mixed"], ids=lambda case: "-".join(x["activation"] for x in case["layers"])
)
def test_densities_of_layers_that_differ_are_the_reference_values(case):
    lam, outer, inner, above = np.array(case["rows"], dtype=float).T
    output, input_ = mixed_law(case, "output"), mixed_law(case, "input")
    assert output.pdf(lam) == pytest.approx(outer, rel=1e-9)
    assert input_.pdf(lam) == pytest.approx(inner, rel=1e-9)
    assert input_.sf(lam) == pytest.approx(above, rel=1e-9)
    assert (np.abs(input_.pdf(lam) - inner) <= input_.status(lam).bound).all()


def assert_moments(network):
    exact = dict(zip(("input", "output"), moments_of_network(network, 4), strict=True))
    for side, moments in exact.items():
        law = network.law(side)
        found = [law.moment(k) for k in range(5)]
        assert found == pytest.approx([float(m) for m in moments], rel=1e-8), side


@pytest.mark.parametrize("seed", range(6))
def test_moments_of_random_networks_are_the_power_series(seed):
    """Rectangular with independent entries, square and orthogonal: zero mass and atoms are in them."""
    rng = random.Random(seed)
    haar = seed % 3 == 2
    assert_moments(mixed_network(rng, (*SMOOTH, *HARD), depth=(2, 5), haar=haar))


@settings(max_examples=8)
@given(
    activations=st.lists(
        st.sampled_from(["erf", "silu", "relu", "hard_tanh", "leaky_relu(0.2)"]), min_size=2, max_size=4
    ),
    data=st.data(),
)
def test_moments_of_any_network_are_the_power_series(activations, data):
    count = len(activations)
    q = data.draw(st.lists(SMOOTH_Q, min_size=count, max_size=count))
    sigma_w = data.draw(st.lists(st.floats(0.3, 3.0), min_size=count, max_size=count))
    widths = data.draw(st.lists(st.integers(20, 500), min_size=count + 1, max_size=count + 1))
    layers = [
        {"activation": a, "q": x, "sigma_w": s} for a, x, s in zip(activations, q, sigma_w, strict=True)
    ]
    assert_moments(Network(layers, widths))


def test_a_wrong_width_fails_the_moments():
    layers = [
        {"activation": "erf", "q": 1.0, "sigma_w": 1.0},
        {"activation": "relu", "q": 1.0, "sigma_w": 1.0},
    ]
    wrong = moments_of_network(Network(layers, [100, 100, 100]), 2)[1][2]
    assert Network(layers, [100, 101, 100]).law().moment(2) != pytest.approx(float(wrong), rel=1e-8)


# Invariances


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_smooth_layers_may_be_permuted(weights):
    layers = [("erf", 0.5, 1.1), ("gelu", 1.0, 1.7), ("hard_tanh", 2.0, 0.9)]
    lam = np.geomspace(1e-6, 1.0, 20)
    laws = [
        law_of(a, 3, weights, q, s)
        for a, q, s in (zip(*order, strict=True) for order in permutations(layers))
    ]
    exact = laws[0].pdf(lam)
    for law in laws[1:]:
        assert law.pdf(lam) == pytest.approx(exact, rel=1e-11)
        assert law.edges == pytest.approx(laws[0].edges, rel=1e-12)


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_s_transforms_of_different_activations_multiply(weights):
    w = np.array([-0.4, -0.1, 0.3, 2.0])
    layers = [("erf", 0.5), ("gelu", 1.0), ("tanh", 2.0)]
    product = np.prod([law_of(a, 1, weights, q).s_transform(w) for a, q in layers], axis=0)
    activations, q = zip(*layers, strict=True)
    assert law_of(activations, 3, weights, q).s_transform(w) == pytest.approx(product, rel=1e-12)


@given(activation=st.sampled_from(SMOOTH), q=SMOOTH_Q, sigma_w=st.floats(1e-3, 1e3))
def test_sigma_w_scales_the_law_of_smooth_layers(activation, q, sigma_w):
    one, scaled = (law_of(activation, 2, "gaussian", q, s) for s in (1.0, sigma_w))
    assert scaled.edges == pytest.approx(one.edges * sigma_w**4, rel=1e-12)
    u = np.array([0.2, 0.5, 0.9])
    assert scaled.ppf(u) == pytest.approx(one.ppf(u) * sigma_w**4, rel=1e-9)


def test_equal_layers_are_one_layer_repeated():
    """An own function with the values of a built-in: the same gates by another route, in a group of their own."""
    own = rj.Activation("mine", np.tanh, lambda h: 1.0 / np.cosh(np.clip(h, -350.0, 350.0)) ** 2)
    ens = [rj.Ensemble(depth=2, activation=a) for a in (["tanh", "tanh"], ["tanh", own])]
    lam = np.geomspace(1e-4, 0.9, 15)
    one, two = (rj.spectral_law(e, q=0.7).pdf(lam) for e in ens)
    assert two == pytest.approx(one, rel=1e-10)


def test_sides_are_transposed_networks():
    """J^T J of a network is J J^T of the reversed one, gates moved one layer on: linear gates may stay."""
    there = law_of("linear", None, "gaussian", 1.0, 1.0, (60, 90, 40), "input")
    scale = 40.0 / 60.0  # variances are 1/fan-in, not 1/fan-out
    back = law_of("linear", None, "gaussian", 1.0, 1.0, (40, 90, 60), "output")
    lam = np.array([0.1, 0.5, 1.0])
    assert there.pdf(lam) == pytest.approx(back.pdf(lam / scale) / scale, rel=1e-11)


# The hard edge


@pytest.mark.parametrize(
    ("activations", "q", "inverse_exponents"),
    [
        # P(phi'^2 < k) ~ k^a with a = 1/(4 q) for tanh, erf (up to logarithms), 1/2 where phi' crosses 0
        (("linear", "linear"), 1.0, (1.0, 1.0)),
        (("gelu",), 1.0, (2.0,)),
        (("gelu", "silu", "gelu"), 1.0, (2.0, 2.0, 2.0)),
        (("gelu", "leaky_relu(0.3)", "sigmoid"), 1.0, (2.0, 1.0, 1.0)),
        (("silu", "silu"), 0.2, (2.0, 2.0)),
    ],
)
def test_the_exponent_at_the_hard_edge_follows_from_the_small_gates(activations, q, inverse_exponents):
    """The density falls like lambda^(exponent - 1), 1/(1 + sum max(1, 1/a)): from mass and density far down."""
    law = law_of(activations, len(activations), "gaussian", q)
    exponent = 1.0 / (1.0 + sum(inverse_exponents))
    t = np.array([-60.0, -60.0 - 6.0 / exponent])
    logs = law.of("log_eigenvalues").logpdf(t)
    assert (logs[0] - logs[1]) / (t[0] - t[1]) == pytest.approx(exponent, rel=0.02)


def test_a_layer_with_units_to_spare_does_not_count():
    """Only the narrowest layers make the hard edge."""
    law = law_of(("gelu", "linear"), None, "gaussian", 1.0, 1.0, (40, 90, 40), "input")
    t = np.array([-60.0, -80.0])
    logs = law.of("log_eigenvalues").logpdf(t)
    assert (logs[0] - logs[1]) / (t[0] - t[1]) == pytest.approx(0.5, rel=0.02)


# Groups


def test_the_cost_follows_the_number_of_distinct_layers():
    """A thousand layers of two kinds have two unknowns."""
    law = law_of(("erf", "gelu") * 500, 1000, "gaussian", 1.0, 1.2)
    assert law._spectrum.equation.counts.tolist() == [500.0, 500.0]
    assert law.moment(0) == pytest.approx(1.0, abs=1e-10)
    assert not law.status(law.ppf([0.5, 0.9])).code.any()


@given(q=SMOOTH_Q, depth=st.integers(1, 12), activation=st.sampled_from(SMOOTH))
def test_masses_of_smooth_laws_are_whole(q, depth, activation):
    law = law_of(activation, depth, "orthogonal", q)
    assert law.moment(0) == pytest.approx(1.0, abs=1e-10)
    t = law.ppf(np.linspace(0.05, 0.95, 7))
    assert law.cdf(t) + law.sf(t) == pytest.approx(1.0, abs=1e-12)
    assert law.cdf(t) == pytest.approx(np.linspace(0.05, 0.95, 7), abs=1e-9)
    assert math.isfinite(law.log_moment())


# What broke once


@pytest.mark.parametrize(
    ("activations", "q", "mean"),
    [
        (("leaky_relu(0.01)", "leaky_relu(-0.3)"), 1.0, 0.50005 * 0.545),
        (("tanh", "hard_tanh"), (1.0, 0.05), None),
        (("erf", "tanh", "hard_tanh"), (1.0, 1.0, 0.02), None),
        (("leaky_relu(0.01)", "sigmoid"), (1.0, 0.026), None),
        (("erf", "erf", "hard_tanh"), (0.141, 0.138, 0.688), None),
        (("silu", "tanh", "hard_tanh", "linear"), (1.05, 12.3, 0.02, 42.4), None),
    ],
)
def test_orthogonal_layers_that_differ_keep_their_mass_and_mean(activations, q, mean):
    """Unknowns at poles, turning points of the reference, tails in which no root is found."""
    law = law_of(activations, len(activations), "orthogonal", q)
    qs = q if isinstance(q, tuple) else (q,) * len(activations)
    exact = mean or math.prod(
        as_activation(a).gate_law(x).moment(1) for a, x in zip(activations, qs, strict=True)
    )
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)
    assert law.mean() == pytest.approx(exact, rel=1e-9)


def test_more_than_one_atom_survives():
    """Atoms 1 (mass p) and 1, slope^2 (half each): both products keep p - 1/2."""
    law = law_of(("hard_tanh", "leaky_relu(0.617)"), 2, "orthogonal", 0.867)
    opened = math.erf(1.0 / math.sqrt(2.0 * 0.867))
    expected = [[0.0, 1.0 - opened], [0.617**2, opened - 0.5], [1.0, opened - 0.5]]
    assert law.atoms == pytest.approx(np.array(expected), rel=1e-12)


@pytest.mark.parametrize("depth", [1, 2])
def test_inverse_moments_of_orthogonal_layers_that_close_quickly(depth):
    """E 1/lambda = (E cosh^4)^L for tanh: no power of lambda is left at 0."""
    law = law_of("tanh", depth, "orthogonal", 1.0)
    # cosh^4 h = (3 + 4 cosh 2h + cosh 4h)/8, E cosh(a h) = e^(a^2/2); the tail below 1e-20 is left out
    exact = ((3.0 + 4.0 * math.exp(2.0) + math.exp(8.0)) / 8.0) ** depth
    assert law.moment(-1) == pytest.approx(exact, rel=1e-8)
    assert law.stieltjes(0.0) == pytest.approx(exact, rel=1e-8)
    assert law.pdf(0.0) == 0.0


def test_quantiles_on_both_sides_of_an_atom_inside_the_spectrum():
    """gelu' is 1 to rounding far out: an atom of mass 4e-11 inside the gate law."""
    law = law_of("gelu", 1, "orthogonal", 2.0)
    u = np.linspace(0.05, 0.95, 7)
    assert law.cdf(law.ppf(u)) == pytest.approx(u, abs=1e-10)


@pytest.mark.parametrize("q", [0.8, 1.0, 1.1])
def test_gates_that_go_to_zero_leave_a_hard_edge(q):
    assert law_of("erf", 1, "gaussian", q).support[0, 0] == 0.0
    assert law_of("erf", 1, "gaussian", q).pdf(0.0) == math.inf


def test_bounds_next_to_the_top_gate():
    """k = sech^4: the density of t = log k is 2 n(h)/(4 tanh h) at h = arcosh e^(-t/4)."""
    law = law_of("tanh", 1, "orthogonal", 0.5).of("log_eigenvalues")
    t = -np.geomspace(1e-8, 4e-16, 500)
    h = np.sqrt(-t / 2.0) * (1.0 - t / 24.0)
    exact = 2.0 * np.exp(-h * h) / math.sqrt(math.pi) / (4.0 * np.tanh(h))
    assert (np.abs(law.pdf(t) - exact) <= law.status(t).bound + 1e-7 * exact).all()


def test_rounding_in_a_users_slope_is_no_kink():
    """1 - tanh^2 has no digits where it is small."""
    own = rj.Activation("own tanh", np.tanh, lambda h: 1.0 - np.tanh(h) ** 2)
    law, exact = (rj.spectral_law(rj.Ensemble(depth=2, activation=a), q=1.0) for a in (own, "tanh"))
    lam = np.geomspace(1e-3, 2.0, 10)
    assert law.pdf(lam) == pytest.approx(exact.pdf(lam), rel=1e-9)
    assert law.edges == pytest.approx(exact.edges, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "derivative"), [(np.exp, np.exp), (np.square, lambda h: 2.0 * h), (np.sinh, np.cosh)]
)
def test_unbounded_slopes_are_refused(value, derivative):
    ens = rj.Ensemble(depth=1, activation=rj.Activation("unbounded", value, derivative))
    with pytest.raises(rj.UnsupportedError, match="no largest value"):
        rj.spectral_law(ens, q=1.0)


def test_gates_beyond_the_doubles_are_refused():
    with pytest.raises(ValueError, match="allowed is a smaller q"):
        law_of("erf", 1, "gaussian", 1000.0)


@pytest.mark.parametrize("sigma_w", [1.0, 1.7])
def test_one_orthogonal_layer_of_realised_gates_is_those_gates(sigma_w):
    """It once had a continuous part beside its atoms, and twice their mean."""
    gates = np.array([0.9, 0.3, 0.0, 0.3, 0.01, 0.5])
    ens = rj.Ensemble(depth=1, width=30, weights="orthogonal", activation="tanh", sigma_w=sigma_w)
    law = rj.spectral_law(ens, gates=[gates])
    assert law.support.shape == (0, 2)
    eigenvalues = sigma_w**2 * gates
    np.testing.assert_allclose(law.atoms[:, 0], np.unique(eigenvalues), rtol=1e-14)
    np.testing.assert_allclose(law.atoms[:, 1] * 6, [1, 1, 2, 1, 1], rtol=1e-14)
    for k in range(4):
        assert law.moment(k) == pytest.approx(np.mean(eigenvalues**k), rel=1e-13)
    assert law.var() == pytest.approx(eigenvalues.var(), rel=1e-12)
    for x in (0.0, 0.1, 0.3 * sigma_w**2, 5.0):
        assert law.cdf(x) == pytest.approx(np.mean(eigenvalues <= x * (1 + 1e-12)))
        assert law.sf(x) == pytest.approx(np.mean(eigenvalues > x * (1 + 1e-12)))
    z = np.array([1.0 + 0.3j, -2.0, 0.2 - 1e-3j])
    np.testing.assert_allclose(law.stieltjes(z), (1.0 / (eigenvalues - z[:, None])).mean(axis=1), rtol=1e-13)
    u = np.linspace(0.01, 0.99, 37)
    np.testing.assert_allclose(law.ppf(u), np.sort(eigenvalues)[np.ceil(6 * u).astype(int) - 1], rtol=1e-14)
    w = -0.5
    assert law.s_transform(w) == pytest.approx(_s_transform_of(eigenvalues, w), rel=1e-10)
    assert (law.status(np.array([0.0, 0.1, 2.0])).bound == 0.0).all()


def _s_transform_of(eigenvalues, w):
    """(1 + w)/(w z) at the z < 0 with mean of lambda/(z - lambda) = w."""
    z = brentq(lambda z: np.mean(eigenvalues / (z - eigenvalues)) - w, -1e6, -1e-9, xtol=1e-15, rtol=1e-14)
    return (1 + w) / (w * z)


def test_a_gap_inside_the_spectrum_is_no_end_of_it():
    """Next to a gap at a probe of the ends no root is found: once all above it, 15/16 of the law, was cut off."""
    first = [2.0041733337912017e-04, 4.4256708090698246e-03, 1.7561629037544456e-02, 3.2291934613202310e-02]
    first += [7.0325832607412514e-02, 9.7266457981824303e-02, 1.3990108009115471e-01, 2.0346234289693893e-01]
    first += [2.7458701595589274e-01, 3.7333502516040501e-01, 4.8546308129020677e-01, 6.1699034414856424e-01]
    first += [7.2027509394073130e-01, 8.7817894386741191e-01, 9.4918753497961272e-01, 9.9539409839306237e-01]
    second = [0.00786642828496798, 0.01478610206713256, 0.0205785934775708, 0.02651276676158148]
    second += [0.03359204236279077, 0.03844804870621291, 0.04289774359071757, 0.04553597111479055]
    second += [0.04972207052915296, 0.05288279465789801, 0.05558364757000755, 0.05785894902540212]
    second += [0.06014063501756808, 0.06150165047017763, 0.0622012315489886, 0.06248529113067833]
    third = np.repeat([0.262**2, 1.0], [197, 206])
    ens = rj.Ensemble(depth=3, width=403, activation="tanh", weights="orthogonal")
    law = rj.spectral_law(ens, gates=[np.array(first), np.array(second), third])
    assert law.moment(0) == pytest.approx(1.0, abs=1e-12)
    assert law.mean() == pytest.approx(np.mean(first) * np.mean(second) * third.mean(), rel=1e-12)
    assert law.cdf(law.edges[-1]) == pytest.approx(1.0, abs=1e-12)
    assert law.support.shape[0] > 1
