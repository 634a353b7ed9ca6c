"""Edges, gaps and intervals against closed forms, polynomial roots and counted mass."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from conftest import LAWS, case_law, case_name, equation_of, law_of, read_data
from hypothesis import given
from hypothesis import strategies as st
from naive.master_equation import NaiveEquation
from naive.support import bernoulli_gaussian_edges, bernoulli_haar_edges, marchenko_pastur_mixture_edges

from rmtjac.theory.support import find_gaps, find_intervals

DEPTHS = [1, 2, 3, 4, 5, 10, 50, 1000]


def log_edges(*args):
    return law_of(*args).of("log_eigenvalues").edges


@pytest.mark.parametrize("depth", [*DEPTHS, 10_000])
def test_linear_edge(depth):
    exact = (depth + 1) * math.log1p(1 / depth) + math.log(depth)
    assert log_edges("linear", depth) == pytest.approx([exact], rel=1e-13)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("q", "sigma_w"), [(0.2, 1.0), (1.0, 1.3), (7.0, 0.6)])
def test_edges_of_bernoulli_gates(depth, q, sigma_w):
    p = math.erf(1 / math.sqrt(2 * q))
    if depth * abs(math.log(sigma_w)) < 300:
        exact = bernoulli_gaussian_edges(p, depth, sigma_w)
        assert log_edges("hard_tanh", depth, "gaussian", q, sigma_w) == pytest.approx(
            np.log(exact), abs=1e-11
        )


@pytest.mark.parametrize("depth", [2, 3, 4, 5, 10, 50])
@pytest.mark.parametrize(("q", "sigma_w"), [(0.2, 1.0), (1.0, 1.3), (7.0, 0.6)])
def test_edges_of_bernoulli_gates_with_orthogonal_weights(depth, q, sigma_w):
    p = math.erf(1 / math.sqrt(2 * q))
    law = law_of("hard_tanh", depth, "orthogonal", q, sigma_w)
    assert np.log(law.edges) == pytest.approx(np.log(bernoulli_haar_edges(p, depth, sigma_w)), abs=1e-11)
    # the atom sits above the continuous part while L (1 - p) < 1
    places = law.atoms[law.atoms[:, 0] > 0.0]
    assert len(places) == (depth * (1 - p) < 1)
    for place, mass in places:
        assert place == pytest.approx(sigma_w ** (2 * depth), rel=1e-13)
        assert place > law.edges[-1]
        assert mass == pytest.approx(1 - depth * (1 - p), abs=1e-14)


@given(slope=st.floats(0.0, 0.95))
def test_edges_of_one_leaky_layer_are_the_critical_values(slope):
    if slope > 1e-3:
        exact = marchenko_pastur_mixture_edges([slope**2, 1.0], [0.5, 0.5])
        assert law_of(f"leaky_relu({slope})", 1).edges == pytest.approx(exact, rel=1e-7)


def test_gap_of_one_leaky_layer():
    law = law_of(*LAWS["gap"])
    assert law.edges == pytest.approx([0.0197937239, 0.0909632519, 2.9192430242], abs=5e-11)
    assert law.cdf([0.0197938, 0.05, 0.0909632]) == pytest.approx([0.5, 0.5, 0.5], abs=1e-12)


@pytest.mark.parametrize("case", read_data("gates.json")["cases"], ids=case_name)
def test_edges_are_the_reference_values(case):
    edges = [float(x) for x in case["edges"]]
    if edges:  # none stored where an edge is no critical point (two orthogonal ReLU layers)
        assert np.log(case_law(case).edges) == pytest.approx(np.log(edges), abs=1e-10)


@pytest.mark.parametrize("name", LAWS)
def test_gaps_ascend_and_their_masses_fall(name):
    gaps = find_gaps(equation_of(*LAWS[name]))
    assert gaps[-1].high == math.inf
    assert gaps[-1].above == pytest.approx(0.0, abs=1e-14) or LAWS[name][2] == "orthogonal"
    for below, above in itertools.pairwise(gaps):
        assert below.high <= above.low
        assert below.above > above.above
    for gap in gaps:
        assert gap.low < gap.high
        assert gap.eta_low > gap.eta_high


@pytest.mark.parametrize("name", ["linear", "gap", "leaky", "layers that differ", "orthogonal, leaky"])
def test_curvature_is_the_second_derivative(name):
    eq = equation_of(*LAWS[name])
    naive = NaiveEquation(eq)
    for interval in find_intervals(eq, find_gaps(eq)):
        with mp.workdps(40):
            exact = float(mp.re(mp.diff(naive.log_z, mp.mpc(interval.eta_high, mp.pi), 2)))
        assert interval.curvature_high == pytest.approx(exact, rel=1e-6)
        assert interval.curvature_high > 0.0
        assert math.isinf(interval.low) == math.isnan(interval.curvature_low)
        assert math.isinf(interval.low) or interval.curvature_low < 0.0


@pytest.mark.parametrize("name", LAWS)
def test_the_density_is_positive_inside_and_zero_outside(name):
    law = law_of(*LAWS[name]).of("log_eigenvalues")
    support = law.support
    for low, high in support:
        low = max(low, high - 50.0)
        assert (law.logpdf(np.linspace(low, high, 400)[1:-1]) > -60.0).all()
    outside = [support[-1, 1] + 1e-9, support[-1, 1] + 10.0]
    outside += [0.5 * (high + low) for high, low in zip(support[:-1, 1], support[1:, 0], strict=True)]
    assert (law.pdf(outside) == 0.0).all()


@given(q=st.floats(0.05, 20.0), depth=st.integers(1, 30), haar=st.booleans())
def test_mass_counted_by_signs_is_the_mass_of_the_density(q, depth, haar):
    law = law_of("hard_tanh", depth, "orthogonal" if haar else "gaussian", q)
    assert law.moment(0) == pytest.approx(1.0, abs=1e-12)
