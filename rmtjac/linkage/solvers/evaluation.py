"""Calls of the user's functions: for one item, or for a batch whose items go on in step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rmtjac.linkage.solvers.loop import End, Run
from rmtjac.linkage.solvers.method import Floats, Slope, Value

__all__ = ["Functions", "in_step"]


@dataclass(kw_only=True)
class Functions:
    """f and its Jacobian with the shape of one item; `batched`: they take and return a whole batch."""

    f: Callable[..., ArrayLike]
    jac: Callable[..., ArrayLike] | None
    args: tuple[Any, ...]
    shape: tuple[int, ...]
    batched: bool

    def values(self, points: Floats) -> Floats:
        """f, shape (k, n), at points of shape (k, n)."""
        return self._called("f", self.f, points, self.shape)

    def slopes(self, points: Floats) -> Floats:
        """The Jacobians, shape (k, n, n), at points of shape (k, n)."""
        assert self.jac is not None  # only methods that were given one ask for it
        n = points.shape[1]
        return self._called("jac", self.jac, points, self.shape * 2).reshape(-1, n, n)

    def _called(
        self, name: str, function: Callable[..., ArrayLike], points: Floats, shape: tuple[int, ...]
    ) -> Floats:
        """A copy of what a function returns, after a look at its shape: it may use one array for all its results."""
        k = len(points)
        batch = (k,) if self.batched else ()
        x = points.copy().reshape(batch + self.shape)
        given = np.asarray(function(x, *self.args))
        if given.shape != batch + shape:
            raise ValueError(
                f"{name} returned shape {given.shape} for x of shape {x.shape}: allowed is {batch + shape}"
            )
        if given.dtype.kind not in "fiub":
            raise ValueError(f"{name} returned {given.dtype} numbers: allowed are real ones")
        return np.array(given, dtype=np.float64).reshape(k, -1)


def in_step(runs: Sequence[Run], functions: Functions, x0: Floats) -> list[tuple[End, int, int]]:
    """Ends of k runs with their evaluations of f and of the Jacobian; one call serves all who ask.

    Items that have ended, or ask for the other function, stay at the point that they had.
    """
    points = x0.copy()
    wanted = {k: next(run) for k, run in enumerate(runs)}
    ends: dict[int, End] = {}
    counts = {Value: [0] * len(runs), Slope: [0] * len(runs)}
    while wanted:
        for kind, function in ((Value, functions.values), (Slope, functions.slopes)):
            asking = [k for k, want in wanted.items() if type(want) is kind]
            if not asking:
                continue
            for k in asking:
                points[k] = wanted[k].x
                counts[kind][k] += 1
            results = function(points)
            for k in asking:
                try:
                    wanted[k] = runs[k].send(results[k])
                except StopIteration as stop:
                    ends[k] = stop.value
                    del wanted[k]
    return [(ends[k], counts[Value][k], counts[Slope][k]) for k in range(len(runs))]
