"""Means over a Gaussian variable: a fixed rule for functions known to be smooth, an adaptive one for all others."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["decaying_mean", "gaussian_mean"]

Floats = NDArray[np.float64]
Function = Callable[[Any], Any]

NODES = 16
# the fixed rule: P(|xi| > 10) = 2e-23, and the functions it is for are below 1e-15 where |h| > 40
BULK = 10.0
DECAY = 40.0
PANELS = 20
# the adaptive rule: P(|xi| > 38) is below the smallest double
REACH = 38.0
MAX_LEVELS = 60
MAX_OPEN = 30_000
# where the value next to the end of a panel is taken, in panels: not at the end, where phi may bend
END_GAP = 1e-9
# relative errors: of one panel, of a sum that cannot be improved (functions computed in single precision)
PANEL_ERROR = 1e-14
NOISE = 1e-6


def decaying_mean(function: Function, variance: float) -> float:
    """E function(h) for Gaussian h of mean 0 and `variance` >= 0 (inf included), to about 1e-15 relative.

    For an even `function` that is called with h >= 0 only, is smooth at the scale of h = 2, and decays like
    exp(-|h|) or faster.
    """
    if variance == math.inf:
        return 0.0
    scale = math.sqrt(variance)
    reach = BULK if BULK * scale <= DECAY else DECAY / scale
    nodes, weights = _panelled_rule()
    xi = reach * nodes
    mean = np.dot(weights, function(scale * xi) * np.exp(-0.5 * xi * xi))
    return float(2.0 * reach * mean) / math.sqrt(2 * math.pi)


def gaussian_mean(function: Function, variance: float, what: str) -> float:
    """E function(h) for Gaussian h of mean 0 and finite `variance` >= 0, to about 1e-13 relative.

    `function` takes one-dimensional arrays. Panels on which it bends or jumps are halved until that is reached;
    a function with rounding errors of its own is averaged as well as they allow.

    Raises
    ------
    ValueError
        If the variance is infinite, or no finite mean was found; `what` names it in the message.
    """
    if not math.isfinite(variance):
        raise ValueError(f"{what} at q={variance}: allowed are finite q")
    scale = math.sqrt(variance)

    def image(h: Floats) -> Floats:
        return np.broadcast_to(np.asarray(function(h), dtype=np.float64), h.shape)

    def integrand(xi: Floats) -> Floats:
        # xi and -xi together: the integral runs over a half line, and a kink at 0 is at its end
        both = image(scale * np.concatenate([xi, -xi]))
        return (both[: xi.size] + both[xi.size :]) * np.exp(-0.5 * xi * xi)

    if scale == 0:
        return float(image(np.zeros(1))[0])

    with np.errstate(all="ignore"):
        mean, error = _adaptive(integrand, _ends(scale))
        left_over = REACH * abs(float(integrand(np.array([REACH]))[0]))
    if not (math.isfinite(mean) and max(error, left_over) <= NOISE * abs(mean)):
        raise ValueError(f"{what} at q={variance:g}: the quadrature found no finite mean")
    return mean / math.sqrt(2 * math.pi)


def _adaptive(integrand: Callable[[Floats], Floats], ends: Floats) -> tuple[float, float]:
    """Integral over [ends[0], ends[-1]] and an estimate of its error, by halving panels."""
    left, right = ends[:-1], ends[1:]
    whole, _ = _panel_sums(integrand, left, right)
    done, done_error, last = 0.0, 0.0, math.inf
    for _ in range(MAX_LEVELS):
        left, right = _halved(left, right)
        halves, gaps = (pair.reshape(-1, 2) for pair in _panel_sums(integrand, left, right))
        errors = np.abs(halves.sum(axis=1) - whole) + gaps.sum(axis=1)
        total, error = done + float(halves.sum()), done_error + float(errors.sum())
        refine = errors > PANEL_ERROR * abs(total)
        stuck = np.count_nonzero(refine) > MAX_OPEN / 10 and last / 2 < error <= NOISE * abs(total)
        if not refine.any() or not math.isfinite(total) or stuck or np.count_nonzero(refine) > MAX_OPEN:
            break
        done += float(halves[~refine].sum())
        done_error += float(errors[~refine].sum())
        left, right = left.reshape(-1, 2)[refine].ravel(), right.reshape(-1, 2)[refine].ravel()
        whole, last = halves[refine].ravel(), error
    return total, error


def _halved(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    middle = 0.5 * (left + right)
    return np.stack([left, middle], axis=1).ravel(), np.stack([middle, right], axis=1).ravel()


def _panel_sums(integrand: Callable[[Floats], Floats], left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Gauss-Legendre sum over each panel, shape (n,), and what jumps outside of its nodes may add to it.

    A jump between the last node and the end of a panel is not seen by the sum: the value next to each end is
    compared with that of the polynomial through the nodes.
    """
    nodes, weights, beyond = _guarded_rule()
    width = right - left
    points = left[:, None] + width[:, None] * nodes
    values = integrand(points.ravel()).reshape(points.shape)
    return width * (values @ weights), width * nodes[1] * np.abs(values @ beyond).sum(axis=1)


def _ends(scale: float) -> Floats:
    """Panels that double in |h| from 1/8 on, where activations bend, and resolve the bulk of the Gaussian."""
    bulk = [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 18.0, 26.0, REACH]
    if REACH * scale <= 0.125:
        return np.array(bulk)
    doublings = 1 + int(math.log2(8 * REACH * scale))
    ladder = [2.0**k / (8 * scale) for k in range(doublings)]
    return np.unique([*bulk, *(end for end in ladder if end < REACH)])


@cache
def _unit_rule() -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return 0.5 * (nodes + 1.0), 0.5 * weights


@cache
def _guarded_rule() -> tuple[Floats, Floats, Floats]:
    """The rule of [0, 1] with a point of weight 0 next to each end, and (n, 2) value - polynomial at the two."""
    inner, weights = _unit_rule()
    nodes = np.array([END_GAP, *inner, 1.0 - END_GAP])
    beyond = np.zeros((nodes.size, 2))
    for column, end in ((0, 0), (1, -1)):
        others = [np.delete(inner, j) for j in range(inner.size)]
        beyond[1:-1, column] = [
            -np.prod((nodes[end] - other) / (node - other)) for node, other in zip(inner, others, strict=True)
        ]
        beyond[end, column] = 1.0
    return nodes, np.array([0.0, *weights, 0.0]), beyond


@cache
def _panelled_rule() -> tuple[Floats, Floats]:
    """The rule of [0, 1] on each of PANELS equal parts of [0, 1]."""
    nodes, weights = _unit_rule()
    return ((np.arange(PANELS)[:, None] + nodes) / PANELS).ravel(), np.tile(weights / PANELS, PANELS)
