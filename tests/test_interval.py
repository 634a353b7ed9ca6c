"""rj.Interval: every result holds what Arb says of numbers from the operands; ends are exact where they can be."""

from __future__ import annotations

import math
import operator

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

import rmtjac as rj
from rmtjac.linkage.certificates.elementary import FUNCTIONS, power, slopes, values

few = settings(max_examples=60, deadline=None)
numbers = st.floats(-1e6, 1e6) | st.floats(-1e-3, 1e-3) | st.sampled_from([0.0, 1.0, -1.0, 1e200, 5e-324])

OPERATIONS = (operator.add, operator.sub, operator.mul, operator.truediv)


@pytest.fixture(autouse=True)
def precision():
    before, ctx.prec = ctx.prec, 2200
    yield
    ctx.prec = before


def holds(interval, value):
    """Whether an interval of one number holds a ball."""
    low, high = float(interval.lower), float(interval.upper)
    return bool(arb(low) <= value.lower()) and bool(value.upper() <= arb(high))


@few
@given(numbers, numbers, st.sampled_from(OPERATIONS))
def test_sums_products_and_quotients_are_rounded_outward_by_one_unit_at_most(x, y, operation):
    if operation is operator.truediv and y == 0.0:
        return
    found = operation(rj.Interval(x), rj.Interval(y))
    exact = operation(arb(x), arb(y))
    assert found.lower == -math.inf or arb(float(found.lower)) <= exact.upper()
    assert found.upper == math.inf or arb(float(found.upper)) >= exact.lower()
    if 1e-250 < abs(float(exact)) < 1e139:
        assert found.upper <= np.nextafter(np.nextafter(found.lower, np.inf), np.inf)


def test_what_is_a_double_is_exact():
    x = rj.Interval(0.0, 1.0)
    for found, ends in ((x / 2, (0.0, 0.5)), (x**2 - 1, (-1.0, 0.0)), (np.exp(x - 1), (None, 1.0))):
        assert found.upper == ends[1]
        assert ends[0] is None or found.lower == ends[0]
    assert np.array_equal((rj.Interval([1.0, 2.0]) * 3).lower, [3.0, 6.0])
    assert np.sqrt(rj.Interval(4.0)).lower == np.sqrt(rj.Interval(4.0)).upper == 2.0


@few
@given(numbers, numbers, numbers, numbers, st.floats(0, 1), st.floats(0, 1), st.sampled_from(OPERATIONS))
def test_arithmetic_of_intervals_holds_that_of_their_numbers(a, b, c, d, s, t, operation):
    x, y = rj.Interval(*sorted((a, b))), rj.Interval(*sorted((c, d)))
    u, v = a + s * (b - a), c + t * (d - c)
    u, v = min(max(u, min(a, b)), max(a, b)), min(max(v, min(c, d)), max(c, d))
    if operation is operator.truediv and v == 0.0:
        return
    found, exact = operation(x, y), operation(arb(u), arb(v))
    assert found.lower == -math.inf or arb(float(found.lower)) <= exact
    assert found.upper == math.inf or arb(float(found.upper)) >= exact


EXACT = {
    "exp": (arb.exp, lambda x: x.exp()),
    "log": (arb.log, lambda x: 1 / x),
    "tanh": (arb.tanh, lambda x: x.sech() ** 2),
    "plain_erf": (arb.erf, lambda x: 2 * (-x * x).exp() / arb.pi().sqrt()),
    "sqrt": (arb.sqrt, lambda x: 1 / (2 * x.sqrt())),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2),
    "absolute": (abs, lambda x: arb(1) if x > 0 else arb(-1)),
}


@pytest.mark.parametrize("name", sorted(EXACT))
def test_functions_and_slopes_hold_the_values_of_arb_and_are_tight(name):
    assert set(EXACT) == set(FUNCTIONS)
    rng = np.random.default_rng(3)
    x = np.concatenate(
        [rng.standard_normal(300) * 10.0 ** rng.uniform(-12, 2.5, 300), [1.0, 0.5, 700.0, -30.0]]
    )
    x = np.abs(x) if name in ("log", "sqrt") else x
    ctx.prec = 300
    for function, ends in zip(EXACT[name], (values(name, (x, x)), slopes(name, (x, x))), strict=True):
        for k, number in enumerate(x):
            exact = function(arb(number))
            if abs(float(exact)) < 1e300:
                assert arb(ends[0][k]) <= exact.upper()
                assert arb(ends[1][k]) >= exact.lower()
                scale = abs(float(exact)) * (1.0 + 4.0 * number**2) + 1e-290
                # a slope of tanh is a difference
                slack = 1e-14 if name == "tanh" else 1e-299
                assert ends[1][k] - ends[0][k] <= 1e-14 * scale + slack


@few
@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0, 1), st.integers(0, 9))
def test_powers(a, b, s, exponent):
    low, high = sorted((a, b))
    x = min(max(low + s * (high - low), low), high)
    ends = power((np.array(low), np.array(high)), exponent)
    assert arb(float(ends[0])) <= arb(x) ** exponent <= arb(float(ends[1]))


@pytest.mark.parametrize("name", ["exp", "tanh", "plain_erf", "absolute", "reciprocal", "log", "sqrt"])
def test_wide_intervals_hold_values_and_slopes(name):
    rng = np.random.default_rng(5)
    low = rng.uniform(-3, 3, 200)
    high = low + 10.0 ** rng.uniform(-6, 1, 200)
    x = low + rng.uniform(0, 1, 200) * (high - low)
    defined = (x > 0) if name in ("log", "sqrt") else (x != 0)
    for function, ends in zip(
        EXACT[name], (values(name, (low, high)), slopes(name, (low, high))), strict=True
    ):
        for k in np.flatnonzero(defined):
            assert ends[0][k] <= float(function(arb(x[k])).upper()) * (1 + 1e-15) + 1e-15
            assert ends[1][k] >= float(function(arb(x[k])).lower()) * (1 - 1e-15) - 1e-15
    outside = (low <= 0) & (high >= 0) if name == "reciprocal" else low <= 0
    if name in ("log", "sqrt", "reciprocal"):
        assert np.isinf(slopes(name, (low, high))[1][outside]).all()


def test_arrays_as_numpy_does_them():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 3, 4))
    w = rng.standard_normal((2, 3))
    x = rj.Interval(a)
    for found, due in (
        (x + b[0], a + b[0]),
        (b - x, b - a),
        (w @ x, w @ a),
        (x.T @ w.T, a.T @ w.T),
        (x @ x.T, a @ a.T),
        (x[1:, ::2], a[1:, ::2]),
        (x.sum(), a.sum()),
        (x.sum(axis=0), a.sum(axis=0)),
        (np.sum(x, axis=1), a.sum(axis=1)),
        (np.stack([x[0], x[1]]), a[:2]),
        (np.concatenate([x, x], axis=1), np.concatenate([a, a], axis=1)),
        (np.maximum(x, 0.1), np.maximum(a, 0.1)),
        (np.minimum(0.1, x), np.minimum(a, 0.1)),
        (abs(x), abs(a)),
        (2.0**x, 2.0**a),
        (abs(x) ** 1.7, abs(a) ** 1.7),
        (x**-2, a**-2.0),
        (x.reshape(4, 3).ravel(), a.ravel()),
        (erf(x), erf(a)),
        (np.square(x) / 3, a * a / 3),
        (w[0] @ x, w[0] @ a),
        (np.transpose(x), a.T),
    ):
        assert found.shape == due.shape
        np.testing.assert_allclose(found.middle, due, rtol=1e-13, atol=1e-14)
        assert (found.upper - found.lower <= 1e-12 * (1 + abs(due))).all()


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        (np.sin, "np.sin"),
        (lambda x: x if x > 0 else -x, "comparison"),
        (math.exp, "math module"),
        (lambda x: 1 if x else 2, "decision"),
        (lambda x: np.add.reduce(x), "reduce"),
        (np.median, "np.median"),
        (lambda x: x @ np.ones((5, 2)), "product of shapes"),
        (lambda x: x == 1, "comparison"),
        (lambda x: np.add(x, 1, out=np.ones(3)), "out"),
    ],
)
def test_what_it_does_not_know_is_named(operation, word):
    with pytest.raises((TypeError, ValueError), match=word):
        operation(rj.Interval([0.0, 1.0, 2.0], 3.0))


def test_bad_ends():
    with pytest.raises(ValueError, match="lower <= upper"):
        rj.Interval([0.0, 2.0], 1.0)
    with pytest.raises(ValueError, match="nan"):
        rj.Interval(math.nan)
    with pytest.raises(ValueError, match="real numbers"):
        rj.Interval("x")
    assert rj.Interval(-1.0, 1.0).contains(0.5)
    assert "Interval" in repr(rj.Interval(1.0))
    assert np.isinf((1 / rj.Interval(-1.0, 1.0)).upper)
