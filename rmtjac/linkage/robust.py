"""Basins of attracting periodic orbits. What is not shown to reach one stays unresolved: chaos, drift, escape.

A short step proves nothing: it may be a slow approach, or the way past an unstable point. A label is given where a
trajectory enters a neighbourhood that is proven to be drawn to an orbit (trapping.py), or where it has come as near
to an attracting orbit as rounding lets one see.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.merging import merged
from rmtjac.linkage.orbits import Attractor, attracting_orbit, image_and_jacobian_of
from rmtjac.linkage.trajectories import Follow
from rmtjac.linkage.trapping import Ellipsoid, trapping_ellipsoid
from rmtjac.model.differentiable_map import Map

__all__ = ["Robust", "robust_basins"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

FIRST_WINDOW, LONGEST_WINDOW = 16, 128  # steps between two searches for orbits
FAILURES = 4  # searches without a new orbit before trajectories go on
ARRIVED = 1e-7
ESCAPED = 1e150  # squares are no numbers from there on


class Robust(NamedTuple):
    """Labels (k,) from 1 on, in the order of the starts, -1 unresolved; attractors; steps until the label (k,)."""

    labels: Indices
    attractors: tuple[Attractor, ...]
    iterations: Indices


def robust_basins(net: Map, follow: Follow, starts: Floats, max_steps: int, max_period: int) -> Robust:
    """Follow the starts, window after window; search orbits where a window nearly closes; label what they hold."""
    search = _Search(net, max_period)
    labels, iterations = np.full(len(starts), -1), np.full(len(starts), max_steps)
    firsts, which = merged(starts)
    points, owners = starts[firsts], which  # the distinct trajectories left, and that of every start left
    left, done, length = np.arange(len(starts)), 0, FIRST_WINDOW
    while left.size and done < max_steps:
        window = _window(follow, points, min(length, max_steps - done))
        found, step = search.labels(window)
        is_new = (found > 0)[owners]
        labels[left[is_new]] = found[owners[is_new]]
        iterations[left[is_new]] = done + step[owners[is_new]]
        done += len(window) - 1
        length = min(2 * length, LONGEST_WINDOW)
        goes_on = ~is_new & np.isfinite(window[-1]).all(axis=1)[owners]
        left, points, owners = left[goes_on], window[-1], owners[goes_on]
        firsts, which = merged(points[owners])
        points, owners = points[owners[firsts]], which
    return _in_order(labels, search.attractors, iterations)


def _window(follow: Follow, points: Floats, length: int) -> Floats:
    """The points x^0, ..., x^length of every trajectory, shape (length + 1, k, n); nan for coordinates that escape."""
    window = np.empty((length + 1, *points.shape))
    window[0] = points
    for m in range(length):
        window[m + 1] = follow(window[m], 1, 0.0).points
    window[~(np.abs(window) < ESCAPED)] = np.nan
    return window


class _Search:
    """The attractors known so far, with their proven neighbourhoods, and how more are found."""

    def __init__(self, net: Map, max_period: int) -> None:
        self._net = net
        self._evaluate = image_and_jacobian_of(net)
        self._max_period = max_period
        self._ellipsoids: list[Ellipsoid | None] = []
        self._rejected: list[Floats] = []  # ends of trajectories that led to no attractor
        self.attractors: list[Attractor] = []

    def labels(self, window: Floats) -> tuple[Indices, Indices]:
        """The label of each trajectory of a window, -1 if none holds it, and the step at which that is known."""
        labels, steps = np.full(window.shape[1], -1), np.zeros(window.shape[1], dtype=np.int64)
        for number in range(len(self.attractors)):
            self._mark(number, window, labels, steps)
        failures = 0
        periods, order = _near_returns(window, self._max_period)
        for i in order:
            if labels[i] > 0 or self._is_rejected(window[-1, i]):
                continue
            if self._add(window[:, i], int(periods[i])):
                self._mark(len(self.attractors) - 1, window, labels, steps)
            else:
                self._rejected.append(window[-1, i])
                failures += 1
            if failures == FAILURES:
                break
        return labels, steps

    def _is_rejected(self, x: Floats) -> bool:
        """Whether x is where a search failed before, as on an unstable point."""
        return any(np.abs(x - end).max() <= ARRIVED for end in self._rejected)

    def _mark(self, number: int, window: Floats, labels: Indices, steps: Indices) -> None:
        """Label the trajectories that attractor `number` holds."""
        free = np.flatnonzero(labels < 0)
        held = self._holds(number, window[:, free])
        is_held = held.any(axis=0)
        labels[free[is_held]] = number + 1
        steps[free[is_held]] = held.argmax(axis=0)[is_held]

    def _holds(self, number: int, x: Floats) -> NDArray[np.bool_]:
        """Whether the attractor holds each of the points (m, k, n), shape (m, k)."""
        ellipsoid = self._ellipsoids[number]
        arrived = self.attractors[number].distances(x.reshape(-1, x.shape[-1])) <= ARRIVED
        held: NDArray[np.bool_] = arrived.reshape(x.shape[:-1])
        return held if ellipsoid is None else held | ellipsoid.contains(x)

    def _add(self, path: Floats, period: int) -> bool:
        """Whether a new attractor is found that holds a point of this path."""
        orbit = attracting_orbit(self._evaluate, path[-1], period)
        if orbit is None or any(known.distances(orbit.points[:1])[0] <= ARRIVED for known in self.attractors):
            return False
        ellipsoid = trapping_ellipsoid(self._net, orbit.points)
        self._ellipsoids.append(ellipsoid)
        self.attractors.append(
            Attractor(
                points=orbit.points, spectral_radius=orbit.spectral_radius, is_proven=ellipsoid is not None
            )
        )
        if self._holds(len(self.attractors) - 1, path[:, None]).any():
            return True
        del self.attractors[-1], self._ellipsoids[-1]
        return False


def _near_returns(window: Floats, max_period: int) -> tuple[Indices, Indices]:
    """The period at which each trajectory comes nearest to its last point, and the trajectories, nearest first."""
    longest = min(max_period, len(window) - 1)
    gaps = np.nan_to_num(np.linalg.norm(window[-1 - longest : -1][::-1] - window[-1], axis=2), nan=np.inf)
    nearest = gaps.argmin(axis=0)
    order = np.argsort(gaps[nearest, np.arange(nearest.size)], kind="stable")
    return nearest + 1, order


def _in_order(labels: Indices, attractors: list[Attractor], iterations: Indices) -> Robust:
    """Attractors numbered in the order in which starts reach them."""
    seen, places = np.unique(labels[labels > 0], return_index=True)
    order = seen[np.argsort(places)]
    number = np.full(len(attractors) + 2, -1)
    number[order] = np.arange(1, order.size + 1)
    return Robust(number[labels], tuple(attractors[k - 1] for k in order), iterations)
