"""A network of built-in activations as kernels take it: one array of weights, and the map with its Jacobian."""

from __future__ import annotations

from typing import NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.model.activation_kernels import phi, phi_prime
from rmtjac.model.activations import USER_CODE
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import Network

__all__ = ["FlatNetwork", "flatten", "image", "image_and_jacobian", "is_built_in", "layer"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class FlatNetwork(NamedTuple):
    """n_0, ..., n_L; W^1, ..., W^L row by row in one array; b^1, ..., b^L; code and parameter of every activation."""

    widths: Indices
    weights: Floats
    biases: Floats
    codes: Indices
    parameters: Floats


def is_built_in(net: Map) -> TypeGuard[Network]:
    """Whether a map is a network whose activations kernels know."""
    return isinstance(net, Network) and all(phi.code != USER_CODE for phi in net.activations)


def flatten(net: Network) -> FlatNetwork:
    """The network for kernels, which know built-in activations only."""
    return FlatNetwork(
        np.array(net.widths, dtype=np.int64),
        np.concatenate([weights.ravel() for weights in net.weights]),
        np.concatenate(net.biases),
        np.array([activation.code for activation in net.activations], dtype=np.int64),
        np.array([activation.parameter for activation in net.activations]),
    )


@kernel
def layer(flat: FlatNetwork, index: int, weights_start: int, biases_start: int) -> tuple[Floats, Floats]:
    """W and b of the layer from n_index to n_(index + 1) units, whose numbers begin at the places given."""
    columns, rows = flat.widths[index], flat.widths[index + 1]
    weights = flat.weights[weights_start : weights_start + rows * columns].reshape(rows, columns)
    return weights, flat.biases[biases_start : biases_start + rows]


@kernel
def image(flat: FlatNetwork, x: Floats) -> Floats:
    """Phi(x), for one x of shape (n_0,)."""
    at_weights, at_biases = 0, 0
    for index in range(flat.codes.size):
        weights, biases = layer(flat, index, at_weights, at_biases)
        x = np.dot(weights, x) + biases
        for i in range(x.size):
            x[i] = phi(flat.codes[index], flat.parameters[index], x[i])
        at_weights += weights.size
        at_biases += biases.size
    return x


@kernel
def image_and_jacobian(flat: FlatNetwork, x: Floats) -> tuple[Floats, Floats]:
    """Phi(x) and DPhi(x), shapes (n_L,) and (n_L, n_0), for one x of shape (n_0,)."""
    at_weights, at_biases = 0, 0
    jacobian = np.eye(x.size)
    for index in range(flat.codes.size):
        weights, biases = layer(flat, index, at_weights, at_biases)
        x = np.dot(weights, x) + biases
        jacobian = np.dot(weights, jacobian)
        for i in range(x.size):
            jacobian[i] *= phi_prime(flat.codes[index], flat.parameters[index], x[i])
            x[i] = phi(flat.codes[index], flat.parameters[index], x[i])
        at_weights += weights.size
        at_biases += biases.size
    return x, jacobian
