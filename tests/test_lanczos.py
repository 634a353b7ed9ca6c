"""Stochastic Lanczos quadrature: the network of the dense path, exact quadrature, honest errors, workers, refusals.

Statistical tests reject at 6 standard errors (false alarm 2e-9 each) and carry a negative control.
"""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmtjac import (
    Activation,
    Ensemble,
    MemoryLimitError,
    UnsupportedError,
    estimate_spectrum,
    sample_spectrum,
)
from rmtjac.model.streams import Streams
from rmtjac.sampling.golub_kahan import bidiagonalise
from rmtjac.sampling.inputs import draw_input
from rmtjac.sampling.lanczos import memory_of_estimate, signs
from rmtjac.sampling.matrix_free import MatrixFreeJacobian, forward_gates

SIX_SIGMA = 6.0
SINE = Activation("sine", np.sin, np.cos)
ACTIVATIONS = ["linear", "relu", "leaky_relu(0.2)", "hard_tanh", "erf", "gelu", SINE]
WEIGHTS = ["gaussian", "rademacher", "student_t:3", "cauchy", "stable:1.5"]


def dense(ens, seed):
    """J of the network of the seed at its own input, all weights at once."""
    return ens.sample(seed).jacobian(draw_input(ens, None, Streams(seed)))


def matrix_free(ens, seed, workers=1):
    gates, _ = forward_gates(ens, None, Streams(seed), workers)
    return MatrixFreeJacobian(ens, Streams(seed), gates, workers)


def eigenvalues(matrix):
    return np.linalg.svd(matrix, compute_uv=False) ** 2


def check_products(ens, seed=7):
    jacobian, free = dense(ens, seed), matrix_free(ens, seed)
    rng = np.random.default_rng(seed)
    x, u = rng.standard_normal((ens.widths[0], 3)), rng.standard_normal((ens.widths[-1], 3))
    scale = np.linalg.norm(jacobian)
    for found, exact in ((free.times(x), jacobian @ x), (free.transposed_times(u), jacobian.T @ u)):
        np.testing.assert_allclose(np.ldexp(*found), exact, atol=1e-11 * scale)
    forth, back = (np.ldexp(*image) for image in (free.times(x), free.transposed_times(u)))
    np.testing.assert_allclose(u.T @ forth, back.T @ x, atol=1e-11 * scale)
    np.testing.assert_array_equal(free.open_rows, jacobian.any(axis=1))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("widths", [[300, 300, 300], [40, 513, 270], [270, 513, 40]], ids=str)
def test_products_are_those_of_the_dense_network(activation, widths):
    check_products(Ensemble(widths=widths, activation=activation, sigma_w=1.4, sigma_b=0.2))


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("sigma_b", [0.0, 0.3, "as_weights"])
def test_products_for_every_law(weights, sigma_b):
    check_products(Ensemble(3, 280, "hard_tanh", weights, sigma_b=sigma_b))


@pytest.mark.parametrize("gates", ["network", "independent"])
@pytest.mark.parametrize(
    "inputs", [None, "stationary", np.linspace(-1.0, 2.0, 60)], ids=["none", "star", "x"]
)
def test_it_is_the_network_of_the_sample(gates, inputs):
    ens = Ensemble(widths=[60, 300, 80], activation="hard_tanh", sigma_w=1.5, sigma_b=0.2)
    est = estimate_spectrum(ens, 70, 1, rng=3, gates=gates, inputs=inputs)
    sample = sample_spectrum(ens, 1, rng=3, gates=gates, inputs=inputs)
    np.testing.assert_allclose(est.q, sample.q[0], rtol=1e-12)
    np.testing.assert_array_equal(est.gate_fractions, sample.gate_fractions[0])
    assert (est.rank, est.zero_mass) == (sample.ranks[0], sample.zero_mass)
    assert est.top.value == pytest.approx(sample.spectral_norms[0], rel=1e-12)
    assert est.entropy == sample.entropy == 3
    shared = ("ensemble", "gates", "inputs")
    assert {k: est.metadata[k] for k in shared} == {k: sample.metadata[k] for k in shared}
    assert (est.metadata["probes"], est.metadata["steps"]) == (70, 1)


@pytest.mark.parametrize("activation", ["linear", "relu", "erf"])
@pytest.mark.parametrize("widths", [[90, 120, 70], [50, 120, 110], [80, 30, 90]], ids=str)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_moments_are_those_of_the_probes(activation, widths, steps):
    """Gauss quadrature: v^T M^k v / n_L for every single probe, k <= 2 steps - 1; the next k is the control."""
    ens = Ensemble(widths=widths, activation=activation, sigma_w=1.3, sigma_b=0.1)
    est = estimate_spectrum(ens, 4, steps, rng=1)
    jacobian = dense(ens, 1)
    live = jacobian.any(axis=1)
    matrix = jacobian @ jacobian.T
    if widths[0] < np.count_nonzero(live):
        matrix, live = jacobian.T @ jacobian, np.ones(widths[0], bool)
    probes = live[:, None] * signs(1, 4, live.size)

    def exact(k):
        return np.sum(probes * (np.linalg.matrix_power(matrix, k) @ probes), axis=0) / widths[-1]

    for k in range(2 * steps):
        np.testing.assert_allclose(est.weights @ est.nodes ** (2 * k), exact(k), rtol=1e-11)
    for k in range(1, 2 * steps):
        value, error = est.moment(k)
        assert value == pytest.approx(exact(k).mean(), rel=1e-11)
        assert error == pytest.approx(exact(k).std(ddof=1) / 2.0, rel=1e-9)
    beyond = est.weights @ est.nodes ** (4 * steps)
    assert (beyond < exact(2 * steps) * (1 - 1e-6)).all()


@pytest.mark.parametrize("widths", [[60, 60, 60], [30, 80, 50], [50, 80, 30], [60, 20, 50]], ids=str)
@pytest.mark.parametrize(("probes", "steps"), [(100, 1), (7, 30), (1, 200)])
def test_with_enough_steps_the_whole_spectrum_is_found(widths, probes, steps):
    ens = Ensemble(widths=widths, activation="relu", sigma_w=1.4)
    est = estimate_spectrum(ens, probes, steps, rng=2)
    sample = sample_spectrum(ens, 1, rng=2)
    found, exact = est.nodes[-est.rank :], sample.singular_values[0, -est.rank :]
    np.testing.assert_allclose(found, exact, atol=1e-11 * exact[-1])
    assert est.top.value == pytest.approx(exact[-1], rel=1e-13)
    assert est.top.standard_error < 1e-12
    assert est.steps <= min(steps, 61)
    for k in range(4):
        value, error = est.moment(k)
        assert value == pytest.approx(np.mean(sample.eigenvalues[0] ** k), rel=1e-11)
        assert math.isnan(error) if k and probes == 1 else error < 1e-12 * value


@given(
    widths=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    probes=st.integers(1, 12),
    steps=st.integers(1, 20),
    activation=st.sampled_from(["linear", "relu", "hard_tanh", "tanh"]),
    seed=st.integers(0, 2**64),
)
def test_small_networks(widths, probes, steps, activation, seed):
    """Hostile shapes: more probes than rows, steps without end, closed layers, rank one."""
    ens = Ensemble(widths=widths, activation=activation, sigma_b=0.1)
    est = estimate_spectrum(ens, probes, steps, rng=seed, workers=1)
    sample = sample_spectrum(ens, 1, rng=seed, workers=1)
    top = sample.spectral_norms[0]
    assert (est.rank, est.zero_mass) == (sample.ranks[0], sample.zero_mass)
    assert est.top.value <= top * (1 + 1e-12)
    assert est.moment(0) == (1.0, 0.0)
    mass = est.weights.sum(axis=1)
    assert (mass >= est.rank / est.n - 1e-12).all()
    assert (mass <= 1.0 + 1e-12).all()
    if steps >= 10:  # no space here needs more
        assert est.top.value == pytest.approx(top, rel=1e-9)
        assert est.moment(1).value == pytest.approx(np.mean(sample.eigenvalues), rel=1e-9)


@given(rank=st.integers(0, 6), probes=st.integers(1, 9), steps=st.integers(1, 9), seed=st.integers(0, 2**32))
def test_bidiagonalisation_of_a_prescribed_spectrum(rank, probes, steps, seed):
    """Rank, clusters and scales of 1e-200: H has singular values of the matrix where the space is exhausted."""
    rng = np.random.default_rng(seed)
    left, right = (np.linalg.qr(rng.standard_normal((n, rank)))[0] for n in (8, 7))
    values = np.sort(rng.choice([1.0, 0.5, 0.25], rank))[::-1] * 2.0**-600
    matrix = (left * values) @ right.T
    krylov = bidiagonalise(
        lambda u: (matrix.T @ u * 2.0**600, -600),
        lambda v: (matrix @ v * 2.0**599, -599),
        matrix.shape,
        rng.standard_normal((8, probes)),
        steps,
        8,
    )
    found = np.linalg.svd(krylov.matrix, compute_uv=False)
    kept = min(3, len(set(values)), rank)
    assert krylov.exponent == -600
    assert krylov.matrix.shape[1] <= 8
    if krylov.exhausted and rank:
        distinct = np.unique(values * 2.0**600)[::-1]
        assert len([v for v in distinct if np.isclose(found, v, atol=1e-10).any()]) == kept
        assert all(np.isclose(distinct, v, atol=1e-10).any() or v < 1e-10 for v in found)


def test_standard_errors_of_moments_are_standard_errors():
    """z of the first two moments over 150 networks: mean square near 1, mean near 0; half the errors are refused.

    Of t with 19 degrees z^2 has the mean 19/17, and skewed probes make it 1.3 here; 6 sigma of the mean of 150 are 0.9.
    """
    ens, scores = Ensemble(2, 80, "hard_tanh"), []
    for seed in range(150):
        exact = sample_spectrum(ens, 1, rng=seed, workers=1, accuracy="absolute").eigenvalues[0]
        est = estimate_spectrum(ens, 20, 2, rng=seed, workers=1)
        assert est.moment(1).value != pytest.approx(exact.mean(), rel=1e-9)  # no space was exhausted
        scores.append([(est.moment(k)[0] - np.mean(exact**k)) / est.moment(k)[1] for k in (1, 2)])
    squares = np.square(scores).mean(axis=0)
    assert (abs(squares - 1.2) < 1.0).all()
    assert (abs(4 * squares - 1.2) > 1.0).all()
    assert (abs(np.mean(scores, axis=0)) < 0.6).all()


@pytest.mark.parametrize("activation", ["linear", "hard_tanh", "gelu"])
@pytest.mark.parametrize("probes", [4, 16])
def test_error_of_the_top(activation, probes):
    """From below, and by no more than stated; once it is small, the statement is no more than 100 times too large."""
    ens = Ensemble(4, 250, activation, sigma_w=1.2)
    exact = sample_spectrum(ens, 1, rng=9, workers=1, accuracy="absolute").spectral_norms[0]
    errors = []
    for steps in (1, 2, 3, 5, 7, 10, 14):
        top = estimate_spectrum(ens, probes, steps, rng=9, workers=1).top
        assert -1e-12 * exact <= exact - top.value <= top.standard_error
        assert top.standard_error == math.inf if steps < 3 else True
        errors.append((exact - top.value, top.standard_error))
    error, stated = errors[-1]
    assert stated < 1e-2 * exact
    assert stated < 1e3 * error + 1e-11


def test_density_is_the_smoothed_density():
    """Against the eigenvalues themselves under the same Gaussian: z within 6 at 30 points; a law 10 % off is not."""
    ens = Ensemble(3, 500, "hard_tanh")
    sample = sample_spectrum(ens, 1, rng=4, accuracy="absolute")
    est = estimate_spectrum(ens, 40, 8, rng=4)
    x = np.linspace(0.05, 1.1, 30) * est.top.value**2
    width = est.top.value / est.steps
    s, exact = np.sqrt(x)[:, None], sample.singular_values[0, -est.rank :]
    bumps = sum(np.exp(-0.5 * ((s - sign * exact) / width) ** 2) for sign in (1, -1)).sum(axis=1)
    smooth = bumps / (500 * width * math.sqrt(2 * math.pi) * 2 * s[:, 0])
    value, error = est.density(x)
    assert (abs(value - smooth) < SIX_SIGMA * error + 1e-3 * smooth.max()).all()
    shifted = est.density(x * 1.3)[0]
    assert (abs(shifted - smooth) > SIX_SIGMA * error + 1e-3 * smooth.max()).any()


@pytest.mark.parametrize("widths", [[80, 80], [40, 90, 70], [70, 40, 90]], ids=str)
def test_density_integrates_to_what_is_not_zero(widths):
    est = estimate_spectrum(Ensemble(widths=widths, activation="relu"), 6, 3, rng=4)
    s = np.linspace(1e-9, 4 * est.top.value, 20_001)
    for width in (None, 0.2):
        mass = np.trapezoid(est.density(s**2, width).value * 2 * s, s)
        assert mass == pytest.approx(1 - est.zero_mass, rel=1e-6)
    assert est.density([-1.0, 0.0]) == pytest.approx(np.zeros((2, 2)))
    assert est.density(np.ones((2, 3))).value.shape == (2, 3)
    assert est.density(1.0).value == est.density([1.0]).value[0]


def test_the_same_bits_for_any_workers():
    ens = Ensemble(2, 700, "hard_tanh", "student_t:3", 1.3, 0.1)
    one, other, many = (estimate_spectrum(ens, 5, 3, rng=3, workers=n) for n in (1, 2, 5))
    for est in (other, many):
        for name in ("nodes", "weights", "q", "gate_fractions"):
            np.testing.assert_array_equal(getattr(est, name), getattr(one, name))
        assert est.top == one.top


def test_more_probes_begin_with_the_same_ones():
    np.testing.assert_array_equal(signs(3, 5, 40)[:, :2], signs(3, 2, 40))
    assert set(np.unique(signs(3, 5, 40))) == {-1.0, 1.0}


def test_seeds():
    est = estimate_spectrum(Ensemble(1, 40), 2, 2)
    again = estimate_spectrum(Ensemble(1, 40), 2, 2, rng=est.entropy)
    np.testing.assert_array_equal(again.weights, est.weights)


def test_progress_counts_the_drawings():
    calls = []
    estimate_spectrum(Ensemble(2, 50), 2, 3, rng=0, progress=lambda *call: calls.append(call))
    assert calls == [(done, 6) for done in range(1, 7)]


@pytest.mark.parametrize(
    "ens",
    [
        Ensemble(2, 5, "hard_tanh", sigma_w=1e-9, sigma_b=1e9),
        Ensemble(2, 5, ["linear", "hard_tanh"], sigma_w=1e-9, sigma_b=[0.0, 1e9]),
        Ensemble(2, 5, ["hard_tanh", "linear"], sigma_w=1e-9, sigma_b=[1e9, 0.0]),
    ],
)
def test_closed_gates(ens):
    est = estimate_spectrum(ens, 3, 2, rng=0)
    assert (est.rank, est.zero_mass, est.top) == (0, 1.0, (0.0, 0.0))
    assert est.moment(0) == (1.0, 0.0)
    assert est.moment(2) == (0.0, 0.0)
    assert not est.density([0.5, 1.0]).value.any()


def test_one_probe_has_no_standard_error():
    est = estimate_spectrum(Ensemble(2, 50), 1, 2, rng=0)
    assert est.moment(1).value > 0
    assert math.isnan(est.moment(1).standard_error)
    assert np.isnan(est.density([1.0]).standard_error).all()


def test_deep_networks_stay_in_range():
    """Singular values near 2^-750, and the same ones times 4^300, which is exact."""
    small, large = (estimate_spectrum(Ensemble(300, 20, "relu", sigma_w=s), 3, 4, rng=2) for s in (0.25, 1.0))
    assert small.exponent < -200
    np.testing.assert_array_equal(small.gate_fractions, large.gate_fractions)
    np.testing.assert_array_equal(small.weights, large.weights)
    assert small.top.value == large.top.value * 2.0**-600 > 0.0
    assert small.moment(1) == (0.0, 0.0)


def test_values_beyond_the_doubles():
    est = estimate_spectrum(Ensemble(1000, 5, sigma_w=10.0), 2, 2, rng=0)
    assert est.top.value == est.moment(1).value == math.inf
    with pytest.raises(ValueError, match="beyond the range of doubles"):
        est.density(1.0)
    tiny = estimate_spectrum(Ensemble(3, 50, sigma_w=1e-100), 2, 2, rng=0)
    assert 0.0 < tiny.top.value < 1e-298
    assert tiny.density(1.0) == (0.0, 0.0)


def test_orthogonal_weights_are_refused():
    with pytest.raises(UnsupportedError, match="weights='orthogonal'"):
        estimate_spectrum(Ensemble(2, 50, weights="orthogonal"), 2, 2)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"probes": 0}, "probes=0"),
        ({"probes": 10**400}, "probes=1000"),
        ({"probes": 2.0}, "probes=2.0"),
        ({"steps": 0}, "steps=0"),
        ({"steps": True}, "steps=True"),
        ({"workers": 0}, "workers=0"),
        ({"rng": -1}, "rng=-1"),
        ({"gates": "own"}, "gates='own'"),
        ({"inputs": np.ones(3)}, "inputs of shape (3,)"),
    ],
)
def test_refusals_name_the_argument(arguments, named):
    with pytest.raises((ValueError, TypeError), match="allowed") as caught:
        estimate_spectrum(Ensemble(2, 5), **({"probes": 2, "steps": 2} | arguments))
    assert str(caught.value).startswith(named)


def test_refusals_of_the_result():
    est = estimate_spectrum(Ensemble(2, 5), 2, 2, rng=0)
    for question in (lambda: est.moment(-1), lambda: est.moment(0.5), lambda: est.density([np.nan])):
        with pytest.raises((ValueError, TypeError), match="allowed"):
            question()
    with pytest.raises(ValueError, match="width=0"):
        est.density(1.0, width=0)
    with pytest.raises(ValueError, match="read-only"):
        est.nodes[0] = 1.0


def test_a_run_too_large_is_refused_before_it_allocates():
    tracemalloc.start()
    with pytest.raises(MemoryLimitError, match="GB"):
        estimate_spectrum(Ensemble(2, 10**9), 10**6, 10**9)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


@pytest.mark.parametrize("weights", ["gaussian", "stable:1.5"])
@pytest.mark.parametrize("widths", [[900] * 3, [5, 900, 800, 5]])
def test_memory_estimate_is_an_upper_one(weights, widths):
    ens = Ensemble(widths=widths, activation="hard_tanh", weights=weights)
    for probes, steps, workers in ((1, 2, 1), (30, 4, 2)):
        tracemalloc.start()
        estimate_spectrum(ens, probes, steps, rng=0, workers=workers)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - 4e5 < memory_of_estimate(ens, probes, steps, workers) < 12 * peak
