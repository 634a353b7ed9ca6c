"""x^(m+1) = Phi(x^m) from many points at once, by the fastest way that a network allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.flat_network import flatten, is_built_in
from rmtjac.linkage.images import images
from rmtjac.linkage.merging import merged
from rmtjac.linkage.pieces import no_pieces
from rmtjac.linkage.piecewise import follow_pieces
from rmtjac.model.activation_kernels import HARD_TANH
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import Network

__all__ = ["Ends", "Follow", "follower", "is_piecewise_linear"]

Floats = NDArray[np.float64]
Step = Callable[[Floats], Floats]


class Ends(NamedTuple):
    """Where trajectories are: points (k, n), the number of steps taken (k,), and which were broken off (k,)."""

    points: Floats
    steps: NDArray[np.int64]
    is_short: NDArray[np.bool_]


Follow = Callable[[Floats, int, float], Ends]


def is_piecewise_linear(net: Map) -> TypeGuard[Network]:
    """Whether a map is a network that kernels know as piecewise linear."""
    return is_built_in(net) and all(phi.code <= HARD_TANH for phi in net.activations)


def follower(net: Map, starts: Floats) -> Follow:
    """A function follow(points, steps, eps): up to `steps` steps, broken off before one shorter than eps (2-norm).

    Where a step is too short the trajectory stays at the point x^m before it, m - 1 steps from its start. Points that
    leave the range of doubles become nan or infinite and stay so.

    Parameters
    ----------
    net : Network or DifferentiableMap
        n_L = n_0 = n.
    starts : ndarray, shape (k, n)
        They say where in the plane trajectories are expected; no result depends on it beyond rounding.
    """
    if is_piecewise_linear(net) and net.widths[0] == 2:
        return _by_pieces(net, starts)
    if is_built_in(net):
        flat = flatten(net)
        return _in_step(lambda x: images(flat, x))
    return _in_step(_finite_only(net))


def _by_pieces(net: Network, starts: Floats) -> Follow:
    """Through the linear pieces of a network of the plane, which are kept."""
    flat = flatten(net)
    pieces = no_pieces(*_expected_box(net, starts))

    def follow(points: Floats, steps: int, eps: float) -> Ends:
        ends, taken = follow_pieces(flat, pieces, np.ascontiguousarray(points), steps, eps)
        return Ends(ends, np.where(taken < 0, -taken - 1, taken), taken < 0)

    return follow


def _in_step(phi: Step) -> Follow:
    """All trajectories step by step; those that have met go on as one."""

    def follow(points: Floats, steps: int, eps: float) -> Ends:
        ends, taken = points.copy(), np.full(len(points), steps)
        is_short = np.zeros(len(points), dtype=np.bool_)
        running = np.arange(len(points))
        for m in range(steps):
            if not running.size:
                break
            firsts, which = merged(ends[running])
            image = phi(ends[running[firsts]])
            with np.errstate(over="ignore", invalid="ignore"):  # far out
                length = np.linalg.norm(image - ends[running[firsts]], axis=1)
            short = (length < eps)[which]
            taken[running[short]] = m
            is_short[running[short]] = True
            ends[running[~short]] = image[which[~short]]
            running = running[~short]
        return Ends(ends, taken, is_short)

    return follow


def _finite_only(net: Map) -> Step:
    """A map that refuses points out of range: they stay as they are."""

    def phi(x: Floats) -> Floats:
        image = x.copy()
        finite = np.isfinite(x).all(axis=1)
        if finite.any():
            image[finite] = net(x[finite])
        return image

    return phi


def _expected_box(net: Network, starts: Floats) -> tuple[Floats, Floats]:
    """The starts and what bounded outputs can be; where outputs are unbounded, as much again on that side."""
    lower, upper = starts.min(axis=0), starts.max(axis=0)
    size = np.maximum(upper - lower, 1e-3)
    low, high = net.activations[-1].range or (-np.inf, np.inf)
    return (
        np.minimum(lower, low) if np.isfinite(low) else lower - size,
        np.maximum(upper, high) if np.isfinite(high) else upper + size,
    )
