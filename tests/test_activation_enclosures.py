"""Ranges of phi and phi' over intervals: dense samples, 50 digits of mpmath, both sides of kinks, and tightness."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtjac.model import activation_enclosures
from rmtjac.model.activation_enclosures import slope_range, value_range
from rmtjac.model.activation_kernels import phi, phi_prime
from rmtjac.model.activations import activation

SMOOTH = ("erf", "tanh", "sigmoid", "gelu", "silu", "softplus")
NAMES = ("linear", "relu", "leaky_relu(0.3)", "leaky_relu(-0.7)", "hard_tanh", *SMOOTH)
INF = math.inf


def sigmoid(h):
    return 1 / (1 + mp.exp(-h)) if h > 0 else mp.exp(h) / (1 + mp.exp(h))


# phi and phi' as formulas in many digits; 1/cosh^2 and s(h) s(-h) because 1 - tanh^2 would cancel
EXACT = {
    "erf": (lambda h: mp.erf(mp.sqrt(mp.pi) * h / 2), lambda h: mp.exp(-mp.pi * h * h / 4)),
    "tanh": (mp.tanh, lambda h: mp.sech(h) ** 2),
    "sigmoid": (sigmoid, lambda h: sigmoid(h) * sigmoid(-h)),
    "gelu": (
        lambda h: h * mp.erfc(-h / mp.sqrt(2)) / 2,
        lambda h: mp.erfc(-h / mp.sqrt(2)) / 2 + h * mp.npdf(h),
    ),
    "silu": (lambda h: h * sigmoid(h), lambda h: sigmoid(h) + h * sigmoid(h) * sigmoid(-h)),
    "softplus": (lambda h: mp.log1p(mp.exp(h)), sigmoid),
}
TURNS = [0.0, 1.0, -1.0, -0.7517915246935645, -1.2784645427610737, 2.3993572805154675, math.sqrt(2.0)]
SIZES = [1e-300, 1e-8, 0.3, 5.0, 5.9, 20.0, 27.0, 36.0, 38.4, 40.0, 700.0, 745.0, 999.0, 1e5]
PLACES = sorted({sign * h for h in [*TURNS, *SIZES] for sign in (1.0, -1.0)})

ends = st.one_of(
    st.sampled_from(PLACES),
    st.floats(-8, 8),
    st.floats(-1e3, 1e3),
    st.floats(allow_nan=False, allow_infinity=False),
)


def ranges(name, low, high):
    function = activation(name)
    return (
        value_range(function.code, function.parameter, low, high),
        slope_range(function.code, function.parameter, low, high),
    )


def inside(low, high, count=60):
    """Points of [low, high]: its ends, evenly spread ones, and the places where something turns."""
    spread = np.linspace(0.0, 1.0, count)
    points = np.concatenate([low * (1.0 - spread) + high * spread, PLACES, [low, high]])
    return points[(points >= low) & (points <= high)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.jit_off
def test_samples_lie_in_the_ranges(name):
    function = activation(name)

    @given(ends, ends)
    @settings(max_examples=80)
    def check(a, b):
        values, slopes = ranges(name, min(a, b), max(a, b))
        h = inside(min(a, b), max(a, b))
        for got, kernel, exact in ((values, phi, function.value), (slopes, phi_prime, function.derivative)):
            samples = np.array([kernel(function.code, function.parameter, x) for x in h.tolist()])
            for each in (samples, exact(h)):
                assert got[0] <= each.min()
                assert each.max() <= got[1]

    check()


@pytest.mark.parametrize("name", SMOOTH)
def test_true_values_lie_in_the_ranges_of_points(name):
    value, slope = EXACT[name]
    near = [np.nextafter(h, way) for h in PLACES for way in (-INF, INF)]
    points = [*PLACES, *near, *np.random.default_rng(5).uniform(-40, 40, 1500)]
    with mp.workdps(60):
        for h in map(float, points):
            values, slopes = ranges(name, h, h)
            assert values[0] <= value(mp.mpf(h)) <= values[1], h
            assert slopes[0] <= slope(mp.mpf(h)) <= slopes[1], h


@pytest.mark.parametrize("name", SMOOTH)
def test_extrema_of_60_digits_lie_in_the_ranges_around_them(name):
    value, slope = EXACT[name]
    with mp.workdps(60):
        silu_turn = mp.findroot(lambda h: h * mp.tanh(h / 2) - 2, 2.4)
        turn = {"gelu": mp.sqrt(2), "silu": silu_turn}.get(name, mp.mpf(0))
        bottom = {"gelu": -0.7517915246935645, "silu": -1.2784645427610737}.get(name)
        for h in (turn, -turn, *([] if bottom is None else [mp.findroot(slope, bottom)])):
            for width in (0.0, 1e-15, 1e-9, 1e-3):
                low, high = np.nextafter(float(h) - width, -INF), np.nextafter(float(h) + width, INF)
                values, slopes = ranges(name, low, high)
                assert slopes[0] <= slope(h) <= slopes[1]
                assert values[0] <= value(h) <= values[1]


@pytest.mark.parametrize("name", SMOOTH)
def test_ranges_are_tight(name):
    function = activation(name)
    for low, high in np.sort(np.random.default_rng(3).uniform(-6, 6, (300, 2))):
        h = inside(low, high, 20_001)
        for got, samples in zip(
            ranges(name, low, high), (function.value(h), function.derivative(h)), strict=True
        ):
            width = samples.max() - samples.min()
            assert got[1] - got[0] <= width + 1e-5 * width**0.5 + 3e-14


@given(ends, ends, ends, st.sampled_from(NAMES))
@settings(max_examples=400)
def test_ranges_grow_with_the_interval(a, b, c, name):
    low, middle, high = sorted([a, b, c])
    for part in (ranges(name, low, middle), ranges(name, middle, high)):
        for inner, outer in zip(part, ranges(name, low, high), strict=True):
            assert outer[0] <= inner[0] <= inner[1] <= outer[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_axis_gives_the_ranges_of_the_activation(name):
    function = activation(name)
    whole = function.range, function.derivative_range
    if name == "leaky_relu(-0.7)":
        whole = (0.0, INF), function.derivative_range  # the activation says (0, inf) as well
    for low, high in ((-INF, INF), (math.nan, 1.0), (0.0, math.nan), (2.0, 1.0)):
        assert ranges(name, low, high) == whole


def test_ends_at_infinity():
    assert ranges("tanh", 0.0, INF) == ((pytest.approx(0.0), 1.0), (0.0, 1.0))
    for name in ("relu", "gelu", "silu", "softplus"):
        (below, above), slopes = ranges(name, -INF, -900.0)
        assert -1e-300 <= below <= 0.0 <= above <= 1e-300
        assert -1e-300 <= slopes[0] <= 0.0 <= slopes[1] <= 1e-300
        (below, above), slopes = ranges(name, 900.0, INF)
        assert (below, above) == (pytest.approx(900.0), INF)
        assert slopes == (pytest.approx(1.0), pytest.approx(1.0))


def test_kinks_have_the_slopes_of_both_sides():
    assert ranges("relu", 0.0, 0.0) == ((0.0, 0.0), (0.0, 1.0))
    assert ranges("relu", 0.0, 2.0) == ((0.0, 2.0), (0.0, 1.0))
    assert ranges("relu", 5e-324, 2.0) == ((5e-324, 2.0), (1.0, 1.0))
    assert ranges("relu", -2.0, -5e-324) == ((0.0, 0.0), (0.0, 0.0))
    assert ranges("leaky_relu(-0.7)", -1.0, 0.0)[1] == (-0.7, 1.0)
    assert ranges("leaky_relu(3)", -1.0, 1.0)[1] == (1.0, 3.0)
    assert ranges("linear", -1.0, 2.0) == ((-1.0, 2.0), (1.0, 1.0))
    assert ranges("hard_tanh", -1.0, 0.5) == ((-1.0, 0.5), (0.0, 1.0))
    assert ranges("hard_tanh", -0.5, 0.5) == ((-0.5, 0.5), (1.0, 1.0))
    assert ranges("hard_tanh", 1.0, 3.0) == ((1.0, 1.0), (0.0, 1.0))
    assert ranges("hard_tanh", 1.5, 3.0) == ((1.0, 1.0), (0.0, 0.0))
    assert ranges("hard_tanh", -3.0, 3.0) == ((-1.0, 1.0), (0.0, 1.0))


def test_products_that_overflow_keep_the_largest_double_inside():
    below, above = ranges("leaky_relu(3)", -1.5e308, -1.0)[0]
    assert below == -INF
    assert above == pytest.approx(-3.0)
    below, above = ranges("leaky_relu(3)", -1.6e308, -1.5e308)[0]
    assert (below, above) == (-INF, -np.finfo(float).max)


def test_no_rounding_error_would_be_caught(monkeypatch):
    """Negative control: with the margins at 0 some true value lies outside."""
    monkeypatch.setattr(activation_enclosures, "_slope_error", lambda code, h, slope: 0.0)
    bare = getattr(slope_range, "py_func", slope_range)
    code = activation("tanh").code
    with mp.workdps(60):
        outside = [
            h
            for h in map(float, np.random.default_rng(0).uniform(0, 5, 100))
            if not bare(code, 0.0, h, h)[0] <= mp.sech(h) ** 2 <= bare(code, 0.0, h, h)[1]
        ]
    assert len(outside) > 20
