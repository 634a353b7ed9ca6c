"""Glue of the applications on toy data: what happens to images, trained networks, limits."""

from __future__ import annotations

import numpy as np
import pytest

import rmtjac as rj
from validation.applications.digits import lit, nearest, noisy, occluded, rms_errors, shifted
from validation.applications.limits import is_attracting_fixed_point, limits_of
from validation.applications.training import network_of

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
    model = neural.MLPRegressor(hidden_layer_sizes=(3, 5), activation="tanh", solver="lbfgs", max_iter=20)
    with pytest.warns(Warning, match="lbfgs failed to converge"):
        model.fit(inputs, inputs)
    assert np.abs(network_of(model)(IMAGES[:, :4]) - model.predict(IMAGES[:, :4])).max() < 1e-12


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
