"""Calls of the user's functions: for one item, or for a batch whose items go on in step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rmtjac.linkage.solvers.loop import End, Run
from rmtjac.linkage.solvers.method import Floats, Slope, Value

__all__ = ["Functions", "alone", "in_step"]


class Ended(NamedTuple):
    """An end, and numbers of evaluations."""

    end: End
    nfev: int
    njev: int


Function: TypeAlias = Callable[..., ArrayLike]


@dataclass(kw_only=True)
class Functions:
    """f and its Jacobian, and the shape of one item, which has n entries."""

    f: Function
    jac: Function | None
    args: tuple[Any, ...]
    shape: tuple[int, ...]

    def answered(self, kind: type[Value | Slope], points: Floats, batch: tuple[int, ...] = ()) -> Floats:
        """f, shape (*batch, n), or the Jacobians, (*batch, n, n), at points of shape (*batch, n).

        A copy, after a look at the shape: a function may use one array for all its results.
        """
        name, function, shape = "f", self.f, self.shape
        if kind is Slope:
            assert self.jac is not None  # only methods that were given one ask for it
            name, function, shape = "jac", self.jac, self.shape * 2
        x = points.copy().reshape(batch + self.shape)
        given = np.asarray(function(x, *self.args))
        if given.shape != batch + shape:
            raise ValueError(
                f"{name} returned shape {given.shape} for x of shape {x.shape}: allowed is {batch + shape}"
            )
        if given.dtype.kind not in "fiub":
            raise ValueError(f"{name} returned {given.dtype} numbers: allowed are real ones")
        return np.array(given, dtype=np.float64).reshape(points.shape + points.shape[-1:] * (kind is Slope))


def alone(run: Run, functions: Functions) -> Ended:
    """The end of one run, and its numbers of evaluations of f and of the Jacobian."""
    counts = {Value: 0, Slope: 0}
    wanted = next(run)
    while True:
        kind = type(wanted)
        counts[kind] += 1
        try:
            wanted = run.send(functions.answered(kind, wanted.x))
        except StopIteration as stop:
            return Ended(stop.value, counts[Value], counts[Slope])


def in_step(runs: Sequence[Run], functions: Functions, x0: Floats) -> list[Ended]:
    """The ends of k runs, as of `alone`; one call for the whole batch serves all who ask.

    Items that have ended, or ask for the other function, stay at the point that they had.
    """
    points = x0.copy()
    wanted = {k: next(run) for k, run in enumerate(runs)}
    ends: dict[int, End] = {}
    counts = {Value: [0] * len(runs), Slope: [0] * len(runs)}
    while wanted:
        for kind in (Value, Slope):
            asking = [k for k, want in wanted.items() if type(want) is kind]
            if not asking:
                continue
            for k in asking:
                points[k] = wanted[k].x
                counts[kind][k] += 1
            answers = functions.answered(kind, points, (len(runs),))
            for k in asking:
                try:
                    wanted[k] = runs[k].send(answers[k])
                except StopIteration as stop:
                    ends[k] = stop.value
                    del wanted[k]
    return [Ended(ends[k], counts[Value][k], counts[Slope][k]) for k in range(len(runs))]
