"""Smooth gates under stable weights: the functions against arb, gates of every kind, and the laws against sampling."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.errors import UnsupportedError
from rmtjac.model.slope_nodes import LOWEST
from rmtjac.model.stable_field import StableGates, stable_gates
from rmtjac.theory.mellin import StableFunction

OPEN = StableGates(np.zeros(1), np.ones(1))


def ensemble(**others):
    return rj.Ensemble(**({"depth": 1, "width": 200, "activation": "tanh", "weights": "cauchy"} | others))


def activation(name):
    return ensemble(activation=name).activations[0]


def summed(alpha, gates, inner, eta):
    """F and F(inf) - F as sums over the gates of the function without gates."""
    function = StableFunction(alpha, OPEN, inner)
    parts = [function(point + alpha * gates.logs) for point in eta]
    return (np.array([part[i] @ gates.masses for part in parts]) for i in (0, 2))


# the functions

# F at log p + i arg p for scale 1: Gauss-Legendre quadrature over h of the Mellin-Barnes integral without gates, in
# ball arithmetic of 128 bits; 192 bits with other nodes give the same for tanh, alpha = 1
REFERENCES = [
    (
        "tanh",
        1.0,
        True,
        -13.815510557964274,
        2.827433388230814,
        -3.3927533791676608e-06,
        1.85722615420165e-06,
    ),
    ("tanh", 1.0, True, 3.0, 2.827433388230814, 0.9829784117829399, 0.11834511573561984),
    ("tanh", 1.0, True, 69.07755278982137, 2.827433388230814, 1.1081801303686065, 0.0008045178615068906),
    (
        "tanh",
        1.0,
        False,
        -13.815510557964274,
        2.1205750411731104,
        -2.3514549133955908e-07,
        3.837228873409922e-07,
    ),
    ("tanh", 1.0, False, 3.0, 2.1205750411731104, 0.8769248261938567, 0.1196066213412655),
    ("tanh", 1.0, False, 69.07755278982137, 2.1205750411731104, 1.1080886237828245, 0.0006083083185206728),
    ("erf", 1.0, True, 3.0, 2.827433388230814, 0.9389440412002941, 0.07817301673497792),
    ("erf", 1.0, True, 69.07755278982137, 2.827433388230814, 1.052412543536882, 0.001531223869215995),
    ("erf", 1.0, False, 3.0, 2.1205750411731104, 0.8348462279726687, 0.08875649704553104),
    ("erf", 1.0, False, 69.07755278982137, 2.1205750411731104, 1.0522426718680165, 0.0011555263722732598),
    ("sigmoid", 1.0, True, 3.0, 2.827433388230814, 2.082414967652014, 0.47162037629910764),
    ("sigmoid", 1.0, True, 69.07755278982137, 2.827433388230814, 1.1180770363572121, 0.00041868066597973755),
    ("sigmoid", 1.0, False, 3.0, 2.1205750411731104, 0.8974330078732377, -0.02677342739224761),
    (
        "sigmoid",
        1.0,
        False,
        69.07755278982137,
        2.1205750411731104,
        1.1180293149447749,
        0.00031662378646718454,
    ),
    (
        "tanh",
        0.7,
        True,
        -13.815510557964274,
        2.827433388230814,
        -4.457717776851479e-06,
        2.4787441488240734e-06,
    ),
    ("tanh", 0.7, True, 3.0, 2.827433388230814, 0.7215295932887807, 0.3795935769860183),
    ("tanh", 0.7, True, 69.07755278982137, 2.827433388230814, 1.070219652929938, 0.0014229711784137014),
    (
        "tanh",
        0.7,
        False,
        -13.815510557964274,
        1.9085175370557994,
        -1.5902029157010423e-07,
        4.5282406469350047e-07,
    ),
    ("tanh", 0.7, False, 3.0, 1.9085175370557994, 0.8195829505339817, 0.08316347041696075),
    ("tanh", 0.7, False, 69.07755278982137, 1.9085175370557994, 1.070012718904851, 0.0009690924876500257),
    ("erf", 0.7, True, 3.0, 2.827433388230814, 0.6667095045153637, 0.37628247025907535),
    ("erf", 0.7, True, 69.07755278982137, 2.827433388230814, 0.9792567983781779, 0.0019020818753916473),
    ("erf", 0.7, False, 3.0, 1.9085175370557994, 0.7705979360672576, 0.057955047683064385),
    ("erf", 0.7, False, 69.07755278982137, 1.9085175370557994, 0.9789852345148458, 0.0012929804965527301),
    ("sigmoid", 0.7, True, 3.0, 2.827433388230814, 1.6250556884349106, -0.48991995431410124),
    ("tanh", 1.5, True, 3.0, 2.827433388230814, 0.904276161424998, 0.2355796902405441),
    ("tanh", 1.5, False, 3.0, 2.4740042147019623, 0.8697896559084848, 0.22158044829773585),
]


@pytest.mark.parametrize(("name", "alpha", "inner"), sorted({row[:3] for row in REFERENCES}))
def test_functions_of_smooth_gates(name, alpha, inner):
    function = StableFunction(alpha, stable_gates(activation(name), 1.0, alpha), inner)
    for *_, size, argument, real, imaginary in (row for row in REFERENCES if row[:3] == (name, alpha, inner)):
        value, _, _ = function(np.array([size + 1j * argument]))
        assert abs(value[0] / complex(real, imaginary) - 1) < 1e-11


@pytest.mark.parametrize("alpha", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("inner", [False, True])
def test_gates_of_two_values_are_sums(alpha, inner):
    gates = StableGates(np.log([0.3, 1.0]), np.array([0.5, 0.25]))
    argument = 0.45 * math.pi * alpha
    eta = np.linspace(-14.0, 70.0, 120) + 1j * argument
    value, _, rest = StableFunction(alpha, gates, inner)(eta)
    direct, direct_rest = summed(alpha, gates, inner, eta)
    np.testing.assert_allclose(value, direct, rtol=1e-12)
    np.testing.assert_allclose(rest, direct_rest, rtol=3e-11)


@pytest.mark.parametrize(("name", "alpha"), [("tanh", 0.7), ("erf", 1.0), ("sigmoid", 1.5)])
@pytest.mark.parametrize("inner", [False, True])
def test_the_hard_edge_keeps_its_digits(name, alpha, inner):
    """F(inf) - F down to the smallest gates and below, where it falls like p^(-2/alpha)."""
    nodes = stable_gates(activation(name), 1.0, alpha)
    gates = StableGates(nodes.logs[::50], nodes.masses[::50])  # as a law of many values
    end = -alpha * LOWEST
    eta = np.array([1.0, 30.0, 0.5 * end, end - 1.0, end + 2.0, end + 30.0]) + 0.45j * math.pi * alpha
    value, slope, rest = StableFunction(alpha, gates, inner)(eta)
    direct, direct_rest = summed(alpha, gates, inner, eta)
    np.testing.assert_allclose(value, direct, rtol=1e-12)
    np.testing.assert_allclose(rest, direct_rest, rtol=1e-9)
    step = 1e-4
    up, down = (StableFunction(alpha, gates, inner)(eta + side * step)[2] for side in (1.0, -1.0))
    np.testing.assert_allclose(slope, (down - up) / (2.0 * step), rtol=1e-5, atol=1e-9)


# the gates


def softsign(h):
    return h / (1.0 + np.abs(h))


def softsign_derivative(h):
    return (1.0 + np.abs(h)) ** -2.0


def noisy_derivative(h):
    return 1.0 - np.tanh(h) ** 2


def staircase(h):
    return np.clip(h, -0.3, 0.3) + 0.5 * np.clip(h, -0.7, 0.9)


def staircase_derivative(h):
    return (np.abs(h) < 0.3) + 0.5 * ((h > -0.7) & (h < 0.9))


SOFTSIGN = rj.Activation("softsign", softsign, softsign_derivative, range=(-1, 1))
NOISY = rj.Activation("noisy", np.tanh, noisy_derivative, range=(-1, 1))
STAIRCASE = rj.Activation("staircase", staircase, staircase_derivative, range=(-1, 1))
SINE = rj.Activation("sine", np.sin, np.cos, range=(-1, 1))


@pytest.mark.parametrize(("name", "reach"), [("tanh", 372.9), ("sigmoid", 744.44), ("erf", 30.787)])
def test_gates_below_the_smallest_double_are_closed(name, reach):
    """P(|h| > reach) of Cauchy h."""
    gates = stable_gates(activation(name), 1.0, 1.0)
    assert gates.open == pytest.approx(2.0 / math.pi * math.atan(reach), abs=2e-6)


def test_gates_of_a_power_law():
    """d = (1 + |h|)^-2, so that d < e^-y where |h| > e^(y/2) - 1."""
    gates = stable_gates(SOFTSIGN, 1.0, 1.0)
    assert gates.open == pytest.approx(1.0, abs=1e-12)
    y = np.array([0.5, 3.0, 20.0])
    below = [gates.masses[gates.logs < -bound].sum() for bound in y]
    np.testing.assert_allclose(below, 1.0 - 2.0 / math.pi * np.arctan(np.expm1(y / 2.0)), rtol=0.3)
    moment = gates.masses @ np.exp(0.5 * gates.logs)  # E 1/(1 + |h|)
    exact = 0.5  # (2/pi) int_0^inf dh/((1 + h)(1 + h^2)) = (2/pi) (pi/4)
    assert moment == pytest.approx(exact, rel=1e-12)


def test_a_piecewise_constant_derivative():
    gates = stable_gates(STAIRCASE, 1.0, 1.0)
    order = np.argsort(gates.logs)
    np.testing.assert_allclose(np.exp(gates.logs[order]), [0.5, 1.5])
    inner, outer = 2.0 * math.atan(0.3), math.atan(0.7) + math.atan(0.9)
    np.testing.assert_allclose(gates.masses[order], np.array([outer - inner, inner]) / math.pi, rtol=1e-12)


def test_a_noisy_derivative_has_the_law_of_its_digits():
    exact, noisy = (rj.spectral_law(ensemble(activation=phi), gates="independent") for phi in ("tanh", NOISY))
    x = np.array([-12.0, -5.0, 0.0, 3.0])
    view, other = (law.of("log_singular_values") for law in (exact, noisy))
    np.testing.assert_allclose(other.cdf(x), view.cdf(x), rtol=1e-9)
    assert noisy.atoms[0, 1] > 10 * exact.atoms[0, 1]  # 1 - tanh(h)^2 is 0 beyond |h| = 19


def test_a_derivative_that_is_not_resolved_is_refused():
    with pytest.raises(UnsupportedError, match=r"sine.*not resolved"):
        rj.spectral_law(ensemble(activation=SINE), gates="independent")


def test_a_derivative_that_is_not_finite_is_refused():
    def derivative(h):
        return np.where(np.abs(h) > 1e6, np.nan, 1.0 / (1.0 + h * h))

    broken = rj.Activation("broken", np.arctan, derivative, range=(-2, 2))
    with pytest.raises(ValueError, match=r"broken.*not finite"):
        stable_gates(broken, 1.0, 1.0)


# the laws


@pytest.mark.parametrize(
    "others",
    [
        {"depth": 3, "sigma_w": 1.5, "sigma_b": 0.3},
        {"depth": 3, "activation": ["tanh", "erf", "hard_tanh"], "weights": "stable:1.2"},
        {"activation": "sigmoid", "weights": "stable:0.7"},
        {"activation": SOFTSIGN},
    ],
)
def test_laws_are_whole(others):
    law = rj.spectral_law(ensemble(**others), gates="independent").of("log_singular_values")
    zero = law.atoms[0, 1] if law.atoms.size else 0.0
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)
    u = zero + (1.0 - zero) * np.array([1e-3, 0.3, 0.9, 1.0 - 1e-9])
    np.testing.assert_allclose(law.cdf(law.ppf(u)), u, rtol=1e-9)
    assert law.log_moment() == (-math.inf if zero > 0.0 else pytest.approx(law.mean()))


def test_a_stationary_law_is_whole_and_fast():
    """All layers are equally narrow. 5 s on an idle core; the bound leaves room for a busy one."""
    start = time.perf_counter()
    law = rj.spectral_law(ensemble(depth=3), q="stationary", gates="independent")
    assert time.perf_counter() - start < 20.0
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)


def test_the_smallest_singular_values_are_the_smallest_gates():
    """L = 1: a gate far below the others is a singular value, up to a factor of order 1."""
    law = rj.spectral_law(ensemble(), q=1.0, gates="independent").of("log_singular_values")
    for x in (-30.0, -100.0, -300.0):
        below = 1.0 - 2.0 / math.pi * math.atan(math.log(2.0) - 0.5 * x)
        assert law.cdf(x) == pytest.approx(below, rel=3.0 / abs(x))


POINTS = np.array([-20.0, -10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0])
FINITE_WIDTH = 0.01
REPLICATES = 40


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        ({"sigma_w": 1.5, "sigma_b": 0.3}, {"sigma_w": 2.0}),
        ({"depth": 2, "activation": "erf", "weights": "stable:1.5"}, {"activation": "hard_tanh"}),
        ({"activation": "sigmoid"}, {"activation": "hard_tanh"}),
    ],
)
def test_laws_against_sampling(others, wrong):
    """Distribution functions within FINITE_WIDTH and 4 standard errors: false alarms below 9 x 6e-5 a case.

    Negative controls: the law of the gates of hard_tanh, or that of another sigma_w, is rejected.
    """
    ens = ensemble(**others)
    logs = rj.sample_spectrum(
        ens, REPLICATES, 1, gates="independent", accuracy="relative"
    ).log_singular_values
    below = (logs[:, :, None] <= POINTS).mean(axis=1)
    allowed = FINITE_WIDTH + 4.0 * below.std(axis=0, ddof=1) / math.sqrt(REPLICATES)

    def excess(changes):
        law = rj.spectral_law(ensemble(**(others | changes)), gates="independent").of("log_singular_values")
        return np.max(np.abs(below.mean(axis=0) - law.cdf(POINTS)) - allowed)

    assert excess({}) < 0.0
    assert excess(wrong) > 0.0
