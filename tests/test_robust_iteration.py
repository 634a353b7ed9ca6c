"""Iteration under noise: the bound by its recursion in fractions, attained and never passed; tubes; bad input."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rmtjac as rj


def layer(seed=0, d=2, m=400.0):
    return rj.certify_looped_regions(*rj.sample_looped_layer(d, m, seed), "cubic")


@given(st.fractions(0, Fraction(999_999, 10**6)), st.fractions(0, 2), st.fractions(0, 3), st.integers(0, 60))
def test_the_bound_is_its_recursion(K, delta, e0, n):
    error = e0
    for _ in range(n):
        error = K * error + delta
    assert rj.robust_error_bound(float(K), float(delta), n, float(e0)) == pytest.approx(
        float(error), rel=1e-11, abs=1e-99
    )


def test_the_bound_over_many_steps():
    bound = rj.robust_error_bound(0.5, 0.01, np.arange(200), [[1.0], [0.0]])
    assert bound.shape == (2, 200)
    np.testing.assert_allclose(bound[:, -1], 0.02, rtol=1e-12)
    assert rj.robust_error_bound(0.0, 0.1, 5, 3.0) == 0.1
    assert rj.robust_error_bound(0.0, 0.1, 0, 3.0) == 3.0
    # K so near to 1 that 1 - K^n cancels
    K = 1.0 - 2.0**-50
    assert rj.robust_error_bound(K, 1.0, 1000, 0.0) == pytest.approx(1000.0, rel=1e-9)


@pytest.mark.parametrize("matrix", [[[0.6]], [[-0.6]], [[0.0, 0.6], [-0.6, 0.0]], [[0.2, -0.4], [0.5, 0.1]]])
def test_adversarial_noise_attains_the_bound_of_a_linear_map(matrix):
    """K is the largest row sum. It stretches every step of the first three, and the first row those of the last."""
    net = rj.Network([matrix], None, "linear")
    K = np.abs(matrix).sum(axis=1).max()
    found = rj.robust_iteration(
        net,
        np.full(len(matrix), 0.4),
        60,
        0.01,
        noise="adversarial",
        constant=K,
        fixed_point=np.zeros(len(matrix)),
    )
    assert (found.errors <= found.bound * (1 + 1e-12)).all()
    share = found.errors[-1] / found.tube_radius
    assert (
        share[0] == pytest.approx(1.0, rel=1e-9)
        if len(set(np.abs(matrix).sum(axis=1))) == 1
        else share[0] > 0.85
    )


def test_adversarial_noise_is_worse_than_random_noise():
    regions = layer()
    x0 = regions.points[1] + 0.05
    ends = {
        noise: rj.robust_iteration(regions.network, x0, 80, 0.02, noise=noise, rng=1).errors[20:].max()
        for noise in ("uniform", "gaussian", "adversarial")
    }
    assert ends["adversarial"] > ends["uniform"]
    assert ends["adversarial"] > ends["gaussian"]


@pytest.mark.parametrize("noise", ["uniform", "gaussian", "adversarial"])
def test_errors_stay_below_the_bound_and_trajectories_in_the_region(noise):
    regions = layer(1)
    for row in range(4):
        box, K = (regions.lower[row], regions.upper[row]), regions.constants[row]
        reach = min((regions.points[row] - box[0]).min(), (box[1] - regions.points[row]).min())
        delta = 0.9 * reach * (1.0 - K)
        starts = regions.points[row] + np.random.default_rng(row).uniform(-reach, reach, (50, 2))
        found = rj.robust_iteration(
            regions.network,
            starts,
            60,
            delta,
            noise=noise,
            rng=row,
            constant=K,
            box=box,
            fixed_point=regions.points[row],
        )
        assert found.tube_inside.all()
        assert (found.errors <= found.bound + 1e-12).all()
        assert (found.trajectories >= box[0] - 1e-12).all()
        assert (found.trajectories <= box[1] + 1e-12).all()
        assert found.bound[-1].max() <= found.tube_radius + K**60
        steps = found.trajectories[1:] - regions.network(found.trajectories[:-1])
        assert np.abs(steps).max() <= delta + 1e-14
        assert np.abs(steps).max() > 0.8 * delta


def test_gaussian_noise_has_its_deviation():
    """Cut off at two deviations it keeps .7737 of its variance; 2e5 draws: 6 standard errors are .0117 of it."""
    found = rj.robust_iteration(lambda x: 0.0 * x, np.zeros((1000, 2)), 100, 0.3, noise="gaussian", rng=3)
    variance = found.trajectories[1:].var()
    density = math.exp(-2.0) / math.sqrt(2.0 * math.pi)
    due = 1.0 - 4.0 * density / math.erf(math.sqrt(2.0))
    assert variance / 0.15**2 == pytest.approx(due, rel=0.012)
    assert abs(variance / 0.15**2 - 1.0) > 0.1  # negative control: it is not the uncut one


def test_a_tube_that_is_larger_than_the_region_is_said():
    regions = layer(2)
    box = regions.lower[0], regions.upper[0]
    found = rj.robust_iteration(
        regions.network, regions.points[0], 5, 0.05, rng=0, constant=regions.constants[0], box=box
    )
    assert not found.tube_inside[0]
    assert not rj.robust_iteration(regions.network, regions.points[0], 5, 1e-4, rng=0).tube_inside[0]


def test_each_start_has_its_own_fixed_point():
    regions = layer(3)
    found = rj.robust_iteration(regions.network, regions.points + 0.03, 30, 1e-3, rng=0)
    np.testing.assert_allclose(found.fixed_points, regions.points, atol=1e-11)
    again = rj.robust_iteration(regions.network, regions.points + 0.03, 30, 1e-3, rng=0)
    np.testing.assert_array_equal(found.trajectories, again.trajectories)
    assert np.isnan(found.bound).all()
    with pytest.raises(ValueError, match="read-only"):
        found.errors[0] = 1.0


def no_shape(x):
    return x[:, :1]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda f: rj.robust_iteration(f, [0.0, 0.0], 5, 0.1, noise="loud"), ValueError, "noise='loud'"),
        (lambda f: rj.robust_iteration(f, [0.0, 0.0], 0, 0.1), ValueError, "steps=0"),
        (lambda f: rj.robust_iteration(f, [0.0, 0.0], 5, -0.1), ValueError, "delta"),
        (lambda f: rj.robust_iteration(f, [0.0], 5, 0.1), ValueError, "x of shape"),
        (lambda f: rj.robust_iteration(f, [], 5, 0.1), ValueError, "x0 of shape"),
        (lambda f: rj.robust_iteration(f, [0.0, math.inf], 5, 0.1), ValueError, "x0"),
        (lambda f: rj.robust_iteration("f", [0.0, 0.0], 5, 0.1), TypeError, "f='f'"),
        (lambda f: rj.robust_iteration(no_shape, [0.0, 0.0], 5, 0.1), ValueError, "f gave shape"),
        (lambda f: rj.robust_iteration(f, [3.0, 3.0], 5, 0.1), ValueError, "not finite"),
        (lambda f: rj.robust_iteration(lambda x: 1.0 - x, [0.3], 5, 0.1), ValueError, "still moves"),
        (lambda f: rj.robust_iteration(f, [0.0, 0.0], 5, 0.1, constant=1.0), ValueError, "K=1.0"),
        (lambda f: rj.robust_iteration(f, [0.0, 0.0], 5, 0.1, box=1.0), ValueError, "box"),
        (lambda f: rj.robust_iteration(f, [0.0, 0.0], 5, 0.1, box=(1.0, 0.0)), ValueError, "empty"),
        (lambda f: rj.robust_iteration(f, [0.0, 0.0], 5, 0.1, fixed_point=[1.0]), ValueError, "fixed_point"),
        (lambda f: rj.robust_error_bound(1.0, 0.1, 1, 1), ValueError, "K=1.0"),
        (lambda f: rj.robust_error_bound(0.5, 0.1, 1.5, 1), ValueError, "n=1.5"),
        (lambda f: rj.robust_error_bound(0.5, 0.1, 1, -1), ValueError, "e0=-1"),
        (lambda f: rj.robust_error_bound(0.5, math.nan, 1, 1), ValueError, "delta"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call(layer().network)
