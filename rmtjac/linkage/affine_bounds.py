"""Phi over a box as an affine function of the box, give or take: the bounds by which a search proves and discards.

On the box x = centre + half * xi, |xi_j| <= 1, every layer is held as a zonotope

    x^l = c + sum_j xi_j A_j + sum_k eps_k E_k +- r,      |eps_k| <= 1,

where each unit that is not linear on its interval adds one error symbol eps_k: the same symbol in all later layers, so
that its contributions by different paths cancel as they do in the network. Only MAX_SYMBOLS of them have a row; the
smaller ones go into r, as every rounding error does (a dot product of n terms errs by n + 4 roundings of the sum of
their sizes), so that what is discarded is proven away in exact arithmetic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.model.activation_enclosures import slope_range
from rmtjac.model.linear_enclosures import linear_enclosure
from rmtjac.model.network import Network

__all__ = ["BoundedNetwork", "Zonotope", "affine_image", "bounded", "jacobian_range"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

MAX_SYMBOLS = 100
UNIT = 2.0**-53
UNDERFLOW = 5e-324  # what a product may lose that is too small for a double


class BoundedNetwork(NamedTuple):
    """A network of built-in activations as the bounds take it: W^l transposed, and |W^l|, one behind the other."""

    widths: Indices
    transposed: Floats
    magnitudes: Floats
    biases: Floats
    codes: Indices
    parameters: Floats


class Zonotope(NamedTuple):
    """Phi over a box.

    `rows` holds c, then A_j, then E_k, a row each of shape (n_L,); `radius` r and `reach`, the sum of all but c, have
    that shape; `low` and `high` bound the pre-activations of all layers, one behind the other; `bent` is the number of
    units that are not linear on their interval.
    """

    rows: Floats
    radius: Floats
    reach: Floats
    low: Floats
    high: Floats
    bent: int


def bounded(net: Network) -> BoundedNetwork:
    """The network for these kernels."""
    transposed = np.concatenate([weights.T.ravel() for weights in net.weights])
    return BoundedNetwork(
        np.array(net.widths, dtype=np.int64),
        transposed,
        np.abs(transposed),
        np.concatenate(net.biases),
        np.array([activation.code for activation in net.activations], dtype=np.int64),
        np.array([activation.parameter for activation in net.activations]),
    )


@kernel
def affine_image(net: BoundedNetwork, centre: Floats, half: Floats) -> Zonotope:
    """Phi over the box of all x with |x - centre| <= half."""
    n = centre.size
    rows = np.zeros((n + 1, n))
    rows[0] = centre
    for j in range(n):
        rows[j + 1, j] = half[j]
    radius, reach = np.zeros(n), np.abs(half)
    low, high = np.empty(net.biases.size), np.empty(net.biases.size)
    bent, at_weights, at_biases = 0, 0, 0
    for layer in range(net.codes.size):
        fan_in, width = net.widths[layer], net.widths[layer + 1]
        places = slice(at_weights, at_weights + fan_in * width)
        transposed = net.transposed[places].reshape(fan_in, width)
        magnitudes = net.magnitudes[places].reshape(fan_in, width)
        slack = (fan_in + 4) * UNIT
        radius = np.dot(radius + slack * (np.abs(rows[0]) + reach), magnitudes) * (1.0 + slack)
        radius += (fan_in + 4) * (rows.shape[0] + 1) * UNDERFLOW
        rows = np.dot(rows, transposed)
        units = slice(at_biases, at_biases + width)
        rows[0] += net.biases[units]
        radius += 4.0 * UNIT * np.abs(net.biases[units])
        reach = _reach(rows, radius)
        low[units] = rows[0] - reach
        high[units] = rows[0] + reach
        errors = _relax_layer(net.codes[layer], net.parameters[layer], rows, radius, low[units], high[units])
        bent += int(np.count_nonzero(errors))
        rows = _with_symbols(rows, radius, errors, MAX_SYMBOLS - (rows.shape[0] - 1 - n))
        reach = _reach(rows, radius)
        at_weights += fan_in * width
        at_biases += width
    return Zonotope(rows, radius, reach, low, high, bent)


@kernel
def _reach(rows: Floats, radius: Floats) -> Floats:
    """How far from c a zonotope goes, rounded upward."""
    reach = radius.copy()
    for k in range(1, rows.shape[0]):
        for i in range(reach.size):
            reach[i] += abs(rows[k, i])
    slack = (rows.shape[0] + 4) * UNIT
    for i in range(reach.size):
        reach[i] += slack * (reach[i] + abs(rows[0, i]))
    return reach


@kernel
def _relax_layer(
    code: int, parameter: float, rows: Floats, radius: Floats, low: Floats, high: Floats
) -> Floats:
    """Carry pre-activations over to values, in place; returns the radius of each unit, 0 where phi is linear."""
    errors = np.zeros(radius.size)
    slopes = np.empty(radius.size)
    for i in range(radius.size):
        slopes[i], offset, errors[i] = linear_enclosure(code, parameter, low[i], high[i])
        value = slopes[i] * rows[0, i] + offset
        rounding = abs(slopes[i]) * max(abs(low[i]), abs(high[i])) + abs(offset)
        radius[i] = abs(slopes[i]) * radius[i] + 4.0 * UNIT * rounding + 4.0 * rows.shape[0] * UNDERFLOW
        if slopes[i] == 0.0 and errors[i] == 0.0:
            radius[i] = 0.0  # a constant
        rows[0, i] = value
    for k in range(1, rows.shape[0]):
        for i in range(radius.size):
            rows[k, i] *= slopes[i]
    return errors


@kernel
def _with_symbols(rows: Floats, radius: Floats, errors: Floats, room: int) -> Floats:
    """`rows` with one more for each of the largest errors, as many as there is room; the others go into `radius`."""
    count = min(int(np.count_nonzero(errors)), room)
    if count <= 0:
        radius += errors
        return rows
    largest = np.argsort(-errors)
    grown = np.zeros((rows.shape[0] + count, rows.shape[1]))
    grown[: rows.shape[0]] = rows
    for k in range(count):
        grown[rows.shape[0] + k, largest[k]] = errors[largest[k]]
    for k in range(count, errors.size):
        radius[largest[k]] += errors[largest[k]]
    return grown


@kernel
def jacobian_range(net: BoundedNetwork, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Centre and radius, shapes (n_L, n_0), of matrices that hold DPhi wherever pre-activations are in [low, high].

    On both sides of a kink: they also hold every mean of DPhi over a segment.
    """
    n = net.widths[0]
    centre, radius = np.eye(n), np.zeros((n, n))
    at_weights, at_biases = 0, 0
    for layer in range(net.codes.size):
        fan_in, width = net.widths[layer], net.widths[layer + 1]
        places = slice(at_weights, at_weights + fan_in * width)
        slack = (fan_in + 4) * UNIT
        magnitudes = net.magnitudes[places].reshape(fan_in, width)
        radius = np.dot(radius + slack * np.abs(centre), magnitudes) * (1.0 + slack)
        radius += (fan_in + 4) * UNDERFLOW
        centre = np.dot(centre, net.transposed[places].reshape(fan_in, width))
        for i in range(width):
            least, largest = slope_range(
                net.codes[layer], net.parameters[layer], low[at_biases + i], high[at_biases + i]
            )
            middle = 0.5 * (least + largest)
            spread = max(largest - middle, middle - least) * (1.0 + 4.0 * UNIT)
            for j in range(n):
                size = abs(centre[j, i])
                radius[j, i] = abs(middle) * radius[j, i] + spread * (size + radius[j, i])
                centre[j, i] *= middle
                radius[j, i] = radius[j, i] * (1.0 + 8.0 * UNIT) + 4.0 * (
                    UNIT * abs(centre[j, i]) + UNDERFLOW
                )
        at_weights += fan_in * width
        at_biases += width
    return centre.T, radius.T
