"""Upper bounds on the norm of the Jacobian over all inputs and over a box, rounding included."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.linkage.affine_bounds import bounded
from rmtjac.linkage.enclosures import WeightNorms, norm_bounds, weight_norms
from rmtjac.linkage.flat_network import is_built_in
from rmtjac.linkage.norms import spectral_norm
from rmtjac.model.checks import checked_box, checked_integer
from rmtjac.model.network import Network, check_layers

__all__ = ["certified_norm_bound", "product_of_norms"]

Floats = NDArray[np.float64]

BOXES = 1000
FEW_INPUTS = 4
TOLERANCE = 1e-3  # a bound this close to a norm that is taken is not improved


def product_of_norms(net: Network) -> float:
    """prod_l ||W^l||_2 sup|phi_l'|, an upper bound on ||J(x)||_2 at every x, rounded upward.

    inf if the derivative range of an activation is unknown or unbounded, or the product passes the largest double.
    """
    check_layers(net)
    return _product_of_norms(net, weight_norms(net))


def certified_norm_bound(
    net: Network, lower: ArrayLike, upper: ArrayLike, *, boxes: int | None = None
) -> float:
    """An upper bound on the supremum of ||J(x)||_2 over the box lower..upper, rounding included.

    The box is split where the bound is worst, until `boxes` parts are reached or the bound is within 0.1 % of a norm
    that is taken at some x. On each part the pre-activations are enclosed, then the slopes, then the product of the
    layers' Jacobians as a centre and a radius. At a kink every slope between those of its two sides is covered, so a
    bound K < 1 makes Phi a contraction on the (convex) box: |Phi(x) - Phi(y)| <= K |x - y|. It needs Phi to map the
    box into itself to have a fixed point there (THEORY.md section 4).

    Parameters
    ----------
    net : Network
        Of built-in activations; for others the bound is `product_of_norms`.
    lower, upper : float or array (n_0,)
        Corners of the box.
    boxes : int, optional
        The largest number of parts, from 1 to 10^6: more give a smaller bound, in proportional time. 1,000 if not
        given, and 1 for more than 4 inputs, where splitting does not pay.

    Returns
    -------
    float
        At most `product_of_norms`, up to rounding; inf if nothing is known.

    Raises
    ------
    ValueError, TypeError
        If `net` is no Network, the box is empty, its corners do not fit the inputs, or `boxes` is out of range.
    """
    check_layers(net)
    low, high = checked_box(lower, upper, net.widths[0])
    few = net.widths[0] <= FEW_INPUTS
    most = (BOXES if few else 1) if boxes is None else checked_integer("boxes", boxes, 1, 10**6)
    norms = weight_norms(net)
    anywhere = _product_of_norms(net, norms)
    if not is_built_in(net):
        return anywhere
    return min(anywhere, _bound_of_parts(net, norms, low, high, most))


def _product_of_norms(net: Network, norms: WeightNorms) -> float:
    bound = 1.0
    for activation, norm in zip(net.activations, norms[:, 0], strict=True):
        ends = activation.derivative_range
        slope = math.inf if ends is None else max(abs(ends[0]), abs(ends[1]))
        # 0 * inf: a layer that is constant makes the map constant
        bound = 0.0 if 0.0 in (slope, bound) else bound * slope * float(norm) * (1.0 + 1e-15)
    return bound


def _bound_of_parts(net: Network, norms: WeightNorms, low: Floats, high: Floats, most: int) -> float:
    """The largest of the bounds on parts of a box, of which those with the largest ones are halved."""
    flat = bounded(net)
    parts = low[None], high[None]
    bounds = norm_bounds(flat, norms, *parts)
    taken = _largest_at_centres(net, *parts)
    while len(bounds) < most and bounds.max() > taken * (1.0 + TOLERANCE):
        worst = np.argsort(-bounds)[: min(max(1, len(bounds) // 2), most - len(bounds))]
        worst = worst[bounds[worst] > taken * (1.0 + TOLERANCE)]
        halves = _halves(parts[0][worst], parts[1][worst])
        taken = max(taken, _largest_at_centres(net, *halves))
        children = np.minimum(norm_bounds(flat, norms, *halves), np.tile(bounds[worst], 2))
        kept = np.setdiff1d(np.arange(len(bounds)), worst)
        parts = np.concatenate([parts[0][kept], halves[0]]), np.concatenate([parts[1][kept], halves[1]])
        bounds = np.concatenate([bounds[kept], children])
    return float(bounds.max())


def _largest_at_centres(net: Network, lower: Floats, upper: Floats) -> float:
    """The largest norm at the centres of boxes; one that is unknown counts as 0."""
    norms = spectral_norm(net, 0.5 * lower + 0.5 * upper)
    return float(np.nan_to_num(norms, nan=0.0).max())


def _halves(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Each box cut across its longest side: first the lower halves, then the upper ones."""
    rows = np.arange(len(lower))
    side = np.argmax(upper - lower, axis=1)
    cut = 0.5 * lower[rows, side] + 0.5 * upper[rows, side]
    lower, upper = np.tile(lower, (2, 1)), np.tile(upper, (2, 1))
    upper[rows, side] = lower[len(rows) + rows, side] = cut
    return lower, upper
