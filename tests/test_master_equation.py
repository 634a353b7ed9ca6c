"""The functional equation: its kernels against term-by-term mpmath, and that no second root can pass."""

import cmath
import math

import mpmath as mp
import numpy as np
import pytest
from conftest import ATOMIC, LAWS, SMOOTH, equation_of
from naive.continuation import all_zetas, newton_step
from naive.master_equation import NaiveEquation

from rmtjac.theory.exact import critical_depth_limit
from rmtjac.theory.gate_averages import gate_terms
from rmtjac.theory.master_equation import has_signs, log_z, mass_above, mass_below, open_part, start_far_out
from rmtjac.theory.support import find_gaps, find_intervals

SHALLOW = [name for name in ATOMIC if name not in ("deep", "depth 10,000")]
EQUATIONS = {name: equation_of(*ATOMIC[name]) for name in SHALLOW}
MANY_VALUED = [name for name, eq in EQUATIONS.items() if eq.counts.size > 1]


@pytest.fixture(params=[*EQUATIONS, "smooth limit", "hard limit"], ids=str)
def eq(request):
    if request.param in EQUATIONS:
        return EQUATIONS[request.param]
    return critical_depth_limit(2.0, request.param.split()[0])._spectrum.equation


def read(eq, eta):
    """log z, its derivative, its rounding error, moves and rates."""
    move, rate = np.empty(eta.size, dtype=complex), np.empty(eta.size, dtype=complex)
    return *log_z(eq, eta, move, rate), move, rate


def tied(eq, first):
    """The unknowns tied to the first by the kernel's own Newton steps; None if one leaves the strip."""
    eta = np.full(eq.counts.size, complex(first))
    start_far_out(eq, eta)
    for _ in range(30):
        eta = eta + read(eq, eta)[3]
        if not (np.isfinite(eta).all() and (eta.imag > 0.0).all() and (eta.imag < math.pi).all()):
            return None
    return eta


def physical_points(eq, rng, count=30):
    """Points eta of the strip whose image lies in 0 < Im log z < pi, as all roots do."""
    points = []
    while len(points) < count:
        eta = tied(eq, complex(rng.uniform(-6.0, 6.0), math.pi * rng.uniform(0.001, 0.999)))
        if eta is not None and 0.0 < read(eq, eta)[0].imag < math.pi:
            points.append(eta)
    return points


@pytest.mark.jit_off
def test_log_z_is_the_sum_of_principal_logarithms(eq, rng):
    naive = NaiveEquation(eq)
    for eta in physical_points(eq, rng, 20):
        value, _, noise, _, _ = read(eq, eta)
        with mp.workdps(30):
            error = abs(mp.mpc(value) - naive.log_z(naive.tied(eta)))
        assert error <= 2.0 * noise
        assert noise < 2e-13


@pytest.mark.jit_off
def test_slope_is_the_derivative(eq, rng):
    naive = NaiveEquation(eq)
    for eta in physical_points(eq, rng, 8):
        with mp.workdps(30):
            etas = naive.tied(eta)
            slope = complex(naive.slope(etas))
            rates = [complex(rate) for rate in naive.rates(etas)]
        _, derivative, _, _, rate = read(eq, eta)
        assert derivative == pytest.approx(slope, rel=1e-10, abs=1e-11)
        assert rate == pytest.approx(rates, rel=1e-10)


@pytest.mark.jit_off
@pytest.mark.parametrize("name", MANY_VALUED)
def test_other_unknowns_are_taken_along_to_first_order(name, rng):
    """Off the ties by h the moves lead back, and log z misses by h^2 only."""
    eq = EQUATIONS[name]
    for eta in physical_points(eq, rng, 10):
        value, _, _, _, _ = read(eq, eta)
        room = np.minimum(eta.imag, math.pi - eta.imag).min()
        misses = []
        for h in (1e-2, 1e-3):
            off = eta + h * room * np.exp(2j * math.pi * rng.random(eta.size)) * (np.arange(eta.size) > 0)
            near, _, _, move, _ = read(eq, off)
            misses.append((abs(near - value), np.abs(off + move - eta).max() / room))
        assert misses[0][1] < 1e-1
        # a hundred times smaller, up to the change of direction
        assert misses[1][1] < 2e-3
        assert misses[1][0] < max(2e-3, 0.2 * misses[0][0])


@pytest.mark.jit_off
def test_open_part_is_u_and_what_is_added(eq, rng):
    naive = NaiveEquation(eq)
    for eta in physical_points(eq, rng, 5):
        terms = gate_terms(eq.gates, 0, eta[0])
        with mp.workdps(30):
            u = naive.u(naive.tied(eta))
        for excess in (eq.excess[0], eq.input_excess, 0.37):
            value, log_scale = open_part(eq, terms, excess)
            exact = complex(u + 1 + mp.mpf(float(excess)))
            assert value * math.exp(log_scale) == pytest.approx(exact, rel=1e-12)


@pytest.mark.jit_off
def test_masses_are_the_imaginary_part_of_the_closed_form(eq, rng):
    naive = NaiveEquation(eq)
    for eta in physical_points(eq, rng, 15):
        with mp.workdps(30):
            exact = float(naive.mass_above(naive.tied(eta)))
        # u itself may be large
        assert mass_above(eq, eta) == pytest.approx(exact, rel=1e-12, abs=1e-13)


@pytest.mark.jit_off
def test_masses_below_and_above_differ_by_the_phase_of_z(eq, rng):
    """mass_below is rearranged with Im g = 0; elsewhere the two miss 1 by Im g/pi."""
    for eta in physical_points(eq, rng):
        missing = read(eq, eta)[0].imag / math.pi
        above = mass_above(eq, eta)
        assert above + mass_below(eq, eta) == pytest.approx(
            1.0 - missing, rel=1e-12 * (1.0 + abs(above)), abs=1e-12
        )


@pytest.mark.jit_off
@pytest.mark.parametrize("name", SHALLOW)
def test_signs_are_those_of_the_subordination_functions(name, rng):
    """On both sides: the joint points of a strip are not all physical."""
    eq = EQUATIONS[name]
    naive = NaiveEquation(eq)
    verdicts = []
    while len(verdicts) < 30:
        eta = tied(eq, complex(rng.uniform(-4.0, 4.0), math.pi * rng.uniform(0.01, 0.99)))
        if eta is None:
            continue
        with mp.workdps(20):
            verdicts.append((has_signs(eq, eta), bool(naive.has_signs(list(eta)))))
    compiled, exact = zip(*verdicts, strict=True)
    # one unknown needs no look at the weights: see the module
    assert compiled == exact or (eq.counts.size == 1 and all(compiled))


def test_points_of_a_strip_without_the_signs_of_the_weights_are_told():
    """Negative control: with several unknowns some points of the strips are not physical."""
    eq = EQUATIONS["two leaky layers"]
    rng = np.random.default_rng(1)
    points = [
        tied(eq, complex(rng.uniform(-4.0, 4.0), math.pi * rng.uniform(0.01, 0.99))) for _ in range(200)
    ]
    signs = [has_signs(eq, eta) for eta in points if eta is not None]
    assert 0 < sum(signs) < len(signs)


@pytest.mark.jit_off
@pytest.mark.parametrize("real", [-600.0, -400.0, 400.0, 700.0])
@pytest.mark.parametrize("name", SHALLOW)
def test_nothing_overflows_far_out(name, real):
    eq = EQUATIONS[name]
    eta = np.full(eq.counts.size, complex(real, 1.0))
    start_far_out(eq, eta)
    value, slope, noise, _, _ = read(eq, eta)
    assert cmath.isfinite(value)
    assert cmath.isfinite(slope)
    assert math.isfinite(noise)


@pytest.mark.parametrize("real", [1e3, 1e6])
@pytest.mark.parametrize("name", [*SHALLOW, *SMOOTH])
def test_compiled_kernels_do_not_overflow_however_far_out(name, real):
    """Interpreted, some quotients divide by zero here."""
    eq = equation_of(*LAWS[name])
    value, slope, noise, move, rate = read(eq, np.full(eq.counts.size, complex(real, 1.0)))
    assert np.isfinite([value, slope, noise]).all()
    assert np.isfinite([move, rate]).all()


def test_compiled_and_interpreted_kernels_agree(eq, rng):
    interpreted = getattr(log_z, "py_func", log_z)
    for eta in physical_points(eq, rng, 5):
        move, rate = np.empty((2, eta.size), dtype=complex)
        value, slope, noise, moved, rated = read(eq, eta)
        expected = np.array([*interpreted(eq, eta, move, rate), *move, *rate])
        compiled = np.array([value, slope, noise, *moved, *rated])
        assert np.abs(compiled - expected).max() <= 1e-13 * max(1.0, np.abs(expected).max())
        for mass in (mass_above, mass_below):
            plain = getattr(mass, "py_func", mass)(eq, eta)
            assert mass(eq, eta) == pytest.approx(plain, rel=1e-13, abs=1e-14)


ONE_UNKNOWN = [
    "linear",
    "marchenko-pastur",
    "relu",
    "gap",
    "leaky",
    "hard_tanh",
    "layers that differ",
    "orthogonal, leaky",
    "orthogonal, no atom",
    "orthogonal, layers that differ",
    "rectangular",
    "rectangular, hard gates",
]


def places(eq, rng, distances=(1e-12, 1e-6), count=4):
    """Log z inside the top interval of the support, close to its edge and away from it."""
    interval = find_intervals(eq, find_gaps(eq))[-1]
    low = max(interval.low, interval.high - 20.0)
    return [interval.high - (interval.high - low) * d for d in (*distances, *rng.uniform(0.01, 0.9, count))]


@pytest.mark.parametrize("name", ONE_UNKNOWN)
@pytest.mark.parametrize("phase", [0.0, 1e-9, 0.5, 2.5])
def test_exactly_one_of_all_roots_satisfies_the_equation_with_principal_logarithms(name, phase, rng):
    """The claim on which every certificate rests, from the list of all roots of the cleared polynomial."""
    eq = EQUATIONS[name]
    naive = NaiveEquation(eq)
    for t in places(eq, rng):
        target = mp.mpc(t, phase)
        roots = all_zetas(naive, mp.exp(target))
        lower = [z for z in roots if z.imag < -1e-13 * abs(z)]
        residuals = sorted(float(abs(naive.log_z([mp.log(-z)]) - target)) for z in lower)
        assert residuals[0] < 1e-9
        assert all(r > 0.1 for r in residuals[1:])


@pytest.mark.parametrize("name", ["two leaky layers", "orthogonal, mixed"])
def test_one_of_many_joint_roots_has_all_signs(name, rng):
    """Several unknowns: plain Newton from many starts finds many roots, one of them in the right half planes."""
    eq = EQUATIONS[name]
    naive = NaiveEquation(eq)
    target = mp.mpc(places(eq, rng, (), 1)[0], 0.4)
    roots = []
    with mp.workdps(20):
        for _ in range(60):
            etas = [mp.mpc(rng.uniform(-3, 3), math.pi * rng.uniform(0.02, 0.98)) for _ in naive.groups]
            try:
                for _ in range(30):
                    etas = newton_step(naive, etas, target)
            except ZeroDivisionError:
                continue
            residual = abs(naive.log_z(etas) - target) + sum(map(abs, naive.ties(etas)))
            if residual < 1e-9 and not any(abs(etas[0] - other[0]) < 1e-6 for other in roots):
                roots.append(etas)
        assert len(roots) > 1
        assert sum(naive.has_signs(etas) for etas in roots) == 1


def test_roots_of_a_wrong_equation_are_noticed():
    """Negative control: one layer more, and none of the roots fits."""
    naive, other = (NaiveEquation(equation_of("leaky_relu(0.3)", depth)) for depth in (3, 4))
    target = mp.mpc(0.3, 0.2)
    residuals = [
        abs(naive.log_z([mp.log(-z)]) - target) for z in all_zetas(other, mp.exp(target)) if z.imag < 0
    ]
    assert min(residuals) > 1e-3
    assert np.isfinite([float(r) for r in residuals]).all()
