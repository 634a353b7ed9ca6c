"""Population dynamics: kernels by their plain twins, the deterministic solution, closed forms, invariances.

Deviations are Student's t of 15 degrees over independent populations: |t| > 9 has probability 2e-7, for each of the 12
golden values and the 6 of independent gates. Seeds are fixed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.errors import HeavyTailError, UnsupportedError
from rmtjac.theory import population_kernels as kernels
from rmtjac.theory.cavity import CavityLayer, Population
from rmtjac.theory.population import ANGLES, _extrapolated, _measured, _smeared
from tests.naive import population as naive

ALARM = 9.0
SMALL = {"members": 500, "sweeps": 20, "rng": 1}
P_STAR = 0.6576789446  # THEORY.md section 3


def cauchy(depth, **others):
    return rj.Ensemble(depth, 100, **({"activation": "hard_tanh", "weights": "cauchy"} | others))


def deviation(found, error, exact):
    return np.abs(found - exact) / error


# kernels


def complexes(rng, *shape):
    """Numbers of the right half plane."""
    return rng.gamma(1.0, size=shape) + 1j * rng.standard_normal(shape)


@pytest.fixture
def points(rng):
    """Weights, partners and what the children are: closed gates and both branches of the logarithm among them."""
    weights = np.sort(rng.pareto(1.0, (6, 5)), axis=1)[:, ::-1].copy()
    partners, place = rng.integers(0, 28, (6, 5)), rng.integers(0, 4, 6)
    slopes = np.where(rng.random(6) < 0.3, 0.0, rng.random(6))
    return weights, partners, slopes, place


@pytest.mark.jit_off
def test_forward_kernels(rng, points):
    weights, partners, slopes, place = points
    messages, rest, mean = complexes(rng, 7, 3), rng.random(6), complexes(rng, 3)
    reciprocals, sums = complexes(rng, 4, 3), np.empty((6, 3), np.complex128)
    kernels.forward_sums(weights, partners, messages, rest, mean, sums)
    np.testing.assert_allclose(sums, naive.forward_sums(weights, partners, messages, rest, mean), rtol=1e-12)
    found = np.empty((6, 3), np.complex128)
    trace = kernels.forward_messages(slopes, place, sums, reciprocals, found)
    exact, exact_trace = naive.forward_messages(slopes, place, sums, reciprocals)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    np.testing.assert_allclose(trace, exact_trace, rtol=1e-12)
    arguments = (weights, partners, messages, rest, mean, slopes, place, sums, reciprocals)
    np.testing.assert_allclose(kernels.bethe_terms(*arguments), naive.bethe_terms(*arguments), rtol=1e-9)


@pytest.mark.jit_off
def test_backward_kernels(rng, points):
    weights, partners, _, _ = points
    slopes, place = np.where(rng.random(30) < 0.3, 0.0, rng.random(30)), rng.integers(0, 4, 30)
    sums, reciprocals, mean = complexes(rng, 7, 3), complexes(rng, 4, 3), complexes(rng, 3)
    arguments = (weights, partners, slopes, place, sums, reciprocals, rng.random(6), mean)
    found = np.empty((6, 3), np.complex128)
    kernels.backward_sums(*arguments, found)
    np.testing.assert_allclose(found, naive.backward_sums(*arguments), rtol=1e-12)


@pytest.mark.jit_off
def test_places(rng):
    sizes = np.concatenate([[0.0, 1.0], rng.random(200)])
    ranks = np.concatenate([[0.0], np.cumsum(rng.dirichlet(np.ones(16)))])
    np.testing.assert_array_equal(kernels.places(sizes, ranks, 50), naive.places(sizes, ranks, 50))


# against solutions

GOLDEN = {  # HEAVY_TAILS.md section 2: p and P at s = 1 and 4
    1: ((0.27607323, 0.22966), (0.0103351, 0.02104)),
    2: ((0.1435769, 0.16868), (0.0120272, 0.03163)),
    3: ((0.0980995, 0.13762), (0.0110504, 0.03632)),
}
INDEPENDENT = {1: 0.1021, 2: 0.1321, 3: 0.1458}  # P(s > 4) of gates that do not know the weights


@pytest.mark.parametrize("depth", GOLDEN)
def test_the_deterministic_solution(depth):
    found = rj.population_spectrum(cauchy(depth), [1.0, 4.0], "stationary", **SMALL)
    pdf, sf = np.array(GOLDEN[depth]).T
    assert (deviation(found.pdf, found.pdf_error, pdf) < ALARM).all()
    assert (deviation(found.sf, found.sf_error, sf) < ALARM).all()
    assert (found.pdf_error / pdf < [0.005, 0.05]).all()
    assert (found.sf_error / sf < [0.01, 0.04]).all()
    assert found.trace_gap.max() < ALARM
    assert found.zero_mass == pytest.approx(1.0 - P_STAR, abs=1e-9)
    # the control: the closed form of independent gates is told apart
    assert deviation(found.sf[1], found.sf_error[1], INDEPENDENT[depth]) > 5.0 * ALARM


def test_all_singular_values_lie_above_a_lower_edge():
    """L = 1: below s = 0.05 the density is 1e-8, and the atom does not leak into the mass above."""
    found = rj.population_spectrum(cauchy(1), 0.03, "stationary", **SMALL)
    assert found.sf == pytest.approx(P_STAR, abs=0.003)
    assert abs(found.pdf) < 0.2


def independent_layers(depth, opened, rng):
    """Layers whose gates, drawn anew at every use, know nothing of h."""

    def gates(h):
        return (rng.random(np.shape(h)) < opened) * 1.0

    layer = CavityLayer(
        value=lambda h: rng.random(np.shape(h)),
        derivative=gates,
        largest=1.0,
        scale=1.0,
        sigma_w=1.0,
        sigma_b=0.0,
        growth=1.0,
        share=1.0,
    )
    return [layer] * depth


@pytest.mark.parametrize(("alpha", "opened"), [(0.7, 1.0), (1.0, P_STAR), (1.5, 0.6)])
def test_independent_gates(alpha, opened):
    """The same populations with gates that ignore h, against the closed form of THEORY.md section 3a."""
    law = rj.stable_product_law(alpha, 2, gates=opened).of("singular_values")
    readings = []
    for k in range(16):
        rng = np.random.default_rng([k, 7])
        layers = independent_layers(2, opened, rng)
        population = Population(
            layers, alpha, lambda r, n: np.full(n, 0.5), 500, 16, -1j * np.exp(1j * ANGLES), rng
        )
        readings.append(_measured(population, 20))
    traces, phases = (np.array(part)[None] for part in zip(*readings, strict=True))
    density, above = (_extrapolated(v) for v in _smeared(np.ones(1), traces, phases, opened, 1.0))
    assert deviation(*density, law.pdf(1.0)) < ALARM
    assert deviation(*above, law.sf(1.0)) < ALARM
    assert density[1] < 0.01 * law.pdf(1.0)


def test_traces_agree_for_gates_that_are_not_odd():
    """Biases, widths, and values of one sign: a weight of either sign has its own gate. The traces are independent."""
    ens = rj.Ensemble(
        widths=[100, 150, 120], activation="sigmoid", weights="cauchy", sigma_w=[1.0, 4.0], sigma_b=0.3
    )
    # weights of one sign in s_f were 15 standard errors off
    assert rj.population_spectrum(ens, 0.1, **SMALL).trace_gap < ALARM


def test_sampled_networks():
    """Unequal widths, biases, smooth gates, Gaussian inputs, another alpha; 3 % are left to finite N."""
    ens = rj.Ensemble(
        widths=[120, 200, 160], activation="tanh", weights="stable:1.3", sigma_w=1.5, sigma_b=0.2
    )
    sample = rj.sample_spectrum(ens, 150, 1, workers=1)
    found = rj.population_spectrum(ens, [0.3, 1.0], **SMALL)
    above = (sample.singular_values[..., None] > found.s).mean(axis=1)
    error = np.hypot(above.std(axis=0) / math.sqrt(150), found.sf_error)
    assert (np.abs(above.mean(axis=0) - found.sf) < 5.0 * error + 0.03 * found.sf).all()
    assert found.zero_mass == pytest.approx(0.25)


# reproducibility, sides, input


def test_every_s_has_its_own_stream():
    both = rj.population_spectrum(cauchy(1), [1.0, 2.0], members=200, sweeps=4, populations=3, rng=5)
    alone = rj.population_spectrum(cauchy(1), 2.0, members=200, sweeps=4, populations=3, rng=5)
    assert alone.pdf == both.pdf[1]
    assert alone.sf_error == both.sf_error[1]
    assert alone.traces.shape == (2,)
    again = rj.population_spectrum(
        cauchy(1), [1.0, 2.0], members=200, sweeps=4, populations=3, rng=both.entropy
    )
    np.testing.assert_array_equal(again.pdf, both.pdf)
    other = rj.population_spectrum(cauchy(1), 2.0, members=200, sweeps=4, populations=3, rng=6)
    assert other.pdf != alone.pdf


def test_both_sides_have_the_same_singular_values():
    ens = rj.Ensemble(widths=[100, 50], activation="hard_tanh", weights="cauchy")
    inside, outside = (
        rj.population_spectrum(ens, 1.0, side=side, members=200, sweeps=4, populations=3, rng=5)
        for side in ("input", "output")
    )
    assert outside.pdf == pytest.approx(2.0 * inside.pdf, rel=1e-12)
    assert outside.sf == pytest.approx(2.0 * inside.sf, rel=1e-12)
    assert 1.0 - outside.zero_mass == pytest.approx(2.0 * (1.0 - inside.zero_mass), rel=1e-12)


def test_inputs_are_known_by_their_law():
    """Constant inputs, as an array, have the lighter tail of THEORY.md section 3b: .0056(3) above 4 for L = 1."""
    found = rj.population_spectrum(cauchy(1), 4.0, np.full(100, 0.5963300750), **SMALL)
    assert found.sf == pytest.approx(0.0056, abs=0.0015)


def test_a_users_activation():
    """hard_tanh by hand, its slopes of another type, has the numbers of the built-in one."""
    own = rj.Activation(
        "own",
        lambda h: np.clip(h, -1.0, 1.0),
        lambda h: (np.abs(h) < 1.0).astype(np.float32),
        range=(-1.0, 1.0),
    )
    small = {"members": 200, "sweeps": 4, "populations": 3, "rng": 5}
    ours, theirs = (
        rj.population_spectrum(cauchy(2, activation=phi), 1.0, **small) for phi in ("hard_tanh", own)
    )
    assert (ours.pdf, ours.sf) == (theirs.pdf, theirs.sf)


def test_progress_counts_populations():
    seen = []
    rj.population_spectrum(
        cauchy(1), [1.0, 2.0], members=100, sweeps=2, populations=2, progress=lambda *at: seen.append(at)
    )
    assert seen == [(k, 4) for k in range(5)]


BAD = {
    "gaussian": ({"weights": "gaussian"}, {}, UnsupportedError, "weights='gaussian': allowed"),
    "small alpha": ({"weights": "stable:0.2"}, {}, UnsupportedError, "weights='stable:0.2': allowed"),
    "unbounded": ({"activation": "relu"}, {}, HeavyTailError, "activation='relu' before the last layer"),
    "s 0": ({}, {"s": 0.0}, ValueError, "s=0.0: allowed"),
    "s nan": ({}, {"s": [1.0, math.nan]}, ValueError, "s has an entry"),
    "side": ({}, {"side": "left"}, ValueError, "side='left': allowed"),
    "members": ({}, {"members": 10}, ValueError, "members=10: allowed"),
    "sweeps": ({}, {"sweeps": 1}, ValueError, "sweeps=1: allowed"),
    "populations": ({}, {"populations": 1}, ValueError, "populations=1: allowed"),
    "inputs": ({}, {"inputs": np.ones(3)}, ValueError, r"inputs of shape \(3,\): allowed"),
    "zero inputs": ({}, {"inputs": np.zeros(100)}, ValueError, "not all zero"),
    "word": ({}, {"inputs": "gaussian"}, ValueError, "inputs='gaussian': allowed"),
    "rng": ({}, {"rng": -1}, ValueError, "rng=-1: allowed"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    parameters, arguments, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        rj.population_spectrum(cauchy(2, **parameters), **({"s": 1.0} | arguments))
