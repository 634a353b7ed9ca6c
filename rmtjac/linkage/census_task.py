"""One network of a census: what it is a function of, and what is counted in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.basins import basins
from rmtjac.linkage.fixed_points import find_fixed_points
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.network import Network
from rmtjac.model.streams import Streams

__all__ = ["COUNTS", "FIRST_TASK", "CensusTask"]

Arrays = dict[str, NDArray[Any]]

COUNTS = ("attractors", "stable", "all")
FIRST_TASK = 3  # depth L is task 3 + L: what is below belongs to samples and populations


@dataclass(frozen=True, kw_only=True)
class CensusTask:
    """Counts of network number = k D + d, the k-th at the d-th of D depths; it pickles where its ensembles do.

    Attributes
    ----------
    ensembles : tuple of Ensemble
        One for each depth.
    entropy : int
    count : {"attractors", "stable", "all"}
    rule : {"robust", "paper"}
    box : lower and upper corner
    step : float
    max_steps, max_period, max_boxes : int
    """

    ensembles: tuple[Ensemble, ...]
    entropy: int
    count: str
    rule: str
    box: tuple[NDArray[np.float64], NDArray[np.float64]]
    step: float
    max_steps: int
    max_period: int
    max_boxes: int

    def __call__(self, number: int) -> Arrays:
        """What is kept of a network, by the names of the arrays of `Census`."""
        net = self.network(number)
        return self._attractors(net) if self.count == "attractors" else self._fixed_points(net)

    def network(self, number: int) -> Network:
        """The network of that number."""
        replicate, place = divmod(number, len(self.ensembles))
        ens = self.ensembles[place]
        return ens.network(Streams(self.entropy, FIRST_TASK + ens.depth, replicate))

    def _attractors(self, net: Network) -> Arrays:
        found = basins(
            net,
            *self.box,
            self.step,
            self.rule,
            max_steps=self.max_steps,
            max_period=self.max_period,
        )
        points = int((found.periods == 1).sum())
        return _facts(
            len(found.attractors),
            points,
            len(found.attractors) - points,
            int(found.periods.max(initial=0)),
            found.unresolved,
            found.unresolved == 0.0,
        )

    def _fixed_points(self, net: Network) -> Arrays:
        found = find_fixed_points(net, *self.box, max_boxes=self.max_boxes)
        count = int(found.stable.sum()) if self.count == "stable" else len(found.points)
        return _facts(count, count, 0, int(count > 0), 0.0, found.complete)

    def describe(self) -> dict[str, Any]:
        """All but the entropy as JSON-able values: what cannot change a number is left out."""
        limits: dict[str, Any] = {"max_boxes": self.max_boxes}
        if self.count == "attractors":
            limits = {"rule": self.rule, "step": self.step}
            if self.rule == "robust":
                limits |= {"max_steps": self.max_steps, "max_period": self.max_period}
        return {
            "ensembles": [ens.describe() for ens in self.ensembles],
            "count": self.count,
            "box": [corner.tolist() for corner in self.box],
            **limits,
        }


def _facts(counts: int, points: int, cycles: int, longest: int, unresolved: float, complete: bool) -> Arrays:
    facts = {"counts": counts, "points": points, "cycles": cycles, "longest": longest}
    return {name: np.array(value) for name, value in facts.items()} | {
        "unresolved": np.array(unresolved),
        "complete": np.array(complete),
    }
