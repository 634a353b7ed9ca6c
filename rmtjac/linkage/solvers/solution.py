"""What comes back from a solve: of one item, and of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.solvers.method import Floats
from rmtjac.linkage.solvers.status import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FixedPointSolution", "FixedPointSolutions"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPointSolution:
    """The end of one solve of x = f(x).

    Attributes
    ----------
    x : ndarray
        The last iterate, in the shape of x0.
    status : Status
        A str: "converged", "iteration limit reached", "divergence", "oscillation", "I - J is singular", "f is not
        finite" or "no step reduces the residual".
    message : str
        The status and its evidence.
    residual : float
        |f(x) - x|, 2-norm; the last of `trace`.
    nfev, njev : int
        Evaluations of f, finite differences included, and of the user's Jacobian.
    nit : int
        Iterations.
    trace : ndarray (nit + 1,)
        Residuals of the iterates.
    rate : float
        Factor of the residual per iteration, a geometric mean between the largest ones of the last 25 and of the 25
        before; nan without iterations.
    remaining : float
        Iterations that would reach the tolerance at this rate: 0 if converged, inf if the residual does not fall.
    period : int
        Of an oscillation; else 0.
    rcond : float
        Of a singular I - J: its distance to singular matrices as a share of 1 + |J|, 1-norm, estimated; else nan.
    """

    x: Floats
    status: Status
    message: str
    residual: float
    nfev: int
    njev: int
    nit: int
    trace: Floats
    rate: float
    remaining: float
    period: int = 0
    rcond: float = np.nan

    def __post_init__(self) -> None:
        self.x.flags.writeable = False
        self.trace.flags.writeable = False

    @property
    def success(self) -> bool:
        """Whether the residual is within the tolerance."""
        return self.status is Status.CONVERGED

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """The residuals on a log axis."""
        from rmtjac.trace_plots import plot_traces

        return plot_traces([self.trace], [self.message], ax)


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPointSolutions:
    """The ends of the solves of a batch; a sequence of `FixedPointSolution`, whose attributes are arrays here.

    Attributes
    ----------
    items : tuple of k FixedPointSolution
    x : ndarray (k, ...)
    success : ndarray of bool (k,)
    status, message : tuple of k str
    residual, rate, remaining, rcond : ndarray (k,)
    nfev, njev, nit, period : ndarray of int (k,)
    trace : ndarray (k, largest nit + 1)
        Filled up with nan.
    """

    items: tuple[FixedPointSolution, ...]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[FixedPointSolution]:
        return iter(self.items)

    def __getitem__(self, k: int) -> FixedPointSolution:
        return self.items[k]

    @property
    def status(self) -> tuple[Status, ...]:
        return tuple(item.status for item in self.items)

    @property
    def message(self) -> tuple[str, ...]:
        return tuple(item.message for item in self.items)

    @cached_property
    def trace(self) -> Floats:
        traces = np.full((len(self), 1 + max(item.nit for item in self.items)), np.nan)
        for row, item in zip(traces, self.items, strict=True):
            row[: item.trace.size] = item.trace
        return _read_only(traces)

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name not in _COLUMNS:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return _read_only(np.array([getattr(item, name) for item in self.items]))

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """The residuals on a log axis, a line an item."""
        from rmtjac.trace_plots import plot_traces

        return plot_traces([item.trace for item in self.items], list(self.message), ax)


_COLUMNS = ("x", "success", "residual", "nfev", "njev", "nit", "rate", "remaining", "period", "rcond")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
