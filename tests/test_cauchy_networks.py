"""Cauchy networks with their own gates: golden values, exact relations, sampling, and where the law is refused."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.errors import HeavyTailError, UnsupportedError
from rmtjac.model.activations import activation
from rmtjac.theory import cauchy_kernels
from rmtjac.theory.cauchy_inputs import stationary_sizes
from rmtjac.theory.cauchy_law import _March
from rmtjac.theory.cauchy_networks import (
    CauchyEquations,
    CauchyLayer,
    InputSizes,
    Resolution,
    extrapolated,
)
from tests.naive import cauchy as naive

S_STAR, P_STAR = 0.5963300750, 0.6576789446  # THEORY.md section 3
# HEAVY_TAILS.md, stationary hard_tanh: p(1), p(4), P(s > .5), P(s > 1), P(s > 4), error allowed of the last three
GOLDEN = {
    1: (0.27607323, 0.0103351, 0.42067, 0.22966, 0.02104, 1e-5),
    2: (0.1435769, 0.0120272, 0.27365, 0.16868, 0.03163, 1e-5),
    3: (0.0980995, 0.0110504, 0.21025, 0.13762, 0.03632, 7e-5),
}


def cauchy(**others):
    return rj.Ensemble(
        **({"depth": 2, "width": 100, "activation": "hard_tanh", "weights": "cauchy"} | others)
    )


@cache
def stationary(depth, side="output"):
    return rj.spectral_law(cauchy(depth=depth), inputs="stationary", side=side)


# the kernels


@pytest.mark.jit_off
def test_kernels_are_the_sums_they_say():
    rng = np.random.default_rng(1)
    forward = rng.random(7) + 0.5 + 1j * rng.standard_normal(7)
    v, weights, h, squares = rng.random(7), rng.random(7), rng.random(3), 4.0 * rng.random((3, 5))
    strengths = rng.random((3, 5)) + 1j * rng.random((3, 5))
    np.testing.assert_allclose(
        cauchy_kernels.gate_sums(forward, v, weights, h, squares),
        naive.gate_sums(forward, v, weights, h, squares),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        cauchy_kernels.backward_sums(forward, v, h, strengths, squares[0]),
        naive.backward_sums(forward, v, h, strengths, squares[0]),
        rtol=1e-12,
    )
    ours = cauchy_kernels.input_sums(h, weights[:3], v, forward, 1.0 - 0.5j)
    for one, other in zip(ours, naive.input_sums(h, weights[:3], v, forward, 1.0 - 0.5j), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.jit_off
def test_lagrange_matrix_is_exact_for_polynomials():
    nodes, weights = np.polynomial.legendre.leggauss(6)
    barycentric = (-1.0) ** np.arange(6) * np.sqrt((1.0 - nodes**2) * weights)
    points = np.array([-0.9, nodes[2], 0.3])
    matrix = cauchy_kernels.lagrange_matrix(nodes, barycentric, points)
    np.testing.assert_allclose(matrix @ nodes**5, points**5, atol=1e-14)


# one point


def hard_tanh_point(inputs, sigma, resolution=None, scale=S_STAR):
    layer = CauchyLayer(activation("hard_tanh"), 1.0, 1.0, scale)
    equations = CauchyEquations(inputs, [layer], resolution or Resolution())
    state = equations.solve(equations.cold_start(math.log(16.0)))
    for log_sigma in np.linspace(math.log(16.0), math.log(sigma), 9)[1:]:
        state = equations.solve(extrapolated([state], float(log_sigma)))
    return state


def test_gates_moved_by_the_bias_alone_are_independent():
    """All inputs but one in 10^6 are 0."""
    state = hard_tanh_point(InputSizes(np.array([0.5]), np.array([1e-6])), 1.0, scale=0.6)
    density = 2.0 / math.pi * state.trace.imag
    opened = 2.0 / math.pi * math.atan(1.0 / 0.6)
    closed_form = rj.stable_product_law(1.0, 1, gates=opened).of("singular_values")
    assert density == pytest.approx(closed_form.pdf(1.0), rel=1e-4)


def test_the_trace_is_the_same_at_input_and_output():
    sizes = InputSizes(np.array([0.3, 0.7]), np.array([0.5, 0.4]))  # a tenth of the inputs is 0
    state = hard_tanh_point(sizes, 1.0, scale=0.43)
    assert abs(state.gap) < 1e-4
    wrong = InputSizes(np.array([0.001]), np.ones(1))  # too small for the nodes
    assert abs(hard_tanh_point(wrong, 1.0, scale=0.6).gap) > 1e-2


def test_the_angle_and_the_number_of_nodes_do_not_matter():
    sizes = InputSizes(np.array([0.3, 1.0]), np.array([0.5, 0.5]))
    fine = hard_tanh_point(sizes, 1.0, scale=0.65)
    other = hard_tanh_point(sizes, 1.0, Resolution(56, 120, 32, 80, 0.35), scale=0.65)
    assert abs(fine.trace - other.trace) < 1e-6


# the laws


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_golden_values(depth):
    view = stationary(depth).of("singular_values")
    *density, half, one, four, error = GOLDEN[depth]
    np.testing.assert_allclose(view.pdf([1.0, 4.0]), density, rtol=1e-5)
    np.testing.assert_allclose(view.sf([0.5, 1.0, 4.0]), [half, one, four], atol=error)


def test_density_near_zero_of_two_layers():
    """A constant density of singular values: lambda^(1/2) for two layers and an atom."""
    law = stationary(2)
    assert law.of("singular_values").pdf(0.01) == pytest.approx(2.503406, rel=1e-5)
    assert law.of("log_eigenvalues")._spectrum.hard_edge_exponent == 0.5


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_atom_and_the_mass(depth):
    law = stationary(depth)
    np.testing.assert_allclose(law.atoms, [[0.0, 1.0 - P_STAR]], atol=1e-9)
    _, weights = law._spectrum.nodes
    _, below = law._spectrum.tail
    assert weights.sum().real + below == pytest.approx(P_STAR, abs=3e-6)
    assert law.cdf(math.inf) == pytest.approx(1.0, abs=3e-6)


def test_gaussian_inputs_have_a_sharp_lower_edge():
    """The default. Density of log lambda by hand from more nodes (96, 144, 60, 150), at two places by the edge."""
    law = rj.spectral_law(cauchy())
    opened = rj.mean_field(cauchy()).gate_open
    assert opened[0] < opened[1]
    np.testing.assert_allclose(law.atoms, [[0.0, 1.0 - opened[0]]], atol=1e-9)
    assert law.cdf(math.inf) == pytest.approx(1.0, abs=3e-6)
    t = 2.0 * np.array([-4.75, -5.0])
    np.testing.assert_allclose(law.of("log_eigenvalues").pdf(t), [7.4006e-3, 3.5643e-3], rtol=3e-3)


def test_the_tail_of_one_layer():
    """t^2 P(s > t) tends to (2/pi) times the density of x^0 at 0, 1/(pi s*)."""
    view = stationary(1).of("singular_values")
    exact = 2.0 / math.pi / (math.pi * S_STAR)
    assert exact == pytest.approx(0.3398, abs=1e-4)
    assert view.tail_constant == pytest.approx(exact, rel=1e-5)
    for t in (200.0, 1e4):
        assert t * t * view.sf(t) == pytest.approx(exact, rel=2e-3)
    assert view.moment(2.0) == math.inf


@pytest.mark.parametrize(("name", "gates"), [("tanh", 4.0 / 3.0), ("erf", math.sqrt(2.0))])
def test_tails_of_smooth_gates_are_known_to_their_bound(name, gates):
    """x^2 P(s > x) tends to (sigma_w/pi) times the density of x^0 at 0 times the integral of phi'^2."""
    view = rj.spectral_law(cauchy(depth=1, activation=name)).of("singular_values")
    exact = 1.0 / math.pi / math.sqrt(2.0 * math.pi) * gates
    for x in (1e3, 1e6):
        bound = view.status(x).bound / view.pdf(x)
        assert abs(x * x * view.sf(x) / exact - 1.0) < bound < 0.15
    assert view.tail_constant == pytest.approx(exact, rel=1e-3)


def test_the_tail_of_two_layers_has_a_logarithm():
    view = stationary(2).of("singular_values")
    slope = (view.sf(1e6) * 1e12 - view.sf(1e4) * 1e8) / math.log(1e2)
    exact = 4.0 / math.pi**3 / S_STAR
    assert slope == pytest.approx(exact, rel=0.1)
    assert (view.tail_logarithms, view.tail_constant) == (1, pytest.approx(exact, rel=1e-5))


def test_the_tail_constant_knows_the_scale_of_an_activation():
    """hard_tanh(2h) with weights of scale 1 is hard_tanh with weights of scale 2: so is the law."""
    steep = rj.Activation(
        "steep",
        lambda h: np.clip(2.0 * h, -1.0, 1.0),
        lambda h: 2.0 * (np.abs(h) < 0.5),
        range=(-1.0, 1.0),
        derivative_range=(0.0, 2.0),
    )
    one, other = (
        rj.spectral_law(cauchy(depth=2, activation=phi, sigma_w=sigma_w))
        for phi, sigma_w in ((steep, 1.0), ("hard_tanh", 2.0))
    )
    assert one.tail_constant == pytest.approx(other.tail_constant, rel=1e-3)
    assert one.sf(16.0) == pytest.approx(other.sf(16.0), rel=1e-3)


def test_five_layers_are_known_but_for_the_smallest():
    """Sampled: 400 networks of width 500, standard errors 6e-4, 5e-4 and 4e-4; four of these allowed."""
    law = stationary(5).of("singular_values")
    assert 1e-8 < law.known_from < 1e-6
    np.testing.assert_allclose(law.sf([0.25, 1.0, 4.0]), [0.19793, 0.10544, 0.03888], atol=2.4e-3)
    assert np.isnan(law.cdf(1e-9))
    assert law.atoms[0, 1] == pytest.approx(1.0 - P_STAR, abs=1e-9)


def test_both_sides_differ_by_the_atom_only():
    ens = cauchy(widths=[100, 50, 80], depth=None, width=None)
    output, inner = (rj.spectral_law(ens, side=side) for side in ("output", "input"))
    t = np.array([0.1, 1.0, 10.0])
    np.testing.assert_allclose(80.0 * output.sf(t), 100.0 * inner.sf(t), rtol=1e-9)
    gates = rj.mean_field(ens).gate_open
    assert inner.atoms[0, 1] == pytest.approx(1.0 - min(0.5 * gates[0], 0.8 * gates[1]), abs=1e-12)


def test_the_tanh_network_of_the_notes():
    """HEAVY_TAILS.md: sampled at width 1,000, standard error 1e-3; three of these allowed. x^0 = tanh(0.8 Z)."""
    tanh = activation("tanh")
    sizes = stationary_sizes(tanh, 0.8)
    layer = CauchyLayer(tanh, 1.5, 1.0, 1.5 * float(sizes.masses @ sizes.sizes) + 0.3)
    law = rj.SpectralLaw(_March(sizes, [layer]).spectrum(1.0), "tanh")
    np.testing.assert_allclose(
        law.of("singular_values").sf([0.05, 0.25, 1.0, 4.0]), [0.6798, 0.5078, 0.1950, 0.0174], atol=3e-3
    )
    assert not law.atoms.size
    assert law.status([1e-8, 1.0]).code.tolist() == [
        1,
        0,
    ]  # below the table the place of the mass is not known


def test_erf_networks_end_where_their_errors_do():
    """Below the end there is mass, an eighth to a third, but nothing is said of its place."""
    law = rj.spectral_law(cauchy(depth=1, activation="erf", sigma_w=1.5)).of("singular_values")
    assert 1e-4 < law.known_from < 1e-2
    assert law.status([1e-5, law.known_from, 0.05]).code.tolist() == [1, 0, 0]
    mass = law.cdf(law.known_from)
    assert 0.125 < mass < 0.34
    assert np.isnan([law.pdf(1e-5), law.cdf(1e-5), law.ppf(0.9 * mass), law.mean()]).all()
    _, weights = law._spectrum.nodes
    assert weights.sum().real == pytest.approx(1.0 - mass, abs=3e-6)
    assert law.cdf(math.inf) == pytest.approx(1.0, abs=1e-9)


def test_sampling_and_a_negative_control():
    """False alarms: 4 standard errors at 3 points of one run with a fixed seed, 2e-4; bias at N = 200 below 2e-3."""
    ens = cauchy(width=200)
    sample = rj.sample_spectrum(ens, 60, 11, inputs="stationary")
    t = np.array([0.3, 1.0, 4.0])
    shares = (np.asarray(sample.singular_values).reshape(60, -1, 1) > t).mean(axis=1)
    error = 4.0 * shares.std(axis=0) / math.sqrt(60) + 2e-3
    own = stationary(2).of("singular_values").sf(t)
    independent = rj.spectral_law(ens, q="stationary", gates="independent").of("singular_values").sf(t)
    assert (np.abs(shares.mean(axis=0) - own) < error).all()
    assert (np.abs(shares.mean(axis=0) - independent) > 3.0 * error).all()


def test_stationary_scales_are_stationary_inputs():
    law = rj.spectral_law(cauchy(depth=1), q="stationary")
    assert law.sf(1.0) == stationary(1).sf(1.0)


# what is refused


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: rj.spectral_law(cauchy(activation="sigmoid")), UnsupportedError, "odd"),
        (lambda: rj.spectral_law(cauchy(activation="gelu")), UnsupportedError, "bounded"),
        (lambda: rj.spectral_law(cauchy(weights="stable:1.5")), UnsupportedError, "Cauchy"),
        (lambda: rj.spectral_law(cauchy(), q=0.5), UnsupportedError, "q=0.5"),
        (lambda: rj.spectral_law(cauchy(), q="stationary", inputs=np.ones(100)), UnsupportedError, "inputs"),
        (lambda: rj.spectral_law(cauchy(), inputs="other"), ValueError, "stationary"),
        (lambda: rj.spectral_law(cauchy(), inputs=np.ones(7)), ValueError, r"\(100,\)"),
        (lambda: rj.spectral_law(cauchy(), inputs=np.zeros(100)), ValueError, "not all zero"),
        (lambda: rj.spectral_law(cauchy(), inputs=np.ones(100)), UnsupportedError, "population_spectrum"),
        (
            lambda: rj.spectral_law(cauchy(sigma_w=1e-3), inputs="stationary"),
            HeavyTailError,
            "no fixed point",
        ),
    ],
)
def test_bad_input_says_which_condition_fails(call, error, words):
    with pytest.raises(error, match=words):
        call()
