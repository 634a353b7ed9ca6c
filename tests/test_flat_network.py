"""The network inside kernels against the network in NumPy, and kernels of activations against the activations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.linkage.flat_network import flatten, image, image_and_jacobian, is_built_in
from rmtjac.model.activation_kernels import phi, phi_prime
from rmtjac.model.activations import activation

NAMES = (
    "linear",
    "relu",
    "leaky_relu(0.2)",
    "hard_tanh",
    "erf",
    "tanh",
    "sigmoid",
    "gelu",
    "silu",
    "softplus",
)
PIECEWISE_LINEAR = NAMES[:4]


@pytest.mark.parametrize("name", NAMES)
def test_kernels_of_activations_are_the_activations(name):
    function = activation(name)
    h = np.concatenate([np.linspace(-6, 6, 1201), [-1.0, 0.0, 1.0, -40.0, 40.0, -800.0, 800.0]])
    value = np.array([phi(function.code, function.parameter, x) for x in h])
    slope = np.array([phi_prime(function.code, function.parameter, x) for x in h])
    rounding = 0.0 if name in PIECEWISE_LINEAR else 1e-15
    np.testing.assert_allclose(value, function.value(h), rtol=rounding, atol=rounding)
    np.testing.assert_allclose(slope, function.derivative(h), rtol=rounding, atol=rounding)


@given(
    widths=st.lists(st.integers(1, 7), min_size=2, max_size=5),
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=30)
def test_image_and_jacobian_are_those_of_the_network(widths, name, seed):
    net = rj.Ensemble(widths=widths, activation=name, sigma_w=1.3, sigma_b=0.4).sample(seed)
    x = np.random.default_rng(seed).standard_normal(widths[0])
    value, jacobian = image_and_jacobian(flatten(net), x)
    np.testing.assert_allclose(value, net(x), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(jacobian, net.jacobian(x), rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(image(flatten(net), x), value)


def test_activations_of_the_user_are_none_of_the_kernels():
    mine = rj.Activation("cube", lambda h: h**3, lambda h: 3 * h**2)
    assert not is_built_in(rj.Network([np.eye(2)], None, mine))
    assert is_built_in(rj.Network([np.eye(2)], None, "tanh"))
