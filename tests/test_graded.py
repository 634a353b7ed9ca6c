"""Singular values with relative accuracy: mpmath, determinants, Lyapunov exponents, other accuracies as controls."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive.networks import pre_activations
from scipy.special import psi

from rmtjac import Ensemble, load_sample, sample_spectrum
from rmtjac.errors import ConvergenceError
from rmtjac.model.streams import Streams
from rmtjac.sampling import graded
from rmtjac.sampling.graded import GradedProduct
from rmtjac.sampling.inputs import draw_input
from rmtjac.sampling.spectrum import resolved_accuracy


def log_singular_values(layers):
    product = GradedProduct(layers[0].shape[1])
    for layer in layers:
        product.times(layer.copy())
    return product.log_singular_values()


def layer_matrices(ens, entropy):
    """D^l W^l of replicate 0."""
    streams = Streams(entropy, 0, 0)
    weights, biases = zip(*(ens.draw_layer(layer, streams) for layer in range(1, ens.depth + 1)), strict=True)
    h = pre_activations(
        weights, biases, [phi.value for phi in ens.activations], draw_input(ens, None, streams)
    )
    gates = [phi.derivative(values) for phi, values in zip(ens.activations, h, strict=True)]
    return [d[:, None] * w for d, w in zip(gates, weights, strict=True)]


def exact_log_singular_values(layers, digits=250):
    with mp.workdps(digits):
        product = mp.matrix(layers[0].tolist())
        for layer in layers[1:]:
            product = mp.matrix(layer.tolist()) * product
        return np.array(sorted(float(mp.log(s)) for s in mp.svd_r(product, compute_uv=False)))


@pytest.mark.parametrize(
    ("activation", "weights", "depth", "widths"),
    [
        ("linear", "gaussian", 40, [10] * 41),
        ("linear", "cauchy", 40, [10] * 41),
        ("leaky_relu(1e-3)", "gaussian", 30, [8] * 31),
        ("tanh", "gaussian", 3, [6, 9, 5, 7]),
        ("linear", "student_t:3", 1, [9, 9]),
        ("hard_tanh", "orthogonal", 20, [10] * 21),
        ("tanh", "cauchy", 4, [10] * 5),  # gates down to 1e-60
    ],
)
def test_every_singular_value_has_its_digits(activation, weights, depth, widths):
    """Measured: 6e-14 to 3e-11 (the condition of the worst layer); the smallest values are down to 1e-100."""
    ens = Ensemble(widths=widths, activation=activation, weights=weights, sigma_w=1.3)
    sample = sample_spectrum(ens, 1, rng=3, accuracy="relative")
    layers = layer_matrices(ens, 3)
    rank = int(sample.ranks[0])
    exact = exact_log_singular_values(layers)[-rank:]
    assert len(layers) == depth
    assert sample.log_singular_values[0, -rank:] == pytest.approx(exact, abs=1e-10)
    assert (sample.log_singular_values[0, :-rank] == -np.inf).all()
    assert (sample.singular_values[0, :-rank] == 0.0).all()


def test_absolute_accuracy_fails_the_same_tolerance():
    ens = Ensemble(depth=40, width=10)
    logs = sample_spectrum(ens, 1, rng=3, accuracy="relative").log_singular_values[0]
    absolute = np.log(sample_spectrum(ens, 1, rng=3, accuracy="absolute").singular_values[0])
    assert absolute[-1] == pytest.approx(logs[-1], abs=1e-10)
    assert abs(absolute[0] - logs[0]) > 1.0


@given(seed=st.integers(0, 2**32), n=st.integers(1, 12), depth=st.integers(1, 60))
def test_they_multiply_to_the_determinant(seed, n, depth):
    layers = list(np.random.default_rng(seed).standard_normal((depth, n, n)))
    exact = sum(np.linalg.slogdet(layer)[1] for layer in layers)
    assert log_singular_values(layers).sum() == pytest.approx(exact, abs=1e-9 * depth)


@given(seed=st.integers(0, 2**32), scale=st.integers(-200, 200), depth=st.integers(1, 20))
def test_the_transposed_product_has_the_same(seed, scale, depth):
    rng = np.random.default_rng(seed)
    widths = rng.integers(2, 9, depth + 1)
    layers = [rng.standard_normal((widths[i + 1], widths[i])) for i in range(depth)]
    there = log_singular_values([math.ldexp(1.0, scale) * layer for layer in layers])
    back = log_singular_values([layer.T.copy() for layer in layers[::-1]])
    rank = widths.min()
    assert there[-rank:] - scale * depth * math.log(2.0) == pytest.approx(back[-rank:], abs=1e-9)


def test_lyapunov_exponents_of_a_thousand_layers():
    """Condition numbers of e^4000; the sum of all exponents of a replicate is a sum of independent logarithms."""
    n, depth, replicates = 30, 1000, 4
    sample = sample_spectrum(Ensemble(depth=depth, width=n), replicates, rng=0)
    exponents = sample.lyapunov_exponents
    k = np.arange(1, n + 1)
    exact = 0.5 * (math.log(2.0 / n) + psi(k / 2))
    deviation = np.sqrt(sum(_trigamma(k) / 4) / (depth * replicates))
    assert np.isfinite(exponents).all()
    assert (np.diff(exponents, axis=1) >= 0.0).all()
    assert sample.singular_values[0, 0] == 0.0  # below the doubles, and no structural zero
    assert exponents.sum(axis=1).mean() == pytest.approx(exact.sum(), abs=6 * deviation)
    # each tends to its own exponent, to O(1/depth)
    assert exponents.mean(axis=0) == pytest.approx(exact, abs=0.1)
    assert abs(exponents.sum(axis=1).mean() - 1.03 * exact.sum()) > 6 * deviation


def _trigamma(k):
    from scipy.special import polygamma

    return polygamma(1, k / 2)


def test_closed_layers_and_singular_matrices():
    assert log_singular_values([np.zeros((3, 3))]).tolist() == [-math.inf] * 3
    assert log_singular_values([np.ones((2, 2)), np.eye(2)])[-1] == pytest.approx(math.log(2.0))
    assert log_singular_values([np.empty((0, 4)), np.empty((3, 0))]).size == 0
    sample = sample_spectrum(Ensemble(depth=30, width=3, activation="relu"), 3, rng=1, accuracy="relative")
    assert (sample.ranks == 0).any()
    assert (sample.log_singular_values[sample.ranks == 0] == -np.inf).all()


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="range of doubles"):
        log_singular_values([np.array([[1.0, np.inf], [0.0, 1.0]])])


def test_rotations_that_do_not_end_are_no_result(monkeypatch):
    monkeypatch.setattr(graded, "MAX_SWEEPS", 1)
    with pytest.raises(ConvergenceError, match="sweeps"):
        log_singular_values(list(np.random.default_rng(0).standard_normal((3, 20, 20))))


def test_auto_is_relative_where_the_condition_is_large():
    assert resolved_accuracy(Ensemble(depth=2, width=1000), "auto") == "absolute"
    assert resolved_accuracy(Ensemble(depth=10, width=1000), "auto") == "relative"
    assert resolved_accuracy(Ensemble(depth=1000, width=5, weights="orthogonal"), "auto") == "absolute"
    sample = sample_spectrum(Ensemble(depth=60, width=20), 1, rng=0)
    assert sample.metadata["accuracy"] == "relative"
    assert sample.resolution == 0.0


def test_eigenvalue_accuracy_is_that_of_the_eigenvalues():
    ens = Ensemble(widths=[60, 80, 50], activation="hard_tanh")
    exact, gram = (sample_spectrum(ens, 3, rng=5, accuracy=a) for a in ("absolute", "eigenvalues"))
    assert gram.eigenvalues == pytest.approx(exact.eigenvalues, abs=1e-14 * exact.eigenvalues.max())
    assert (gram.ranks == exact.ranks).all()
    assert gram.resolution > exact.resolution


def test_both_sides_and_files_keep_the_logarithms(tmp_path):
    ens = Ensemble(widths=[4, 7, 6], activation="relu")
    sample = sample_spectrum(ens, 2, rng=0, accuracy="relative")
    inner = sample.of_side("input")
    assert inner.log_singular_values.shape == (2, 4)
    assert np.exp(inner.log_singular_values) == pytest.approx(inner.singular_values)
    again = load_sample(inner.save(tmp_path / "sample.npz"))
    np.testing.assert_array_equal(again.log_singular_values, inner.log_singular_values)
