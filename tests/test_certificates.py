"""certify_contraction: the source's cases, bounds against sampled points, reasons, error bounds, regions, bad input."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.linkage.certificates.constants import best_weights, constants, least_norms
from tests.conftest import ACTIVATIONS

NORMS = {"inf": np.inf, "1": 1, "2": 2}

few = settings(max_examples=25, deadline=None)


def parabola(x):
    return (x**2 - 1) / 3


def coupled(x):
    return np.array([x[0] ** 2 / 4 + x[1] / 4, np.tanh(x[0] * x[1]) / 2])


def network(d, activation, seed=0, scale=0.4, depth=2):
    rng = np.random.default_rng(seed)
    weights = [scale * rng.standard_normal((d, d)) / np.sqrt(d) for _ in range(depth)]
    return rj.Network(weights, [0.2 * rng.standard_normal(d) for _ in range(depth)], activation)


def test_the_three_cases_of_theorem_a7():
    found = rj.certify_contraction(parabola, -1, 1)
    assert found.holds
    assert found.self_map
    assert 2 / 3 <= found.constant <= 2 / 3 + 1e-11
    assert (found.reason, found.refuted) == ("", False)
    point, error = found.fixed_point()
    assert abs(point - (3 - math.sqrt(13)) / 2) <= error <= 1e-14

    away = rj.certify_contraction(parabola, 3, 4)
    assert not away.holds
    assert away.refuted
    assert not away.self_map
    assert "not a self-map: the image of x = 3 is 2.66667, outside [3, 4]" in away.reason
    assert "constant 2.66667 >= 1: the norm of the derivative at x = 4" in away.reason

    power = rj.certify_contraction(lambda x: 3.0**-x, 0, 1)
    assert power.self_map  # a fixed point exists
    assert not power.holds
    assert power.refuted
    assert power.reason == f"constant {math.log(3):.6g} >= 1: the norm of the derivative at x = 0"


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-3, 3))
@few
def test_lemma_a8_a_quadratic_has_no_two_certified_points(a, b, c):
    roots = np.roots([a, b - 1, c]) if abs(a) > 1e-3 else np.empty(0)
    roots = roots.real[np.abs(np.imag(roots)) < 1e-12]
    if len(roots) < 2 or abs(roots[0] - roots[1]) < 1e-3:
        return
    found = rj.contraction_regions(lambda x: a * x**2 + b * x + c, points=roots, parts=16)
    assert len(found.regions) <= 1
    assert len(found.regions) + len(found.left_out) == 2


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["inf", "1", "2", "diagonal"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_bounds_hold_at_sampled_points_of_networks(activation, norm, d):
    net = network(d, activation, seed=d)
    ball = norm in ("1", "2")
    region = {"center": np.zeros(d), "radius": 1.5} if ball else {"lower": -1.5, "upper": 1.5}
    found = rj.certify_contraction(net, **region, norm=norm, parts=8)
    rng = np.random.default_rng(1)
    points = rng.uniform(-1.5, 1.5, (300, d))
    if ball:
        order = NORMS[norm]
        sizes = np.linalg.norm(points, order, axis=1, keepdims=True)
        points = np.where(sizes > 1.5, points * 1.5 / sizes, points)
    jacobians = net.jacobian(points)
    if norm == "diagonal":
        scaled = np.abs(jacobians) @ found.weights / found.weights
        norms = scaled.max(axis=1)
    else:
        norms = np.linalg.norm(jacobians, NORMS[norm], axis=(1, 2))
    assert norms.max() <= found.constant * (1 + 1e-12)
    images = net(points)
    assert (images >= found.image_lower - 1e-14).all()
    assert (images <= found.image_upper + 1e-14).all()
    assert not (found.holds and found.reason)
    if found.self_map:
        inside = (
            np.linalg.norm(images, NORMS[norm], axis=1) <= 1.5 if ball else np.abs(images).max(axis=1) <= 1.5
        )
        assert inside.all()


def test_split_bounds_approach_the_largest_norm():
    net = network(2, "tanh", scale=1.0)
    x = np.stack(np.meshgrid(*[np.linspace(-1, 1, 201)] * 2), axis=-1).reshape(-1, 2)
    for norm, order in NORMS.items():
        taken = np.linalg.norm(net.jacobian(x), order, axis=(1, 2)).max()
        found = rj.certify_contraction(net, -1, 1, norm=norm)
        assert found.holds
        assert taken <= found.constant <= 1.06 * taken


def test_both_slopes_count_at_a_kink():
    found = rj.certify_contraction(lambda x: abs(x) / 2, 0, 1)
    assert found.holds
    assert 0.5 <= found.constant <= 0.5 + 1e-11
    both = rj.certify_contraction(lambda x: np.maximum(x, 0) / 2 + np.minimum(x, 0) / 3, 0, 1)
    assert both.holds
    assert both.constant >= 0.5
    net = rj.Network([[[1.0]]], [[0.0]], "leaky_relu(2.0)")
    assert not rj.certify_contraction(net, 0.0, 1.0).constant < 2.0


def test_matrices_and_numbers_keep_their_shapes():
    a = np.array([[0.1, 0.2], [0.3, 0.1]])
    found = rj.certify_contraction(lambda X: 0.3 * a @ X @ X.T + a / 5, -np.ones((2, 2)), np.ones((2, 2)))
    assert found.holds
    assert found.lower.shape == found.image_upper.shape == found.fixed_point()[0].shape == (2, 2)
    x = found.fixed_point()[0]
    np.testing.assert_allclose(0.3 * a @ x @ x.T + a / 5, x, atol=1e-14)
    assert rj.certify_contraction(parabola, -1, 1).lower.shape == ()


def test_the_best_diagonal_weight_exists_where_no_plain_norm_contracts():
    matrix = np.array([[0.1, 5.0], [0.01, 0.2]])

    def f(x):
        return matrix @ np.tanh(x)

    region = {"center": [0.0, 0.0], "radius": 1.0}
    for norm in ("inf", "1", "2"):
        assert not rj.certify_contraction(f, **region, norm=norm).holds
    found = rj.certify_contraction(f, **region, norm="diagonal")
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    assert found.holds
    assert radius <= found.constant <= 1.001 * radius
    # only the ball of the weighted norm is mapped into itself, not the square
    assert (found.upper < 1.0).any()
    assert found.weights.max() == 1.0


@few
@given(st.integers(1, 6), st.integers(0, 10**6), st.floats(0.1, 3.0))
def test_best_weights_reach_the_spectral_radius(n, seed, scale):
    rng = np.random.default_rng(seed)
    sizes = scale * rng.random((n, n)) * (rng.random((n, n)) < 0.7)
    weights = best_weights(sizes)
    radius = np.abs(np.linalg.eigvals(sizes)).max()
    reached = ((sizes @ weights) / weights).max()
    assert (weights > 0).all()
    assert reached <= radius + 0.011 * max(1.0, sizes.sum())


@few
@given(st.integers(1, 5), st.integers(0, 10**6), st.sampled_from(["inf", "1", "2", "diagonal"]))
def test_constants_lie_above_and_least_norms_below_every_matrix(n, seed, norm):
    rng = np.random.default_rng(seed)
    centre, radius = rng.standard_normal((1, n, n)), rng.random((1, n, n)) * 10.0 ** rng.uniform(-8, 0)
    weights = rng.random(n) + 0.1 if norm == "diagonal" else None
    above = constants(centre, radius, norm, weights)[0]
    below = least_norms(centre, radius, norm)[0]
    for _ in range(20):
        a = (centre + radius * rng.uniform(-1, 1, centre.shape))[0]
        if norm == "diagonal":
            taken = (np.abs(a) @ weights / weights).max()
            assert below <= np.abs(np.linalg.eigvals(np.abs(a))).max() * (1 + 1e-12)
        else:
            taken = np.linalg.norm(a, NORMS[norm])
            assert below <= taken * (1 + 1e-12)
        assert taken <= above * (1 + 1e-14)


@pytest.mark.parametrize("norm", ["inf", "1", "2", "diagonal"])
def test_error_bounds_are_those_of_iteration(norm):
    found = rj.certify_contraction(coupled, center=[0.1, 0.1], radius=0.5, norm=norm)
    assert found.holds
    target, error = found.fixed_point()
    weights = found.weights if norm == "diagonal" else np.ones(2)

    def length(x):
        return np.linalg.norm(x / weights, NORMS.get(norm, np.inf))

    xs = [found.upper if norm in ("inf", "diagonal") else found.center + np.array([found.radius, 0.0])]
    for _ in range(8):
        xs.append(coupled(xs[-1]))
    errors = [length(x - target) for x in xs]
    first = length(xs[1] - xs[0])
    for n in range(1, 9):
        assert errors[n] <= found.per_step_error(errors[n - 1]) + error
        assert errors[n] <= found.a_priori_error(n, first) + error
        assert errors[n] <= found.a_priori_error(n) + error
        assert errors[n] <= found.a_posteriori_error(length(xs[n] - xs[n - 1])) + error
    count = found.iterations(1e-6)
    assert found.a_priori_error(count) <= 1e-6 < found.a_priori_error(count - 1)
    assert found.iterations(10.0) == 0


def test_a_ball_of_the_two_norm_is_enclosed_better_than_by_its_box():
    d = 100
    rng = np.random.default_rng(3)
    w = 0.4 * rng.standard_normal((d, d)) / np.sqrt(d)
    net = rj.Network([w], None, "tanh")
    ball = rj.certify_contraction(net, center=np.zeros(d), radius=0.5, norm=2)
    assert ball.holds
    assert ball.constant <= 1.1 * np.linalg.norm(w, 2)
    box = rj.certify_contraction(net, -0.5, 0.5, norm=2)
    assert box.constant > 1.1 * ball.constant
    assert box.image_upper.max() > 4 * ball.image_upper.max()


def test_activations_of_the_user_count_by_their_ranges():
    known = rj.Activation("sine", np.sin, np.cos, range=(-1, 1), derivative_range=(-1, 1))
    unknown = rj.Activation("sine", np.sin, np.cos)
    weights = [[[0.3, 0.2], [0.1, 0.4]]]
    found = rj.certify_contraction(rj.Network(weights, None, known), -1, 1)
    assert found.holds
    assert 0.5 <= found.constant <= 0.5 + 1e-9
    blind = rj.certify_contraction(rj.Network(weights, None, unknown), -1, 1)
    assert not blind.holds
    assert not blind.refuted
    assert "may not be defined" in blind.reason


def test_reasons_tell_refuted_from_not_proven():
    net = network(20, "gelu", scale=2.0, depth=3)
    found = rj.certify_contraction(net, -2, 2)
    assert not found.holds
    assert ("not proven to contract" in found.reason) or ("norm of the derivative at" in found.reason)
    root = rj.certify_contraction(lambda x: np.sqrt(x) / 2, 0, 1)
    assert not root.holds
    assert not root.refuted or "norm of the derivative" in root.reason
    logs = rj.certify_contraction(lambda x: np.log(x), -1, 1)
    assert not logs.holds
    assert not logs.self_map
    for undefined in (
        lambda x: np.tanh(np.sqrt(x)) / 2,
        lambda x: x / 2 + 0 * np.log(x * 0 - 1),
        lambda x: x / 3 + 0 / (x - x),
    ):
        hidden = rj.certify_contraction(undefined, -1, 1)
        assert not hidden.holds
        assert not hidden.self_map
    far = rj.certify_contraction(
        lambda x: x / 2 + np.array([9.0, 0.0]), center=[0.0, 0.0], radius=1.0, norm=2
    )
    assert "away from the centre, outside the ball of radius 1" in far.reason


def test_largest_radius_on_scalar_examples():
    for f, center, largest in (
        (parabola, (3 - math.sqrt(13)) / 2, 1.5 + (3 - math.sqrt(13)) / 2),
        (lambda x: 3 * x**2 - 2 * x**3, 0.0, (math.sqrt(5 / 3) - 1) / 2),
        (lambda x: np.exp(x) / 3, 0.619061286735945, math.log(3) - 0.619061286735945),
    ):
        found = rj.largest_certified_radius(f, center)
        assert found.holds
        assert 0.95 * largest <= found.radius <= largest * (1 + 1e-9)
    none = rj.largest_certified_radius(lambda x: 2 * x, 0.0)
    assert not none.holds
    assert "norm of the derivative" in none.reason


def test_theorem_41_regions_are_disjoint_and_each_draws_its_starts(tmp_path):
    ens = rj.Ensemble.self_map(
        n=2, width=10, depth=2, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
    )
    net = ens.sample(14)
    found = rj.contraction_regions(net)
    stable = rj.find_fixed_points(net)
    assert len(found.points) + len(found.left_out) == stable.stable.sum()
    assert len(found.regions) >= 2
    rng = np.random.default_rng(0)
    for region, point in zip(found.regions, found.points, strict=True):
        x = rng.uniform(region.lower, region.upper, (50, 2))
        for _ in range(region.iterations(1e-9)):
            x = net(x)
        np.testing.assert_allclose(x, np.broadcast_to(point, x.shape), atol=1e-8)
    for k, a in enumerate(found.regions):
        for b in found.regions[:k]:
            assert ((a.upper < b.lower) | (b.upper < a.lower)).any()
    assert np.array_equal(found.constants, [region.constant for region in found.regions])
    content = json.loads(found.save(tmp_path / "regions.json").read_text())
    assert len(content["regions"]) == len(found.regions)
    quiet = rj.contraction_regions(net, lower=50, upper=51)
    assert not quiet.regions
    with pytest.raises(ValueError, match="no region"):
        quiet.save(tmp_path / "none.json")


BAD = [
    ({}, "no region"),
    ({"lower": 0}, "no region"),
    ({"lower": 1, "upper": 0}, "box is empty"),
    ({"lower": 0, "upper": math.nan}, "not finite"),
    ({"lower": 0, "upper": 1, "center": 0}, "allowed is one of them"),
    ({"center": 0, "radius": -1}, "radius=-1"),
    ({"center": 0, "radius": math.inf}, "radius=inf"),
    ({"lower": 0, "upper": 1, "norm": 3}, "norm=3"),
    ({"lower": 0, "upper": 1, "norm": "fro"}, "norm='fro'"),
    ({"lower": 0, "upper": 1, "parts": 0}, "parts=0"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_regions(arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        rj.certify_contraction(parabola, **arguments)


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (3, TypeError, "f=3: allowed are"),
        (lambda x: x if x > 0 else -x, TypeError, "comparison"),
        (np.sin, TypeError, "np.sin"),
        (lambda x: np.stack([x, x]), ValueError, "returns shape"),
        (lambda x: "a", TypeError, "combines x with"),
        (lambda x: x * math.nan, TypeError, "nan"),
        (lambda x: x * math.inf, ValueError, "not finite"),
        (lambda x: None, TypeError, "None"),
        (lambda x: float(x), TypeError, "math module"),
        (lambda x: x * np.random.default_rng().random(), ValueError, "another thing each time"),
        (lambda x: 1j * x, TypeError, "1j"),
    ],
)
def test_bad_functions(f, error, words):
    with pytest.raises(error, match=words):
        rj.certify_contraction(f, -1, 1)


def test_bad_networks_and_saves(tmp_path):
    with pytest.raises(ValueError, match="as many outputs"):
        rj.certify_contraction(rj.Network([np.ones((2, 3))], None, "tanh"), -1, 1)
    with pytest.raises(ValueError, match="lower of shape"):
        rj.certify_contraction(network(3, "tanh"), [-1, -1], 1)
    away = rj.certify_contraction(parabola, 3, 4)
    with pytest.raises(ValueError, match="cannot be saved: not a self-map"):
        away.save(tmp_path / "x.json")
    with pytest.raises(ValueError, match="no bound without a certificate"):
        away.a_priori_error(3)
    found = rj.certify_contraction(parabola, -1, 1)
    with pytest.raises(ValueError, match="does not exist"):
        found.save(tmp_path / "nowhere" / "x.json")
    with pytest.raises(ValueError, match="tol=0"):
        found.iterations(0)
    with pytest.raises(ValueError, match="give the points"):
        rj.contraction_regions(parabola)
    with pytest.raises(ValueError, match="twice"):
        rj.contraction_regions(parabola, points=[0.1, 0.1])
    with pytest.raises(ValueError, match="read-only"):
        found.lower[...] = 3


def test_huge_and_tiny_regions_say_what_is_wrong():
    assert not rj.certify_contraction(parabola, -1e100, 1e100).holds
    assert rj.certify_contraction(lambda x: x / 2, -1e100, 1e100).holds
    tiny = rj.certify_contraction(lambda x: x / 2, -1e-300, 1e-300)
    assert tiny.constant >= 0.5
    assert not rj.certify_contraction(lambda x: np.exp(np.exp(np.exp(x))), 0, 100).holds
    constant = rj.certify_contraction(lambda x: x * 0 + 0.5, 0, 1)
    assert constant.holds
    assert constant.iterations(1e-12) == 1
    assert rj.certify_contraction(lambda x: [0.5, 0.25], [0, 0], [1, 1]).holds
