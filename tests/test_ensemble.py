"""Ensembles: what they hold, what they refuse, and that a network is a function of its seed."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtjac.model.activations import Activation, activation
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import Streams
from rmtjac.model.weights import row_blocks, weight_law


def test_defaults():
    ens = Ensemble(3)
    assert ens.widths == (1000,) * 4
    assert ens.depth == 3
    assert ens.is_square
    assert ens.activations == (activation("linear"),) * 3
    assert ens.weights == weight_law("gaussian")
    assert ens.sigma_w == (1.0,) * 3
    assert ens.sigma_b == (0.0,) * 3
    assert ens.q0 == 1.0


def test_per_layer_parameters():
    ens = Ensemble(
        widths=[2, 5, 3],
        activation=["relu", "linear"],
        sigma_w=lambda n: 10.0 / n,
        sigma_b=np.array([0.0, 0.5]),
    )
    assert [phi.name for phi in ens.activations] == ["relu", "linear"]
    assert ens.sigma_w == (5.0, 2.0)
    assert ens.sigma_b == (0.0, 0.5)
    assert not ens.is_square
    assert Ensemble(depth=2, widths=(2, 5, 3)).depth == 2


def test_bias_as_one_more_column():
    ens = Ensemble(widths=[4, 16, 2], sigma_w=3.0, sigma_b="as_weights")
    assert ens.sigma_b == "as_weights"
    assert ens.bias_scales == (1.5, 0.75)
    cauchy = Ensemble(widths=[4, 16], weights="cauchy", sigma_w=3.0, sigma_b="as_weights")
    assert cauchy.bias_scales == (0.75,)
    signs = Ensemble(widths=[4, 16], weights="rademacher", sigma_w=3.0, sigma_b="as_weights").sample(0)
    np.testing.assert_allclose(np.abs(signs.biases[0]), 1.5)


def test_self_map_and_with_depth():
    ens = Ensemble.self_map(2, 7, 1, activation="hard_tanh", sigma_b="as_weights", q0=0.5)
    assert ens.widths == (2, 2)
    deeper = ens.with_depth(4)
    assert deeper.widths == (2, 7, 7, 7, 2)
    assert deeper.sigma_b == "as_weights"
    assert deeper.q0 == 0.5
    assert deeper.with_depth(1) == ens
    assert Ensemble(2, 6).with_depth(5) == Ensemble(5, 6)
    assert Ensemble(2, 6, sigma_w=lambda n: 1 / n).with_depth(3).sigma_w == (1 / 6,) * 3


def test_with_q0():
    ens = Ensemble.self_map(2, 7, 3)
    other = ens.with_q0(0.25)
    assert (ens.q0, other.q0, other.widths) == (1.0, 0.25, ens.widths)
    assert other.with_depth(5).widths == (2, 7, 7, 7, 7, 2)
    with pytest.raises(ValueError, match="q0=0"):
        ens.with_q0(0)


@pytest.mark.parametrize(
    "ens",
    [
        Ensemble(widths=[3, 4, 3]),
        Ensemble(2, 5, sigma_w=[1.0, 2.0]),
        Ensemble(2, 5, activation=["relu", "linear"]),
        Ensemble(2, 5, sigma_b=[0.0, 1.0]),
    ],
)
def test_with_depth_needs_one_layer_repeated(ens):
    with pytest.raises(ValueError, match="with_depth"):
        ens.with_depth(3)


def test_immutable_comparable_picklable():
    ens = Ensemble(2, 5, "leaky_relu:0.1", "student_t:3", 1.5, 0.1)
    with pytest.raises(AttributeError):
        ens.depth = 3
    assert pickle.loads(pickle.dumps(ens)) == ens
    assert hash(ens) == hash(Ensemble(2, 5, "leaky_relu(0.1)", "student_t:3", 1.5, 0.1))
    assert ens != Ensemble(2, 5, "leaky_relu:0.2", "student_t:3", 1.5, 0.1)


def test_repr_can_be_read_back():
    assert eval(repr(Ensemble(2, 5, "relu", sigma_w=2))) == Ensemble(2, 5, "relu", sigma_w=2)
    ens = Ensemble.self_map(2, 5, 3, sigma_b="as_weights")
    assert eval(repr(ens)) == ens
    ens = Ensemble(widths=[3, 4, 5], sigma_w=[1, 2])
    assert eval(repr(ens)) == ens
    assert len(repr(Ensemble(1000, 5, sigma_w=np.linspace(1, 2, 1000)))) < 300


BAD = [
    ({}, "depth"),
    ({"depth": 0}, "depth=0"),
    ({"depth": -3}, "depth=-3"),
    ({"depth": 10**12}, "depth"),
    ({"depth": 2.0}, "depth=2.0"),
    ({"depth": True}, "depth=True"),
    ({"depth": "3"}, "depth='3'"),
    ({"depth": 2, "width": 0}, "width=0"),
    ({"depth": 2, "width": 10**12}, "width"),
    ({"depth": 2, "width": math.nan}, "width=nan"),
    ({"depth": 2, "widths": [3, 3]}, "depth=2"),
    ({"width": 2, "widths": [3, 3]}, "width=2"),
    ({"widths": [3]}, "widths"),
    ({"widths": "33"}, "widths"),
    ({"widths": 3}, "widths"),
    ({"widths": [3, 3.0]}, "widths"),
    ({"widths": [3, True]}, "widths"),
    ({"widths": [3, 0]}, "widths"),
    ({"depth": 2, "activation": "tanhh"}, "activation='tanhh'"),
    ({"depth": 2, "activation": ["relu"]}, "activation"),
    ({"depth": 2, "activation": 3}, "activation=3"),
    ({"depth": 2, "weights": "cauchyy"}, "weights='cauchyy'"),
    ({"depth": 2, "weights": None}, "weights=None"),
    ({"depth": 2, "sigma_w": 0}, "sigma_w=0"),
    ({"depth": 2, "sigma_w": -1.0}, "sigma_w=-1.0"),
    ({"depth": 2, "sigma_w": math.nan}, "sigma_w=nan"),
    ({"depth": 2, "sigma_w": math.inf}, "sigma_w=inf"),
    ({"depth": 2, "sigma_w": 10**400}, "sigma_w"),
    ({"depth": 2, "sigma_w": 1e-200}, "sigma_w=1e-200"),
    ({"depth": 2, "sigma_b": 1e-200}, "sigma_b=1e-200"),
    ({"depth": 2, "sigma_w": [[1.0], [2.0]]}, "sigma_w"),
    ({"depth": 2, "sigma_w": {}}, "sigma_w"),
    ({"depth": 2, "sigma_w": True}, "sigma_w=True"),
    ({"depth": 2, "sigma_w": None}, "sigma_w=None"),
    ({"depth": 2, "sigma_w": "1"}, "sigma_w='1'"),
    ({"depth": 2, "sigma_w": 1j}, "sigma_w=1j"),
    ({"depth": 2, "sigma_w": [1.0]}, "sigma_w"),
    ({"depth": 2, "sigma_w": [1.0, 0.0]}, "sigma_w"),
    ({"depth": 2, "sigma_w": lambda n: -n}, "sigma_w"),
    ({"depth": 2, "sigma_b": -1}, "sigma_b=-1"),
    ({"depth": 2, "sigma_b": "weights"}, "sigma_b='weights'"),
    ({"depth": 2, "sigma_b": math.nan}, "sigma_b=nan"),
    ({"depth": 2, "q0": 0}, "q0=0"),
    ({"depth": 2, "q0": math.inf}, "q0=inf"),
    ({"depth": 2, "q0": [1.0]}, "q0"),
]


@pytest.mark.parametrize(("arguments", "named"), BAD)
def test_refusals_are_one_line_and_name_the_argument(arguments, named):
    with pytest.raises((ValueError, TypeError)) as caught:
        Ensemble(**arguments)
    message = str(caught.value)
    assert message.startswith(named.partition("=")[0])
    assert named in message
    assert "\n" not in message
    assert "allowed" in message or "give" in message


def test_sample_is_a_function_of_the_seed():
    ens = Ensemble(2, 300, "relu", sigma_b=0.3)
    one, two, other = ens.sample(5), ens.sample(np.random.SeedSequence(5)), ens.sample(6)
    for layer in range(2):
        np.testing.assert_array_equal(one.weights[layer], two.weights[layer])
        np.testing.assert_array_equal(one.biases[layer], two.biases[layer])
        assert not np.array_equal(one.weights[layer], other.weights[layer])
    weights, bias = ens.draw_layer(2, Streams(5))
    np.testing.assert_array_equal(weights, one.weights[1])
    np.testing.assert_array_equal(bias, one.biases[1])


@pytest.mark.parametrize("weights", ["gaussian", "rademacher", "student_t:3", "stable:1.5"])
def test_rows_drawn_alone_are_those_of_the_layer(weights):
    ens = Ensemble(widths=[7, 600, 3], weights=weights, sigma_w=[1.3, 0.7], sigma_b="as_weights")
    for layer in (1, 2):
        whole, bias = ens.draw_layer(layer, Streams(5))
        parts = [ens.draw_rows(layer, j, Streams(5)) for j in range(1, len(row_blocks(len(whole))) + 1)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        np.testing.assert_array_equal(ens.draw_bias(layer, Streams(5)), bias)


def test_depth_leaves_earlier_layers_as_they_were():
    shallow, deep = Ensemble(2, 20).sample(1), Ensemble(4, 20).sample(1)
    np.testing.assert_array_equal(shallow.weights[1], deep.weights[1])


@given(scale=st.floats(0.01, 100), seed=st.integers(0, 2**64))
@settings(deadline=None, max_examples=20)
def test_scales_are_factors(scale, seed):
    one = Ensemble(1, 6, sigma_b=1.0).sample(seed)
    scaled = Ensemble(1, 6, sigma_w=scale, sigma_b=scale).sample(seed)
    np.testing.assert_allclose(scaled.weights[0], scale * one.weights[0], rtol=1e-15)
    np.testing.assert_allclose(scaled.biases[0], scale * one.biases[0], rtol=1e-15)


def test_describe_is_the_same_for_equal_ensembles():
    one = Ensemble(2, 5, "leaky_relu:0.10", sigma_w=1, sigma_b=[0, 0])
    assert one.describe() == Ensemble(widths=[5] * 3, activation="leaky_relu(0.1)").describe()
    own = Activation("own", np.sin, np.cos)
    assert Ensemble(1, 5, own).describe()["activations"] == ["own"]
