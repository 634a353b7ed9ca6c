"""The functional equation: its kernels against term-by-term mpmath, and that no second root can pass."""

import cmath
import math

import mpmath as mp
import numpy as np
import pytest
from conftest import LAWS, equation_of, law_of
from naive.continuation import all_zetas
from naive.master_equation import NaiveEquation

from rmtjac.theory.exact import critical_depth_limit
from rmtjac.theory.master_equation import divide, equation_terms, log_z, mass_above, mass_below

SHALLOW = [name for name in LAWS if name not in ("deep", "depth 10,000")]
LIMITS = {
    "smooth limit": critical_depth_limit(2.0)._spectrum.equation,
    "hard limit": critical_depth_limit(2.0, "hard")._spectrum.equation,
}
EQUATIONS = {name: equation_of(*LAWS[name]) for name in SHALLOW} | LIMITS


@pytest.fixture(params=EQUATIONS, ids=str)
def eq(request):
    return EQUATIONS[request.param]


def physical_points(eq, rng, count=30):
    """Points eta of the strip whose image lies in 0 < Im log z < pi, as all roots do."""
    points = []
    while len(points) < count:
        eta = complex(rng.uniform(-6.0, 6.0), math.pi * rng.uniform(0.001, 0.999))
        if 0.0 < log_z(eq, eta)[0].imag < math.pi:
            points.append(eta)
    return points


@pytest.mark.jit_off
def test_log_z_is_the_sum_of_principal_logarithms(eq, rng):
    naive = NaiveEquation(eq)
    for eta in physical_points(eq, rng):
        value, _, noise = log_z(eq, eta)
        with mp.workdps(30):
            error = abs(mp.mpc(value) - naive.log_z(mp.mpc(eta)))
        assert error <= 2.0 * noise
        assert noise < 1e-13


@pytest.mark.jit_off
def test_slope_is_the_derivative(eq, rng):
    naive = NaiveEquation(eq)
    for eta in physical_points(eq, rng, 10):
        with mp.workdps(30):
            slope = complex(naive.slope(mp.mpc(eta)))
        assert log_z(eq, eta)[1] == pytest.approx(slope, rel=1e-11, abs=1e-12)


@pytest.mark.jit_off
def test_terms_are_w_and_its_relatives(eq, rng):
    naive = NaiveEquation(eq)
    opened = 1.0 - eq.closed
    for eta in physical_points(eq, rng, 10):
        shrink, total, w, slope, ratio, ratio_slope, _ = equation_terms(eq, eta)
        with mp.workdps(30):
            exact = naive.w(mp.mpc(eta))
            derivative = mp.diff(naive.w, mp.mpc(eta))
            over_zeta = -exact / mp.exp(mp.mpc(eta))
            over_zeta_slope = mp.diff(lambda x: -naive.w(x) / mp.exp(x), mp.mpc(eta))
        assert w == pytest.approx(complex(exact), rel=1e-12)
        assert shrink * total == pytest.approx(complex(exact + opened), rel=1e-12)
        assert shrink * slope == pytest.approx(complex(derivative), rel=1e-11)
        assert shrink * ratio == pytest.approx(complex(over_zeta), rel=1e-12)
        assert shrink * ratio_slope == pytest.approx(complex(over_zeta_slope), rel=1e-11)


@pytest.mark.jit_off
def test_masses_are_the_imaginary_part_of_the_closed_form(eq, rng):
    naive = NaiveEquation(eq)
    for eta in physical_points(eq, rng):
        with mp.workdps(30):
            assert mass_above(eq, eta) == pytest.approx(float(naive.mass_above(mp.mpc(eta))), abs=1e-13)


@pytest.mark.jit_off
def test_masses_below_and_above_differ_by_the_phase_of_z(eq, rng):
    """mass_below is rearranged with Im g = 0; elsewhere the two miss 1 - closed by (1 - closed) Im g/pi."""
    for eta in physical_points(eq, rng):
        missing = (1.0 - eq.closed) * log_z(eq, eta)[0].imag / math.pi
        total = mass_above(eq, eta) + mass_below(eq, eta)
        assert total == pytest.approx(1.0 - eq.closed - missing, abs=1e-12) or total == pytest.approx(
            1.0 - eq.closed + missing, abs=1e-12
        )


@pytest.mark.jit_off
@pytest.mark.parametrize("real", [-600.0, -400.0, 400.0, 700.0])
@pytest.mark.parametrize("name", SHALLOW)
def test_nothing_overflows_far_out(name, real):
    eq = EQUATIONS[name]
    value, slope, noise = log_z(eq, complex(real, 1.0))
    assert cmath.isfinite(value)
    assert cmath.isfinite(slope)
    assert math.isfinite(noise)


@pytest.mark.parametrize("real", [1e3, 1e6])
@pytest.mark.parametrize("name", SHALLOW)
def test_compiled_kernels_do_not_overflow_however_far_out(name, real):
    """Interpreted, closed/shrink divides by zero here."""
    assert np.isfinite(log_z(EQUATIONS[name], complex(real, 1.0))).all()


def test_compiled_and_interpreted_kernels_agree(eq, rng):
    for function in (equation_terms, log_z, mass_above, mass_below):
        interpreted = getattr(function, "py_func", function)
        for eta in physical_points(eq, rng, 5):
            compiled = np.array(function(eq, eta))
            assert np.abs(compiled - np.array(interpreted(eq, eta))).max() <= 1e-14 * max(
                1.0, np.abs(compiled).max()
            )


@pytest.mark.jit_off
def test_division_by_zero_is_infinite():
    assert divide(1j, 0j).real == math.inf
    assert divide(1j, 2j) == 0.5


IDENTICAL = [
    "linear",
    "marchenko-pastur",
    "relu",
    "gap",
    "leaky",
    "hard_tanh",
    "orthogonal, leaky",
    "orthogonal, no atom",
]


@pytest.mark.parametrize("name", IDENTICAL)
@pytest.mark.parametrize("phase", [0.0, 1e-9, 0.5, 2.5])
def test_exactly_one_of_all_roots_satisfies_the_equation_with_principal_logarithms(name, phase, rng):
    """The claim on which every certificate rests, from the list of all roots of the cleared polynomial."""
    eq = EQUATIONS[name]
    naive = NaiveEquation(eq)
    spectrum = law_of(*LAWS[name])._spectrum
    low, high = spectrum.intervals[-1] - eq.log_scale
    low = max(low, high - 20.0)
    tops = [high - (high - low) * d for d in (1e-12, 1e-6, *rng.uniform(0.01, 0.9, 4))]
    for t in tops:
        target = mp.mpc(t, phase)
        roots = all_zetas(naive, mp.exp(target))
        lower = [z for z in roots if z.imag < -1e-13 * abs(z)]
        residuals = sorted(float(abs(naive.log_z(mp.log(-z)) - target)) for z in lower)
        assert residuals[0] < 1e-9
        assert all(r > 0.1 for r in residuals[1:])


def test_roots_of_a_wrong_equation_are_noticed(rng):
    """Negative control: one layer more, and none of the roots fits."""
    naive, other = (NaiveEquation(equation_of("linear", depth)) for depth in (3, 4))
    target = mp.mpc(0.3, 0.2)
    residuals = [
        abs(naive.log_z(mp.log(-z)) - target) for z in all_zetas(other, mp.exp(target)) if z.imag < 0
    ]
    assert min(residuals) > 1e-3
    assert np.isfinite([float(r) for r in residuals]).all()
