"""Where images flow to under a trained map, and which attractors are images that were stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import rmtjac as rj
from validation.applications.digits import HALF_LEVEL

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SEARCHED = 1e-6  # half side of the box about a limit in which its fixed point is proven


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The attractors that images reach.

    Attributes
    ----------
    points : ndarray (Q, n)
        First point of each attractor.
    periods : ndarray (Q,)
    labels : ndarray (k,)
        The attractor of each image, from 0 on; -1 if none is known.
    """

    points: Floats
    periods: Indices
    labels: Indices

    def reached(self, stored: Floats) -> Indices:
        """For each image the number of the stored one that it flows to, to half a grey level in every pixel; or -1."""
        return np.append(matches(self.points, self.periods, stored), -1)[self.labels]

    def ends(self, otherwise: Floats) -> Floats:
        """The limit of each image (k, n), the first point of a cycle; without one the row of `otherwise`."""
        known = self.labels >= 0
        ends = otherwise.copy()
        ends[known] = self.points[self.labels[known]]
        return ends


def limits_of(net: rj.Network, images: Floats) -> Limits:
    """Follow the images to their attractors."""
    found = rj.basins(net, starts=images)
    points = np.array([attractor.points[0] for attractor in found.attractors]).reshape(-1, images.shape[1])
    return Limits(
        points=points, periods=found.periods, labels=np.where(found.labels > 0, found.labels - 1, -1)
    )


def matches(points: Floats, periods: Indices, stored: Floats) -> Indices:
    """For each attractor the number of the stored image that it is, rounded to grey levels; -1 for none."""
    gaps = np.abs(points[:, None, :] - stored).max(axis=2)
    same = (gaps < HALF_LEVEL) & (periods == 1)[:, None]
    return np.where(same.any(axis=1), same.argmax(axis=1), -1)


def is_attracting_fixed_point(net: rj.Network, image: Floats) -> bool:
    """Whether a fixed point is proven to be within half a grey level of an image, and proven to be stable.

    It is looked for where the image flows to: a box about the image itself is wide in the layer of the search.
    """
    limits = limits_of(net, image[None])
    if not len(limits.points):
        return False
    point = limits.points[0]
    found = rj.find_fixed_points(net, point - SEARCHED, point + SEARCHED, "newton", starts=2)
    inside = (np.abs(found.points - image) + found.errors < HALF_LEVEL).all(axis=1)
    return bool((found.certified & found.stable & inside).any())
