"""Fixed points: known maps, brute force, the index sum, kinks and continua, and proofs that must fail."""

import itertools
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.errors import UnsupportedError
from rmtjac.linkage import kinks
from validation.brute_force import fixed_points as by_brute_force

CAUCHY = {"weights": "cauchy", "sigma_b": "as_weights"}


def drawn(depth, seed, activation="hard_tanh", width=100, n=2):
    return rj.Ensemble.self_map(n, width, depth, activation=activation, **CAUCHY).sample(seed)


@pytest.mark.parametrize("method", ["boxes", "patterns"])
def test_twice_the_identity_has_nine(method):
    found = rj.find_fixed_points(rj.Network([2 * np.eye(2)], None, "hard_tanh"), method=method)
    assert found.complete
    np.testing.assert_allclose(found.points, list(itertools.product((-1, 0, 1), repeat=2)), atol=1e-15)
    assert found.index.tolist() == [1, -1, 1, -1, 1, -1, 1, -1, 1]
    assert found.stable.tolist() == [True, False, True, False, False, False, True, False, True]
    assert found.index_sum == found.due_index_sum == 1.0
    assert found.certified.all()


@given(st.integers(2, 5), st.integers(0, 2**31), st.sampled_from(["hard_tanh", "tanh", "erf", "sigmoid"]))
@settings(deadline=None, max_examples=25)
def test_index_sums_and_residuals(depth, seed, activation):
    net = drawn(depth, seed, activation, width=40)
    found = rj.find_fixed_points(net)
    assert found.complete
    assert found.index_sum == found.due_index_sum == 1.0
    scale = 1.0 + np.linalg.norm(found.jacobians, np.inf, axis=(1, 2))
    gaps = np.abs(net(found.points) - found.points).max(axis=1)
    assert (gaps <= 1e-13 + 2 * scale * found.errors.max(axis=1)).all()
    np.testing.assert_allclose(found.jacobians, net.jacobian(found.points))


@pytest.mark.parametrize(("depth", "seeds"), [(3, range(6)), (5, range(3))])
def test_brute_force_finds_the_same(depth, seeds):
    for seed in seeds:
        net = drawn(depth, seed)
        found, brute = rj.find_fixed_points(net), by_brute_force(net, count=120)
        assert found.complete
        for point in brute:
            assert np.abs(found.points - point).max(axis=1).min() < 1e-7
        assert len(brute) <= len(found.points)


def test_hidden_units_may_be_permuted():
    net = drawn(3, 7)
    order = np.random.default_rng(1).permutation(100)
    first, second, third = net.weights
    other = rj.Network(
        [first[order], second[:, order], third], [net.biases[0][order], *net.biases[1:]], "hard_tanh"
    )
    np.testing.assert_allclose(
        rj.find_fixed_points(other).points, rj.find_fixed_points(net).points, atol=1e-11
    )


def test_the_points_are_right_to_their_errors():
    """The three fixed points of tanh(3 x), in 40 digits."""
    found = rj.find_fixed_points(rj.Network([[[3.0]]], None, "tanh"))
    with mp.workdps(40):
        exact = mp.findroot(lambda x: mp.tanh(3 * x) - x, 0.99)
        assert all(
            abs(mp.mpf(x) - y) <= e
            for x, y, e in zip(found.points[:, 0], (-exact, 0, exact), found.errors[:, 0], strict=True)
        )
    assert found.stability == ("stable", "unstable", "stable")
    assert found.spectral_radius[1] == pytest.approx(3.0)


@pytest.mark.parametrize("seed", range(4))
def test_patterns_and_boxes_find_the_same(seed):
    net = rj.Ensemble(
        depth=1, width=4, activation="hard_tanh", weights="cauchy", sigma_w=2, sigma_b=0.2
    ).sample(seed)
    boxes, patterns = (rj.find_fixed_points(net, method=method) for method in ("boxes", "patterns"))
    assert boxes.complete
    assert patterns.complete
    np.testing.assert_allclose(boxes.points, patterns.points, atol=1e-12)


@pytest.mark.parametrize("activation", ["hard_tanh", "relu", "leaky_relu(0.3)"])
def test_patterns_against_all_patterns(activation):
    """Every choice of pieces of eight units, solved and checked."""
    ens = rj.Ensemble(depth=1, width=8, activation=activation, sigma_w=1.6, sigma_b=0.5)
    for seed in range(3):
        net = ens.sample(seed)
        weights, bias = net.weights[0], net.biases[0]
        slope = net.activations[0].parameter
        pieces = (
            [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0)] if activation == "hard_tanh" else [(slope, 0.0), (1.0, 0.0)]
        )
        chosen = np.array(list(itertools.product(pieces, repeat=8)))
        slopes, offsets = chosen[:, :, 0], chosen[:, :, 1]
        x = np.linalg.solve(np.eye(8) - slopes[:, :, None] * weights, (slopes * bias + offsets)[..., None])[
            ..., 0
        ]
        x = x[np.abs(net(x) - x).max(axis=1) < 1e-10]
        x = x[np.abs(x).max(axis=1) <= 5.0]
        found = rj.find_fixed_points(net, -5.0, 5.0)
        assert found.method == "patterns"
        assert found.complete
        assert len(found.points) == len(np.unique(x.round(8), axis=0))


def test_the_narrowest_layer_is_searched():
    net = rj.Ensemble(widths=[30, 40, 2, 40, 30], activation="tanh", sigma_w=2.5, sigma_b=0.2).sample(4)
    found = rj.find_fixed_points(net)
    assert found.method == "boxes"
    assert found.complete
    assert found.index_sum == found.due_index_sum == 1.0
    assert np.abs(net(found.points) - found.points).max() < 1e-12


def test_many_inputs_are_searched_from_starts():
    net = rj.Ensemble(depth=2, width=30, activation="tanh", sigma_w=1.6).sample(3)
    found = rj.find_fixed_points(net, starts=100)
    assert found.method == "newton"
    assert not found.complete
    assert found.certified.all()
    assert "may be others" in found.message
    # an odd map: the mirror image of a point is one
    for point in found.points:
        assert np.abs(found.points + point).max(axis=1).min() < 1e-8 or len(found.points) > 3


def test_activations_of_the_user():
    cube = rj.Activation(
        "tanh cubed", lambda h: np.tanh(h) ** 3, lambda h: 3 * np.tanh(h) ** 2 / np.cosh(h) ** 2
    )
    found = rj.find_fixed_points(rj.Network([2.5 * np.eye(2)], None, cube))
    assert len(found.points) == 25
    assert not found.certified.any()
    assert np.isnan(found.errors).all()
    assert found.index_sum == 1.0


def test_zero_of_a_relu_network_is_on_a_kink():
    net = rj.Ensemble.self_map(2, 20, 3, activation="relu", sigma_w=2.0).sample(2)
    found = rj.find_fixed_points(net)
    assert found.points.tolist() == [[0.0, 0.0]]
    assert found.complete
    # the degree, by the turning of x - Phi(x) along a fine circle
    angle = np.linspace(0, 2 * np.pi, 20_001)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    gap = x - net(x)
    turn = np.unwrap(np.arctan2(gap[:, 1], gap[:, 0]))
    assert found.index[0] == pytest.approx((turn[-1] - turn[0]) / (2 * np.pi))


@pytest.mark.parametrize("sigma_w", [0.5, 1.5, 4.0])
def test_sectors_are_the_map(sigma_w):
    net = rj.Ensemble.self_map(2, 15, 3, activation="leaky_relu(0.2)", sigma_w=sigma_w).sample(5)
    on_kinks = [np.ones(width, dtype=bool) for width in net.widths[1:]]
    for start, end, jacobian in kinks.sectors(net, np.zeros(2), on_kinks):
        for angle in (0.9 * start + 0.1 * end, 0.3 * start + 0.7 * end):
            u = np.array([np.cos(angle), np.sin(angle)])
            np.testing.assert_allclose(jacobian @ u, net(u), atol=1e-12 * sigma_w**3)


@pytest.mark.parametrize(("activation", "most"), [("linear", 1), ("hard_tanh", 5_000)])
def test_a_continuum_is_said(activation, most):
    found = rj.find_fixed_points(rj.Network([np.eye(2)], None, activation), max_boxes=most)
    assert found.continuum_dimension == 2
    assert not found.complete
    assert "continuum of dimension 2" in found.message
    line = rj.find_fixed_points(rj.Network([np.diag([1.0, 0.5])], None, "linear"))
    assert line.continuum_dimension == 1


def test_a_network_that_leaves_the_box_is_due_no_index_sum():
    net = rj.Network([3 * np.eye(2)], [np.array([0.1, 0.2])], "linear")
    found = rj.find_fixed_points(net)
    np.testing.assert_allclose(found.points, [[-0.05, -0.1]])
    assert np.isnan(found.due_index_sum)
    assert found.complete
    assert len(rj.find_fixed_points(net, 0.0, 1.0).points) == 0


def test_a_search_that_is_cut_short_says_so():
    found = rj.find_fixed_points(drawn(8, 0), max_boxes=50)
    assert not found.complete
    assert found.boxes_left > 0
    assert f"{found.boxes_left} boxes left" in found.message


@given(st.integers(0, 2**31), st.floats(0.1, 0.95), st.floats(-0.99, 0.99))
@settings(deadline=None, max_examples=40)
def test_lines_through_a_point_are_not_lost(seed, slope, place):
    """One linear unit with x = w x + b at `place`: rounding of w * slope must not discard it."""
    w = np.random.default_rng(seed).uniform(0.9, 1.1) / slope * (1.0 - 2.0**-40)
    bias = place / slope - w * place if place < 0 else place - w * place
    net = rj.Network(
        [np.diag([w, 0.0, 0.0, 0.0, 0.0])], [[bias, 0.0, 0.0, 0.0, 0.0]], f"leaky_relu({slope!r})"
    )
    exact = _exact_fixed_points(w, bias, slope)
    for method in ("patterns", "newton"):
        found = rj.find_fixed_points(net, method=method)
        for x in exact:
            near = np.abs(found.points[:, 0] - x).min(initial=np.inf) < 1e-6
            assert near or not found.complete
        assert not found.complete or len(found.points) == len(exact)


def _exact_fixed_points(w, bias, slope):
    """Of x = leaky_relu(w x + bias) in [-1, 1], in rational numbers."""
    w, bias, slope = Fraction(w), Fraction(bias), Fraction(slope)
    found = set()
    for factor, sign in ((Fraction(1), 1), (slope, -1)):
        if factor * w != 1:
            x = factor * bias / (1 - factor * w)
            if sign * (w * x + bias) >= 0 and abs(x) <= 1:
                found.add(x)
    return [float(x) for x in found]


def test_weights_that_underflow_on_the_way():
    """x -> 10 x - 4.5 through layers of 1e-200, 1e-200, 1e250, 1e151."""
    weights = [[[1e-200]], [[1e-200]], [[1e250]], [[1e151]]]
    found = rj.find_fixed_points(rj.Network(weights, [[0.0], [0.0], [0.0], [-4.5]], "linear"))
    assert not found.complete or np.abs(found.points[:, 0] - 0.5).min(initial=np.inf) < 1e-9


@pytest.mark.parametrize(
    "net",
    [
        rj.Network([[[1.0]]], None, "tanh"),
        rj.Network([np.eye(2)], [[1e-13, 0.0]], "linear"),
        rj.Network([[[2.0]]], [[float(np.arctanh(np.sqrt(0.5)) - 2 * np.sqrt(0.5)) * -1.0]], "tanh"),
    ],
    ids=["triple", "none", "tangent"],
)
def test_tangencies_are_no_continua(net):
    found = rj.find_fixed_points(net)
    assert found.continuum_dimension == 0
    assert not found.complete
    # and the rest of the box is searched
    if net.biases[0][0] < 0.5 and net.widths == (1, 1) and net.weights[0][0, 0] == 2.0:
        assert len(found.points) == 1


def test_kinks_are_told_from_points_next_to_them():
    """Four points 1e-12 apart, known to 1e-27."""
    found = rj.find_fixed_points(rj.Network([2 * np.eye(2)], [np.full(2, -1e-12)], "relu"), -1e-3, 1e-3)
    assert found.complete
    assert found.index.tolist() == [1, -1, -1, 1]
    assert found.stability == ("stable", "unstable", "unstable", "unstable")


def test_stability_within_rounding_is_left_open():
    """Radius 0.99997, which eigenvalues in doubles give as 1.0000082: next to a defective matrix."""
    net = rj.Network(
        [[[-4281.795724370358, 7583.561018023784], [-2416.4389819762155, 4279.795825370357]]], None, "linear"
    )
    assert rj.find_fixed_points(net).stability == ("undecided",)


def test_points_closer_than_their_errors_are_counted_once():
    net = rj.Network(
        [np.eye(2), 2 * np.eye(2), np.eye(2)],
        [np.full(2, -1e6), np.zeros(2), np.full(2, 1e6)],
        ["linear", "tanh", "linear"],
    )
    found = rj.find_fixed_points(net, 1e6 - 1, 1e6 + 1)
    assert len(found.points) <= 9
    assert not found.complete or len(found.points) == 9


def test_a_point_outside_of_the_box_does_not_count():
    found = rj.find_fixed_points(rj.Network([[[1e8]]], None, "hard_tanh"), 1e-10, 2.0)
    assert found.points.tolist() == [[1.0]]
    assert found.index_sum == found.due_index_sum == 1.0


def test_no_point_in_a_narrow_layer():
    found = rj.find_fixed_points(rj.Network([[[1.0, 0.0]], [[1.0], [1.0]]], [[0.0], [5.0, 5.0]], "linear"))
    assert found.points.shape == (0, 2)


@pytest.mark.parametrize("activation", ["relu", "gelu", "linear", "leaky_relu(2.0)"])
@pytest.mark.parametrize("size", [1e150, 1e300])
def test_weights_beyond_the_doubles_are_answered(activation, size):
    net = rj.Network([[[size, -size], [size, size]]] * 2, None, activation)
    found = rj.find_fixed_points(net, max_boxes=2_000)
    assert found.complete is False or len(found.points) == 1


def test_functions_of_the_user_may_overflow():
    shifted = rj.Activation("shifted exp", lambda h: np.exp(h) - 1.5, np.exp)
    found = rj.find_fixed_points(rj.Network([np.eye(3)], None, shifted), -5, 5)
    assert np.abs(np.exp(found.points) - 1.5 - found.points).max() < 1e-9


def test_a_continuum_of_newton_is_said():
    found = rj.find_fixed_points(rj.Network([np.eye(25)], None, "linear"))
    assert len(found.points) == 0
    assert found.continuum_dimension == 25


def test_bad_input():
    net = drawn(2, 0)
    with pytest.raises(ValueError, match="as many outputs as inputs"):
        rj.find_fixed_points(rj.Network([np.ones((3, 2))], None, "tanh"))
    with pytest.raises(ValueError, match="the box is empty"):
        rj.find_fixed_points(net, 1.0, [2.0, 1.0])
    with pytest.raises(ValueError, match=r"lower of shape \(3,\)"):
        rj.find_fixed_points(net, [0.0, 0.0, 0.0], 1.0)
    with pytest.raises(ValueError, match="method='fast'"):
        rj.find_fixed_points(net, method="fast")
    with pytest.raises(UnsupportedError, match="allowed are boxes, newton"):
        rj.find_fixed_points(net, method="patterns")
    with pytest.raises(ValueError, match="max_boxes=0"):
        rj.find_fixed_points(net, max_boxes=0)
    with pytest.raises(ValueError, match=r"lower=1e\+308 in size"):
        rj.find_fixed_points(net, -1e308, 1e308)
    with pytest.raises(TypeError, match="net='x'"):
        rj.find_fixed_points("x")
    with pytest.raises(TypeError, match="rng='abc'"):
        rj.find_fixed_points(net, rng="abc")
