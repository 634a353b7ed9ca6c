"""What a method is to the loop: a step from one evaluated point to the next, which asks for values on its way."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.solvers.status import Status

__all__ = ["Failure", "Floats", "Iterate", "Method", "Slope", "Steps", "Value", "is_finite"]

Floats = NDArray[np.float64]


class Value(NamedTuple):
    """Asks for f(x), shape (n,)."""

    x: Floats


class Slope(NamedTuple):
    """Asks for the user's Jacobian at x, shape (n, n)."""

    x: Floats


class Iterate(NamedTuple):
    """A point of the trace and f there, both of shape (n,)."""

    x: Floats
    fx: Floats


class Failure(NamedTuple):
    """A method cannot go on: the status and its evidence, in words and in numbers."""

    status: Status
    evidence: str
    period: int = 0
    rcond: float = np.nan


Steps: TypeAlias = Generator[Value | Slope, Floats, Iterate | Failure]


class Method(Protocol):
    """A method with the memory of one item: it never calls f, but yields the points where it wants it."""

    def step(self, x: Floats, fx: Floats) -> Steps:
        """From an iterate to the next one, or why there is none."""


def is_finite(values: Floats) -> bool:
    """Whether all entries are finite."""
    return bool(np.isfinite(values).all())
