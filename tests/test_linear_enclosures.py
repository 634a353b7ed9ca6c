"""Lines about activations: dense samples and 50 digits, exactness of decided kinks, the order of the error."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings
from test_activation_enclosures import EXACT, NAMES, SMOOTH, ends, inside

from rmtjac.model.activations import activation
from rmtjac.model.linear_enclosures import linear_enclosure

INF = math.inf


def line(name, low, high):
    function = activation(name)
    return linear_enclosure(function.code, function.parameter, low, high)


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_within_the_error(name):
    function = activation(name)

    @given(*[ends.filter(lambda h: abs(h) < 1e300)] * 2)
    @example(-1e5, -12.0)
    @settings(max_examples=150)
    def check(a, b):
        low, high = min(a, b), max(a, b)
        slope, offset, error = line(name, low, high)
        h = inside(low, high)
        # of what is computed here
        rounding = 4e-16 * (np.abs(slope * h) + np.abs(function.value(h)) + abs(offset))
        assert (np.abs(function.value(h) - slope * h - offset) <= error + rounding).all()

    check()


@pytest.mark.parametrize("name", SMOOTH)
def test_true_values_are_within_the_error(name):
    """In 60 digits, on intervals from a rounding error to 10 in length."""
    rng = np.random.default_rng(1)
    with mp.workdps(60):
        for trial in range(300):
            low = rng.uniform(-8, 8) if trial % 2 else rng.uniform(-37, 37)
            high = low + 10 ** rng.uniform(-16, 1)
            slope, offset, error = line(name, low, high)
            for h in (low, high, *rng.uniform(low, high, 5)):
                assert abs(EXACT[name][0](mp.mpf(h)) - mp.mpf(slope) * mp.mpf(h) - mp.mpf(offset)) <= error


@pytest.mark.parametrize("name", SMOOTH)
def test_the_error_is_of_second_order(name):
    at = {"gelu": 0.3, "silu": 0.4}.get(name, 0.7)
    errors = [line(name, at - width, at + width)[2] for width in (1e-2, 1e-3)]
    assert 80 < errors[0] / errors[1] < 120
    value = activation(name).value
    h = at + 1e-2 * np.linspace(-1, 1, 1001)
    slope, offset, error = line(name, h[0], h[-1])
    assert error < 2.1 * np.abs(value(h) - slope * h - offset).max()


def test_units_that_are_decided_are_exact():
    assert line("linear", -3.0, 2.0) == (1.0, 0.0, 0.0)
    assert line("relu", 1e-3, 2.0) == (1.0, 0.0, 0.0)
    assert line("relu", -2.0, -1e-3) == (0.0, 0.0, 0.0)
    assert line("leaky_relu(0.3)", -2.0, -1e-3) == (0.3, 0.0, 0.0)
    assert line("hard_tanh", -0.9, 0.8) == (1.0, 0.0, 0.0)
    assert line("hard_tanh", 1.5, 3.0) == (0.0, 1.0, 0.0)
    assert line("hard_tanh", -9.0, -1.5) == (0.0, -1.0, 0.0)


def test_a_kink_has_the_smallest_error():
    slope, offset, error = line("relu", -1.0, 3.0)
    assert (slope, offset, error) == pytest.approx((0.75, 0.375, 0.375))
    slope, offset, error = line("leaky_relu(-0.5)", -1.0, 1.0)
    assert (slope, offset, error) == pytest.approx((0.25, 0.375, 0.375))
    slope, _, error = line("hard_tanh", 0.0, 2.0)
    assert (slope, error) == pytest.approx((0.5, 0.25))
    assert line("hard_tanh", -2.0, 2.0) == pytest.approx((0.5, 0.0, 0.5))


def test_ends_that_are_not_finite():
    assert line("tanh", -INF, INF) == pytest.approx((0.0, 0.0, 1.0))
    assert line("hard_tanh", -INF, 0.0) == pytest.approx((0.0, -0.5, 0.5))
    for name in ("tanh", "sigmoid", "relu", "gelu"):
        slope, _, error = line(name, math.nan, 1.0)
        assert slope == 0.0
        assert error == (INF if name in ("relu", "gelu") else pytest.approx(1.0 if name == "tanh" else 0.5))
