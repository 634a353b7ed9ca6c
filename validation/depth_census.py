"""Fixed points and attractors of random networks at each depth, counted in every reading of the source's Q.

The readings count in the same networks, as a census draws them from its seed, depth and number alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj

Floats = npt.NDArray[np.float64]

WIDTH, SEED = 100, 20
DEPTHS = (2, 3, 4, 5, 6, 8, 10, 20, 30)
DEEP = 20  # a network from this depth on takes a hundred times as long
DRAWS, DEEP_DRAWS, QUICK_DRAWS, QUICK_DEEP_DRAWS = 1000, 100, 6, 2
LITERAL_DRAWS, LITERAL_DEEP_DRAWS = 300, 30  # of 1,681 starts each; where more than SHALLOW
FINE_DRAWS, FINE_DEEP_DRAWS, QUICK_FINE_DRAWS = 100, 6, 2
SHALLOW, ENUMERATED = 5, {6: 100, 8: 40}  # all points are found up to this depth, and in so many networks
QUICK_ENUMERATED = 10
MAX_BOXES = 20_000
STEP, DEEP_STEP = 0.1, 0.2  # grid of the attractors; half of it as a check


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Censuses of the same networks; the lists of the source's scheme, attractors, and fixed points if enumerated."""

    depth: int
    paper: rj.Census
    robust: rj.Census
    fine: rj.Census
    stable: rj.Census | None
    every: rj.Census | None

    @property
    def found_by_finer_grid(self) -> Floats:
        """Points and cycles that half the step adds, in the first networks."""
        counts = self.fine.counts[0]
        return np.asarray(counts - self.robust.counts[0, : len(counts)], dtype=np.float64)

    @property
    def others(self) -> Floats:
        """Whether starts are left that reach no known attractor: chaos, cycles beyond 64, too slow approach."""
        return np.asarray(self.robust.unresolved[0] > 0.0, dtype=np.float64)

    def readings(self) -> dict[str, Floats]:
        """Values of Q of the networks, by the name of the reading."""
        values = {
            "scheme (7)-(9)": self.paper.counts[0],
            "points that starts reach": self.robust.points[0],
            "cycles": self.robust.cycles[0],
            "points and cycles": self.robust.counts[0],
            "attractors, others as one": self.robust.counts[0] + self.others,
        }
        if self.stable is not None:
            values["stable points, enumerated"] = self.stable.counts[0]
        if self.every is not None:
            values["all points, enumerated"] = self.every.counts[0]
        return {name: np.asarray(each, dtype=np.float64) for name, each in values.items()}


def ensemble(width: int = WIDTH, activation: str = "hard_tanh") -> rj.Ensemble:
    """2-width-...-width-2, Cauchy weights and biases at the scale 1/fan-in."""
    return rj.Ensemble.self_map(2, width, 2, activation=activation, weights="cauchy", sigma_b="as_weights")


def census(
    depth: int, draws: int, count: str = "attractors", ens: rj.Ensemble | None = None, **options: Any
) -> rj.Census:
    """Of one depth, with the seed of all readings."""
    return rj.fixed_point_census(
        ens or ensemble(), [depth], draws, SEED, count, max_boxes=MAX_BOXES, workers=1, **options
    )


@cache
def counts_at(depth: int, quick: bool) -> Counts:
    """The networks of one depth in every reading."""
    deep = depth >= DEEP
    step = DEEP_STEP if deep else STEP
    draws, literal, fine, listed = _draws(depth, deep, quick)
    return Counts(
        depth=depth,
        paper=census(depth, literal, rule="paper"),
        robust=census(depth, draws, step=step),
        fine=census(depth, fine, step=0.5 * step),
        stable=census(depth, listed, "stable") if listed and depth <= SHALLOW else None,
        every=census(depth, listed, "all") if listed else None,
    )


def _draws(depth: int, deep: bool, quick: bool) -> tuple[int, int, int, int]:
    """Numbers of networks: for the source's scheme, the attractors, the finer grid, the enumeration."""
    shallow = depth <= SHALLOW
    if quick:
        draws = QUICK_DEEP_DRAWS if deep else QUICK_DRAWS
        return draws, draws, QUICK_FINE_DRAWS, QUICK_ENUMERATED if shallow else 0
    if deep:
        return DEEP_DRAWS, LITERAL_DEEP_DRAWS, FINE_DEEP_DRAWS, 0
    return (
        DRAWS,
        DRAWS if shallow else LITERAL_DRAWS,
        FINE_DRAWS,
        DRAWS if shallow else ENUMERATED.get(depth, 0),
    )


def mean_and_error(values: npt.ArrayLike) -> tuple[float, float]:
    """Mean and standard error over networks."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1) / math.sqrt(array.size))


def shown(values: npt.ArrayLike) -> str:
    """Mean and standard error as text."""
    mean, error = mean_and_error(values)
    return f"{mean:.3g} +- {error:.2g}"
