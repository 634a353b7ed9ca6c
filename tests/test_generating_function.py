"""m_K of an activation: closed forms, the reference values, and its behaviour on the cut and at infinity."""

import cmath
import math

import numpy as np
import pytest
from conftest import read_data
from hypothesis import given
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.model.activations import activation

ROWS = read_data("smooth_gates.json")["rows"]
NAMES = ("linear", "relu", "leaky_relu(0.2)", "hard_tanh", *sorted(ROWS))


def closed_form(name, q, zeta):
    """Sum over gates of one or two values."""
    opened = math.erf(1.0 / math.sqrt(2.0 * q))
    laws = {
        "linear": [(1.0, 1.0)],
        "relu": [(1.0, 0.5)],
        "leaky_relu(0.2)": [(1.0, 0.5), (0.04, 0.5)],
        "hard_tanh": [(1.0, opened)],
    }
    return sum(p * zeta * k / (1.0 - zeta * k) for k, p in laws[name])


@given(
    name=st.sampled_from(NAMES[:4]),
    q=st.floats(0.01, 10.0),
    size=st.floats(-20.0, 20.0),
    angle=st.floats(-3.1, -1e-6),
)
def test_gates_of_few_values_are_closed_forms(name, q, size, angle):
    zeta = cmath.rect(math.exp(size), angle)
    exact = closed_form(name, q, zeta)
    # zeta = 1/k is a pole: rounding of zeta counts there
    room = min(abs(1.0 - zeta), abs(1.0 - 0.04 * zeta))
    assert rj.generating_function(name, q, zeta) == pytest.approx(exact, rel=1e-13 + 1e-15 / room)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_smooth_gates_are_the_reference_values(name):
    for q, re, im, m_re, m_im, slope_re, slope_im, *_ in ROWS[name]:
        exact = complex(m_re, m_im)
        error = abs(rj.generating_function(name, q, complex(re, im)) - exact)
        # what the rounding of log zeta makes
        conditioning = 1e-15 * (1.0 + abs(cmath.log(complex(re, im)))) * abs(complex(slope_re, slope_im))
        assert error <= 1e-12 * abs(exact) + conditioning


def test_a_wrong_variance_is_noticed():
    q, re, im, m_re, m_im, *_ = ROWS["gelu"][0]
    exact = complex(m_re, m_im)
    assert abs(rj.generating_function("gelu", 1.001 * q, complex(re, im)) - exact) > 1e-6 * abs(exact)


@given(
    name=st.sampled_from(NAMES),
    q=st.floats(0.01, 10.0),
    size=st.floats(-8.0, 8.0),
    angle=st.floats(0.0, 3.14),
)
def test_it_is_conjugate_symmetric(name, q, size, angle):
    zeta = cmath.rect(math.exp(size), -angle)
    below, above = rj.generating_function(name, q, np.array([zeta, zeta.conjugate()]))
    if zeta.imag != 0.0:
        assert above == below.conjugate()


@pytest.mark.parametrize("name", NAMES)
def test_small_zeta_gives_the_moments(name):
    law = activation(name).gate_law(0.7)
    for zeta in (1e-4, -1e-4, 1e-4j):
        series = sum(law.moment(n) * zeta**n for n in range(1, 8))
        assert rj.generating_function(name, 0.7, zeta) == pytest.approx(series, rel=1e-13)
    assert rj.generating_function(name, 0.7, 0.0) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_at_infinity_every_open_gate_counts(name):
    opened = activation(name).gate_law(0.7).open
    assert rj.generating_function(name, 0.7, -np.inf) == -opened
    # gates near 0 count last, by a power of zeta
    assert rj.generating_function(name, 0.7, -1e80) == pytest.approx(-opened, rel=1e-3)


def test_poles_and_the_end_of_the_cut_are_infinite():
    assert rj.generating_function("leaky_relu(0.5)", 1.0, [1.0, 4.0]).tolist() == [np.inf, np.inf]
    assert rj.generating_function("tanh", 1.0, 1.0) == np.inf
    # the supremum of softplus' gates is not attained
    assert np.isfinite(rj.generating_function("softplus", 1.0, 1.0))


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus"])
def test_on_the_cut_it_is_the_limit_from_below(name):
    on, below = rj.generating_function(name, 0.7, np.array([3.0, 3.0 - 1e-11j]))
    assert on == pytest.approx(below, rel=1e-9)
    assert on.imag < 0.0


def test_shapes_are_kept():
    zeta = np.linspace(-2.0, 0.5, 6).reshape(2, 3)
    table = rj.generating_function("erf", 0.5, zeta)
    assert table.shape == (2, 3)
    assert table[1, 2] == rj.generating_function("erf", 0.5, zeta[1, 2])
    assert rj.generating_function("erf", 0.5, []).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tan", 1.0, 0.5), "^activation='tan'"),
        (("tanh", -1.0, 0.5), "^q=-1"),
        (("tanh", math.nan, 0.5), "^q=nan"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        rj.generating_function(*arguments)
