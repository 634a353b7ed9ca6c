"""The traced curve: the same values as one continuation a point, whatever the other points are."""

import math

import numpy as np
import pytest
from conftest import ATOMIC, LAWS, equation_of, law_of, read_data
from hypothesis import given
from hypothesis import strategies as st
from naive.curve import densities as naive_densities
from naive.master_equation import NaiveEquation

from rmtjac.theory.continuation import CONVERGED, continue_root
from rmtjac.theory.curve import Solution, coordinate, log_lambda, path, solve, speed
from rmtjac.theory.gate_averages import gate_terms
from rmtjac.theory.readings import error_bounds, evaluate, masses
from rmtjac.theory.support import find_gaps
from rmtjac.theory.tracing import trace

# one orthogonal layer is the law of its gates: no curve
NAMES = [name for name in LAWS if name != "orthogonal, one tanh layer"]
FEW_NODES = [name for name in NAMES if name != "depth 10,000"]


def points_of(spectrum, rng, count):
    """Scaled log lambda in every interval and outside."""
    t = []
    for low, high in spectrum.intervals - spectrum.equation.log_scale:
        low = max(low, high - 80.0)
        t.append(low + (high - low) * rng.uniform(-0.1, 1.1, count))
        t.append(high - 10.0 ** rng.uniform(-13.0, 0.0, count))
    return np.concatenate(t)


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_points_on_the_curve_are_those_of_continuation(name, rng):
    spectrum = law_of(*LAWS[name])._spectrum
    eq = spectrum.equation
    t = points_of(spectrum, rng, 40 if name in ATOMIC else 15)
    found = solve(eq, spectrum._curve, t)
    assert (found.code == CONVERGED).all()
    bounds = error_bounds(eq, t, found.eta, found.interval)
    for i in np.flatnonzero(found.interval >= 0):
        alone, _, code = continue_root(eq, t[i], 0.0)
        terms = gate_terms(eq.gates, 0, alone[0])
        slow = (1.0 + eq.excess[0]) * math.exp(terms.log_scale - found.log_scale[i]) * terms.total.imag
        assert code == CONVERGED
        scale = math.exp(found.log_scale[i]) / math.pi
        assert abs(found.total[i].imag - slow) * scale <= 2.0 * bounds[i]


@pytest.mark.parametrize("name", ["linear", "gap", "orthogonal, leaky", "rectangular", "two leaky layers"])
def test_densities_are_those_of_the_naive_twin(name, rng):
    spectrum = law_of(*LAWS[name])._spectrum
    low, high = spectrum.intervals[-1] - spectrum.equation.log_scale
    t = max(low, high - 8.0) + (high - max(low, high - 8.0)) * rng.uniform(0.05, 0.95, 2)
    rank = 1.0 - spectrum.zero_mass
    slow = rank * naive_densities(NaiveEquation(spectrum.equation), t)
    assert spectrum.density(t + spectrum.equation.log_scale) == pytest.approx(slow, rel=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_a_point_does_not_depend_on_the_others(name, rng):
    spectrum = law_of(*LAWS[name])._spectrum
    t = points_of(spectrum, rng, 50 if name in ATOMIC else 20)
    together = solve(spectrum.equation, spectrum._curve, t)
    order = rng.permutation(t.size)
    assert same(solve(spectrum.equation, spectrum._curve, t[order]), (x[order] for x in together))
    alone = [solve(spectrum.equation, spectrum._curve, t[i : i + 1]) for i in range(t.size)]
    assert same(Solution(*map(np.concatenate, zip(*alone, strict=True))), together)


@pytest.mark.parametrize("name", NAMES)
def test_masses_above_and_below_add_up_to_one(name, rng):
    """Fractions of the non-zero eigenvalues, from two closed forms."""
    spectrum = law_of(*LAWS[name])._spectrum
    found = solve(spectrum.equation, spectrum._curve, points_of(spectrum, rng, 40))
    above, below = masses(spectrum.equation, found.eta, found.interval)
    inside = found.interval >= 0
    # next to an edge that is no critical point a rounding of log z counts as its inverse root
    layers = 10_000 if name == "depth 10,000" else 100
    rounding = 1e-9 if name == "arcsine" else 1e-12
    assert above[inside] + below[inside] == pytest.approx(1.0, abs=rounding + 2e-15 * layers)
    assert np.isnan(above[~inside]).all()
    assert np.isnan(below[~inside]).all()


@pytest.mark.parametrize("name", FEW_NODES)
def test_the_path_is_next_to_the_curve(name, rng):
    """Between the nodes: the unknowns to the tracing tolerance, and rates that are derivatives."""
    spectrum = law_of(*LAWS[name])._spectrum
    eq, curve = spectrum.equation, spectrum._curve
    for k in range(curve.low.size):
        last = curve.x[curve.first[k + 1] - 1]
        x = np.sort(last * rng.uniform(0.01, 0.99, 20))
        eta, rate = path(curve, k, x)
        exact = solve(eq, curve, log_lambda(x, curve.low[k], curve.high[k]))
        assert (np.abs(eta - exact.eta) <= 1e-6 * (1.0 + np.abs(exact.eta))).all()
        at, rates = evaluate(eq, exact.eta)
        slope = rates * (speed(x, curve.low[k], curve.high[k]) / at["slope"])[:, None]
        assert (np.abs(rate - slope) <= 1e-3 * (1.0 + np.abs(slope))).all()


@pytest.mark.parametrize("name", NAMES)
def test_unknowns_on_the_curve_satisfy_the_equation(name):
    """The nodes too: log z is the log lambda of the coordinate, and every unknown is tied."""
    spectrum = law_of(*LAWS[name])._spectrum
    eq, curve = spectrum.equation, spectrum._curve
    for k in range(curve.low.size):
        # both ends are edges, where the slope vanishes, or far down a tail
        rows = slice(curve.first[k] + 1, curve.first[k + 1] - 1)
        at, _ = evaluate(eq, curve.eta[rows])
        tied, _ = evaluate(eq, curve.eta[rows], ties=3)
        t = log_lambda(curve.x[rows], curve.low[k], curve.high[k])
        size = 1e-13 * (1.0 + np.abs(t)) + 4.0 * at["noise"]
        assert (np.abs(at["value"] - t) <= size).all()
        assert (np.abs(tied["value"] - t) <= size).all()


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


@pytest.mark.parametrize("name", ["rectangular", "two leaky layers"])
def test_the_error_bound_covers_the_naive_twin(name, rng):
    spectrum = law_of(*LAWS[name])._spectrum
    eq, (low, high) = spectrum.equation, spectrum.intervals[-1] - spectrum.equation.log_scale
    t = high - np.array([1e-6, 1e-2, 0.3]) * (high - max(low, high - 8.0))
    found = solve(eq, spectrum._curve, t)
    error = np.abs(
        -found.total.imag * np.exp(found.log_scale) / math.pi - naive_densities(NaiveEquation(eq), t)
    )
    bound = error_bounds(eq, t, found.eta, found.interval)
    assert (error <= bound).all()
    assert bound[-1] < 1e-13


@pytest.mark.jit_off
def test_a_curve_is_traced_without_compilation(rng):
    """Small enough for plain Python: compiled and interpreted curves agree."""
    eq = equation_of(*LAWS["marchenko-pastur"])
    _, ends, curve = trace(eq, find_gaps(eq))
    t = rng.uniform(-5.0, 1.3, 20)
    found = solve(eq, curve, t)
    lam = np.exp(t)
    assert (found.code == CONVERGED).all()
    assert ends == pytest.approx(np.array([[-math.inf, math.log(4.0)]]))
    density = -found.total.imag * np.exp(found.log_scale) / math.pi
    assert density == pytest.approx(np.sqrt(lam * (4 - lam)) / (2 * math.pi), rel=1e-12)
