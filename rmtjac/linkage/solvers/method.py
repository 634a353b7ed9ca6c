"""What a method is to the loop: a step from one evaluated point to the next, which asks for values on its way."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.solvers.status import Status

__all__ = ["Failure", "Floats", "Iterate", "Method", "Slope", "Steps", "Value", "norm"]

Floats = NDArray[np.float64]


class Value(NamedTuple):
    """Asks for f(x), shape (n,)."""

    x: Floats


class Slope(NamedTuple):
    """Asks for the user's Jacobian at x, shape (n, n)."""

    x: Floats


class Iterate(NamedTuple):
    """A point, f there, gap = f(x) - x, all of shape (n,), and |gap|, which is finite if f(x) is."""

    x: Floats
    fx: Floats
    gap: Floats
    residual: float

    @classmethod
    def of(cls, x: Floats, fx: Floats) -> Iterate:
        """With gap and residual."""
        gap = fx - x
        return cls(x, fx, gap, norm(gap))


class Failure(NamedTuple):
    """A method cannot go on: the status and its evidence, in words and in numbers."""

    status: Status
    evidence: str
    period: int = 0
    rcond: float = np.nan


Steps: TypeAlias = Generator[Value | Slope, Floats, Iterate | Failure]


class Method(Protocol):
    """A method with the memory of one item: it never calls f, but yields the points where it wants it."""

    def step(self, at: Iterate) -> Steps:
        """From an iterate to the next one, or why there is none."""


def norm(vector: Floats) -> float:
    """2-norm; one call, as it is wanted several times between two values of f."""
    return math.sqrt(vector.dot(vector))
