"""Newton and continuation: every converged root is the physical one, whatever the start."""

import math

import mpmath as mp
import numpy as np
import pytest
from conftest import LAWS, case_law, case_name, equation_of, law_of, read_data
from naive.continuation import follow_root
from naive.master_equation import NaiveEquation

from rmtjac.theory.continuation import CONVERGED, UNCONVERGED, continue_root, newton
from rmtjac.theory.master_equation import equation_terms, log_z

NAMES = [name for name in LAWS if name not in ("deep", "depth 10,000")]


def inside_support(name, rng, count):
    """Scaled log lambda inside the continuous part."""
    spectrum = law_of(*LAWS[name])._spectrum
    low, high = spectrum.intervals[-1] - spectrum.equation.log_scale
    low = max(low, high - 30.0)
    return low + (high - low) * rng.uniform(0.0, 1.0, count)


@pytest.mark.jit_off
@pytest.mark.parametrize(
    "name", ["linear", "gap", "layers that differ", "orthogonal, leaky", "orthogonal, atom on top"]
)
def test_root_is_that_of_many_small_steps(name, rng):
    eq = equation_of(*LAWS[name])
    naive = NaiveEquation(eq)
    for t, theta in zip(inside_support(name, rng, 3), (0.0, 0.3, 2.8), strict=True):
        eta, _, code = continue_root(eq, t, theta)
        assert code == CONVERGED
        assert eta == pytest.approx(complex(follow_root(naive, mp.mpc(t, theta), steps=150)), rel=1e-10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theta", [0.0, 1e-12, 1.0, 3.1])
def test_every_converged_start_gives_the_same_root(name, theta, rng):
    eq = equation_of(*LAWS[name])
    for t in inside_support(name, rng, 5):
        root, _, code = continue_root(eq, t, theta)
        assert code == CONVERGED
        starts = rng.uniform(-30.0, 30.0, 400) + 1j * math.pi * rng.uniform(1e-6, 1.0, 400)
        found = [newton(eq, start, complex(t, theta), 200) for start in starts]
        roots = np.array([eta for eta, _, code in found if code == CONVERGED])
        assert roots.size > 20
        assert np.abs(roots - root).max() <= 1e-9 * abs(root)


@pytest.mark.parametrize(
    "name", ["linear", "marchenko-pastur", "relu", "gap", "leaky", "orthogonal, no atom"]
)
@pytest.mark.parametrize("distance", [1e-6, 1e-8, 1e-10, 1e-12])
def test_every_converged_start_gives_the_same_root_next_to_the_edge(name, distance, rng):
    """Two roots meet at the edge, sqrt(distance) apart; the conjugate one must never be returned."""
    law = law_of(*LAWS[name])
    eq = law._spectrum.equation
    t = law._spectrum.intervals[-1, 1] - eq.log_scale - distance
    root, _, code = continue_root(eq, t, 0.0)
    assert code == CONVERGED
    assert 0.0 < root.imag < math.pi
    starts = root + np.sqrt(distance) * (rng.uniform(-30, 30, 300) + 1j * rng.uniform(-30, 30, 300))
    starts = np.concatenate([starts, rng.uniform(-20, 20, 100) + 1j * rng.uniform(0.0, math.pi, 100)])
    starts = starts[(starts.imag > 0.0) & (starts.imag < math.pi)]
    found = [newton(eq, start, complex(t, 0.0), 200) for start in starts]
    roots = np.array([eta for eta, _, code in found if code == CONVERGED])
    assert roots.size > 20
    # rounding of log z moves a nearly double root by its square root at most
    rounding = 100.0 * log_z(eq, root)[2] / abs(log_z(eq, root)[1])
    assert np.abs(roots - root).max() <= rounding


@pytest.mark.parametrize("name", LAWS)
def test_roots_keep_to_their_half_planes(name, rng):
    eq = equation_of(*LAWS[name])
    for t in rng.uniform(-60.0, 20.0, 20):
        for theta in (1e-3, 1.5, 3.0):
            eta, _, code = continue_root(eq, t, theta)
            shrink, total, w, _, _, _, _ = equation_terms(eq, eta)
            assert code == CONVERGED
            assert 0.0 < eta.imag < math.pi
            assert w.imag < 0.0
            assert (shrink * total).imag < 0.0


@pytest.mark.jit_off
@pytest.mark.parametrize("depth", [1, 10, 10_000])
def test_converges_however_deep_and_however_small(depth):
    eq = equation_of("linear", depth)
    for t in (0.0, -10.0, -1e3, -1e6):
        eta, _, code = continue_root(eq, t, 0.0)
        assert code == CONVERGED
        value, _, noise = log_z(eq, eta)
        assert abs(value - t) <= 4.0 * noise + 2.4e-16 * abs(t)


@pytest.mark.jit_off
def test_a_target_that_is_no_number_is_unconverged():
    eq = equation_of("linear", 3)
    assert newton(eq, 0.1 + 1j, complex(math.nan, 0.0), 60)[2] == UNCONVERGED


@pytest.mark.jit_off
def test_a_target_without_root_is_unconverged():
    """Im log z = -1 lies on no sheet that principal logarithms reach from the strip: nothing to converge to."""
    eq = equation_of("linear", 3)
    starts = [complex(x, y) for x in (-5.0, -1.0, 1.0) for y in (0.1, 1.0, 2.0)]
    codes = [newton(eq, start, complex(0.5, 5.0), 60)[2] for start in starts]
    assert set(codes) == {UNCONVERGED}


@pytest.mark.jit_off
@pytest.mark.parametrize("case", read_data("gates.json")["cases"][:12], ids=case_name)
def test_densities_are_the_reference_values(case):
    eq = case_law(case)._spectrum.equation
    for lam, density, _ in case["rows"][:4]:
        eta, _, code = continue_root(eq, math.log(lam) - eq.log_scale, 0.0)
        shrink, total, _, _, _, _, _ = equation_terms(eq, eta)
        assert code == CONVERGED
        assert -(shrink * total).imag / math.pi == pytest.approx(float(density), rel=1e-9)
