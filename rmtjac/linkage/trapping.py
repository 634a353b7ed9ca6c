"""Neighbourhoods of attracting orbits from which every trajectory tends to the orbit: an ellipsoid and its proof.

Over a ball of radius r about the orbit's first point, layer by layer: pre-activations move by at most
delta = r (|rows of W J| + |W| c), c the bound on the change of the Jacobian's rows so far; a gate by at most
sup|phi''| delta (what the range of phi' on that interval allows where phi'' has no bound), or not at all while delta
stays below the distance to a kink. If then |J| + spread < 1 in a norm,
Phi^period contracts that norm's largest ball within. All of it in floating point, with a margin for rounding.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov

from rmtjac.linkage.certificates.elementary import slopes
from rmtjac.model.activation_kernels import HARD_TANH
from rmtjac.model.activations import USER_CODE, Activation
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import Network
from rmtjac.model.superattracting import Superattracting

__all__ = ["Ellipsoid", "trapping_ellipsoid"]

Floats = NDArray[np.float64]

# sup |phi''|
CURVATURE = {
    "erf": math.sqrt(math.pi / 2.0) * math.exp(-0.5),
    "tanh": 4.0 / (3.0 * math.sqrt(3.0)),
    "sigmoid": 1.0 / (6.0 * math.sqrt(3.0)),
    "gelu": math.sqrt(2.0 / math.pi),
    "silu": 0.5,
    "softplus": 0.25,
}
LARGEST, SMALLEST = 1e6, 1e-12  # radii
WORST_CONDITION = 1e6
MARGIN = 1e-6


class Ellipsoid(NamedTuple):
    """The points x with |T (x - centre)| <= radius, T of shape (n, n)."""

    centre: Floats
    transform: Floats
    radius: float

    def contains(self, x: Floats) -> NDArray[np.bool_]:
        """For points of shape (..., n)."""
        inside: NDArray[np.bool_] = (
            np.linalg.norm((x - self.centre) @ self.transform.T, axis=-1) <= self.radius
        )
        return inside


def trapping_ellipsoid(net: Map, orbit: Floats) -> Ellipsoid | None:
    """An ellipsoid about orbit[0] that Phi^period maps into itself and contracts; None if none is found.

    None too for activations of the user, whose second derivatives are not known, and for maps without layers.

    Parameters
    ----------
    orbit : ndarray, shape (period, n)
    """
    if not isinstance(net, Network) or any(phi.code == USER_CODE for phi in net.activations):
        return None
    layers, jacobian = _layers_along(net, orbit)
    transform = _contracting_transform(jacobian)
    if transform is None:
        return None
    norm = np.linalg.norm(transform @ jacobian @ np.linalg.inv(transform), 2)
    condition = float(np.linalg.cond(transform))
    radius = min(LARGEST, *(layer.kink_radius for layer in layers))
    while radius > SMALLEST:
        if norm + condition * _spread(layers, radius) < 1.0 - MARGIN * (1.0 - norm):
            smallest_stretch = float(np.linalg.norm(transform, -2))
            return Ellipsoid(orbit[0], transform, (1.0 - MARGIN) * radius * smallest_stretch)
        radius *= 0.5
    return None


class _Layer(NamedTuple):
    """|W|; sizes of the rows of W J (n_l,); phi, h, |phi'| and the distances to kinks there; sup |phi''|."""

    weights: Floats
    rows: Floats
    phi: Activation
    h: Floats
    gates: Floats
    kinks: Floats
    curvature: float

    @property
    def kink_radius(self) -> float:
        """How far no gate changes while the Jacobian so far does not."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.nanmin(np.where(self.rows > 0.0, self.kinks / self.rows, np.inf)))

    def slack(self, delta: Floats) -> Floats:
        """A bound on |phi'(h') - phi'(h)| for |h' - h| <= delta that stays on one side of kinks, of each unit."""
        if not math.isinf(self.curvature):
            return self.curvature * delta
        low, high = slopes(self.phi.name, (self.h - delta, self.h + delta))
        here = np.asarray(self.phi.derivative(self.h), dtype=np.float64)
        return np.maximum(high - here, here - low)


def _layers_along(net: Network, orbit: Floats) -> tuple[list[_Layer], Floats]:
    """The layers of Phi^period as one network at orbit[0], and its Jacobian there."""
    jacobian, layers = np.eye(orbit.shape[1]), []
    for point in orbit:
        for weights, phi, h in zip(net.weights, net.activations, net.pre_activations(point), strict=True):
            moved = weights @ jacobian
            gates = np.asarray(phi.derivative(h), dtype=np.float64)
            rows = np.linalg.norm(moved, axis=1)
            layers.append(
                _Layer(np.abs(weights), rows, phi, h, np.abs(gates), _to_kink(phi, h), _curvature(phi))
            )
            jacobian = gates[:, None] * moved
    return layers, jacobian


def _curvature(phi: Activation) -> float:
    if phi.code <= HARD_TANH:
        return 0.0
    return math.inf if isinstance(phi, Superattracting) else CURVATURE[phi.name]


def _to_kink(phi: Activation, h: Floats) -> Floats:
    if phi.code > HARD_TANH or (phi.code < HARD_TANH and phi.parameter == 1.0):
        return np.full(h.shape, np.inf)
    return np.abs(np.abs(h) - 1.0) if phi.code == HARD_TANH else np.abs(h)


def _spread(layers: list[_Layer], radius: float) -> float:
    """A bound on |D(Phi^period)(x) - J|_2 for |x - orbit[0]| <= radius; inf if a gate may pass a kink, or too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        spread = _spread_of_finite(layers, radius)
    return spread if math.isfinite(spread) else math.inf


def _spread_of_finite(layers: list[_Layer], radius: float) -> float:
    change: Floats | float = 0.0
    for layer in layers:
        carried = layer.weights @ change if isinstance(change, np.ndarray) else 0.0
        delta = radius * (layer.rows + carried)
        if (delta > layer.kinks).any():
            return math.inf
        slack = layer.slack(delta)
        if layer.curvature == 0.0 and not isinstance(change, np.ndarray):
            continue
        change = (layer.gates + slack) * carried + slack * layer.rows
    return float(np.linalg.norm(change))


def _contracting_transform(jacobian: Floats) -> Floats | None:
    """T with |T J T^-1| < 1: eigenvectors make it the spectral radius; else a solution of Stein's equation."""
    values, vectors = np.linalg.eig(jacobian)
    if np.abs(values).max() >= 1.0:
        return None
    if np.linalg.cond(vectors) < WORST_CONDITION:
        inverse = np.linalg.inv(vectors)
        metric = (inverse.conj().T @ inverse).real
    else:
        metric = solve_discrete_lyapunov(jacobian.T, np.eye(len(jacobian)))
    try:
        transform: Floats = np.linalg.cholesky(0.5 * (metric + metric.T)).T
    except np.linalg.LinAlgError:
        return None
    return transform
