"""Periodic orbits: found by Newton's method from a trajectory that nearly returns, and checked with the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.flat_network import flatten, image_and_jacobian, is_built_in
from rmtjac.model.differentiable_map import Map

__all__ = ["Attractor", "ImageAndJacobian", "attracting_orbit", "image_and_jacobian_of", "return_map"]

Floats = NDArray[np.float64]
ImageAndJacobian = Callable[[Floats], tuple[Floats, Floats]]

NEWTON_STEPS = 12
RETURNS_WITHIN = 1e-10  # of an orbit's size: far above rounding, far below what separates orbits
SAME_WITHIN = 1e-7


@dataclass(frozen=True, kw_only=True)
class Attractor:
    """A periodic orbit that attracts.

    Attributes
    ----------
    points : ndarray, shape (period, n)
        In the order in which Phi goes through them; a fixed point has one.
    spectral_radius : float
        Of D(Phi^period) at them; nan where nothing looked at it (rule="paper").
    is_proven : bool
        Whether a neighbourhood is known from which every trajectory tends to it.
    """

    points: Floats
    spectral_radius: float = float("nan")
    is_proven: bool = False

    def __post_init__(self) -> None:
        self.points.flags.writeable = False

    @property
    def period(self) -> int:
        """Number of its points."""
        return len(self.points)

    def distances(self, x: Floats) -> Floats:
        """Distance of every row of x (k, n) from the nearest of its points, over 1 + its largest coordinate."""
        gaps = np.linalg.norm(x[:, None, :] - self.points, axis=2)
        return np.asarray(gaps.min(axis=1) / (1.0 + np.abs(self.points).max()))


def image_and_jacobian_of(net: Map) -> ImageAndJacobian:
    """The function x -> Phi(x), DPhi(x), of shapes (n,) and (n, n)."""
    if is_built_in(net):
        flat = flatten(net)
        return lambda x: image_and_jacobian(flat, x)
    return lambda x: (net(x), net.jacobian(x))


def return_map(evaluate: ImageAndJacobian, x: Floats, period: int) -> tuple[Floats, Floats]:
    """The points x, Phi(x), ..., Phi^period(x), shape (period + 1, n), and D(Phi^period)(x)."""
    orbit, jacobian = np.empty((period + 1, x.size)), np.eye(x.size)
    orbit[0] = x
    for i in range(period):
        orbit[i + 1], step = evaluate(orbit[i])
        jacobian = step @ jacobian
    return orbit, jacobian


def attracting_orbit(evaluate: ImageAndJacobian, x: Floats, period: int) -> Attractor | None:
    """The attracting orbit that Newton's method on Phi^period(z) - z finds from x; None if it finds none.

    It may be far from x. What comes back returns to itself when iterated, has its least period, and a spectral radius
    below 1, at x too: at a kink the Jacobian of one side says nothing of the other.
    """
    z, before = x, None
    for _ in range(NEWTON_STEPS):
        orbit, jacobian = return_map(evaluate, z, period)
        if not np.isfinite(jacobian).all() or _spectral_radius(jacobian) >= 1.0:
            return None
        residual = orbit[-1] - z
        size = float(np.linalg.norm(residual))
        if size == 0.0 or (before is not None and size >= before and _returns(orbit)):
            break
        before = size
        z = z + np.linalg.solve(np.eye(z.size) - jacobian, residual)
    if not _returns(orbit):
        return None
    least = _least_period(orbit)
    return Attractor(points=orbit[:least], spectral_radius=_spectral_radius(jacobian) ** (least / period))


def _spectral_radius(matrix: Floats) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _returns(orbit: Floats) -> bool:
    return bool(np.linalg.norm(orbit[-1] - orbit[0]) <= RETURNS_WITHIN * (1.0 + np.abs(orbit).max()))


def _least_period(orbit: Floats) -> int:
    """The least divisor of the period after which the orbit is where it began."""
    period = len(orbit) - 1
    gaps = np.linalg.norm(orbit - orbit[0], axis=1) / (1.0 + np.abs(orbit).max())
    return next(
        q for q in range(1, period + 1) if period % q == 0 and (q == period or gaps[q] <= SAME_WITHIN)
    )
