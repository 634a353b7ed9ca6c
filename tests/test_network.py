"""Networks: values and Jacobians against naive twins, shapes, files."""

import numpy as np
import pytest
from naive.networks import finite_differences, pre_activations

import rmtjac as rj
from rmtjac.model.load_network import load_network
from rmtjac.model.network import Network
from rmtjac.storage import save_arrays

WIDTHS = [3, 7, 5, 4]


def network(activation="hard_tanh", seed=0):
    return rj.Ensemble(widths=WIDTHS, activation=activation, sigma_w=1.5, sigma_b=0.3).sample(seed)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu(-0.5)", "hard_tanh"])
def test_pre_activations_match_the_naive_twin(activation):
    net = network(activation)
    x = np.array([0.3, -1.2, 0.8])
    values = [phi.value for phi in net.activations]
    for mine, naive in zip(
        net.pre_activations(x), pre_activations(net.weights, net.biases, values, x), strict=True
    ):
        np.testing.assert_allclose(mine, naive, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu(-0.5)", "hard_tanh"])
def test_jacobian_matches_finite_differences(activation):
    net = network(activation)
    x = np.array([0.3, -1.2, 0.8])
    jacobian = net.jacobian(x)
    assert jacobian.shape == (4, 3)
    np.testing.assert_allclose(jacobian, finite_differences(net, x), atol=1e-8)


def test_batches_are_single_points_stacked():
    net = network()
    points = np.random.default_rng(1).standard_normal((2, 5, 3))
    assert net(points).shape == (2, 5, 4)
    assert net.jacobian(points).shape == (2, 5, 4, 3)
    np.testing.assert_allclose(net(points)[1, 2], net(points[1, 2]), rtol=1e-13)
    np.testing.assert_allclose(net.jacobian(points)[1, 2], net.jacobian(points[1, 2]), rtol=1e-13)


def test_own_activation():
    sine = rj.Activation("sine", np.sin, np.cos)
    net = Network([np.eye(2)], None, sine)
    np.testing.assert_allclose(net([0.5, 1.0]), np.sin([0.5, 1.0]))
    np.testing.assert_allclose(net.jacobian([0.5, 1.0]), np.diag(np.cos([0.5, 1.0])))
    assert "sine" in repr(net)


def test_arrays_are_copies_and_read_only():
    weights = np.eye(2)
    net = Network([weights], None, "linear")
    weights[0, 0] = 5
    assert net.weights[0][0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        net.biases[0][0] = 1


def test_save_and_load(tmp_path):
    net = network("leaky_relu(0.1)")
    path = net.save(tmp_path / "net.npz")
    again = load_network(path)
    assert again.widths == net.widths == tuple(WIDTHS)
    assert again.activations == net.activations
    np.testing.assert_array_equal(again(np.ones(3)), net(np.ones(3)))


def test_save_and_load_refuse(tmp_path):
    own = Network([np.eye(2)], None, rj.Activation("sine", np.sin, np.cos))
    with pytest.raises(ValueError, match="sine"):
        own.save(tmp_path / "net.npz")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="no such file"):
        load_network(tmp_path / "none.npz")
    other = save_arrays(tmp_path / "other.npz", {}, {"kind": "else"})
    with pytest.raises(ValueError, match="no network"):
        load_network(other)
    metadata = {"kind": "rmtjac network", "activations": ["relu"]}
    with pytest.raises(ValueError, match="incomplete"):
        load_network(save_arrays(tmp_path / "half.npz", {"weights_0": np.eye(2)}, metadata))
    with pytest.raises(ValueError, match="folder"):
        network().save(tmp_path / "missing" / "net.npz")


@pytest.mark.parametrize(
    ("weights", "biases", "activation", "named"),
    [
        ([], None, "relu", "weights"),
        ([np.ones(3)], None, "relu", "weights[0]"),
        ([np.ones((2, 3)), np.ones((2, 3))], None, "relu", "weights[1]"),
        ([np.ones((0, 3))], None, "relu", "weights[0]"),
        ([np.full((2, 2), np.nan)], None, "relu", "weights[0]"),
        ([[[1, 2], [3]]], None, "relu", "weights[0]"),
        ([np.eye(2) * 1j], None, "relu", "weights[0]"),
        (np.eye(3), None, "relu", "weights[0]"),
        ([np.eye(2)], [np.ones(3)], "relu", "biases"),
        ([np.eye(2)], [], "relu", "biases"),
        ([np.eye(2)], [np.array([1, np.inf])], "relu", "biases[0]"),
        ([np.eye(2)], None, ["relu", "relu"], "activation"),
        ([np.eye(2)], None, "nonsense", "activation"),
    ],
)
def test_refusals(weights, biases, activation, named):
    with pytest.raises(ValueError, match="allowed") as caught:
        Network(weights, biases, activation)
    assert str(caught.value).startswith(named)


def test_input_of_another_size_is_refused():
    for x in (1.0, [1.0, 2.0], np.ones((3, 2))):
        with pytest.raises(ValueError, match="x of shape"):
            network()(x)
