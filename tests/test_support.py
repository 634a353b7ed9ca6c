"""Edges, gaps and intervals against closed forms, polynomial roots and counted mass."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from conftest import ATOMIC, LAWS, case_law, case_name, equation_of, law_of, normal_form_of, read_data
from hypothesis import given
from hypothesis import strategies as st
from naive.master_equation import NaiveEquation
from naive.support import (
    bernoulli_gaussian_edges,
    bernoulli_haar_edges,
    marchenko_pastur_mixture_edges,
    two_leaky_haar_edges,
)

import rmtjac as rj
from rmtjac.theory.readings import evaluate
from rmtjac.theory.support import find_gap, find_gaps, find_intervals, joined, pieces_at

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
    eq = equation_of(*LAWS[name])
    gaps = find_gaps(eq)
    # orthogonal layers may have an atom on top
    atoms = normal_form_of(*LAWS[name])._atoms()
    assert gaps[-1].high == math.inf
    assert gaps[-1].above == pytest.approx(0.0, abs=1e-14)
    for below, above in itertools.pairwise(gaps):
        assert below.high <= above.low
        assert below.above > above.above
        if below.high == above.low:
            assert atoms[:, 0] == pytest.approx(below.high, abs=1e-13)
    for gap in gaps:
        assert gap.low < gap.high
        assert gap.eta_low.shape == gap.eta_high.shape == eq.counts.shape


# one orthogonal layer is the law of its gates: its equation is never solved
@pytest.mark.parametrize("name", [name for name in LAWS if name != "orthogonal, one tanh layer"])
def test_ends_of_gaps_are_on_the_curve_of_the_equation(name):
    """The unknowns at an end are real zeta, tied, and log z there is the end: a zero of its slope, or a pole of u."""
    eq = equation_of(*LAWS[name])
    checked = 0
    for gap in find_gaps(eq):
        for place, eta in ((gap.low, gap.eta_low), (gap.high, gap.eta_high)):
            assert (np.isclose(eta.imag, math.pi) | (eta.imag == 0.0)).all()
            at_pole = np.isin(-eta.real, eq.gates.log_gates).any()
            if math.isfinite(place) and not at_pole:
                at, rate = evaluate(eq, eta[None])
                assert at["value"].real[0] == pytest.approx(place, rel=1e-13, abs=1e-13)
                assert abs(at["slope"][0]) <= 1e-6 * np.abs(rate).max()
                checked += 1
    assert checked > 0 or name == "arcsine"


CURVED = [
    "linear",
    "gap",
    "leaky",
    "layers that differ",
    "orthogonal, leaky",
    "rectangular",
    "two leaky layers",
    "mixed",
]


@pytest.mark.parametrize("name", CURVED)
def test_curvature_and_rates_are_derivatives(name):
    """Of the term-by-term equation, the other unknowns tied by a secant method."""
    eq = equation_of(*LAWS[name])
    naive = NaiveEquation(eq)
    for interval in find_intervals(eq, find_gaps(eq)):
        assert math.isinf(interval.low) == math.isnan(interval.curvature_low)
        ends = [(interval.eta_high, interval.curvature_high, interval.rate_high, 1.0)]
        if math.isfinite(interval.low):
            ends.append((interval.eta_low, interval.curvature_low, interval.rate_low, -1.0))
        for eta, curvature, rates, sign in ends:
            with mp.workdps(40):
                start = [mp.mpc(x.real, mp.pi if x.imag > 1.0 else 0) for x in eta]
                log_z = lambda x, start=start: naive.log_z(naive.tied([x, *start[1:]]))  # noqa: E731
                exact = float(mp.re(mp.diff(log_z, start[0], 2)))
                exact_rates = [float(mp.re(rate)) for rate in naive.rates(start)]
            assert curvature == pytest.approx(exact, rel=1e-5)
            assert sign * curvature > 0.0
            assert rates == pytest.approx(exact_rates, rel=1e-6)


@pytest.mark.parametrize("name", LAWS)
def test_the_density_is_positive_inside_and_zero_outside(name):
    law = law_of(*LAWS[name]).of("log_eigenvalues")
    support = law.support
    assert len(support) > 0
    for low, high in support:
        low = max(low, high - 50.0) if name in ATOMIC else max(low, law.ppf(law.cdf(-np.inf) + 1e-9))
        assert (law.logpdf(np.linspace(low, high, 400)[1:-1]) > -60.0).all()
    outside = [support[-1, 1] + 1e-9, support[-1, 1] + 10.0]
    outside += [0.5 * (high + low) for high, low in zip(support[:-1, 1], support[1:, 0], strict=True)]
    if math.isfinite(support[0, 0]):
        outside += [support[0, 0] - 1e-9, support[0, 0] - 10.0]
    assert (law.pdf(outside) == 0.0).all()


@pytest.mark.parametrize(
    "name", ["gap", "orthogonal, leaky", "two leaky layers", "orthogonal, silu and hard_tanh"]
)
def test_the_mass_above_a_gap_is_that_of_the_density(name):
    law = law_of(*LAWS[name])
    spectrum = law._spectrum
    rank = 1.0 - spectrum.zero_mass
    for gap in spectrum._gaps:
        if math.isinf(gap.high) or math.isinf(gap.low):
            continue
        t, weights = spectrum.nodes
        place = 0.5 * (gap.low + gap.high) + spectrum.equation.log_scale
        above = (
            float(weights.real[t.real > place].sum()) + spectrum.atoms[spectrum.atoms[:, 0] > place, 1].sum()
        )
        assert rank * gap.above == pytest.approx(above, abs=1e-11)


def test_a_gap_is_found_again_from_a_point_inside():
    """As for gates of very many values: the unknowns near the real axis tell the pieces."""
    eq = equation_of(*LAWS["gap"])
    inner = find_gaps(eq)[-2]
    middle = 0.5 * (inner.eta_low + inner.eta_high)
    (again,) = find_gap(eq, pieces_at(eq, middle))
    assert (again.low, again.high, again.above) == (inner.low, inner.high, inner.above)
    # log k = 0 of the largest gate is on no piece
    assert pieces_at(eq, np.array([complex(0.0, math.pi)])) != pieces_at(eq, middle)


def test_parts_of_one_gap_are_joined():
    gaps = find_gaps(equation_of(*LAWS["gap"]))
    inner = gaps[-2]
    half = 0.5 * (inner.low + inner.high)
    fields = {name: getattr(inner, name) for name in ("eta_low", "eta_high", "above")}
    parts = [
        type(inner)(low=inner.low, high=half, **fields),
        type(inner)(low=half, high=inner.high, **fields),
    ]
    whole = joined([parts[1], *gaps[:-2], gaps[-1], parts[0]])
    assert [(gap.low, gap.high) for gap in whole] == [(gap.low, gap.high) for gap in gaps]


HAAR_SLOPES = st.floats(0.05, 0.95)


@given(first=HAAR_SLOPES, second=HAAR_SLOPES)
def test_two_different_orthogonal_leaky_layers_have_two_intervals(first, second):
    """All four edges: products of the gates, where two subspaces in general position align."""
    if abs(first - second) < 1e-3:
        return
    ens = rj.Ensemble(depth=2, activation=[f"leaky_relu({a})" for a in (first, second)], weights="orthogonal")
    law = rj.spectral_law(ens)
    exact = two_leaky_haar_edges(first, second)
    assert law.support.ravel() == pytest.approx(exact, rel=1e-9)
    assert law.cdf(math.sqrt(exact[1] * exact[2])) == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(0.3, 0.6), (0.5, 0.9), (0.05, 0.2)])
def test_density_of_two_different_orthogonal_leaky_layers(first, second):
    """Two-by-two blocks of determinant (ab)^2; the trace is that of two projections in general position, arcsine."""
    law = rj.spectral_law(
        rj.Ensemble(depth=2, activation=[f"leaky_relu({a})" for a in (first, second)], weights="orthogonal")
    )
    a, b = first**2, second**2
    for low, high in law.support:
        x = low + (high - low) * np.array([1e-6, 1e-3, 0.2, 0.5, 0.8, 1.0 - 1e-3, 1.0 - 1e-6])
        # eigenvalues x and ab/x of B^(1/2) U A U' B^(1/2): trace = a + b + (1 - a)(1 - b) c
        c = (x + a * b / x - a - b) / ((1.0 - a) * (1.0 - b))
        density = (
            0.5 / (math.pi * np.sqrt(c * (1.0 - c))) * np.abs(1.0 - a * b / x**2) / ((1.0 - a) * (1.0 - b))
        )
        # an inverse root at every edge: 1e-16 of lambda is 1e-10 of the distance
        assert law.pdf(x) == pytest.approx(density, rel=1e-8)
        assert (np.abs(law.pdf(x) - density) <= law.status(x).bound + 1e-9 * density).all()


@pytest.mark.parametrize(
    ("activations", "weights"),
    [
        (("leaky_relu(0.1)",), "gaussian"),
        (("leaky_relu(0.002)", "leaky_relu(0.005)"), "gaussian"),
        (("leaky_relu(0.3)", "leaky_relu(0.6)"), "orthogonal"),
        (("leaky_relu(0.1)", "leaky_relu(0.2)", "leaky_relu(0.5)"), "orthogonal"),
    ],
)
def test_gaps_and_masses_are_those_of_sampled_matrices(activations, weights):
    """Half the gates open: no eigenvalue in the middle of a gap, and the right number above it."""

    def haar(w):
        q, r = np.linalg.qr(w)
        return q * np.sign(np.diag(r))

    n, depth = 200, len(activations)
    law = rj.spectral_law(rj.Ensemble(depth=depth, width=n, activation=list(activations), weights=weights))
    rng = np.random.default_rng(8)
    eigenvalues = []
    for _ in range(8):
        product = np.eye(n)
        for name in activations:
            w = rng.normal(size=(n, n)) / math.sqrt(n)
            w = haar(w) if weights == "orthogonal" else w
            gates = rng.permutation(np.repeat([float(name[11:-1]), 1.0], n // 2))
            product = gates[:, None] * (w @ product)
        eigenvalues.append(np.linalg.svd(product, compute_uv=False) ** 2)
    t, log_law = np.log(np.concatenate(eigenvalues)), law.of("log_eigenvalues")
    (_, low), (high, _) = log_law.support
    margin = 0.3 * (high - low)
    assert not ((t > low + margin) & (t < high - margin)).any()
    assert (t > 0.5 * (low + high)).mean() == pytest.approx(log_law.sf(0.5 * (low + high)), abs=1e-12)
    # 1,600 eigenvalues of 8 matrices: their number below a point fluctuates by 1/n only
    grid = log_law.ppf(np.linspace(0.05, 0.95, 19))
    assert np.abs((t[:, None] <= grid).mean(axis=0) - log_law.cdf(grid)).max() < 0.02


@given(q=st.floats(0.05, 20.0), depth=st.integers(1, 30), haar=st.booleans())
def test_mass_counted_by_signs_is_the_mass_of_the_density(q, depth, haar):
    law = law_of("hard_tanh", depth, "orthogonal" if haar else "gaussian", q)
    assert law.moment(0) == pytest.approx(1.0, abs=1e-12)
