"""Phi at many points at once, in blocks small enough for the BLAS kernel of small matrices and for the cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.flat_network import FlatNetwork, layer
from rmtjac.model.activation_kernels import HARD_TANH, phi

__all__ = ["BLOCK", "images"]

Floats = NDArray[np.float64]

BLOCK = 96  # columns of a product: OpenBLAS is a quarter faster there than with hundreds


@kernel
def images(flat: FlatNetwork, points: Floats) -> Floats:
    """Phi of every row of `points`, shapes (k, n_0) and (k, n_L); units are rows on the way."""
    count = points.shape[0]
    out = np.empty((count, flat.widths[-1]))
    for start in range(0, count, BLOCK):
        x = np.ascontiguousarray(points[start : start + BLOCK].T)
        at_weights, at_biases = 0, 0
        for index in range(flat.codes.size):
            weights, biases = layer(flat, index, at_weights, at_biases)
            x = np.dot(weights, x)
            _activate(flat.codes[index], flat.parameters[index], biases, x)
            at_weights += weights.size
            at_biases += biases.size
        out[start : start + BLOCK] = x.T
    return out


@kernel
def _activate(code: int, parameter: float, biases: Floats, h: Floats) -> None:
    """phi(h + b) in place of h; loops of their own for piecewise linear phi, which the compiler makes wide."""
    for i in range(h.shape[0]):
        row, bias = h[i], biases[i]
        if code == HARD_TANH:
            for j in range(row.size):
                row[j] = min(max(row[j] + bias, -1.0), 1.0)
        elif code < HARD_TANH:
            for j in range(row.size):
                value = row[j] + bias
                row[j] = value if value > 0.0 else parameter * value
        else:
            for j in range(row.size):
                row[j] = phi(code, parameter, row[j] + bias)
