"""The traced curve: the same values as one continuation a point, whatever the other points are."""

import math

import numpy as np
import pytest
from conftest import LAWS, equation_of, law_of, read_data
from hypothesis import given
from hypothesis import strategies as st
from naive.curve import densities as naive_densities
from naive.master_equation import NaiveEquation

from rmtjac.theory.continuation import CONVERGED, continue_root
from rmtjac.theory.curve import coordinate, solve
from rmtjac.theory.readings import densities, error_bounds, masses
from rmtjac.theory.support import find_gaps, find_intervals
from rmtjac.theory.tracing import trace


def points_of(spectrum, rng, count):
    """Scaled log lambda in every interval and outside."""
    t = []
    for low, high in spectrum.intervals - spectrum.equation.log_scale:
        low = max(low, high - 80.0)
        t.append(low + (high - low) * rng.uniform(-0.1, 1.1, count))
        t.append(high - 10.0 ** rng.uniform(-13.0, 0.0, count))
    return np.concatenate(t)


@pytest.mark.parametrize("name", LAWS)
def test_points_on_the_curve_are_those_of_continuation(name, rng):
    spectrum = law_of(*LAWS[name])._spectrum
    eq, curve = spectrum.equation, spectrum._curve
    t = points_of(spectrum, rng, 40)
    eta, code, interval = solve(eq, curve, t)
    assert (code == CONVERGED).all()
    mantissa, scale = densities(eq, eta, interval)
    bounds = error_bounds(eq, t, eta, interval)
    for i in np.flatnonzero(interval >= 0):
        alone, _, _ = continue_root(eq, t[i], 0.0)
        other, other_scale = densities(eq, np.array([alone]), interval[i : i + 1])
        same = other[0] * math.exp(other_scale[0] - scale[i])
        assert abs(mantissa[i] - same) * math.exp(scale[i]) <= 2.0 * bounds[i]


@pytest.mark.parametrize("name", ["linear", "gap", "orthogonal, leaky"])
def test_densities_are_those_of_the_naive_twin(name, rng):
    spectrum = law_of(*LAWS[name])._spectrum
    low, high = spectrum.intervals[-1] - spectrum.equation.log_scale
    t = max(low, high - 8.0) + (high - max(low, high - 8.0)) * rng.uniform(0.05, 0.95, 2)
    slow = naive_densities(NaiveEquation(spectrum.equation), t)
    assert spectrum.density(t + spectrum.equation.log_scale) == pytest.approx(slow, rel=1e-10)


@pytest.mark.parametrize("name", LAWS)
def test_a_point_does_not_depend_on_the_others(name, rng):
    spectrum = law_of(*LAWS[name])._spectrum
    t = points_of(spectrum, rng, 50)
    together, _, _ = solve(spectrum.equation, spectrum._curve, t)
    order = rng.permutation(t.size)
    shuffled, _, _ = solve(spectrum.equation, spectrum._curve, t[order])
    alone = np.array([solve(spectrum.equation, spectrum._curve, t[i : i + 1])[0][0] for i in range(t.size)])
    assert np.array_equal(together[order], shuffled)
    assert np.array_equal(together, alone)


@pytest.mark.parametrize("name", ["linear", "leaky", "orthogonal, atom on top", "layers that differ"])
def test_masses_above_and_below_add_up_to_the_open_mass(name, rng):
    spectrum = law_of(*LAWS[name])._spectrum
    eta, _, interval = solve(spectrum.equation, spectrum._curve, points_of(spectrum, rng, 40))
    above, below = masses(spectrum.equation, eta, interval)
    inside = interval >= 0
    assert above[inside] + below[inside] == pytest.approx(1.0 - spectrum.equation.closed, abs=1e-13)
    assert np.isnan(above[~inside]).all()


@given(fraction=st.floats(0.0, 1.0), low=st.floats(-100.0, 0.0), width=st.floats(1e-3, 100.0))
def test_coordinate_of_an_interval_is_its_angle(fraction, low, width):
    x = coordinate(low + fraction * width, low, low + width)
    assert 0.0 <= x <= math.pi
    assert low + width - width * math.sin(0.5 * x) ** 2 == pytest.approx(
        low + fraction * width, abs=1e-12 * (width - low)
    )


@given(t=st.floats(-1e6, 3.0))
def test_coordinate_above_a_hard_edge_is_a_square_root(t):
    assert 3.0 - coordinate(t, -math.inf, 3.0) ** 2 == pytest.approx(t, rel=1e-15, abs=1e-14)


@pytest.mark.parametrize("depth", [1, 5, 100])
def test_the_error_bound_is_never_smaller_than_the_error(depth):
    table = next(t for t in read_data("fuss_catalan.json")["tables"] if t["depth"] == depth)
    lam, exact = np.array(table["lam_density"]).T
    law = law_of("linear", depth)
    error = np.abs(law.pdf(lam) - exact)
    bound = law.status(lam).bound
    assert (error <= bound).all()
    # and not absurdly larger: within 1,000 roundings of lam, times the slope
    assert np.median(bound / exact) < 1e-12


@pytest.mark.jit_off
def test_a_curve_is_traced_without_compilation(rng):
    """Small enough for plain Python: compiled and interpreted curves agree."""
    eq = equation_of(*LAWS["marchenko-pastur"])
    curve = trace(eq, find_intervals(eq, find_gaps(eq)))
    t = rng.uniform(-5.0, 1.3, 20)
    eta, code, interval = solve(eq, curve, t)
    mantissa, scale = densities(eq, eta, interval)
    lam = np.exp(t)
    assert (code == CONVERGED).all()
    assert mantissa * np.exp(scale) == pytest.approx(np.sqrt(lam * (4 - lam)) / (2 * math.pi), rel=1e-12)
