"""Activations: closed forms against quadrature, gate laws at their limits, names, pickling."""

import math
import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtjac.errors import UnsupportedError
from rmtjac.model.activations import Activation, GateLaw, activation
from rmtjac.model.quadrature import gaussian_mean

NAMES = ["linear", "relu", "leaky_relu(0.1)", "leaky_relu(-2.0)", "hard_tanh"]


def tanh_slope(h):
    return 1 / np.cosh(h) ** 2


def tanh():
    return Activation("my_tanh", np.tanh, tanh_slope, range=(-1, 1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("q", [1e-3, 0.1, 1.0, 7.5, 1e4])
def test_moments_match_quadrature(name, q):
    phi = activation(name)
    assert phi.second_moment(q) == pytest.approx(gaussian_mean(lambda h: phi.value(h) ** 2, q, ""), rel=1e-11)
    slope = gaussian_mean(lambda h: phi.derivative(h) ** 2, q, "")
    assert phi.derivative_moment(q) == pytest.approx(slope, rel=1e-10)
    assert phi.gate_law(q).moment(1) == pytest.approx(slope, rel=1e-10)


@pytest.mark.parametrize("q", [1e-4, 3e-3, 0.1, 2.0, 1e6, 1e12])
def test_hard_tanh_against_forty_digits(q):
    phi = activation("hard_tanh")
    with mpmath.workdps(160):
        x = mpmath.mpf(q)
        p = mpmath.erf(1 / mpmath.sqrt(2 * x))
        tail = mpmath.erfc(1 / mpmath.sqrt(2 * x))
        moment = x * p - mpmath.sqrt(2 * x / mpmath.pi) * mpmath.exp(-1 / (2 * x)) + tail
        deficit = 1 - moment / x
    assert phi.second_moment(q) == pytest.approx(float(moment), rel=1e-14)
    assert phi.gate_law(q).closed == pytest.approx(float(tail), rel=1e-12, abs=0)
    if q > 1e-3:  # below, the digits of 1 - moment/q are not enough either
        assert phi.deficit(q) == pytest.approx(float(deficit), rel=1e-10, abs=0)


def test_hard_tanh_at_the_ends():
    phi = activation("hard_tanh")
    assert phi.gate_law(0.0).open == 1.0
    assert phi.gate_law(0.0).closed == 0.0
    assert phi.second_moment(0.0) == 0.0
    assert phi.gate_law(math.inf).closed == 1.0
    assert phi.gate_law(math.inf).values.size == 0
    assert phi.second_moment(math.inf) == 1.0
    assert phi.second_moment(1e300) == pytest.approx(1.0)
    assert 0 < phi.gate_law(1e300).open < 1e-149


def test_gate_laws_of_half_linear_activations():
    assert activation("linear").gate_law(2.0).values.tolist() == [1.0]
    assert activation("relu").gate_law(2.0).closed == 0.5
    leaky = activation("leaky_relu(3)").gate_law(2.0)
    assert leaky.values.tolist() == [1.0, 9.0]
    assert leaky.masses.tolist() == [0.5, 0.5]
    for slope in (1, -1):
        assert activation(f"leaky_relu({slope})").gate_law(2.0).values.tolist() == [1.0]
    assert activation("leaky_relu(0)").gate_law(2.0).closed == 0.5
    assert not any(activation(name).gates_depend_on_q for name in NAMES[:4])


def test_values_and_derivatives():
    h = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, np.inf])
    assert activation("relu").value(h).tolist() == [0, 0, 0, 0, 0.5, 1, np.inf]
    assert activation("relu").derivative(h).tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert activation("leaky_relu:-2").value(h[:3]).tolist() == [4, 2, 1]
    assert activation("hard_tanh").derivative(h).tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert activation("linear").derivative(0.0) == 1.0
    assert activation("linear").value(h) is not h


@pytest.mark.parametrize("name", NAMES)
@given(h=st.floats(-50, 50))
@settings(deadline=None, max_examples=30)
def test_ranges_enclose(name, h):
    phi = activation(name)
    assert phi.range[0] <= phi.value(h) <= phi.range[1]
    assert phi.derivative_range[0] <= phi.derivative(h) <= phi.derivative_range[1]


def test_names_are_parsed_to_one_form():
    assert activation("leaky_relu:0.10") == activation("leaky_relu(0.1)")
    assert activation("leaky_relu(0.1)").name == "leaky_relu(0.1)"
    assert activation("leaky_relu(-0.0)").parameter == 0.0
    assert activation("relu") != activation("leaky_relu(0)")
    phi = tanh()
    assert activation(phi) is phi
    assert Activation("relu", np.tanh, tanh_slope) != activation("relu")


@pytest.mark.parametrize("phi", [*map(activation, NAMES), tanh()])
def test_pickle_round_trip(phi):
    again = pickle.loads(pickle.dumps(phi))
    assert again == phi
    assert hash(again) == hash(phi)
    assert again.value(np.array([-0.3]))[0] == phi.value(np.array([-0.3]))[0]


@pytest.mark.parametrize(
    "name", ["tanhh", "leaky_relu", "leaky_relu()", "leaky_relu(x)", "leaky_relu(nan)", "leaky_relu(inf)", ""]
)
def test_unknown_names_are_one_line(name):
    with pytest.raises(ValueError, match=r"allowed|SLOPE is") as caught:
        activation(name)
    assert "\n" not in str(caught.value)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="allowed"):
        activation(3)
    with pytest.raises(TypeError, match="value"):
        Activation("f", 1, np.cos)
    with pytest.raises(ValueError, match="range"):
        Activation("f", np.sin, np.cos, range=(1, 0))
    with pytest.raises(TypeError, match="range"):
        Activation("f", np.sin, np.cos, range=3)
    for q in (-1.0, math.nan):
        with pytest.raises(ValueError, match="q="):
            activation("hard_tanh").second_moment(q)
        with pytest.raises(ValueError, match="q="):
            activation("relu").gate_law(q)


def test_user_activation_by_quadrature():
    phi = tanh()
    with mpmath.workdps(20):
        exact = mpmath.quad(
            lambda t: mpmath.tanh(t) ** 2 * mpmath.npdf(t, 0, 1), [-mpmath.inf, 0, mpmath.inf]
        )
    assert phi.second_moment(1.0) == pytest.approx(float(exact), rel=1e-12)
    assert phi.second_moment(0.0) == 0.0
    with pytest.raises(UnsupportedError, match="later"):
        phi.gate_law(1.0)
    with pytest.raises(ValueError, match="no finite mean"):
        Activation("explosive", lambda h: np.exp(h**4), np.exp).second_moment(1.0)


def test_gate_law_of_realised_values():
    law = GateLaw.of_values([1.0, 0.0, 0.25, 1.0, 0.0])
    assert law.values.tolist() == [0.25, 1.0]
    assert law.masses.tolist() == [0.2, 0.4]
    assert law.closed == 0.4
    assert law.open == pytest.approx(0.6)
    assert law.moment(2) == pytest.approx(0.4 + 0.2 / 16)
    assert GateLaw.of_values([0.0]).values.size == 0
    with pytest.raises(ValueError, match="read-only"):
        law.values[0] = 3


@pytest.mark.parametrize("values", [[], [[1.0]], [-1.0], [math.nan], [math.inf], 1.0])
def test_gate_law_refuses(values):
    with pytest.raises(ValueError, match="allowed"):
        GateLaw.of_values(values)


def test_gate_law_refuses_other_moments():
    for k in (0, -1, math.nan):
        with pytest.raises(ValueError, match="k="):
            GateLaw.of_values([1.0]).moment(k)
