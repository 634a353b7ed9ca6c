"""Sampled spectra: against naive twins and exact moments, ranks, invariances, workers, refusals, files.

Statistical tests reject at 6 standard errors (false alarm 2e-9 each) and carry a negative control.
"""

import math
import multiprocessing
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.moments import trace_moments
from naive.networks import eigenvalues, finite_differences, jacobian, pre_activations

from rmtjac import (
    Activation,
    Ensemble,
    MemoryLimitError,
    load_sample,
    realised_gates,
    sample_spectrum,
)
from rmtjac.model.streams import Streams
from rmtjac.model.weights import WeightLaw
from rmtjac.runs.blas import single_threaded_blas
from rmtjac.sampling import cost
from rmtjac.sampling.cost import memory_estimate
from rmtjac.sampling.inputs import checked_inputs, draw_input
from rmtjac.sampling.jacobians import ForwardPass
from rmtjac.sampling.replicate import ReplicateTask
from rmtjac.sampling.scaling import rescaled
from rmtjac.storage import load_arrays, save_arrays

SHAPES = [[6, 6, 6], [3, 8, 5, 7], [7, 5, 8, 3], [2, 9, 2], [4, 1, 4]]
ACTIVATIONS = ["linear", "relu", "leaky_relu(0.2)", "hard_tanh", "tanh", "gelu"]
SMOOTH = ["erf", "tanh", "sigmoid", "gelu", "silu", "softplus"]


def naive_case(ens, entropy, k, gate_task=0):
    """J and the gates of replicate k by whole matrices."""
    layers, gate_layers = (
        [ens.draw_layer(layer, Streams(entropy, task, k)) for layer in range(1, ens.depth + 1)]
        for task in (0, gate_task)
    )
    x = draw_input(ens, None, Streams(entropy, gate_task, k))
    h = pre_activations(*zip(*gate_layers, strict=True), [phi.value for phi in ens.activations], x)
    gates = [phi.derivative(values) for phi, values in zip(ens.activations, h, strict=True)]
    return jacobian([w for w, _ in layers], gates), gates, h


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", SHAPES)
@pytest.mark.parametrize("gates", ["network", "independent"])
def test_matches_the_naive_twin(activation, widths, gates):
    ens = Ensemble(widths=widths, activation=activation, sigma_w=1.4, sigma_b=0.2)
    sample = sample_spectrum(ens, 3, rng=11, gates=gates)
    for k in range(3):
        matrix, open_gates, h = naive_case(ens, 11, k, gate_task=int(gates == "independent"))
        expected = eigenvalues(matrix)
        np.testing.assert_allclose(sample.eigenvalues[k], expected, atol=1e-10 * max(expected[-1], 1e-300))
        np.testing.assert_allclose(sample.q[k], [np.mean(values**2) for values in h], rtol=1e-12)
        assert sample.gate_fractions[k].tolist() == [np.mean(d != 0) for d in open_gates]
        assert sample.ranks[k] == min(widths[0], *(np.count_nonzero(d) for d in open_gates))


@pytest.mark.parametrize("weights", ["orthogonal", "rademacher", "student_t:3", "cauchy", "stable:0.7"])
def test_every_law_matches_the_naive_twin(weights):
    ens = Ensemble(3, 12, "hard_tanh", weights, sigma_b="as_weights")
    sample = sample_spectrum(ens, 2, rng=4)
    for k in range(2):
        expected = np.linalg.svd(naive_case(ens, 4, k)[0], compute_uv=False)[::-1]
        np.testing.assert_allclose(sample.singular_values[k], expected, atol=1e-10 * expected[-1])


@pytest.mark.parametrize("activation", ["linear", "relu", "hard_tanh"])
@pytest.mark.parametrize("widths", SHAPES)
def test_the_input_side_has_the_eigenvalues_of_the_other_product(activation, widths):
    ens = Ensemble(widths=widths, activation=activation, sigma_w=1.4, sigma_b=0.2)
    sample = sample_spectrum(ens, 3, rng=11)
    other = sample.of_side("input")
    assert (sample.side, other.side) == ("output", "input")
    for k in range(3):
        matrix, gates, _ = naive_case(ens, 11, k)
        expected = eigenvalues(matrix.T)
        np.testing.assert_allclose(other.eigenvalues[k], expected, atol=1e-10 * max(expected[-1], 1e-300))
        rank = min(widths[0], *(np.count_nonzero(d) for d in gates))
        assert np.count_nonzero(other.singular_values[k] == 0.0) == widths[0] - rank
    assert other.zero_mass == pytest.approx(1.0 - sample.ranks.mean() / widths[0])
    density, edges = other.histogram(7)
    assert (density * np.diff(edges)).sum() == pytest.approx(1.0 - other.zero_mass)


@given(widths=st.lists(st.integers(1, 9), min_size=2, max_size=4), seed=st.integers(0, 2**64))
@settings(deadline=None, max_examples=30)
def test_both_sides_hold_the_same(widths, seed):
    sample = sample_spectrum(Ensemble(widths=widths, activation="relu"), 2, rng=seed, workers=1)
    other = sample.of_side("input")
    again = other.of_side("output")
    np.testing.assert_array_equal(again.singular_values, sample.singular_values)
    np.testing.assert_array_equal(other.nonzero_eigenvalues, sample.nonzero_eigenvalues)
    np.testing.assert_array_equal(other.spectral_norms, sample.spectral_norms)
    assert other.resolution == sample.resolution
    assert other.singular_values.shape == (2, widths[0])
    assert other.of_side("input") is other
    assert again.side == "output"


def test_a_side_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"side='left': allowed are output, input"):
        sample_spectrum(Ensemble(1, 3), 1, rng=0).of_side("left")


def test_replicate_zero_is_the_network_of_the_ensemble():
    ens = Ensemble(3, 30, "hard_tanh", sigma_w=1.5, sigma_b=0.3)
    x = np.linspace(-1, 1, 30)
    sample = sample_spectrum(ens, 1, rng=8, inputs=x)
    expected = np.linalg.svd(ens.sample(8).jacobian(x), compute_uv=False)[::-1]
    np.testing.assert_allclose(sample.singular_values[0], expected, atol=1e-12 * expected[-1])


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("widths", [[7, 9, 5], [4, 6, 8]])
def test_smooth_networks_have_the_spectrum_of_their_differences(activation, widths):
    """No derivative of the package enters the twin here: J by central differences of the network itself."""
    ens = Ensemble(widths=widths, activation=activation, sigma_w=1.4, sigma_b=0.3)
    x = np.linspace(-1.0, 1.5, widths[0])
    sample = sample_spectrum(ens, 1, rng=8, inputs=x)
    twin = finite_differences(ens.sample(8), x)
    for side, matrix in (("output", twin), ("input", twin.T)):
        expected = eigenvalues(matrix)
        found = sample.of_side(side).eigenvalues[0]
        np.testing.assert_allclose(found, expected, atol=1e-8 * expected[-1])
    assert sample.ranks[0] == min(widths)


def test_rank_is_exact_and_zeros_are_zero():
    sample = sample_spectrum(Ensemble(4, 60, "relu", sigma_w=math.sqrt(2)), 5, rng=0)
    opened = np.rint(sample.gate_fractions * 60).astype(int)
    np.testing.assert_array_equal(sample.ranks, opened.min(axis=1))
    np.testing.assert_array_equal(np.count_nonzero(sample.singular_values, axis=1), sample.ranks)
    assert sample.zero_mass == pytest.approx(1 - sample.ranks.mean() / 60)
    assert sample.nonzero_eigenvalues.size == sample.ranks.sum()
    assert (np.diff(sample.singular_values) >= 0).all()


def test_all_gates_closed():
    ens = Ensemble(2, 5, "hard_tanh", sigma_w=1e-9, sigma_b=1e9)
    sample = sample_spectrum(ens, 2, rng=0)
    assert not sample.singular_values.any()
    assert sample.zero_mass == 1.0
    assert sample.histogram([0.0, 1.0])[0].tolist() == [0.0]


@pytest.mark.parametrize("depth", [1, 4])
def test_exact_moments_of_linear_networks(depth):
    """E (Tr M)^2 and E Tr M^2 at N = 8, and the recursion at one layer more as negative control."""
    traces = sample_spectrum(Ensemble(depth, 8), 4000, rng=1).eigenvalues
    found = np.array([traces.sum(axis=1) ** 2, (traces**2).sum(axis=1)])
    error = found.std(axis=1) / math.sqrt(found.shape[1])
    assert (abs(found.mean(axis=1) - trace_moments(depth, 8)) < 6 * error).all()
    assert (abs(found.mean(axis=1) - trace_moments(depth + 1, 8)) > 6 * error).any()


def test_orthogonal_linear_networks_are_isometries():
    values = sample_spectrum(Ensemble(5, 20, weights="orthogonal", sigma_w=1.1), 2, rng=0).singular_values
    np.testing.assert_allclose(values, 1.1**5, rtol=1e-13)


@pytest.mark.parametrize(("n_out", "n_in"), [(5, 5), (4, 9), (9, 4), (1, 6), (6, 1), (300, 270)])
def test_rectangular_orthogonal_weights(n_out, n_in):
    """W W^T = 1 for n_out <= n_in, else W^T W = n_out/n_in; entries have mean square 1/n_in either way."""
    ens = Ensemble(widths=[n_in, n_out], weights="orthogonal", sigma_w=1.5)
    w = ens.draw_layer(1, Streams(3))[0] / 1.5
    gram = w @ w.T if n_out <= n_in else w.T @ w * n_in / n_out
    np.testing.assert_allclose(gram, np.eye(min(n_out, n_in)), atol=1e-13)
    assert np.mean(w**2) == pytest.approx(1.0 / n_in)
    values = sample_spectrum(ens, 1, rng=3).singular_values[0]
    expected = np.zeros(n_out)
    expected[max(0, n_out - n_in) :] = 1.5 * math.sqrt(max(1.0, n_out / n_in))
    np.testing.assert_allclose(values, expected, rtol=1e-12)


@given(scale=st.floats(0.1, 10), seed=st.integers(0, 2**64))
@settings(deadline=None, max_examples=15)
def test_scale_of_linear_networks_is_a_factor(scale, seed):
    one = sample_spectrum(Ensemble(3, 5), 1, rng=seed, workers=1).singular_values
    scaled = sample_spectrum(Ensemble(3, 5, sigma_w=scale), 1, rng=seed, workers=1).singular_values
    np.testing.assert_allclose(scaled, scale**3 * one, rtol=1e-9, atol=1e-14 * scaled.max())


@given(q0=st.floats(1e-6, 1e6), seed=st.integers(0, 2**64))
@settings(deadline=None, max_examples=15)
def test_relu_without_bias_does_not_know_the_scale_of_its_input(q0, seed):
    one, other = (sample_spectrum(Ensemble(3, 6, "relu", q0=q), 1, rng=seed, workers=1) for q in (1.0, q0))
    assert one.gate_fractions.tolist() == other.gate_fractions.tolist()
    np.testing.assert_allclose(other.singular_values, one.singular_values, rtol=1e-12)


def test_the_same_bits_for_any_workers_and_executor():
    ens = Ensemble(3, 150, "hard_tanh", "student_t:3", 1.3, 0.1)
    samples = [sample_spectrum(ens, 5, rng=3, workers=workers) for workers in (1, 2, 4)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        samples.append(sample_spectrum(ens, 5, rng=3, executor=pool))
    for other in samples[1:]:
        for name in ("singular_values", "ranks", "q", "gate_fractions"):
            np.testing.assert_array_equal(getattr(other, name), getattr(samples[0], name))


def test_more_replicates_begin_with_the_same_ones():
    few, many = (sample_spectrum(Ensemble(2, 9), n, rng=3).singular_values for n in (2, 5))
    np.testing.assert_array_equal(many[:2], few)


def test_seeds():
    ens = Ensemble(1, 4)
    sample = sample_spectrum(ens, 1, rng=None)
    again = sample_spectrum(ens, 1, rng=sample.entropy)
    np.testing.assert_array_equal(again.singular_values, sample.singular_values)
    drawn = sample_spectrum(ens, 1, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(
        drawn.singular_values, sample_spectrum(ens, 1, rng=drawn.entropy).singular_values
    )


def test_gaussian_inputs_have_exactly_q0():
    x = draw_input(Ensemble(1, 40, q0=0.3), None, Streams(0))
    assert np.mean(x**2) == pytest.approx(0.3, rel=1e-15)


def test_stationary_inputs_keep_q():
    """Mean q within 6 standard errors and 1 % of q_star; Gaussian inputs of q0 = 4 miss it in layer 1."""
    ens = Ensemble(2, 300, "hard_tanh", sigma_w=1.5, sigma_b=0.2, q0=4.0)
    q_star = checked_inputs(ens, "stationary")
    q = sample_spectrum(ens, 40, rng=5, inputs="stationary").q
    error = 6 * q.std(axis=0) / math.sqrt(40) + 0.01 * q_star
    assert (abs(q.mean(axis=0) - q_star) < error).all()
    control = sample_spectrum(ens, 40, rng=5).q
    assert abs(control[:, 0].mean() - q_star) > error[0]


@pytest.mark.parametrize(
    "ens",
    [
        Ensemble(2, 5),
        Ensemble(2, 5, "relu"),
        Ensemble(2, 5, "linear", sigma_w=2.0),
        Ensemble(2, 5, ["relu", "linear"]),
        Ensemble(2, 5, "relu", "cauchy"),
    ],
)
def test_stationary_inputs_that_do_not_exist(ens):
    with pytest.raises(ValueError, match="stationary"):
        sample_spectrum(ens, 1, inputs="stationary")


def test_stationary_at_zero_is_the_linear_network():
    sample = sample_spectrum(Ensemble(3, 10, "hard_tanh"), 2, rng=0, inputs="stationary")
    linear = sample_spectrum(Ensemble(3, 10), 2, rng=0)
    np.testing.assert_array_equal(sample.singular_values, linear.singular_values)


def test_a_law_of_the_user_is_not_taken_for_a_built_in_one():
    """The compiled sweep draws Gaussian numbers of its own: what a law or an activation is called does not count."""
    own = WeightLaw("gaussian", lambda rng, shape: np.full(shape, 0.5))
    ens = Ensemble(1, 6, "linear", weights=own)
    values = sample_spectrum(ens, 1, 0, accuracy="absolute").singular_values[0]
    assert values[-1] == pytest.approx(0.5 * math.sqrt(6.0))
    assert values[:-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("accuracy", ["absolute", "eigenvalues"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"depth": 11, "width": 60, "activation": "hard_tanh"},
        {"depth": 3, "width": 1, "activation": "relu"},
        {"depth": 40, "width": 20, "activation": "relu", "sigma_w": 1e30},
        {"depth": 9, "width": 20, "activation": "linear", "sigma_w": 1e-90},
        {"widths": [30, 50, 20, 40], "activation": "leaky_relu(0.1)", "sigma_b": 0.3},
        {
            "depth": 4,
            "width": 256,
            "activation": ["relu", "linear", "hard_tanh", "relu"],
            "sigma_b": "as_weights",
        },
        {"widths": [257, 256], "activation": "relu"},
    ],
)
def test_the_compiled_sweep_is_the_layer_by_layer_one(parameters, accuracy):
    """Rounding apart, in the spectrum, the rank, the gates; the last ensemble is too wide for it."""
    ens = Ensemble(**parameters)
    swept = ReplicateTask(ens=ens, entropy=5, gates="network", inputs=None, accuracy=accuracy)
    assert (swept._narrow is None) == (max(ens.widths) > 256)
    layer_by_layer = replace(swept)
    layer_by_layer.__dict__["_narrow"] = None
    loss = 1e-14 if accuracy == "absolute" else 1e-7  # of the largest
    for k in range(3):
        ours, other = swept(k), layer_by_layer(k)
        values = other.pop("singular_values")
        np.testing.assert_allclose(
            ours.pop("singular_values"),
            values,
            rtol=1e-10,
            atol=loss * values.max(where=values < np.inf, initial=0.0),
        )
        for name, array in other.items():
            np.testing.assert_allclose(ours[name], array, rtol=1e-10)


@pytest.mark.parametrize("depth", [20, 3000])
def test_depth_neither_overflows_nor_loses_gates(depth):
    """At sigma_w = 1 relu activations halve each layer: 2^-3000 is far below the doubles, the gates stay."""
    sample = sample_spectrum(Ensemble(depth, 40, "relu"), 1, rng=2)
    assert 0.2 < sample.gate_fractions.mean() < 0.8
    assert sample.gate_fractions[0, -1] > 0
    critical = sample_spectrum(Ensemble(depth, 40, "relu", sigma_w=math.sqrt(2)), 1, rng=2)
    np.testing.assert_array_equal(sample.gate_fractions, critical.gate_fractions)


def test_values_beyond_the_doubles():
    assert sample_spectrum(Ensemble(2000, 4, sigma_w=10.0), 1, rng=0).spectral_norms[0] == math.inf
    with pytest.raises(ValueError, match="range of doubles"):
        sample_spectrum(Ensemble(2000, 4, sigma_w=10.0, sigma_b=0.1), 1, rng=0)


def test_rescaled_is_exact():
    array = np.array([1e-250, -3e-260])
    small, exponent = rescaled(array)
    np.testing.assert_array_equal(np.ldexp(small, exponent), array)
    assert 0.25 <= abs(small).max() < 1
    for untouched in (np.array([1e30]), np.zeros(3), np.empty(0), np.array([np.inf])):
        assert rescaled(untouched) == (untouched, 0)


def test_histogram_is_normalised():
    sample = sample_spectrum(Ensemble(2, 50, "relu", sigma_w=1.4), 4, rng=0)
    density, edges = sample.histogram(30)
    assert (density * np.diff(edges)).sum() == pytest.approx(1 - sample.zero_mass)
    half, edges = sample.histogram(np.linspace(0, 1, 11))
    inside = np.mean((sample.eigenvalues <= 1) & (sample.eigenvalues > 0))
    assert (half * np.diff(edges)).sum() == pytest.approx(inside)


def test_save_and_load(tmp_path):
    sample = sample_spectrum(Ensemble(2, 6, "relu"), 3, rng=2**100, inputs=np.ones(6))
    again = load_sample(sample.save(tmp_path / "sample.npz"))
    np.testing.assert_array_equal(again.singular_values, sample.singular_values)
    np.testing.assert_array_equal(again.ranks, sample.ranks)
    assert again.entropy == 2**100
    assert again.metadata == sample.metadata
    with pytest.raises(ValueError, match="no spectrum sample"):
        load_sample(save_arrays(tmp_path / "other.npz", {}, {}))
    with pytest.raises(ValueError, match="no such file"):
        load_sample(tmp_path / "none.npz")


def test_files_keep_the_side(tmp_path):
    sample = sample_spectrum(Ensemble(widths=[6, 9, 4], activation="relu"), 3, rng=1)
    again = load_sample(sample.of_side("input").save(tmp_path / "sample.npz"))
    assert again.side == "input"
    np.testing.assert_array_equal(again.of_side("output").singular_values, sample.singular_values)


def test_files_of_before_there_were_sides_are_of_the_output(tmp_path):
    sample = sample_spectrum(Ensemble(widths=[6, 9, 4]), 3, rng=1)
    arrays, metadata = load_arrays(sample.save(tmp_path / "sample.npz"))
    del metadata["side"]
    assert load_sample(save_arrays(tmp_path / "old.npz", arrays, metadata)).side == "output"


def check_gates(ens, sample):
    """Realised gates against those of the naive twin, and against what the sample itself recorded."""
    gates = realised_gates(ens, sample)
    np.testing.assert_array_equal(
        [[np.mean(d != 0) for d in layers] for layers in gates], sample.gate_fractions
    )
    if sample.metadata["inputs"] != "gaussian":
        return
    for k, layers in enumerate(gates):
        task = int(sample.metadata["gates"] == "independent")
        for found, expected in zip(layers, naive_case(ens, sample.entropy, k, task)[1], strict=True):
            np.testing.assert_allclose(found, expected**2, rtol=1e-9, atol=1e-12)


SINE = Activation("sine", np.sin, np.cos)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, SINE, ["relu", SINE, "hard_tanh"]], ids=str)
@pytest.mark.parametrize("gates", ["network", "independent"])
@pytest.mark.parametrize("inputs", [None, [0.3, -1.0, 0.5, 2.0]])
def test_realised_gates_are_those_of_the_sampled_networks(activation, gates, inputs):
    ens = Ensemble(widths=[4, 9, 3, 7], activation=activation, sigma_w=1.4, sigma_b=0.2)
    check_gates(ens, sample_spectrum(ens, 3, rng=11, gates=gates, inputs=inputs))


@pytest.mark.parametrize("weights", ["orthogonal", "student_t:3", "cauchy", "stable:0.7"])
def test_realised_gates_of_every_law(weights):
    ens = Ensemble(widths=[12, 20, 7], activation="hard_tanh", weights=weights, sigma_b="as_weights")
    check_gates(ens, sample_spectrum(ens, 3, rng=2**100).of_side("input"))


@pytest.mark.parametrize("activation", [SINE, "hard_tanh"], ids=str)
def test_realised_gates_of_stationary_inputs(activation):
    ens = Ensemble(2, 50, activation, sigma_w=1.5, sigma_b=0.2)
    check_gates(ens, sample_spectrum(ens, 3, rng=11, inputs="stationary"))


def test_the_forward_passes_are_repeated_to_the_bit():
    """The re-run gives the recorded q bit by bit: one that differs by 1e-8 of it is refused."""
    ens = Ensemble(4, 150, "hard_tanh", sigma_w=1.3, sigma_b=0.1)
    sample = sample_spectrum(ens, 4, rng=3)
    one, other = (realised_gates(ens, sample, workers=n) for n in (1, 3))
    np.testing.assert_array_equal(one, other)
    x = draw_input(ens, None, Streams(3, 0, 2))
    forward = ForwardPass(ens, x)
    with single_threaded_blas():
        q = [forward.advance(layer, *ens.draw_layer(layer, Streams(3, 0, 2)))[1] for layer in range(1, 5)]
    assert q == sample.q[2].tolist()
    with pytest.raises(ValueError, match="q="):
        realised_gates(ens, replace(sample, q=sample.q * (1 + 1e-8)))
    with pytest.raises(ValueError, match="gate_fractions="):
        realised_gates(ens, replace(sample, gate_fractions=sample.gate_fractions - 1 / 150))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (Ensemble(2, 9, "hard_tanh", sigma_w=1.2), r"ens: sigma_w \[1.2, 1.2\], .* with \[1.1, 1.1\]"),
        (Ensemble(3, 9, "hard_tanh", sigma_w=1.1), "ens: widths"),
        (Ensemble(2, 9, "relu", sigma_w=1.1), "ens: activations"),
        (Ensemble(2, 9, "hard_tanh", "uniform", 1.1), "ens: weights 'uniform'"),
        (
            Ensemble(2, 9, Activation("hard_tanh", np.sin, np.cos), sigma_w=1.1),
            "ens: q=.* in layer 2 of replicate",
        ),
    ],
)
def test_realised_gates_of_another_ensemble_are_refused(other, named):
    sample = sample_spectrum(Ensemble(2, 9, "hard_tanh", sigma_w=1.1), 3, rng=0)
    with pytest.raises(ValueError, match=named) as caught:
        realised_gates(other, sample)
    assert "allowed" in str(caught.value)


def test_results_are_read_only():
    sample = sample_spectrum(Ensemble(1, 3), 1, rng=0)
    with pytest.raises(ValueError, match="read-only"):
        sample.singular_values[0, 0] = 1
    with pytest.raises(ValueError, match="accuracy='relative'"):
        _ = sample.log_singular_values


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"replicates": 0}, "replicates=0"),
        ({"replicates": 1.5}, "replicates=1.5"),
        ({"workers": 0}, "workers=0"),
        ({"workers": "2"}, "workers='2'"),
        ({"rng": -1}, "rng=-1"),
        ({"gates": "own"}, "gates='own'"),
        ({"accuracy": "exact"}, "accuracy='exact'"),
        ({"inputs": "zero"}, "inputs='zero'"),
        ({"inputs": np.ones(3)}, "inputs of shape (3,)"),
        ({"inputs": np.full(5, np.nan)}, "inputs has an entry"),
        ({"inputs": [1, 2, 3, 4, "a"]}, "inputs: allowed"),
    ],
)
def test_refusals_name_the_argument(arguments, named):
    with pytest.raises((ValueError, TypeError), match="allowed") as caught:
        sample_spectrum(Ensemble(2, 5), **({"replicates": 1} | arguments))
    assert str(caught.value).startswith(named)


def test_a_run_too_large_is_refused_before_it_allocates():
    tracemalloc.start()
    with pytest.raises(MemoryLimitError, match="GB"):
        sample_spectrum(Ensemble(2, 10**7), 1)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal", "rademacher", "stable:1.5"])
@pytest.mark.parametrize("widths", [[300] * 4, [5, 400, 300, 5]])
@pytest.mark.parametrize("accuracy", ["absolute", "relative"])
def test_memory_estimate_is_an_upper_one(weights, widths, accuracy):
    ens = Ensemble(widths=widths, activation="hard_tanh", weights=weights)
    tracemalloc.start()
    sample_spectrum(ens, 2, rng=0, workers=1, accuracy=accuracy)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - 4e5 < memory_estimate(ens, 1, 2) < 8 * peak


def test_own_activation_samples():
    """Gates of infinitely many values have no theory here, but sample."""
    ens = Ensemble(2, 8, Activation("sine", np.sin, np.cos), sigma_b=0.1)
    expected = eigenvalues(naive_case(ens, 0, 0)[0])
    np.testing.assert_allclose(sample_spectrum(ens, 1, rng=0).eigenvalues[0], expected, atol=1e-12)


def test_time_estimate_scales_draws_and_decompositions(monkeypatch):
    """With a clock by which drawing the copy takes 1 s and all of it 3 s."""
    seconds = iter([1.0, 3.0] * 3)
    monkeypatch.setattr(cost, "_seconds", lambda call: next(seconds))
    small = Ensemble(depth=2, width=10, weights="orthogonal", sigma_b="as_weights")
    assert cost.time_estimate(small, "absolute", 1, 5) == 15.0
    wide = Ensemble(widths=[800, 400, 20], activation="relu")
    assert cost.time_estimate(wide, "eigenvalues", 2, 5) == 3 * (1.0 * 4 + 2.0 * 8)
    deep = Ensemble(depth=60, width=10, weights="cauchy", sigma_b=0.1)
    assert cost.time_estimate(deep, "relative", 3, 3) == 9.0
