"""Values and Jacobians of one map at many points, in blocks of points that share one matrix product a layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.model.activation_kernels import phi, phi_prime
from rmtjac.model.activations import USER_CODE, Activation
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import Network

__all__ = ["jacobian_blocks"]

Floats = NDArray[np.float64]

BLOCK = 2**16  # doubles of a layer's array: it stays in the cache between its product and its gates


def jacobian_blocks(net: Map, x: Floats) -> Iterator[tuple[slice, Floats, Floats]]:
    """For blocks of the points x (P, n_0): which they are, Phi there (B, n_L), and DPhi there (B, n_L, n_0).

    An entry beyond the range of doubles is inf or nan.
    """
    size = max(1, BLOCK // (max(net.widths) * (net.widths[0] + 1)))
    for start in range(0, len(x), size):
        block = slice(start, min(start + size, len(x)))
        if not isinstance(net, Network):
            yield block, net(x[block]), net.jacobian(x[block])
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            layer = _last_layer(net, x[block])
        yield block, layer[:, 0].T, np.moveaxis(layer[:, 1:], 2, 0)


def _last_layer(net: Network, x: Floats) -> Floats:
    """x^L at points (B, n_0) as an array (n_L, 1 + n_0, B): the values, and their derivatives in each input."""
    points, inputs = x.shape
    layer = np.zeros((inputs, 1 + inputs, points))
    layer[:, 0] = x.T
    layer[np.arange(inputs), 1 + np.arange(inputs)] = 1.0
    for weights, bias, activation in zip(net.weights, net.biases, net.activations, strict=True):
        layer = (weights @ layer.reshape(len(layer), -1)).reshape(len(weights), 1 + inputs, points)
        layer[:, 0] += bias[:, None]
        _activate(activation, layer)
    return layer


def _activate(activation: Activation, layer: Floats) -> None:
    """Replace h by phi(h), and multiply its derivatives by phi'(h)."""
    if activation.code != USER_CODE:
        _activate_built_in(activation.code, activation.parameter, layer)
        return
    h = layer[:, 0].copy()
    layer[:, 0] = activation.value(h)
    layer[:, 1:] *= np.asarray(activation.derivative(h), dtype=np.float64)[:, None]


@kernel
def _activate_built_in(code: int, parameter: float, layer: Floats) -> None:
    """The same in one pass over the units."""
    units, columns, points = layer.shape
    slopes = np.empty(points)
    for i in range(units):
        for b in range(points):
            h = layer[i, 0, b]
            layer[i, 0, b] = phi(code, parameter, h)
            slopes[b] = phi_prime(code, parameter, h)
        for k in range(1, columns):
            for b in range(points):
                layer[i, k, b] *= slopes[b]
