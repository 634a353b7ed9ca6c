"""Glue of the applications on toy data: what happens to images, trained networks, limits."""

from __future__ import annotations

import numpy as np
import pytest

import rmtjac as rj
from validation.applications import a4, a5
from validation.applications.a6 import shuffled
from validation.applications.digits import lit, nearest, noisy, occluded, rms_errors, shifted
from validation.applications.limits import is_attracting_fixed_point, limits_of
from validation.applications.stages import stages
from validation.applications.training import network_of, trained_network
from validation.applications.training_speed import Speed

IMAGES = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 64))


def test_shifted_moves_ink_and_brings_in_none():
    squares = IMAGES.reshape(3, 8, 8)
    moved = shifted(IMAGES, 1, -2).reshape(3, 8, 8)
    assert np.array_equal(moved[:, :6, 1:], squares[:, 2:, :7])
    assert (moved[:, 6:] == -1.0).all()
    assert (moved[:, :, 0] == -1.0).all()


def test_occluded_takes_one_square_of_each_image():
    gone = (occluded(IMAGES, 3, np.random.default_rng(1)) != IMAGES).reshape(3, 8, 8)
    assert (gone.sum(axis=(1, 2)) == 9).all()
    assert ((gone.any(axis=1).sum(axis=1) == 3) & (gone.any(axis=2).sum(axis=1) == 3)).all()


def test_light_keeps_what_has_no_ink():
    assert np.allclose(lit(np.array([-1.0, 0.0, 1.0]), 0.5), [-1.0, -0.5, 0.0])


def test_noise_has_its_deviation():
    spread = rms_errors(noisy(np.zeros((1, 40_000)), 0.5, np.random.default_rng(2)), np.zeros((1, 40_000)))
    assert spread == pytest.approx(0.5, abs=0.01)


def test_nearest_is_by_the_distance():
    candidates = np.random.default_rng(3).uniform(-1.0, 1.0, (5, 64))
    gaps = [[np.linalg.norm(image - other) for other in candidates] for image in IMAGES]
    assert np.array_equal(nearest(IMAGES, candidates), np.argmin(gaps, axis=1))


def test_a_trained_network_is_the_model():
    neural = pytest.importorskip("sklearn.neural_network")
    inputs = IMAGES[:, :4].repeat(5, axis=0)
    model = neural.MLPRegressor(hidden_layer_sizes=(3, 5), activation="tanh", solver="sgd", random_state=0)
    for _ in range(3):
        model.partial_fit(inputs, inputs)
    assert np.abs(network_of(model)(IMAGES[:, :4]) - model.predict(IMAGES[:, :4])).max() < 1e-12


def test_training_takes_images_to_their_targets():
    pytest.importorskip("sklearn")
    inputs, targets = IMAGES[:, :6], IMAGES[::-1, :6]
    net = trained_network(inputs, targets, (8,), steps=200)
    assert np.abs(net(inputs) - targets).max() < 1e-2
    assert [phi.name for phi in net.activations] == ["tanh", "linear"]


def test_stages_begin_with_gaussian_weights_and_stop_where_asked():
    neural = pytest.importorskip("sklearn.neural_network")
    inputs = np.tile(IMAGES, (20, 1))
    model = neural.MLPRegressor(hidden_layer_sizes=(300,), activation="tanh", solver="sgd", random_state=0)
    seen = {}
    for epoch in stages(model, inputs, inputs, 2.0, (0, 1, 3), seed=4):
        seen[epoch] = network_of(model)
    assert list(seen) == [0, 1, 3]
    assert seen[0].weights[0].std() == pytest.approx(2.0 / 8.0, rel=0.02)  # of a fan-in of 64; 19,200 entries
    assert seen[0].weights[1].std() == pytest.approx(2.0 / np.sqrt(300.0), rel=0.02)
    assert not any(biases.any() for biases in seen[0].biases)
    losses = [((net(inputs) - inputs) ** 2).mean() for net in seen.values()]
    assert losses[0] > losses[1] > losses[2]


def two_points() -> rj.Network:
    """x -> 1.3 tanh(2 x) in each of two coordinates: attracting points at +-c, c = 1.2827."""
    return rj.Network([2.0 * np.eye(2), 1.3 * np.eye(2)], None, ["tanh", "linear"])


def test_limits_name_the_stored_point():
    starts = np.array([[0.3, 0.1], [-0.2, -0.9], [0.5, -0.1]])
    limits = limits_of(two_points(), starts)
    c = limits.points[limits.labels[0], 0]
    assert c == pytest.approx(1.3 * np.tanh(2.0 * c), abs=1e-9)
    assert limits.reached(np.array([[-c, -c], [c + 0.05, c]])).tolist() == [1, 0, -1]
    assert np.allclose(limits.ends(starts), [[c, c], [-c, -c], [c, -c]])


def test_certified_only_within_half_a_grey_level():
    net = two_points()
    c = limits_of(net, np.ones((1, 2))).points[0, 0]
    assert is_attracting_fixed_point(net, np.array([c, c + 0.06]))
    assert not is_attracting_fixed_point(net, np.array([c, c + 0.07]))
    assert not is_attracting_fixed_point(net, np.array([0.0, 0.0]))


def test_a_map_without_attractors_has_no_limits():
    turns = rj.Network([[[0.0, -2.0], [2.0, 0.0]]], None, "linear")
    limits = limits_of(turns, np.array([[0.5, 0.1], [0.2, -0.3]]))
    assert limits.reached(np.zeros((1, 2))).tolist() == [-1, -1]
    assert np.array_equal(limits.ends(np.ones((2, 2))), np.ones((2, 2)))
    assert not is_attracting_fixed_point(turns, np.ones(2))


def test_scores_of_a_partition():
    pytest.importorskip("sklearn")
    classes = np.array([0, 0, 1, 1, 1, 2])
    assert a4.scores(np.array([5, 5, 3, 3, 3, -1]), classes) == (1.0, 1.0)
    assert a4.scores(np.zeros(6, dtype=int), classes) == (0.5, 0.0)


def test_new_classes_are_named_one_to_one():
    classes = np.array([0, 5, 6, 6, 6, 7, 8, 9])
    known = np.array([0, 4, -1, -1, 3, -1, -1, 5])
    new = np.array([-1, -1, 0, 0, -1, 0, 2, -1])
    told = a5.score(known, new, classes)
    assert told == a5.Score(known=0.5, unknown=3 / 6, apart=4 / 6, new=2.0)
    nothing = a5.score(classes, np.full(8, -1), classes)
    assert nothing == a5.Score(known=1.0, unknown=0.0, apart=0.0, new=0.0)


def test_an_attractor_of_a_drawn_image_is_its_class():
    net, drawn = two_points(), np.array([[1, 1], [-1, -1], [1, 1], [1, -1], [1, 1], [1, 1]], dtype=float)
    unseen = a5.Digits(np.array([[0.5, 0.5], [-0.1, -0.1], [0.5, 0.2], [-0.3, 0.2]]), np.array([0, 1, 2, 6]))
    assert a5.by_basins(net, drawn, unseen) == a5.Score(known=2 / 3, unknown=1.0, apart=1.0, new=1.0)


def test_shuffled_keeps_entries_only():
    net = rj.Ensemble.self_map(n=3, width=5, depth=2, activation="tanh", sigma_b=1.0).sample(1)
    other = shuffled(net, np.random.default_rng(0))
    for before, after in zip(net.weights, other.weights, strict=True):
        assert np.array_equal(np.sort(before, axis=None), np.sort(after, axis=None))
        assert not np.array_equal(before, after)
    assert all(np.array_equal(a, b) for a, b in zip(net.biases, other.biases, strict=True))


def test_speed_counts_epochs_until_the_loss():
    losses = np.array([[0.5, 0.09, 0.2], [0.5, 0.4, 0.3]])
    assert Speed(rate=0.1, losses=losses, right=1.0).epochs == (2 + 4) / 2
