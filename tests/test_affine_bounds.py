"""Bounds over boxes: sampled points, sampled Jacobians, exactness, and one Newton step against exact rationals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.linkage.affine_bounds import affine_image, bounded, jacobian_range
from rmtjac.linkage.newton_operator import inverse, newton_image, proven_point

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
boxes = st.tuples(
    st.sampled_from(NAMES), st.integers(1, 4), st.integers(0, 2**31), st.floats(-6.0, 0.5), st.integers(1, 3)
)


def case(name, depth, seed, log_size, n):
    """A network, a box, and points in it, its corners included."""
    rng = np.random.default_rng(seed)
    weights = "cauchy" if seed % 2 else "gaussian"
    net = rj.Ensemble.self_map(n, 30, depth, activation=name, weights=weights, sigma_b=0.3).sample(seed)
    centre, half = rng.standard_normal(n), 10**log_size * rng.uniform(0.1, 1.0, n)
    corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * n), axis=-1).reshape(-1, n)
    xi = np.concatenate([corners, rng.uniform(-1, 1, (200, n))])
    return net, centre, half, xi


@given(boxes)
@settings(deadline=None, max_examples=60)
def test_images_of_points_are_within_the_bounds(given_box):
    net, centre, half, xi = case(*given_box)
    image = affine_image(bounded(net), centre, half)
    x = centre + half * xi
    values, layers = net(x), np.concatenate(net.pre_activations(x), axis=1)
    assert (layers >= image.low).all()
    assert (layers <= image.high).all()
    # the affine part, the symbols as one radius
    affine = image.rows[0] + xi @ image.rows[1 : centre.size + 1]
    free = np.abs(image.rows[centre.size + 1 :]).sum(axis=0) + image.radius
    rounding = 1e-13 * (1.0 + np.abs(layers).max())  # of this line and of the network
    assert (np.abs(values - affine) <= free + rounding).all()
    assert (np.abs(values - image.rows[0]) <= image.reach + rounding).all()


@given(boxes)
@settings(deadline=None, max_examples=60)
def test_jacobians_and_chords_are_within_their_range(given_box):
    net, centre, half, xi = case(*given_box)
    flat = bounded(net)
    image = affine_image(flat, centre, half)
    middle, radius = jacobian_range(flat, image.low, image.high)
    jacobians = net.jacobian(centre + half * xi)
    rounding = 1e-13 * (1.0 + np.abs(jacobians).max())
    assert (np.abs(jacobians - middle) <= radius + rounding).all()


def test_on_one_linear_piece_the_bounds_are_exact():
    net = rj.Ensemble.self_map(2, 50, 4, activation="hard_tanh", weights="cauchy", sigma_b=0.1).sample(3)
    centre = np.array([0.123, -0.377])
    image = affine_image(bounded(net), centre, np.full(2, 1e-7))
    assert image.bent == 0
    np.testing.assert_allclose(image.rows[1:3].T / 1e-7, net.jacobian(centre), rtol=1e-9, atol=1e-12)
    assert image.radius.max() < 1e-12


def test_symbols_make_paths_cancel():
    """x - x through two tanh layers: interval arithmetic would give twice the width."""
    first, second = np.array([[1.0], [1.0]]), np.array([[1.0, -1.0]])
    net = rj.Network([first, second], None, ["tanh", "linear"])
    image = affine_image(bounded(net), np.zeros(1), np.ones(1))
    free = np.abs(image.rows[2:]).sum() + image.radius.sum()
    assert image.reach[0] <= free + 1e-12
    assert abs(image.rows[1, 0]) < 1e-12


def test_the_inverse_and_its_pivots():
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((5, 5))
    np.testing.assert_allclose(inverse(matrix) @ matrix, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(inverse(np.array([[0.0, 2.0], [1.0, 0.0]])), [[0.0, 1.0], [0.5, 0.0]])
    assert np.isnan(inverse(np.array([[1.0, 2.0], [2.0, 4.0]]))).all()


def test_the_newton_operator_of_a_line():
    """x = a x + b: its fixed point b/(1 - a), to rounding, from any box that holds it."""
    net = rj.Network([[[0.25]]], [[1.5]], "linear")
    centre, half = np.array([1.0]), np.array([3.0])
    middle, spread = newton_image(affine_image(bounded(net), centre, half), centre, half)
    assert abs(centre[0] + half[0] * middle[0] - 2.0) <= half[0] * spread[0] < 1e-13


@pytest.mark.parametrize(("half", "holds"), [(0.2, True), (1.0, True), (0.01, False)])
def test_proofs_need_the_point_in_the_box(half, holds):
    net = rj.Network([[[0.5]]], [[0.1]], "tanh")
    proven, point, error = proven_point(bounded(net), np.array([0.1]), np.array([half]))
    assert proven == holds
    if holds:
        assert abs(np.tanh(0.5 * point[0] + 0.1) - point[0]) <= 2 * error[0]


def test_two_points_in_a_box_are_not_proven_to_be_one():
    net = rj.Network([[[3.0]]], None, "tanh")
    assert not proven_point(bounded(net), np.zeros(1), np.ones(1))[0]
