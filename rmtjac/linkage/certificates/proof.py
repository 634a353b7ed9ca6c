"""Banach's two conditions on a region, proven part by part: parts are halved until both hold, or one is refuted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.certificates.constants import best_weights, constants
from rmtjac.linkage.certificates.forms import Parts, evaluated
from rmtjac.linkage.certificates.program import Program
from rmtjac.linkage.certificates.regions import Region
from rmtjac.linkage.certificates.witnesses import Witnesses

__all__ = ["Proof", "prove"]

Floats = NDArray[np.float64]

SHARP_PARTS = 64  # up to which a proven constant is made smaller
SHARP = 1.01  # and how near to a norm that is taken it need not be nearer
SMALLEST_SIDE = 2.0**-30  # of parts that are halved, in sides of the region
LEAF = -1


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was proven.

    Attributes
    ----------
    constant : float
        An upper bound on the norm of the derivative over the region.
    self_map : bool
        Whether the region is proven to be mapped into itself.
    image : tuple of two ndarrays (n,)
        Corners of a box that holds the image.
    weights : ndarray (n,) or None
        Of the norm "diagonal".
    tree : tuple of int
        The parts: from the whole region on, the axis across which a part is halved, first its lower and then its upper
        half, or -1 for a part that stays.
    parts : int
    witnesses : Witnesses
    """

    constant: float
    self_map: bool
    image: tuple[Floats, Floats]
    weights: Floats | None
    tree: tuple[int, ...]
    parts: int
    witnesses: Witnesses


def prove(program: Program, region: Region, norm: str, most: int) -> Proof:
    """Both conditions with at most `most` parts."""
    search = _Search(program, region, norm)
    while not search.is_settled() and search.halve(search.unproven(), most):
        pass
    if search.holds():
        while search.halve(search.unsharp(), min(most, SHARP_PARTS)):
            pass
    low, high = search.low[search.met], search.high[search.met]
    return Proof(
        constant=float(search.bounds.max()),
        self_map=search.self_map(),
        image=(low.min(axis=0), high.max(axis=0)),
        weights=search.weights,
        tree=search.tree(),
        parts=len(search.bounds),
        witnesses=search.witnesses,
    )


class _Search:
    """The parts so far: corners, images, derivatives and constants of each, and how the region was cut."""

    def __init__(self, program: Program, region: Region, norm: str) -> None:
        self._program, self._region, self._norm = program, region, norm
        self._halvings: list[tuple[int, int, int]] = [(LEAF, 0, 0)]  # axis, and the numbers of the halves
        self._numbers = np.zeros(1, dtype=np.int64)
        self.weights: Floats | None = None
        self.witnesses = Witnesses(program, region, norm)
        self._set(*self._looked_at(region.parts()))
        self._judge(self._parts)

    def is_settled(self) -> bool:
        """Whether each condition is proven or refuted."""
        contracts = self.bounds.max() < 1.0 or self.witnesses.norm >= 1.0
        return bool(contracts and (self.self_map() or self.witnesses.leaving is not None))

    def holds(self) -> bool:
        """Whether both conditions are proven."""
        return bool(self.bounds.max() < 1.0 and self.self_map())

    def self_map(self) -> bool:
        """Whether the region is mapped into itself: by the images of its parts, or from the centre of a ball."""
        if not np.isfinite(self.bounds).all():
            return False  # f may not be defined everywhere
        return bool(self._inside.all() or (self._region.radius is not None and self._ball_maps()))

    def unproven(self) -> NDArray[np.bool_]:
        """The parts that stand in the way."""
        steep = (self.bounds >= 1.0) & (self.witnesses.norm < 1.0)
        if self.self_map() or self.witnesses.leaving is not None:
            return np.asarray(steep)
        return np.asarray(steep | ~self._inside | ~np.isfinite(self.bounds))

    def unsharp(self) -> NDArray[np.bool_]:
        """The parts whose constants are well above a norm that is taken."""
        return np.asarray(self.bounds > SHARP * self.witnesses.norm + 1e-3)

    def halve(self, wanted: NDArray[np.bool_], most: int) -> bool:
        """Halve the wanted parts across their longest sides, the worst ones if there are too many."""
        room = most - len(self.bounds)
        low, high = self._parts.low, self._parts.high
        sides = (high - low) / (self._region.high - self._region.low)
        worst = np.flatnonzero(wanted & (sides.max(axis=1) > SMALLEST_SIDE))
        worst = worst[np.argsort(-self.bounds[worst], kind="stable")][:room]
        if room <= 0 or not worst.size:
            return False
        axes = np.argmax(sides[worst], axis=1)
        cuts = 0.5 * low[worst, axes] + 0.5 * high[worst, axes]
        whole = (low[worst, axes] < cuts) & (cuts < high[worst, axes])
        worst, axes, cuts = worst[whole], axes[whole], cuts[whole]
        if not worst.size:
            return False
        rows = np.arange(worst.size)
        first_high, second_low = high[worst].copy(), low[worst].copy()
        first_high[rows, axes] = second_low[rows, axes] = cuts
        new = Parts.of(np.concatenate([low[worst], second_low]), np.concatenate([first_high, high[worst]]))
        numbers = len(self._halvings) + np.arange(2 * worst.size)
        for row, k in enumerate(worst):
            self._halvings[self._numbers[k]] = (
                int(axes[row]),
                int(numbers[row]),
                int(numbers[row + worst.size]),
            )
        self._halvings += [(LEAF, 0, 0)] * numbers.size
        kept = np.setdiff1d(np.arange(len(self.bounds)), worst)
        old = (self._parts.rows(kept), *(a[kept] for a in self._found))
        found = self._looked_at(new)
        self._numbers = np.concatenate([self._numbers[kept], numbers])
        self._set(
            old[0].joined(found[0]),
            *(np.concatenate([a, b]) for a, b in zip(old[1:], found[1:], strict=True)),
        )
        self._judge(new, len(kept))
        return True

    def tree(self) -> tuple[int, ...]:
        """The halvings in the order of `Proof.tree`."""
        axes, todo = [], [0]
        while todo:
            axis, first, second = self._halvings[todo.pop()]
            axes.append(axis)
            if axis != LEAF:
                todo += [second, first]
        return tuple(axes)

    def _looked_at(self, parts: Parts) -> tuple[Parts, Floats, Floats, Floats, Floats, NDArray[np.bool_]]:
        """Parts, the corners of their images, slope and radius of their derivatives, and whether they are met."""
        form = evaluated(self._program, parts)
        assert form.slope is not None
        assert form.radius is not None
        met = ~self._region.misses(parts.low, parts.high)
        return parts, form.ends[0][0], form.ends[1][0], form.slope, form.radius, met

    def _set(self, parts: Parts, *found: NDArray[Any]) -> None:
        self._parts, self._found = parts, found
        self.low, self.high, slope, radius, self.met = found
        if self._norm == "diagonal":
            self.weights = best_weights((np.abs(slope) + radius)[self.met].max(axis=0))
        self.bounds = np.where(self.met, constants(slope, radius, self._norm, self.weights), 0.0)
        self._inside = self._region.holds(self.low, self.high) | ~self.met

    def _judge(self, new: Parts, start: int = 0) -> None:
        """Look for refuting points in the parts from `start` on."""
        low, high, slope = (array[start:] for array in self._found[:3])
        excess = np.concatenate([high - self._region.high, self._region.low - low], axis=1)
        self.witnesses.look(new, slope, self.bounds[start:], excess)

    def _ball_maps(self) -> bool:
        """Whether K r + |f(c) - c| <= r in the norm of the ball."""
        if self._norm != str(self._region.order):
            return False
        assert self._region.radius is not None
        centre = self._region.centre[None]
        form = evaluated(self._program, Parts(centre, centre, centre, np.zeros_like(centre)))
        low, high = form.ends[0][0], form.ends[1][0]
        step = np.maximum(np.abs(low - centre), np.abs(high - centre))
        length = self._region.length(step)
        return bool(self.bounds.max() * self._region.radius + length <= self._region.radius * (1.0 - 1e-12))
