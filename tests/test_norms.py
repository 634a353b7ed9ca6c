"""Norms of Jacobians: NumPy's SVD, closed forms, finite differences, invariances, and bounds that hold."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.linkage.affine_bounds import bounded
from rmtjac.linkage.enclosures import _jacobians, weight_norms
from rmtjac.linkage.interval_matrices import norm_bound

NAMES = (
    "linear",
    "relu",
    "leaky_relu(0.2)",
    "hard_tanh",
    "erf",
    "tanh",
    "sigmoid",
    "gelu",
    "silu",
    "softplus",
)


def swish(h):
    return h / (1 + np.exp(-2 * h))


def swish_slope(h):
    gate = 1 / (1 + np.exp(-2 * h))
    return gate + 2 * h * gate * (1 - gate)


SWISH = rj.Activation("swish", swish, swish_slope)
nets = st.builds(
    lambda widths, name, seed: rj.Ensemble(widths=widths, activation=name, sigma_w=1.4, sigma_b=0.5).sample(
        seed
    ),
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    st.sampled_from((*NAMES, SWISH)),
    st.integers(0, 2**31),
)
self_maps = st.builds(
    lambda n, depth, name, law, seed: rj.Ensemble.self_map(
        n=n, width=7, depth=depth, activation=name, weights=law, sigma_w=1.5, sigma_b=0.5
    ).sample(seed),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from(NAMES),
    st.sampled_from(("gaussian", "cauchy")),
    st.integers(0, 2**31),
)


def points_of(net, count=17, seed=0):
    return np.random.default_rng(seed).uniform(-1.5, 1.5, (count, net.widths[0]))


# at points


@given(nets)
def test_norms_are_those_of_numpy(net):
    x = points_of(net)
    exact = np.linalg.svd(net.jacobian(x), compute_uv=False)[:, 0]
    np.testing.assert_allclose(rj.spectral_norm(net, x), exact, rtol=1e-12, atol=1e-15)


@given(self_maps)
def test_radii_are_those_of_numpy(net):
    x = points_of(net)
    exact = np.abs(np.linalg.eigvals(net.jacobian(x))).max(axis=1)
    # a double eigenvalue moves by the root of a rounding error
    scale = rj.spectral_norm(net, x)
    np.testing.assert_allclose(rj.spectral_radius(net, x), exact, rtol=1e-7, atol=2e-8 * scale.max())
    assert (rj.spectral_radius(net, x) <= rj.spectral_norm(net, x) * (1 + 1e-12)).all()


def test_many_points_in_any_shape():
    """More than a block of them."""
    net = rj.Ensemble.self_map(n=2, width=100, depth=3, activation="tanh").sample(1)
    x = np.random.default_rng(0).standard_normal((3, 500, 2))
    norms = rj.spectral_norm(net, x)
    assert norms.shape == (3, 500)
    exact = np.linalg.norm(net.jacobian(x), 2, axis=(-2, -1))
    np.testing.assert_allclose(norms, exact, rtol=1e-12)
    assert rj.spectral_norm(net, x[1, 7]) == pytest.approx(norms[1, 7], rel=1e-14)
    assert rj.spectral_norm(net, x[:0]).shape == (0, 500)


def test_norms_are_the_growth_of_finite_differences(rng):
    net = rj.Ensemble.self_map(n=2, width=30, depth=3, activation="tanh", sigma_w=1.5, sigma_b=0.3).sample(2)
    angle = np.linspace(0.0, np.pi, 20_001)
    step = 1e-5 * np.column_stack([np.cos(angle), np.sin(angle)])
    for x in rng.uniform(-1, 1, (5, 2)):
        growth = np.linalg.norm(net(x + step) - net(x - step), axis=1).max() / 2e-5
        assert rj.spectral_norm(net, x) == pytest.approx(growth, rel=1e-6)


def test_closed_forms():
    """2 x 2 matrices with known norm and radius; a rotation; a nilpotent matrix; sizes near the ends of the doubles."""
    for matrix, norm, radius in (
        ([[3.0, 0.0], [4.0, 5.0]], math.sqrt(45.0), 5.0),
        ([[0.0, -1.0], [1.0, 0.0]], 1.0, 1.0),
        ([[0.0, 7.0], [0.0, 0.0]], 7.0, 0.0),
        ([[1e200, 0.0], [0.0, -2e200]], 2e200, 2e200),
        ([[1e-200, 1e-200], [1e-200, 1e-200]], 2e-200, 2e-200),
        ([[0.0, 0.0], [0.0, 0.0]], 0.0, 0.0),
        ([[-2.5]], 2.5, 2.5),
        (np.diag([1.0, -3.0, 2.0]), 3.0, 3.0),
    ):
        net = rj.Network([matrix], None, "linear")
        x = np.ones(len(matrix))
        assert rj.spectral_norm(net, x) == pytest.approx(norm, rel=1e-14)
        assert rj.spectral_radius(net, x) == pytest.approx(radius, rel=1e-14)


def test_a_jacobian_beyond_the_doubles_is_nan():
    net = rj.Network([np.eye(2) * 1e200] * 2, None, "linear")
    assert np.isnan(rj.spectral_norm(net, [1.0, 1.0]))
    assert np.isnan(rj.spectral_radius(net, [1.0, 1.0]))
    assert rj.certified_norm_bound(net, -1.0, 1.0) == math.inf


@given(nets, st.integers(0, 2**31))
def test_invariances(net, seed):
    """Rotating the input, or permuting the hidden units, changes no norm; the radius is one of similar matrices."""
    rng = np.random.default_rng(seed)
    n = net.widths[0]
    rotation = np.linalg.qr(rng.standard_normal((n, n)))[0]
    x = points_of(net)
    rotated = rj.Network([net.weights[0] @ rotation.T, *net.weights[1:]], net.biases, net.activations)
    norms = rj.spectral_norm(net, x)
    np.testing.assert_allclose(rj.spectral_norm(rotated, x @ rotation.T), norms, rtol=1e-6, atol=1e-9)
    if len(net.weights) > 1:
        order = rng.permutation(net.widths[1])
        weights, biases = list(net.weights), list(net.biases)
        weights[:2], biases[0] = [weights[0][order], weights[1][:, order]], biases[0][order]
        permuted = rj.Network(weights, biases, net.activations)
        np.testing.assert_allclose(rj.spectral_norm(permuted, x), norms, rtol=1e-12, atol=1e-14)


def test_bad_input():
    wide = rj.Network([np.ones((3, 2))], None, "tanh")
    with pytest.raises(ValueError, match="2 inputs and 3 outputs"):
        rj.spectral_radius(wide, [0.0, 0.0])
    with pytest.raises(ValueError, match="allowed is"):
        rj.spectral_norm(wide, [0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="not finite"):
        rj.spectral_norm(wide, [0.0, math.nan])
    with pytest.raises(ValueError, match="empty"):
        rj.certified_norm_bound(wide, 1.0, -1.0)
    with pytest.raises(ValueError, match="empty"):
        rj.certified_norm_bound(wide, [0.0, 1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="boxes=0"):
        rj.certified_norm_bound(wide, -1.0, 1.0, boxes=0)
    with pytest.raises(ValueError, match="upper of shape"):
        rj.certified_norm_bound(wide, -1.0, [1.0, 1.0, 1.0])


# bounds


@given(self_maps, st.floats(-6, 0.5), st.integers(0, 2**31))
def test_certified_bounds_hold(net, log_half, seed):
    rng = np.random.default_rng(seed)
    centre, half = rng.uniform(-1, 1, net.widths[0]), 10.0**log_half * rng.uniform(0.1, 1, net.widths[0])
    x = centre + half * rng.uniform(-1, 1, (400, net.widths[0]))
    taken = rj.spectral_norm(net, x).max()
    anywhere = rj.product_of_norms(net)
    bounds = [rj.certified_norm_bound(net, centre - half, centre + half, boxes=k) for k in (1, 30)]
    assert taken * (1 - 1e-12) <= bounds[1] <= bounds[0] <= anywhere


@given(self_maps, st.floats(-6, 0.5), st.integers(0, 2**31))
def test_both_enclosures_of_jacobians_hold(net, log_half, seed):
    """Entry by entry, and column by column: each alone."""
    rng = np.random.default_rng(seed)
    lower = rng.uniform(-1, 1, (3, net.widths[0]))
    upper = lower + 10.0**log_half * rng.uniform(0.1, 1, lower.shape)
    found = _jacobians(bounded(net), weight_norms(net), lower, upper)
    centre, radius, column_centre, column_radius = found
    for _ in range(100):
        jacobians = net.jacobian(lower + (upper - lower) * rng.random(lower.shape))
        rounding = 1e-12 * np.abs(jacobians).max()
        assert (np.abs(jacobians - centre) <= radius + rounding).all()
        assert (np.linalg.norm(jacobians - column_centre, axis=1) <= column_radius + rounding).all()


def test_columns_are_better_in_wide_deep_maps():
    net = rj.Ensemble.self_map(n=2, width=100, depth=6, activation="tanh", sigma_w=1.2).sample(1)
    lower = np.zeros((1, 2))
    centre, radius, column_centre, column_radius = _jacobians(
        bounded(net), weight_norms(net), lower, lower + 0.1
    )
    by_entries, ball = norm_bound(centre, radius)[0], np.linalg.norm(column_radius)
    assert np.linalg.norm(column_centre[0], 2) + ball < 0.2 * by_entries


@pytest.mark.parametrize("name", ["hard_tanh", "tanh", "gelu", "softplus"])
def test_bounds_tend_to_the_supremum(name):
    net = rj.Ensemble.self_map(n=2, width=50, depth=2, activation=name, sigma_b=0.3).sample(3)
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 201)] * 2), -1)
    taken = rj.spectral_norm(net, grid).max()
    bounds = [rj.certified_norm_bound(net, -0.5, 0.5, boxes=k) for k in (1, 100, 3000)]
    assert taken <= bounds[2] < bounds[1] < bounds[0]
    # at a kink where several units meet, all their slopes are counted
    assert bounds[2] < (1.25 if name == "hard_tanh" else 1.02) * taken


def test_exact_suprema():
    """One layer 0.5 I with tanh: sup ||J|| is 0.5 where 0 is in the box, and 0.5 tanh'(0.5) on 1 <= x <= 2."""
    net = rj.Network([0.5 * np.eye(2)], None, "tanh")
    assert 0.5 <= rj.certified_norm_bound(net, -1.0, 1.0) < 0.5 + 1e-13
    assert rj.product_of_norms(net) == pytest.approx(0.5, rel=1e-13)
    at_one = 0.5 / math.cosh(0.5) ** 2
    assert at_one <= rj.certified_norm_bound(net, 1.0, 2.0, boxes=5000) < at_one * 1.002
    closed = rj.Network([np.eye(2)], [[5.0, 5.0]], "hard_tanh")
    assert rj.certified_norm_bound(closed, -1.0, 1.0) < 1e-100


def test_a_kink_counts_with_both_sides():
    """At 0 a relu network's J is 0 by convention, and no point of x <= 0 has another."""
    net = rj.Network([np.eye(2)], None, "relu")
    assert rj.spectral_norm(net, [0.0, 0.0]) == 0.0
    assert rj.certified_norm_bound(net, -1.0, 0.0) >= 1.0
    assert rj.certified_norm_bound(net, -1.0, -1e-3) < 1e-100


def test_bounds_of_other_activations():
    free = rj.Network([np.eye(2)], None, SWISH)
    assert rj.product_of_norms(free) == math.inf
    assert rj.certified_norm_bound(free, -1.0, 1.0) == math.inf
    known = rj.Activation("swish", swish, swish_slope, derivative_range=(-0.1, 1.1))
    net = rj.Network([2 * np.eye(2)], None, known)
    assert rj.certified_norm_bound(net, -1.0, 1.0) == pytest.approx(2.2)
    assert (
        rj.product_of_norms(rj.Network([np.zeros((2, 2)), np.eye(2)], None, [free.activations[0], "tanh"]))
        > 0
    )


@given(st.integers(1, 5), st.integers(1, 5), st.floats(-12, 1), st.integers(0, 2**31))
def test_norms_of_interval_matrices(m, n, log_radius, seed):
    rng = np.random.default_rng(seed)
    centre = rng.standard_normal((3, m, n)) * 10.0 ** rng.integers(-200, 200, (3, 1, 1))
    radius = 10.0**log_radius * rng.random((3, m, n)) * np.abs(centre).max(axis=(1, 2), keepdims=True)
    bounds = norm_bound(centre, radius)
    for _ in range(20):
        inside = centre + radius * rng.choice([-1.0, 1.0, 0.3], (3, m, n))
        norms = np.linalg.norm(inside, 2, axis=(1, 2))
        assert (norms <= bounds * (1 + 1e-15)).all()
    exact = np.linalg.norm(centre, 2, axis=(1, 2))
    assert (bounds <= (exact + np.sqrt(m * n) * radius.max(axis=(1, 2))) * (1 + 1e-12)).all()


def test_the_bound_of_an_exact_matrix_is_not_below_its_norm():
    """In rational numbers: 1.1^2 + 0.3^2 + ... of a row, whose norm no double holds."""
    for row in np.random.default_rng(0).standard_normal((200, 1, 5)):
        square = sum(Fraction(x) ** 2 for x in row[0])
        bound = Fraction(float(norm_bound(row[None], np.zeros((1, 1, 5)))[0]))
        assert square <= bound**2 <= square * (1 + Fraction(1, 10**13))


# the prediction


def test_the_top_edge_predicts_norms_of_wide_maps():
    """N = 100 at 30 inputs: within the finite-N band; at twice the scale far from it."""
    ens = rj.Ensemble(depth=3, width=100, activation="hard_tanh", sigma_w=1.2)
    net = ens.sample(1)
    x = np.random.default_rng(2).standard_normal((30, 100))
    x *= np.sqrt(100) / np.linalg.norm(x, axis=1, keepdims=True)
    found = rj.predict_norm(net, rj.spectral_law(ens), x)
    assert found.norms.shape == (30,)
    assert found.predicted == pytest.approx(rj.spectral_law(ens).edges[-1] ** 0.5)
    assert abs(np.mean(found.ratios) - 1.0) < 0.08
    wrong = rj.Network([2 * w for w in net.weights], net.biases, net.activations)
    assert abs(np.mean(rj.predict_norm(wrong, rj.spectral_law(ens), x).ratios) - 1.0) > 0.5
    with pytest.raises(ValueError, match="read-only"):
        found.norms[0] = 1.0


def test_typical_norms_are_no_supremum():
    """A linear map expands one direction whatever typical inputs do; here all norms are below 1, elsewhere not."""
    weights = np.diag(np.r_[3.0, np.full(59, 0.2)])
    net = rj.Network([weights], [np.full(60, 2.0)], "hard_tanh")
    x = 0.1 * np.random.default_rng(0).standard_normal((50, 60))
    assert rj.predict_norm(net, rj.marchenko_pastur(1.0), x).share_below_one == 1.0
    assert rj.spectral_norm(net, np.r_[-2.0 / 3.0, np.zeros(59)]) == pytest.approx(3.0)


def test_predictions_of_atoms_and_of_unbounded_laws():
    rotations = rj.Ensemble(depth=2, width=20, activation="hard_tanh", weights="orthogonal")
    law = rj.spectral_law(rotations, q=1.0)
    x = np.ones((2, 20))
    assert rj.predict_norm(rotations.sample(1), law, x).predicted == pytest.approx(1.0)
    cauchy = rj.stable_product_law(1.0, 2)
    assert rj.predict_norm(rotations.sample(1), cauchy, x).predicted == math.inf
    with pytest.raises(ValueError, match="allowed is"):
        rj.predict_norm(rotations.sample(1), law, x[0])
