"""Activations: values and moments against mpmath, gate laws at their limits, names, pickling, bad derivatives."""

import math
import pickle
import time

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.model.activations import Activation, GateLaw, activation
from rmtjac.model.quadrature import gaussian_mean
from rmtjac.model.smooth_functions import GELU_CROSSING, SILU_CROSSING

NAMES = ["linear", "relu", "leaky_relu(0.1)", "leaky_relu(-2.0)", "hard_tanh"]
TINY = np.finfo(float).tiny


def mp_sigmoid(h):
    return 1 / (1 + mpmath.exp(-h))


def mp_normal(h):
    return mpmath.erfc(-h / mpmath.sqrt(2)) / 2


# value and derivative by mpmath
SMOOTH = {
    "erf": (
        lambda h: mpmath.erf(mpmath.sqrt(mpmath.pi) * h / 2),
        lambda h: mpmath.exp(-mpmath.pi * h * h / 4),
    ),
    "tanh": (mpmath.tanh, lambda h: mpmath.sech(h) ** 2),
    "sigmoid": (mp_sigmoid, lambda h: mp_sigmoid(h) * mp_sigmoid(-h)),
    "gelu": (lambda h: h * mp_normal(h), lambda h: mp_normal(h) + h * mpmath.npdf(h)),
    "silu": (lambda h: h * mp_sigmoid(h), lambda h: mp_sigmoid(h) * (1 + h * mp_sigmoid(-h))),
    "softplus": (lambda h: mpmath.log1p(mpmath.exp(h)), mp_sigmoid),
}


def tanh_slope(h):
    return 1 / np.cosh(h) ** 2


def tanh():
    return Activation("my_tanh", np.tanh, tanh_slope, range=(-1, 1))


def hinge(h):
    return np.maximum(h - 0.37, 0.0)


def hinge_slope(h):
    return (h > 0.37) * 1.0


def arguments():
    """Points of every size and sign, many of them next to where the slopes of gelu and silu cross 0."""
    rng = np.random.default_rng(0)
    near = [
        crossing + sign * 10.0 ** rng.uniform(-17, -0.3, 15)
        for crossing in (GELU_CROSSING[0], SILU_CROSSING[0])
        for sign in (-1, 1)
    ]
    small = 10.0 ** rng.uniform(-20, 0, 20)
    spread = [rng.uniform(-size, size, 40) for size in (3, 40, 760)]
    return np.concatenate([*near, small, -small, *spread])


def mp_mean(function, q):
    """E function(h) to some 25 digits."""
    scale = mpmath.sqrt(mpmath.mpf(q))
    ends = {mpmath.mpf(2) ** k for k in range(-1, 7)} if scale > 0.1 else set()
    ends = {end for end in ends | {k * scale for k in (2, 5, 9)} if end < 13 * scale}
    return mpmath.quad(
        lambda h: (function(h) + function(-h)) * mpmath.npdf(h, 0, scale), [0, *sorted(ends), 13 * scale]
    )


def relative_error(found, exact):
    return abs(float(found / exact - 1))


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_to_a_few_ulp(name):
    """Values and derivatives are within 1e-15 of themselves wherever they are normal doubles."""
    phi, h = activation(name), arguments()
    with mpmath.workdps(50):
        for function, exact in zip((phi.value, phi.derivative), SMOOTH[name], strict=True):
            for point, found in zip(h, function(h), strict=True):
                expected = exact(mpmath.mpf(point))
                assert abs(found - expected) <= 1e-15 * abs(expected) + TINY


@pytest.mark.parametrize("name", SMOOTH)
def test_log_derivative_far_beyond_underflow(name):
    phi = activation(name)
    h = np.concatenate([arguments(), [1e3, -1e3, 1e4, -1e4]])
    logarithm, sign = phi.log_derivative(h)
    with mpmath.workdps(50):
        for point, found, found_sign in zip(h, logarithm, sign, strict=True):
            if name == "gelu" and abs(point) > 1e3 - 1:
                mpmath.mp.dps = 80
            slope = SMOOTH[name][1](mpmath.mpf(point))
            expected = mpmath.log(abs(slope))
            assert found_sign == mpmath.sign(slope)
            assert abs(found - expected) <= 1e-14 * max(1, abs(expected))


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_at_infinity(name):
    """Limits at inf and -inf, nan for nan, no warning (the suite makes them errors), and scalars for scalars."""
    phi = activation(name)
    ends = np.array([np.inf, -np.inf, np.nan, 1e300, -1e300])
    bounded = name in ("erf", "tanh", "sigmoid")
    low = -1.0 if name in ("erf", "tanh") else 0.0
    top = 1.0 if bounded else np.inf
    np.testing.assert_array_equal(phi.value(ends)[:3], [top, low, np.nan])
    slope = 0.0 if bounded else 1.0
    np.testing.assert_array_equal(phi.derivative(ends), [slope, 0, np.nan, slope, 0])
    logarithm, sign = phi.log_derivative(ends)
    np.testing.assert_array_equal(logarithm[:3], [-np.inf if bounded else 0.0, -np.inf, np.nan])
    assert not np.isnan(logarithm[3:]).any()
    last = -1 if name in ("gelu", "silu") else 1
    np.testing.assert_array_equal(sign, [1, last, np.nan, 1, last])
    assert phi.value([0, 1]).shape == (2,)
    assert isinstance(phi.derivative(0.5), float)


@pytest.mark.parametrize("name", ["relu", "leaky_relu(-2.0)", "hard_tanh", "linear"])
def test_log_derivative_of_kinked_activations(name):
    phi, h = activation(name), np.array([-3.0, -0.5, 0.5, 3.0])
    logarithm, sign = phi.log_derivative(h)
    np.testing.assert_allclose(sign * np.exp(logarithm), phi.derivative(h), rtol=1e-15)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("q", [1e-12, 0.9, 16.1, 1e8])
def test_smooth_moments_against_thirty_digits(name, q):
    phi, (value, slope) = activation(name), SMOOTH[name]
    with mpmath.workdps(30):
        second = mp_mean(lambda h: value(h) ** 2, q)
        assert relative_error(phi.second_moment(q), second) < 2e-15
        assert relative_error(phi.derivative_moment(q), mp_mean(lambda h: slope(h) ** 2, q)) < 2e-15
        assert relative_error(phi.deficit(q), 1 - second / mpmath.mpf(q)) < 1e-14


@pytest.mark.parametrize("sigma_w", [0.7, 1.0, math.sqrt(2), 3.0])
@pytest.mark.parametrize("name", [*SMOOTH, "hard_tanh"])
def test_growth_is_that_of_one_layer(name, sigma_w):
    phi = activation(name)
    for q in (1e-3, 0.5, 20.0):
        direct = sigma_w**2 * phi.second_moment(q) / q - 1
        assert phi.growth(q, sigma_w) == pytest.approx(direct, rel=1e-11, abs=1e-14)


def test_deficit_and_growth_keep_their_digits():
    """Series at small q; at large q the growth of gelu with sigma_w^2 = 2 is -2 E h^2 Phi(h) Phi(-h)/q."""
    assert activation("tanh").deficit(1e-20) == pytest.approx(2e-20, rel=1e-14)
    assert activation("erf").deficit(1e-20) == pytest.approx(math.pi / 2 * 1e-20, rel=1e-14)
    with mpmath.workdps(30):
        lost = 2 * mpmath.quad(lambda h: h * h * mp_normal(h) * mp_normal(-h), [0, 1, 3, 12])
        expected = -2 * float(lost) / math.sqrt(2 * math.pi) * 1e-30
    assert activation("gelu").growth(1e20, math.sqrt(2)) == pytest.approx(expected, rel=1e-14)


@given(log_q=st.floats(-25, 18))
def test_gelu_against_its_closed_form(log_q):
    """E h^2 Phi(h)^2 = q/4 + q/(2 pi) [asin(q/(1 + q)) + 2q/((1 + q) sqrt(1 + 2q))]."""
    q = math.exp(log_q)
    bracket = math.asin(q / (1 + q)) + 2 * q / ((1 + q) * math.sqrt(1 + 2 * q))
    expected = q / 4 + q / (2 * math.pi) * bracket
    assert activation("gelu").second_moment(q) == pytest.approx(expected, rel=1e-9 if q > 1e3 else 1e-14)


@pytest.mark.parametrize(
    ("name", "at_zero", "at_infinity"),
    [
        ("erf", (0.0, 1.0), (1.0, 0.0)),
        ("tanh", (0.0, 1.0), (1.0, 0.0)),
        ("sigmoid", (0.25, 0.0625), (0.5, 0.0)),
        ("gelu", (0.0, 0.25), (math.inf, 0.5)),
        ("silu", (0.0, 0.25), (math.inf, 0.5)),
        ("softplus", (math.log(2) ** 2, 0.25), (math.inf, 0.5)),
    ],
)
def test_smooth_moments_at_the_ends(name, at_zero, at_infinity):
    phi = activation(name)
    assert (phi.second_moment(0.0), phi.derivative_moment(0.0)) == pytest.approx(at_zero, rel=1e-15, abs=0)
    assert (phi.second_moment(math.inf), phi.derivative_moment(math.inf)) == at_infinity
    assert phi.deficit(math.inf) == (0.5 if at_infinity[0] > 1 else 1.0)
    for q in (5e-324, 1e-200):
        assert phi.second_moment(q) == pytest.approx(at_zero[0], rel=1e-15, abs=1e-199)
    for q in (1e200, 1e308):
        assert phi.second_moment(q) == pytest.approx(min(at_infinity[0], q / 2), rel=1e-15)
    with pytest.raises(ValueError, match="q="):
        phi.second_moment(-1.0)
    with pytest.raises(ValueError, match="q="):
        phi.derivative_moment(math.nan)


@pytest.mark.parametrize("name", SMOOTH)
@given(q=st.floats(1e-12, 1e8), factor=st.floats(1.0, 10.0))
def test_moments_of_smooth_activations_are_ordered(name, q, factor):
    """E phi^2 grows in q, and (E phi')^2 <= E phi'^2 <= sup phi'^2."""
    phi = activation(name)
    assert phi.second_moment(q) <= phi.second_moment(q * factor) * (1 + 1e-15)
    assert 0 < phi.derivative_moment(q) <= max(np.square(phi.derivative_range)) * (1 + 1e-15)


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_enclosures_are_tight(name):
    """The extrema found by mpmath are inside, by less than 1e-15, and so are values rounded next to them."""
    phi, (value, slope) = activation(name), SMOOTH[name]
    with mpmath.workdps(30):
        lowest = value(mpmath.findroot(slope, -1))
        turn = (
            mpmath.sqrt(2) if name == "gelu" else mpmath.findroot(lambda h: h * mpmath.tanh(h / 2) - 2, 2.4)
        )
        exact = (lowest, slope(-turn), slope(turn))
        turn = float(turn)
    outer = (phi.range[0], *phi.derivative_range)
    assert phi.range[1] == math.inf
    for bound, extremum, side in zip(outer, exact, (1, 1, -1), strict=True):
        assert 0 < side * (extremum - bound) < 1e-15
    crossing = {"gelu": GELU_CROSSING, "silu": SILU_CROSSING}[name][0]
    near = np.random.default_rng(0).normal(size=20_000) * 10.0 ** -np.arange(1, 9).repeat(2500)
    assert phi.value(crossing + near).min() > phi.range[0]
    assert phi.derivative(near - turn).min() > phi.derivative_range[0]
    assert phi.derivative(near + turn).max() < phi.derivative_range[1]


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


@pytest.mark.parametrize("name", [*NAMES, *SMOOTH])
@given(h=st.floats(-50, 50))
@settings(max_examples=30)
def test_ranges_enclose(name, h):
    phi = activation(name)
    assert phi.range[0] <= phi.value(h) <= phi.range[1]
    assert phi.derivative_range[0] <= phi.derivative(h) <= phi.derivative_range[1]


def test_names_are_parsed_to_one_form():
    assert activation("leaky_relu:0.10") == activation("leaky_relu(0.1)")
    assert activation("leaky_relu(0.1)").name == "leaky_relu(0.1)"
    assert activation("leaky_relu(-0.0)").parameter == 0.0
    assert activation("relu") != activation("leaky_relu(0)")
    codes = [activation(name).code for name in ("linear", "relu", "leaky_relu(2)", "hard_tanh", *SMOOTH)]
    assert codes == list(range(10))
    assert activation("gelu") == activation("gelu") != activation("silu")
    phi = tanh()
    assert activation(phi) is phi
    assert Activation("relu", np.tanh, tanh_slope) != activation("relu")


@pytest.mark.parametrize("phi", [*map(activation, [*NAMES, *SMOOTH]), tanh()])
def test_pickle_round_trip(phi):
    again = pickle.loads(pickle.dumps(phi))
    assert again == phi
    assert hash(again) == hash(phi)
    assert again.value(np.array([-0.3]))[0] == phi.value(np.array([-0.3]))[0]
    assert again.second_moment(0.7) == phi.second_moment(0.7)
    assert again.log_derivative(-0.3) == phi.log_derivative(-0.3)


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


def test_user_moments_do_not_depend_on_knowledge():
    """The adaptive quadrature finds what the built-in activations know, over twenty decades of q."""
    for name in SMOOTH:
        phi = activation(name)
        own = Activation("own", phi.value, phi.derivative)
        for q in (1e-12, 1.0, 1e8):
            assert own.second_moment(q) == pytest.approx(phi.second_moment(q), rel=2e-14)
            assert own.derivative_moment(q) == pytest.approx(phi.derivative_moment(q), rel=2e-14)


@given(q=st.floats(0.02, 1e6))
def test_kinks_at_unknown_places(q):
    """A jump of phi' is found wherever it falls between the nodes of the quadrature."""
    own = Activation("hinge", hinge, hinge_slope)
    t = 0.37 / math.sqrt(q)
    above = math.erfc(t / math.sqrt(2)) / 2
    density = math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    assert own.second_moment(q) == pytest.approx(q * ((1 + t * t) * above - t * density), rel=1e-11)
    assert own.derivative_moment(q) == pytest.approx(above, rel=1e-11)


def test_jumps_oscillations_and_single_precision():
    stairs = Activation("stairs", np.floor, np.zeros_like)
    steps = np.arange(-60, 60)
    below = np.array([math.erfc(-n / 5 / math.sqrt(2)) / 2 for n in range(-60, 61)])
    assert stairs.second_moment(25.0) == pytest.approx(np.diff(below) @ steps**2.0, rel=1e-11)
    assert stairs.derivative_moment(25.0) == 0.0
    fast = Activation("fast", lambda h: np.sin(1e5 * h), lambda h: 1e5 * np.cos(1e5 * h))
    assert fast.second_moment(0.01) == pytest.approx(0.5, rel=1e-10)
    single = Activation(
        "single", lambda h: np.tanh(h.astype(np.float32)), lambda h: tanh_slope(np.float32(h))
    )
    assert single.second_moment(1.0) == pytest.approx(activation("tanh").second_moment(1.0), rel=1e-6)


@pytest.mark.parametrize("q", [0.26, 1.0, 1e6])
def test_no_second_moment(q):
    """E exp(2 h^2) = 1/sqrt(1 - 4q) for q < 1/4 only."""
    own = Activation("explosive", lambda h: np.exp(h * h), lambda h: 2 * h * np.exp(h * h))
    assert own.second_moment(0.2) == pytest.approx(math.sqrt(5), rel=1e-12)
    with pytest.raises(
        ValueError, match=r"activation='explosive': E phi\(h\)\^2 at q=.* no finite mean"
    ) as caught:
        own.second_moment(q)
    assert "\n" not in str(caught.value)


BAD = {
    "sign": (np.cos, np.sin),
    "factor": (np.square, np.positive),
    "offset": (np.sin, lambda h: np.cos(h) + 0.01),
    "half": (np.tanh, lambda h: np.where(h > 2, 0.5, tanh_slope(h))),
    "nan": (np.sin, lambda h: np.where(h > 2, np.nan, np.cos(h))),
    "inf": (np.sin, lambda h: np.full_like(h, np.inf)),
    "straight through": (np.round, np.ones_like),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_derivative_of_something_else(kind):
    with pytest.raises(ValueError, match=r"at h=.* it is .* finite differences") as caught:
        Activation(kind, *BAD[kind])
    assert kind in str(caught.value)
    assert "\n" not in str(caught.value)


FINE = {
    "modulus": (np.abs, np.sign),
    "slope at the kink": (np.abs, lambda h: np.where(h >= 0, 1.0, -1.0)),
    "step": (lambda h: np.heaviside(h, 0.5), np.zeros_like),
    "arrays only": (lambda h: np.array([math.tanh(t) for t in h]), lambda h: h * 0 + tanh_slope(h)),
    "in place": (lambda h: np.abs(h, out=h), np.sign),
    "constant": (lambda h: 2.0, lambda h: 0.0),
    "steep": (lambda h: np.exp(h**4), lambda h: 4 * h**3 * np.exp(h**4)),
    "half line": (lambda h: np.sqrt(h), lambda h: 0.5 / np.sqrt(h)),
    "huge": (lambda h: 1e200 * h, lambda h: np.full_like(h, 1e200)),
    "tiny": (lambda h: 1e-200 * h, lambda h: np.full_like(h, 1e-200)),
    "far up": (lambda h: 1e6 + np.sin(h), np.cos),
    "noise": (lambda h: np.sin(h) + 1e-13 * np.sin(1e17 * h), np.cos),
}


@pytest.mark.parametrize("kind", FINE)
def test_right_derivatives_are_let_through(kind):
    assert Activation(kind, *FINE[kind]).name == kind


@given(
    amplitude=st.floats(-1e3, 1e3),
    frequency=st.floats(1e-3, 1e4),
    phase=st.floats(0, 7),
    kink=st.floats(-5, 5),
    error=st.sampled_from([0.0, 0.1, -1.0]),
)
def test_waves_with_a_kink(amplitude, frequency, phase, kink, error):
    """A right derivative is always let through, one that is off by a tenth never."""

    def value(h):
        return amplitude * np.sin(frequency * h + phase) + np.abs(h - kink)

    def derivative(h):
        wave = amplitude * frequency * np.cos(frequency * h + phase)
        return wave + np.sign(h - kink) + error * (1 + abs(amplitude * frequency))

    if error == 0:
        assert Activation("wave", value, derivative).second_moment(0.0) >= 0
    else:
        with pytest.raises(ValueError, match="finite differences"):
            Activation("wave", value, derivative)


@pytest.mark.parametrize("value", [math.tanh, lambda h: h[:3], lambda h: "text", lambda h: 1j * h])
def test_functions_that_take_no_arrays(value):
    with pytest.raises(TypeError, match="allowed is a function of a NumPy array"):
        Activation("f", value, np.cos)


@pytest.mark.parametrize("name", SMOOTH)
def test_networks_are_saved_and_loaded(name, tmp_path):
    net = rj.Ensemble(2, 5, activation=[name, "relu"], sigma_b=0.1).sample(1)
    again = rj.load_network(net.save(tmp_path / "net.npz"))
    x = np.linspace(-1, 1, 5)
    assert again.activations == net.activations
    np.testing.assert_array_equal(again.jacobian(x), net.jacobian(x))


def test_moments_are_fast():
    """Fifty layers of the mean field and their slopes in 50 ms: 100 moments."""
    phi = activation("gelu")
    phi.second_moment(1.0)
    start = time.perf_counter()
    for q in np.geomspace(1e-3, 1e3, 50):
        phi.second_moment(q)
        phi.derivative_moment(q)
    assert time.perf_counter() - start < 0.05


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
