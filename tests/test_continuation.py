"""Newton and continuation: every converged root is the physical one, whatever the start."""

import cmath
import math

import mpmath as mp
import numpy as np
import pytest
from conftest import ATOMIC, LAWS, case_args, case_name, equation_of, normal_form_of, read_data
from naive.continuation import follow_root
from naive.general_equation import LayeredEquation
from naive.general_equation import follow_root as follow_joint_root
from naive.master_equation import NaiveEquation

from rmtjac.theory.continuation import CONVERGED, UNCONVERGED, continue_root, newton, roots
from rmtjac.theory.gate_averages import gate_terms
from rmtjac.theory.master_equation import has_signs, log_z
from rmtjac.theory.support import find_gaps, find_intervals

# one orthogonal layer is the law of its gates: no equation is solved
NAMES = [name for name in LAWS if name not in ("deep", "depth 10,000", "orthogonal, one tanh layer")]


def inside_support(eq, rng, count):
    """Scaled log lambda inside the top interval."""
    interval = find_intervals(eq, find_gaps(eq))[-1]
    low = max(interval.low, interval.high - 30.0)
    return low + (interval.high - low) * rng.uniform(0.0, 1.0, count)


def u_and_total(eq, eta):
    """u and u + rho of the reference, up to a positive factor."""
    terms = gate_terms(eq.gates, 0, eta[0])
    total = (1.0 + eq.excess[0]) * terms.total
    return math.exp(terms.log_scale) * total - 1.0 - eq.excess[0], total


def read(eq, eta):
    move, rate = np.empty(eta.size, dtype=complex), np.empty(eta.size, dtype=complex)
    return log_z(eq, eta, move, rate)


def converged_from(eq, starts, target, steps=200):
    """The rows of `starts` that Newton's method brings to a certified root, there."""
    found = starts.copy()
    codes = np.array([newton(eq, eta, target, steps)[1] for eta in found])
    return found[codes == CONVERGED]


@pytest.mark.jit_off
@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "gap",
        "layers that differ",
        "orthogonal, leaky",
        "orthogonal, atom on top",
        "rectangular",
        "two leaky layers",
        "mixed",
    ],
)
def test_root_is_that_of_many_small_steps(name, rng):
    eq = equation_of(*LAWS[name])
    naive = NaiveEquation(eq)
    for t, theta in zip(inside_support(eq, rng, 3), (0.0, 0.3, 2.8), strict=True):
        eta, _, code = continue_root(eq, t, theta)
        assert code == CONVERGED
        exact = [complex(x) for x in follow_root(naive, mp.mpc(t, theta), steps=150)]
        assert eta == pytest.approx(np.array(exact), rel=1e-10)


def test_root_of_smooth_layers_is_that_of_many_small_steps():
    """Gates as integrals, unknowns joint and unscaled: an equation that shares nothing with the normal form."""
    layers = [
        {"activation": "erf", "q": 0.8, "sigma_w": 1.0},
        {"activation": "gelu", "q": 1.1, "sigma_w": 1.3},
    ]
    form = normal_form_of(("erf", "gelu"), None, "gaussian", (0.8, 1.1), (1.0, 1.3), (30, 50, 40))
    target = complex(-1.0, 0.4)
    root = follow_joint_root(LayeredEquation(layers, (30, 50, 40)), target)
    eta, _, code = continue_root(form.equation, target.real - form.equation.log_scale, target.imag)
    assert code == CONVERGED
    # the narrowest width is the input's: the reference counts no layer
    found = (eta - [gates.log_largest for gates in form.many_valued])[form.equation.counts > 0.0]
    exact = [complex(mp.log(-zeta)) for zeta in root.zetas]
    assert sorted(found, key=abs) == pytest.approx(sorted(exact, key=abs), rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theta", [0.0, 1e-12, 1.0, 3.1])
def test_every_converged_start_gives_the_same_root(name, theta, rng):
    eq = equation_of(*LAWS[name])
    count = 400 if name in ATOMIC else 60
    for t in inside_support(eq, rng, 5 if name in ATOMIC else 2):
        root, _, code = continue_root(eq, t, theta)
        assert code == CONVERGED
        starts = rng.uniform(-30.0, 30.0, (count, eq.counts.size))
        starts = starts + 1j * math.pi * rng.uniform(1e-6, 1.0, starts.shape)
        # joint starts at random seldom converge: let the others be near
        starts[::2, 1:] = root[1:]
        found = converged_from(eq, starts, complex(t, theta))
        assert len(found) > count // 20
        assert np.abs(found - root).max() <= 1e-9 * np.abs(root).max()


@pytest.mark.parametrize("name", ["two leaky layers", "mixed"])
def test_signs_are_those_of_the_subordination_functions(name, rng):
    """Of points that solve nothing, whose signs may be anything: both verdicts occur."""
    eq = equation_of(*LAWS[name])
    atoms = slice(eq.gates.first_atom[0], eq.gates.first_atom[1])
    verdicts = []
    for _ in range(300):
        eta = rng.uniform(-6.0, 6.0, eq.counts.size) + 1j * math.pi * rng.uniform(0.0, 1.0, eq.counts.size)
        zeta = -np.exp(eta[0])
        k = eq.gates.values[atoms]
        u = (1.0 + eq.excess[0]) * (eq.gates.masses[atoms] * zeta * k / (1.0 - zeta * k)).sum()
        phases = [
            cmath.phase(u) - cmath.phase(1.0 + before + u) - cmath.phase(1.0 + after + u)
            for before, after in eq.sides
        ]
        verdicts.append(max(phases) <= 0.0)
        assert has_signs(eq, eta) == verdicts[-1]
    assert 3 < sum(verdicts) < 297


def test_real_root_next_to_the_axis_is_refused_where_log_z_falls(rng):
    """Negative control: on the wrong side of an edge the real axis has roots, but the spectrum has none."""
    eq = equation_of(*LAWS["gap"])
    gap = find_gaps(eq)[1]
    lost = 0
    for eta in rng.uniform(-6.0, 6.0, 200) + 1e-15j + 1j * rng.choice([0.0, math.pi - 2e-15], 200):
        value, derivative, _ = read(eq, np.array([eta]))
        rises = derivative.real > 0.0 if eta.imag < 1.0 else derivative.real < 0.0
        if abs(value.imag) < 1e-6 and not rises and gap.low < value.real < gap.high:
            lost += newton(eq, np.array([eta]), complex(value.real, 0.0), 1)[1] != CONVERGED
    assert lost > 0


@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "marchenko-pastur",
        "relu",
        "gap",
        "leaky",
        "orthogonal, no atom",
        "rectangular",
        "two leaky layers",
        "erf",
        "smooth, mixed",
    ],
)
@pytest.mark.parametrize("distance", [1e-6, 1e-8, 1e-10, 1e-12])
def test_every_converged_start_gives_the_same_root_next_to_the_edge(name, distance, rng):
    """Two roots meet at the edge, sqrt(distance) apart; the conjugate one must never be returned."""
    eq = equation_of(*LAWS[name])
    t = find_intervals(eq, find_gaps(eq))[-1].high - distance
    root, _, code = continue_root(eq, t, 0.0)
    assert code == CONVERGED
    assert (root.imag > 0.0).all()
    assert (root.imag < math.pi).all()
    shape = (300 if name in ATOMIC else 60, root.size)
    starts = root + np.sqrt(distance) * (rng.uniform(-30, 30, shape) + 1j * rng.uniform(-30, 30, shape))
    far = (shape[0] // 3, root.size)
    starts = np.concatenate([starts, rng.uniform(-20, 20, far) + 1j * rng.uniform(0.0, math.pi, far)])
    starts = starts[((starts.imag > 0.0) & (starts.imag < math.pi)).all(axis=1)]
    found = converged_from(eq, starts, complex(t, 0.0))
    assert len(found) > shape[0] // 15
    # rounding of log z moves a nearly double root by its square root at most
    _, slope, noise = read(eq, root)
    assert np.abs(found - root).max() <= 100.0 * noise / abs(slope)


@pytest.mark.parametrize("name", LAWS)
def test_roots_keep_to_their_half_planes(name, rng):
    eq = equation_of(*LAWS[name])
    for t in rng.uniform(-60.0 if name in ATOMIC else -10.0, 20.0, 20):
        for theta in (1e-3, 1.5, 3.0):
            eta, _, code = continue_root(eq, t, theta)
            u, total = u_and_total(eq, eta)
            assert code == CONVERGED
            assert has_signs(eq, eta)
            assert u.imag < 0.0
            assert total.imag < 0.0


@pytest.mark.jit_off
@pytest.mark.parametrize("depth", [1, 10, 10_000])
def test_converges_however_deep_and_however_small(depth):
    eq = equation_of("linear", depth)
    for t in (0.0, -10.0, -1e3, -1e6):
        eta, _, code = continue_root(eq, t, 0.0)
        assert code == CONVERGED
        value, _, noise = read(eq, eta)
        assert abs(value - t) <= 4.0 * noise + 2.4e-16 * abs(t)


@pytest.mark.jit_off
def test_a_target_that_is_no_number_is_unconverged():
    eq = equation_of("linear", 3)
    assert newton(eq, np.array([0.1 + 1j]), complex(math.nan, 0.0), 60)[1] == UNCONVERGED


@pytest.mark.jit_off
def test_a_target_without_root_is_unconverged():
    """Im log z = 5 lies on no sheet that principal logarithms reach from the strip: nothing to converge to."""
    eq = equation_of("linear", 3)
    starts = [complex(x, y) for x in (-5.0, -1.0, 1.0) for y in (0.1, 1.0, 2.0)]
    codes = [newton(eq, np.array([start]), complex(0.5, 5.0), 60)[1] for start in starts]
    assert set(codes) == {UNCONVERGED}


@pytest.mark.jit_off
def test_roots_are_those_of_single_points():
    """Predictions inside the strip are taken, others are not; unwanted rows are left alone."""
    eq = equation_of(*LAWS["two leaky layers"])
    targets = np.array([-1.0, -0.5, 0.0, 0.2], dtype=complex)
    eta = np.full((4, 2), -1j)
    exact = np.array([continue_root(eq, t.real, 0.0)[0] for t in targets])
    eta[1] = exact[1] * (1.0 + 1e-4)
    wanted = np.array([True, True, False, True])
    code, total, log_scale = roots(eq, targets, eta, wanted)
    assert (code == CONVERGED).all()
    assert eta[wanted] == pytest.approx(exact[wanted], rel=1e-12)
    assert (eta[2] == -1j).all()
    for i in np.flatnonzero(wanted):
        assert total[i] * math.exp(log_scale[i]) == pytest.approx(u_and_total(eq, exact[i])[1], rel=1e-11)


@pytest.mark.jit_off
@pytest.mark.parametrize("case", read_data("gates.json")["cases"][:12], ids=case_name)
def test_densities_are_the_reference_values(case):
    form = normal_form_of(*case_args(case))
    eq, rank = form.equation, 1.0 / (1.0 + form.missing[1])
    for lam, density, _ in case["rows"][:4]:
        eta, _, code = continue_root(eq, math.log(lam) - eq.log_scale, 0.0)
        terms = gate_terms(eq.gates, 0, eta[0])
        total = (1.0 + eq.excess[0]) * math.exp(terms.log_scale) * terms.total
        assert code == CONVERGED
        assert -rank * total.imag / math.pi == pytest.approx(float(density), rel=1e-9)
