"""Basins: the literal scheme against its slow twin, maps whose attractors are known, what must not be mistaken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.linkage.flat_network import flatten
from rmtjac.linkage.images import images
from rmtjac.linkage.merging import merged
from rmtjac.linkage.pieces import add_pieces, image_on, look_up, no_pieces
from rmtjac.linkage.polygons import MAX_VERTICES, cut
from rmtjac.linkage.trajectories import follower
from rmtjac.linkage.trapping import CURVATURE, trapping_ellipsoid
from tests.naive.basins import mean_box_entropy, paper_basins, paper_grid

QUARTER_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])


def cauchy_network(depth, seed, width=100, activation="hard_tanh", n=2):
    ens = rj.Ensemble.self_map(
        n=n, width=width, depth=depth, activation=activation, weights="cauchy", sigma_b="as_weights"
    )
    return ens.sample(seed)


def one_layer(matrix, activation="hard_tanh", bias=None):
    return rj.Network([matrix], None if bias is None else [bias], activation)


def look_up_in(pieces, x, y):
    return look_up(pieces.grid, pieces.heads, pieces.entries, pieces.table, pieces.heirs, x, y, -1)


def same_partition(first, second):
    """Whether two labellings are the same but for the numbers."""
    pairs = set(zip(first.ravel().tolist(), second.ravel().tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


# the scheme of the source


@pytest.mark.parametrize("depth", [2, 3, 5, 10])
@pytest.mark.parametrize("seed", [1, 5])
def test_the_paper_rule_is_the_literal_scheme(depth, seed):
    net = cauchy_network(depth, seed, width=40)
    labels, points = paper_basins(net, paper_grid())
    found = rj.basins(net, rule="paper")
    np.testing.assert_array_equal(found.starts, paper_grid())
    np.testing.assert_array_equal(found.labels, labels)
    ours = np.array([attractor.points[0] for attractor in found.attractors]).reshape(-1, 2)
    np.testing.assert_allclose(ours, points, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu(0.3)", "linear", "tanh", "softplus"])
def test_the_paper_rule_for_other_activations(activation):
    net = rj.Ensemble.self_map(
        n=2, width=12, depth=3, activation=activation, sigma_w=0.9, sigma_b=0.3
    ).sample(4)
    labels, points = paper_basins(net, paper_grid(0.1))
    found = rj.basins(net, step=0.1, rule="paper")
    np.testing.assert_array_equal(found.labels, labels)
    assert len(found.attractors) == len(points)


def test_which_steps_are_allowed():
    """x^(m+1) = x^m/2 from x^1 = 1: the step at m is 2^-m, below 1e-5 at m = 17; the point is x^17 = 2^-16."""
    found = rj.basins(one_layer([[0.5]]), rule="paper", starts=[[1.0]])
    assert found.iterations.tolist() == [17]
    assert found.attractors[0].points[0, 0] == 2.0**-16
    # |x^(m+1) - x^m| = (1 - r) r^(m-1): r = 0.80 falls below 1e-5 at m = 46, r = 0.83 only at m = 54 > 49
    slow = [rj.basins(one_layer([[r]]), rule="paper", starts=[[1.0]]) for r in (0.80, 0.83)]
    assert [found.labels.tolist() for found in slow] == [[1], [-1]]
    assert [found.iterations.tolist() for found in slow] == [[46], [49]]


def test_the_paper_rule_takes_slow_drift_for_many_points():
    """What the scheme cannot see, and the robust rule must: every start of (1 - 1e-6) x passes for a point."""
    net = one_layer((1.0 - 1e-6) * np.eye(2), "linear")
    assert len(rj.basins(net, step=0.5, rule="paper").attractors) == 25
    robust = rj.basins(net, step=0.5)
    assert (robust.labels == 1).all()
    np.testing.assert_allclose(robust.attractors[0].points, [[0.0, 0.0]], atol=1e-9)
    assert robust.attractors[0].spectral_radius == pytest.approx(1.0 - 1e-6, abs=1e-12)


# attractors that are known


def test_a_contraction_has_one_basin():
    found = rj.basins(one_layer(0.6 * QUARTER_TURN, "linear", [0.1, -0.2]))
    fixed = np.linalg.solve(np.eye(2) - 0.6 * QUARTER_TURN, [0.1, -0.2])
    np.testing.assert_allclose(found.attractors[0].points, [fixed], atol=1e-12)
    assert found.fractions.tolist() == [1.0]
    assert found.unresolved == 0.0
    assert found.attractors[0].is_proven


def test_four_corners():
    found = rj.basins(one_layer(2.0 * np.eye(2)), step=0.4)  # no start on an axis
    assert sorted(map(tuple, (a.points[0] for a in found.attractors))) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    np.testing.assert_allclose(found.fractions, 0.25)
    sides = np.sign(found.starts)
    for label, attractor in enumerate(found.attractors, start=1):
        assert (sides[found.labels == label] == attractor.points[0]).all()


def test_starts_on_the_ridge_stay_unresolved():
    """On an axis the trajectories of 2 x end at saddles: the paper's scheme counts nine points, four attract."""
    net = one_layer(2.0 * np.eye(2))
    assert len(rj.basins(net, step=0.25, rule="paper").attractors) == 9
    found = rj.basins(net, step=0.25)
    assert len(found.attractors) == 4
    on_axis = (found.starts == 0.0).any(axis=-1)
    np.testing.assert_array_equal(found.labels < 0, on_axis)


def test_cycles_of_two():
    found = rj.basins(one_layer(-2.0 * np.eye(2)), step=0.4)
    assert found.periods.tolist() == [2, 2]
    for attractor in found.attractors:
        np.testing.assert_array_equal(attractor.points[0], -attractor.points[1])
    assert rj.basins(one_layer(-2.0 * np.eye(2)), step=0.4, rule="paper").unresolved == 1.0


def test_a_cycle_of_four_is_one_attractor():
    found = rj.basins(one_layer(2.0 * QUARTER_TURN), step=0.4)
    assert found.periods.tolist() == [4]
    assert found.fractions.tolist() == [1.0]
    points = found.attractors[0].points
    net = one_layer(2.0 * QUARTER_TURN)
    np.testing.assert_array_equal(net(points), np.roll(points, -1, axis=0))


def test_a_long_cycle_needs_a_long_period():
    """A turn by 2 pi/30 with a gain is a cycle of 30 in four saturated directions; shorter searches see none."""
    angle = 2.0 * np.pi / 30.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    net = one_layer(1.2 * turn, "tanh")
    assert rj.basins(net, step=0.5, max_period=5).unresolved == 1.0


@pytest.mark.parametrize("rate", [1.0 - 1e-6, -1.0 + 1e-6])
def test_slow_approach_is_no_point_of_its_own(rate):
    """Many steps below 1e-5 without being near: the attractor is found by Newton's method, and it is the only one."""
    found = rj.basins(one_layer(rate * np.eye(2), bias=[0.0, 0.0]), 0.1, 0.6, 0.1)
    assert [a.period for a in found.attractors] == [1]
    np.testing.assert_allclose(found.attractors[0].points, [[0.0, 0.0]], atol=1e-9)
    assert (found.labels == 1).all()


def test_a_neutral_map_has_no_attractor():
    """Negative control: identity and rotation keep every start; nothing attracts."""
    for matrix in (np.eye(2), QUARTER_TURN):
        assert rj.basins(one_layer(matrix, "linear"), step=0.25).unresolved == 1.0
        assert rj.basins(one_layer(matrix, "tanh"), step=0.25).unresolved == 1.0  # algebraic, not geometric


def test_escaping_starts_are_unresolved():
    found = rj.basins(one_layer(3.0 * np.eye(2), "linear"), step=0.4, max_steps=2000)
    assert found.unresolved == 1.0


def test_a_point_on_a_kink():
    """relu without bias has its point 0 on every unit's kink: nothing is proven, all starts arrive."""
    net = rj.Ensemble.self_map(n=2, width=20, depth=2, activation="relu", sigma_w=0.4).sample(1)
    found = rj.basins(net, step=0.25)
    assert found.unresolved == 0.0
    np.testing.assert_allclose(found.attractors[0].points, [[0.0, 0.0]], atol=1e-12)


def test_activations_of_the_user():
    def value(h):
        return np.clip(h, -1.0, 1.0)

    def slope(h):
        return (np.abs(h) < 1.0).astype(float)

    mine = rj.Activation("mine", value, slope)
    built_in = cauchy_network(3, 7, width=20)
    own = rj.Network(built_in.weights, built_in.biases, mine)
    for rule in ("paper", "robust"):
        first, second = rj.basins(built_in, step=0.1, rule=rule), rj.basins(own, step=0.1, rule=rule)
        np.testing.assert_array_equal(first.labels, second.labels)
        assert not any(attractor.is_proven for attractor in second.attractors)


# properties


@given(seed=st.integers(0, 10_000), depth=st.integers(1, 4), name=st.sampled_from(["hard_tanh", "tanh"]))
@settings(max_examples=12)
def test_robust_labels_are_where_long_trajectories_end(seed, depth, name):
    net = cauchy_network(depth, seed, width=15, activation=name)
    found = rj.basins(net, step=0.25)
    x = found.starts.reshape(-1, 2)
    for _ in range(3000):
        x = net(x)
    for label, attractor in enumerate(found.attractors, start=1):
        ends = x[found.labels.ravel() == label]
        if attractor.spectral_radius < 0.99:
            assert attractor.distances(ends).max() < 1e-8
        again = attractor.points[0]
        for _ in range(attractor.period):
            again = net(again)
        np.testing.assert_allclose(again, attractor.points[0], atol=1e-9)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8)
def test_the_paper_rule_converges_to_robust_labels(seed):
    """Where the literal scheme stops at an attracting point, the two rules put the same starts together."""
    net = cauchy_network(3, seed, width=30)
    robust, paper = rj.basins(net, step=0.1), rj.basins(net, step=0.1, rule="paper")
    for label, attractor in enumerate(robust.attractors, start=1):
        if attractor.period > 1 or attractor.spectral_radius > 0.5:
            continue
        near = [k for k, a in enumerate(paper.attractors, start=1) if attractor.distances(a.points)[0] < 1e-4]
        mine = robust.labels == label
        assert np.isin(paper.labels[mine], [*near, -1]).all()
        assert mine[np.isin(paper.labels, near)].all()


@given(seed=st.integers(0, 10_000), swap=st.booleans())
@settings(max_examples=8)
def test_order_of_starts_and_of_inner_units_changes_nothing(seed, swap):
    net = cauchy_network(3, seed, width=20)
    starts = np.random.default_rng(seed).uniform(-1.0, 1.0, (60, 2))
    order = np.random.default_rng(seed + 1).permutation(60)
    inner = np.random.default_rng(seed + 2).permutation(20)
    weights, biases = list(net.weights), list(net.biases)
    if swap:
        weights[0], biases[0], weights[1] = weights[0][inner], biases[0][inner], weights[1][:, inner]
    other = rj.Network(weights, biases, "hard_tanh")
    first, second = rj.basins(net, starts=starts), rj.basins(other, starts=starts[order])
    resolved = (first.labels[order] > 0) & (second.labels > 0)
    assert resolved.sum() == (second.labels > 0).sum() == (first.labels > 0).sum()
    assert same_partition(first.labels[order][resolved], second.labels[resolved])


# more dimensions, planes, results


def test_starts_in_more_dimensions():
    net = one_layer(2.0 * np.eye(3))
    corners = np.array([[0.3, 0.2, 0.1], [-0.3, 0.2, 0.1], [0.5, 0.6, 0.7], [0.3, -0.4, 0.1]])
    found = rj.basins(net, starts=corners)
    assert found.labels.tolist() == [1, 2, 1, 3]
    assert rj.basins(net, starts=corners, rule="paper").labels.tolist() == [1, 2, 1, 3]


def test_a_plane_through_three_points():
    a, b, c = np.eye(3)
    starts = rj.plane_starts(a, b, c, points=5)
    np.testing.assert_array_equal(starts[0, 0], a)
    np.testing.assert_array_equal(starts[0, -1], b)
    np.testing.assert_array_equal(starts[-1, 0], c)
    np.testing.assert_allclose(starts[2, 2], (b + c) / 2.0)
    found = rj.basins(one_layer(2.0 * np.eye(3), bias=[0.1, 0.1, 0.1]), starts=starts)
    assert found.labels.shape == (5, 5)
    assert found.plot()


def test_entropy_is_that_of_the_boxes():
    net = cauchy_network(10, 2)
    found = rj.basins(net, step=0.1)
    for box in (2, 5):
        np.testing.assert_allclose(found.entropy(box), mean_box_entropy(found.labels, box), rtol=1e-12)
    assert rj.basins(one_layer(0.5 * np.eye(2))).entropy() == (0.0, 0.0)


def test_a_result_cannot_be_changed():
    found = rj.basins(one_layer(0.5 * np.eye(2)), step=0.5)
    for array in (found.labels, found.iterations, found.starts, found.attractors[0].points):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert found.message == "1 point, 0 cycles, 0 % of the starts unresolved"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step": 3.0}, "step=3: allowed are numbers up to 2"),
        ({"step": 0.0}, "step=0"),
        ({"step": 1e-4}, "step=0.0001: allowed are numbers from"),
        ({"lower": 1.0}, "the box is empty"),
        ({"rule": "other"}, "rule='other': allowed are robust, paper"),
        ({"starts": np.zeros((4, 3))}, r"starts of shape \(4, 3\): allowed are \(k, 2\)"),
        ({"starts": [[np.nan, 0.0]]}, "starts has an entry that is not finite"),
        ({"max_steps": 0}, "max_steps=0"),
        ({"max_period": 0}, "max_period=0"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        rj.basins(one_layer(np.eye(2)), **arguments)


def test_networks_that_are_no_self_maps():
    with pytest.raises(ValueError, match="net of 3 inputs and 2 outputs"):
        rj.basins(rj.Ensemble(widths=[3, 2]).sample(0))
    with pytest.raises(ValueError, match="a grid in 3 dimensions: allowed are 2"):
        rj.basins(one_layer(np.eye(3)))
    with pytest.raises(ValueError, match="no grid"):
        rj.basins(one_layer(np.eye(2)), starts=np.zeros((4, 2))).entropy()
    with pytest.raises(ValueError, match="on a line"):
        rj.plane_starts([0, 0, 0], [1, 1, 1], [2, 2, 2])


# the parts


@given(seed=st.integers(0, 10_000), name=st.sampled_from(["hard_tanh", "relu", "leaky_relu(0.3)", "linear"]))
@settings(max_examples=20)
def test_pieces_are_the_network(seed, name):
    """On a piece the affine map is the network, and all gates are those of its centre."""
    net = rj.Ensemble.self_map(
        n=2, width=12, depth=3, activation=name, weights="cauchy", sigma_b="as_weights"
    ).sample(seed)
    generator = np.random.default_rng(seed)
    pieces = no_pieces(-np.ones(2), np.ones(2))
    centres = generator.uniform(-1.0, 1.0, (20, 2))
    np.testing.assert_allclose(
        add_pieces(flatten(net), pieces, centres), net(centres), rtol=1e-12, atol=1e-12
    )
    points = np.concatenate([centres, generator.uniform(-1.0, 1.0, (300, 2))])
    found = np.array([look_up_in(pieces, x, y) for x, y in points])
    assert (found[:20] >= 0).mean() > 0.9
    scale = 1.0 + np.abs(net(points)).max()
    for (x, y), piece in zip(points, found, strict=True):
        if piece >= 0:
            np.testing.assert_allclose(image_on(pieces.table, piece, x, y), net([x, y]), atol=1e-11 * scale)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_polygons_are_what_their_half_planes_leave(seed):
    generator = np.random.default_rng(seed)
    polygon, count = np.zeros((MAX_VERTICES, 2)), 4
    polygon[:4] = [[-1, -1], [1, -1], [1, 1], [-1, 1]]
    lines = generator.standard_normal((5, 2)), generator.uniform(0.1, 1.0, 5)
    for (a, b), margin in zip(*lines, strict=True):
        count = cut(polygon, count, a, b, margin)
    points = generator.uniform(-1.2, 1.2, (200, 2))
    inside = (np.abs(points) <= 1.0).all(axis=1) & (points @ lines[0].T <= lines[1]).all(axis=1)
    sides = np.roll(polygon[:count], -1, axis=0) - polygon[:count]
    gaps = points[:, None] - polygon[:count]
    within = (sides[:, 0] * gaps[..., 1] >= sides[:, 1] * gaps[..., 0]).all(axis=1)
    np.testing.assert_array_equal(within, inside)
    assert cut(polygon, count, 1.0, 0.0, -5.0) == 0


@given(seed=st.integers(0, 10_000), n=st.integers(1, 4))
@settings(max_examples=20)
def test_merged_is_unique(seed, n):
    points = np.random.default_rng(seed).integers(0, 3, (50, n)).astype(float)
    firsts, which = merged(points)
    np.testing.assert_array_equal(points[firsts][which], points)
    assert len(firsts) == len(np.unique(points, axis=0))
    assert (np.diff(firsts) > 0).all()


@pytest.mark.parametrize("name", ["hard_tanh", "relu", "tanh", "gelu"])
@pytest.mark.parametrize("count", [1, 95, 96, 200])
def test_images_are_the_network(name, count):
    net = rj.Ensemble(widths=[3, 30, 20, 3], activation=name, sigma_w=1.3, sigma_b=0.4).sample(0)
    x = np.random.default_rng(count).standard_normal((count, 3))
    np.testing.assert_allclose(images(flatten(net), x), net(x), rtol=1e-11, atol=1e-13)


def test_trajectories_do_not_depend_on_how_they_are_followed():
    """Pieces, compiled steps and NumPy: the same points while rounding stays small."""
    net = cauchy_network(4, 3, width=30)
    own = rj.Network(
        net.weights, net.biases, rj.Activation("own", net.activations[0].value, net.activations[0].derivative)
    )
    starts = np.random.default_rng(0).uniform(-1.0, 1.0, (400, 2))
    first, second = (follower(n, starts)(starts, 8, 1e-5) for n in (net, own))
    np.testing.assert_allclose(first.points, second.points, atol=1e-9)
    np.testing.assert_array_equal(first.steps, second.steps)
    np.testing.assert_array_equal(first.is_short, second.is_short)


@given(seed=st.integers(0, 10_000), name=st.sampled_from(["hard_tanh", *CURVATURE]))
@settings(max_examples=25)
def test_trapping_ellipsoids_trap(seed, name):
    """Points of the ellipsoid stay in it and come nearer in its norm, to the orbit."""
    net = rj.Ensemble.self_map(n=2, width=8, depth=2, activation=name, sigma_w=0.9, sigma_b=0.5).sample(seed)
    found = rj.basins(net, step=0.5)
    for attractor in found.attractors:
        ellipsoid = trapping_ellipsoid(net, attractor.points)
        if ellipsoid is None:
            continue
        sides = np.random.default_rng(seed).standard_normal((200, 2))
        sides /= np.linalg.norm(sides, axis=1)[:, None]
        x = ellipsoid.centre + min(ellipsoid.radius, 1e3) * np.linalg.solve(ellipsoid.transform, sides.T).T
        before = np.linalg.norm((x - ellipsoid.centre) @ ellipsoid.transform.T, axis=1)
        for _ in range(attractor.period):
            x = net(x)
        after = np.linalg.norm((x - ellipsoid.centre) @ ellipsoid.transform.T, axis=1)
        assert (after < before * (1.0 + 1e-9)).all()


@pytest.mark.parametrize("name", CURVATURE)
def test_curvatures_bound_the_second_derivative(name):
    from rmtjac.model.activations import activation

    h = np.linspace(-6.0, 6.0, 24_001)
    second = np.abs(np.diff(activation(name).derivative(h))) / np.diff(h)
    assert second.max() <= CURVATURE[name] * (1.0 + 1e-9)
    assert second.max() >= 0.999 * CURVATURE[name]
