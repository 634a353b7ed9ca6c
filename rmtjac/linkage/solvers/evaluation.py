"""Calls of the user's functions: for one item, or for a batch whose items go on in step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
        # what is not finite is a status
        with np.errstate(all="ignore"):
            given = np.asarray(function(x, *self.args))
        if given.shape != batch + shape:
            raise ValueError(
                f"{name} returned shape {given.shape} for x of shape {x.shape}: allowed is {batch + shape}"
            )
        if given.dtype.kind not in "fiub":
            raise ValueError(f"{name} returned {given.dtype} numbers: allowed are real ones")
        return np.array(given, dtype=np.float64).reshape(k, -1)


@dataclass
class _Item:
    """An item under way, and its numbers of evaluations."""

    run: Run
    wanted: Value | Slope
    counts: dict[type, int] = field(default_factory=lambda: {Value: 0, Slope: 0})


def in_step(runs: Sequence[Run], functions: Functions, x0: Floats) -> list[tuple[End, int, int]]:
    """Ends of k runs with their evaluations of f and of the Jacobian; one call serves all who ask.

    Items that have ended, or ask for the other function, stay at the point that they had.
    """
    points = x0.copy()
    active = {k: _Item(run, next(run)) for k, run in enumerate(runs)}
    ends: dict[int, tuple[End, int, int]] = {}
    while active:
        answers: dict[int, Floats] = {}
        for kind, function in ((Value, functions.values), (Slope, functions.slopes)):
            asking = [k for k, item in active.items() if isinstance(item.wanted, kind)]
            for k in asking:
                points[k] = active[k].wanted.x
                active[k].counts[kind] += 1
            if asking:
                results = function(points)
                answers |= {k: results[k] for k in asking}
        for k, answer in answers.items():
            item = active[k]
            try:
                item.wanted = item.run.send(answer)
            except StopIteration as stop:
                ends[k] = (stop.value, item.counts[Value], item.counts[Slope])
                del active[k]
    return [ends[k] for k in range(len(runs))]
