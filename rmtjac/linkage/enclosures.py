"""Enclosures of Phi and of the norm of DPhi on many boxes at once, from the affine bounds of each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.affine_bounds import BoundedNetwork, affine_image, jacobian_range
from rmtjac.linkage.interval_matrices import norm_bound
from rmtjac.model.activation_enclosures import slope_range, value_range
from rmtjac.model.network import Network

__all__ = ["WeightNorms", "image_boxes", "norm_bounds", "weight_norms"]

Floats = NDArray[np.float64]
WeightNorms = Floats  # (L, 2): ||W^l||_2 and ||W^l||_F, rounded upward

EPS = float(np.finfo(float).eps)
TINY = 1e-150  # the root of what underflow can hide in a sum of squares


def weight_norms(net: Network) -> WeightNorms:
    """Upper bounds on the 2-norm and the Frobenius norm of the weights of each layer, shape (L, 2)."""
    return np.array([_norms(weights) for weights in net.weights])


def norm_bounds(net: BoundedNetwork, norms: WeightNorms, lower: Floats, upper: Floats) -> Floats:
    """>= ||DPhi(x)||_2 for every x of each of the boxes lower..upper, (k, n_0) each; inf where nothing is known.

    The smaller of two bounds: entry by entry, which is better for heavy-tailed weights and narrow layers, and column
    by column, where errors grow by the ||W||_2 of a layer instead of the norm of |W|, some sqrt(n) times as large.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        centre, radius, column_centre, column_radius = _jacobians(net, norms, lower, upper)
        ball = np.sqrt(np.square(column_radius).sum(axis=1)) * (1.0 + (lower.shape[1] + 4) * EPS) + TINY
        by_columns = (norm_bound(column_centre, np.zeros_like(column_centre)) + ball) * (1.0 + EPS)
        return np.asarray(np.fmin(norm_bound(centre, radius), by_columns))


@kernel
def image_boxes(net: BoundedNetwork, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Lower and upper corners (k, n_L) of boxes that hold Phi of each of the boxes lower..upper, (k, n_0) each."""
    count, last = lower.shape[0], net.widths[-1]
    low, high = np.empty((count, last)), np.empty((count, last))
    code, parameter = net.codes[-1], net.parameters[-1]
    for k in range(count):
        centre, half = _centre_and_half(lower[k], upper[k])
        image = affine_image(net, centre, half)
        for i in range(last):
            unit = image.low.size - last + i
            below, above = value_range(code, parameter, image.low[unit], image.high[unit])
            # nan of sums that pass the largest double loses these comparisons
            margin = image.reach[i] * (1.0 + EPS) + EPS * abs(image.rows[0, i])
            low[k, i] = image.rows[0, i] - margin if image.rows[0, i] - margin > below else below
            high[k, i] = image.rows[0, i] + margin if image.rows[0, i] + margin < above else above
    return low, high


@kernel
def _jacobians(
    net: BoundedNetwork, norms: WeightNorms, lower: Floats, upper: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Centre and radius by entries, (k, n_L, n_0) each, and centre and radius by columns, (k, n_0) the latter."""
    count, inputs = lower.shape
    shape = (count, net.widths[-1], inputs)
    centres, radii, column_centres = np.empty(shape), np.empty(shape), np.empty(shape)
    column_radii = np.empty((count, inputs))
    for k in range(count):
        centre, half = _centre_and_half(lower[k], upper[k])
        image = affine_image(net, centre, half)
        centres[k], radii[k] = jacobian_range(net, image.low, image.high)
        column_centres[k], column_radii[k] = _jacobian_columns(net, norms, image.low, image.high)
    return centres, radii, column_centres, column_radii


@kernel
def _jacobian_columns(
    net: BoundedNetwork, norms: WeightNorms, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """A centre C (n_L, n_0), and bounds (n_0,) on the 2-norms of the columns of DPhi - C, as `jacobian_range`.

    With D = M + E, where |E| <= H: D (W (C + R)) - M W C = E W C + D W R, whose norm is |H W C| + |D| ||W|| |R|.
    """
    inputs = net.widths[0]
    centre, radius = np.eye(inputs), np.zeros(inputs)
    at_weights, at_biases = 0, 0
    for layer in range(net.codes.size):
        fan_in, width = net.widths[layer], net.widths[layer + 1]
        slack = (fan_in + 4) * EPS
        for j in range(inputs):
            length = math.sqrt(np.sum(centre[j] ** 2)) * (1.0 + slack) + TINY
            radius[j] = norms[layer, 0] * radius[j] + slack * norms[layer, 1] * length
        places = slice(at_weights, at_weights + fan_in * width)
        centre = np.dot(centre, net.transposed[places].reshape(fan_in, width))
        steepest, squares = 0.0, np.zeros(inputs)
        for i in range(width):
            unit = at_biases + i
            least, largest = slope_range(net.codes[layer], net.parameters[layer], low[unit], high[unit])
            middle = 0.5 * least + 0.5 * largest
            half = max(largest - middle, middle - least) * (1.0 + EPS)
            steepest = max(steepest, max(abs(least), abs(largest)))
            for j in range(inputs):
                error = half * abs(centre[j, i])
                centre[j, i] *= middle
                squares[j] += (error + EPS * abs(centre[j, i])) ** 2
        radius = (steepest * radius + np.sqrt(squares)) * (1.0 + (width + 8) * EPS) + TINY
        at_weights += fan_in * width
        at_biases += width
    return centre.T, radius


@kernel
def _centre_and_half(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """The box as a centre and half sides, which rounding may make longer but not shorter."""
    centre = 0.5 * lower + 0.5 * upper
    return centre, np.maximum(upper - centre, centre - lower) * (1.0 + EPS)


def _norms(weights: Floats) -> tuple[float, float]:
    spectral = float(norm_bound(weights[None], np.zeros((1, *weights.shape)))[0])
    rows = [math.hypot(*row) for row in weights]
    return spectral, math.hypot(*rows) * (1.0 + (weights.size + 4) * EPS)
