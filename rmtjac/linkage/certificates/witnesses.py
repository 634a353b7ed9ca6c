"""Points that refute: an image proven to leave the region, a derivative whose norm is proven to be 1 or more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.certificates.constants import least_norms
from rmtjac.linkage.certificates.forms import Parts, evaluated
from rmtjac.linkage.certificates.program import Program
from rmtjac.linkage.certificates.regions import Region

__all__ = ["Witnesses"]

Floats = NDArray[np.float64]

MOST = 64  # parts that are looked at a time
INSIDE = 1.0 - 1e-9


@dataclass
class Witnesses:
    """What is known from single points of a region.

    `norm` is the largest norm of the derivative that was proven, and `steep` where; `leaving` a point whose image is
    proven to be outside, and `image` that image; None where there is none.
    """

    program: Program
    region: Region
    kind: str
    norm: float = 0.0
    steep: Floats | None = None
    leaving: Floats | None = None
    image: Floats | None = None

    def look(self, parts: Parts, slope: Floats, bounds: Floats, excess: Floats) -> None:
        """Look at centres and corners of the parts with the largest constants and with images farthest outside."""
        worst = np.unique(
            np.concatenate([np.argsort(-bounds)[:MOST], np.argsort(-excess.max(axis=1))[:MOST]])
        )
        centre, half = parts.centre[worst], parts.half[worst]
        rows = np.argmax(excess[worst], axis=1) % slope.shape[1]
        rise = np.where(slope[worst, rows] >= 0.0, half, -half)
        points = np.concatenate([centre, parts.low[worst], parts.high[worst], centre + rise, centre - rise])
        points = np.unique(self._into(points), axis=0)
        points = points[self.region.holds(points, points)]
        if len(points):
            self._judge(points)

    def _into(self, points: Floats) -> Floats:
        """The points, moved to the nearest of the box, and towards the centre of a ball as far as need be."""
        points = np.clip(points, self.region.low, self.region.high)
        if self.region.radius is None:
            return points
        steps = points - self.region.centre
        lengths = np.linalg.norm(steps, self.region.order, axis=1, keepdims=True)
        share = np.minimum(1.0, INSIDE * self.region.radius / np.maximum(lengths, 1e-300))
        return np.asarray(self.region.centre + share * steps)

    def _judge(self, points: Floats) -> None:
        form = evaluated(self.program, Parts.of(points, points))
        assert form.slope is not None
        assert form.radius is not None
        norms = least_norms(form.slope, form.radius, self.kind)
        k = int(np.argmax(norms))
        if norms[k] > self.norm:
            self.norm, self.steep = float(norms[k]), points[k]
        low, high = form.ends[0][0], form.ends[1][0]
        outside = np.flatnonzero(self.region.misses(low, high))
        if self.leaving is None and outside.size:
            self.leaving = points[outside[0]]
            self.image = 0.5 * low[outside[0]] + 0.5 * high[outside[0]]
