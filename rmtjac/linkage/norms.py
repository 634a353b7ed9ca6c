"""Norm and spectral radius of the Jacobian at points, and what a limiting law predicts for typical ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.linkage.jacobian_blocks import jacobian_blocks
from rmtjac.model.checks import checked_array
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import check_self_map

__all__ = [
    "NormPrediction",
    "largest_singular_values",
    "predict_norm",
    "spectral_norm",
    "spectral_radius",
]

Floats = NDArray[np.float64]
Measure = Callable[[Floats], Floats]


def spectral_norm(net: Map, x: ArrayLike) -> Any:
    """||J(x)||_2, the largest singular value of J(x) = DPhi(x), at points x of shape (..., n_0): an array (...).

    Its relative error is some n eps beyond that of J. It is nan where an entry of J is no finite double. At a kink of
    a piecewise linear activation J is the one of `Network.jacobian`; elsewhere the value is that of the whole linear
    piece.

    Raises
    ------
    ValueError
        If x is not (..., n_0), or not finite.
    """
    return _at_points(net, x, largest_singular_values)


def spectral_radius(net: Map, x: ArrayLike) -> Any:
    """The largest |eigenvalue| of J(x), for maps with n_L = n_0, at points x of shape (..., n_0): an array (...).

    It decides whether a fixed point is stable, and may be much smaller than `spectral_norm`, which decides whether
    Phi contracts. nan where an entry of J is no finite double.

    Raises
    ------
    ValueError
        If n_L differs from n_0, or x is not (..., n_0), or not finite.
    """
    check_self_map(net)
    return _at_points(net, x, partial(_scaled, _largest_moduli))


class _Law(Protocol):
    """What is needed of a SpectralLaw, which linkage does not import."""

    def of(self, variable: str) -> Any: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class NormPrediction:
    """The top of a limiting law against ||J(x)||_2 of one network at sampled inputs.

    Attributes
    ----------
    predicted : float
        The square root of the law's top edge, or of its top atom if that is larger; inf for an unbounded law.
    norms : ndarray
        ||J(x)||_2 at the inputs, shape (k,).
    """

    predicted: float
    norms: Floats

    def __post_init__(self) -> None:
        self.norms.flags.writeable = False

    @property
    def ratios(self) -> Floats:
        """norms / predicted, which tend to 1 as the widths grow, if the law is that of the network and its inputs."""
        return np.asarray(self.norms / self.predicted)

    @property
    def share_below_one(self) -> float:
        """The share of the inputs with ||J(x)||_2 < 1. Even 1.0 does not make Phi a contraction."""
        return float((self.norms < 1.0).mean())


def predict_norm(net: Map, law: _Law, x: ArrayLike) -> NormPrediction:
    """The theory's ||J||_2, from the top of the law of J J^T, against that of a wide self-map at the inputs x.

    Range of validity. The law is a limit for large widths at a typical input: a random one, drawn before and apart
    from the weights, of the norm that the law was made for. It says nothing about

    - the supremum over inputs, which is what a contraction needs: inputs may be chosen for the weights, and the norm
      there may be far above the top edge (`certified_norm_bound` bounds it); and sup < 1 at typical inputs, or a
      density that is pressed to 0, proves nothing about Phi either;
    - narrow maps: a 2 x 2 Jacobian has two singular values and no density, whatever the hidden widths. From N = 50
      on the gap is some N^(-2/3) for weights of finite variance (Tracy-Widom), and the gates add N^(-1/2);
    - weights without a variance: the law has no top edge, the prediction is inf, and norms vary with each network.

    Parameters
    ----------
    net : Network or DifferentiableMap
        With n_L = n_0 = N.
    law : SpectralLaw
        Of the network's ensemble, as from `spectral_law`.
    x : array (k, N)
        Typical inputs, as many as wanted.

    Raises
    ------
    ValueError
        If n_L differs from n_0, or x is not (k, n_0).

    Source: THEORY.md section 4 (the top edge is what matters), claim A17.
    """
    check_self_map(net)
    inputs = checked_array("x", x)
    if inputs.ndim != 2 or not inputs.size:
        raise ValueError(f"x of shape {inputs.shape}: allowed is (k, {net.widths[0]}) with k >= 1")
    view = law.of("log_eigenvalues")
    tops = [-math.inf, *view.support[-1:, 1], *view.atoms[:, 0]]
    # a logarithm may be beyond the doubles' range
    with np.errstate(over="ignore"):
        predicted = float(np.exp(0.5 * np.max(tops)))
    return NormPrediction(predicted=predicted, norms=np.array(spectral_norm(net, inputs)))


def _at_points(net: Map, x: ArrayLike, measure: Measure) -> Any:
    points = net.checked_input(x)
    values = np.empty(points.shape[:-1])
    flat = values.reshape(-1)
    for block, _, jacobians in jacobian_blocks(net, points.reshape(-1, points.shape[-1])):
        flat[block] = measure(jacobians)
    return values[()]


def largest_singular_values(matrices: Floats) -> Floats:
    """||A||_2 of matrices (k, m, n), shape (k,); nan where an entry is not finite."""
    return _scaled(_largest_singular_values, matrices)


def _scaled(measure: Measure, jacobians: Floats) -> Floats:
    """The measure of each matrix, which is homogeneous: they are scaled to entries up to 1."""
    scale = np.abs(jacobians).max(axis=(1, 2))
    known = np.isfinite(scale)
    scale[scale == 0.0] = 1.0
    values = np.full(len(jacobians), np.nan)
    with np.errstate(over="ignore"):
        values[known] = scale[known] * measure(jacobians[known] / scale[known, None, None])
    return values


def _largest_singular_values(matrices: Floats) -> Floats:
    """The largest singular value of matrices (k, m, n) with entries up to 1."""
    if matrices.shape[1:] == (2, 2):
        a, b, c, d = matrices.reshape(-1, 4).T
        # as a rotation times a stretch and its mirror image: no square is subtracted
        return np.asarray(0.5 * (np.hypot(a + d, b - c) + np.hypot(a - d, b + c)))
    if matrices.shape[1] > matrices.shape[2]:
        matrices = matrices.mT
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(matrices @ matrices.mT)[:, -1], 0.0)))


def _largest_moduli(matrices: Floats) -> Floats:
    """The largest |eigenvalue| of matrices (k, n, n) with entries up to 1."""
    if matrices.shape[1:] == (2, 2):
        a, b, c, d = matrices.reshape(-1, 4).T
        half_trace, split = 0.5 * (a + d), (0.5 * (a - d)) ** 2 + b * c
        real = np.abs(half_trace) + np.sqrt(np.maximum(split, 0.0))
        return np.where(split >= 0.0, real, np.sqrt(np.maximum(a * d - b * c, 0.0)))
    return np.asarray(np.abs(np.linalg.eigvals(matrices)).max(axis=1))
